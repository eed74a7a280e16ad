"""What is said of places: named labels in categories, as maps on the frame that networks see.

A network's units are held against them (:mod:`conceptstain.methods.dissection`), and parts are learned from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Bool, Int
from numpy.typing import NDArray

from conceptstain.canvas.expression import several
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices

__all__ = ["Label", "LabelMaps", "Labelled"]

Planes = Callable[[int], "Int[np.ndarray, 'planes rows columns'] | None"]


class Label(NamedTuple):
    """A label: its name, and the category it is told apart in, such as ``"part"`` or ``"layer"``."""

    name: str
    category: str

    def __str__(self) -> str:
        return f"{self.name} ({self.category})"


class Labelled(NamedTuple):
    """The labels of some items.

    Attributes
    ----------
    planes
        Numbers of labels at every pixel of the frame, counted from 1; 0 for none. A pixel with several labels has them
        on several planes.
    whole
        Which items have which labels as a whole; column 0 is for none.
    """

    planes: Int[np.ndarray, "items rows columns planes"]
    whole: Bool[np.ndarray, "items labels"]


@final
@dataclass(frozen=True, eq=False)
class LabelMaps:
    """Labels of the items of a canvas. Make them with :func:`label_maps`, and join several with ``+``.

    Attributes
    ----------
    name
        Where they come from.
    labels
        What the numbers mean, from 1 on.
    frame
        Rows and columns of the maps.
    items
        Indices of the items of which something is said; the others are left out of what is counted.
    sources
        ``planes(item)`` of each part that was joined, with the number its labels begin behind; None where a part says
        nothing of the item.
    on_whole
        Which items have which labels as a whole, ``(items of the canvas, labels + 1)``; None: no such labels.
    notes
        What was assumed or left out, one sentence each.
    """

    name: str
    labels: tuple[Label, ...]
    frame: tuple[int, int]
    items: NDArray[np.integer]
    sources: tuple[tuple[Planes, int], ...] = ()
    on_whole: Bool[np.ndarray, "items labels"] | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories, in the order in which they first appear."""
        return tuple(dict.fromkeys(label.category for label in self.labels))

    @cached_property
    def category_of(self) -> NDArray[np.integer]:
        """Index of the category of every number of a label; that of 0, which is none, is -1."""
        place = {category: index for index, category in enumerate(self.categories)}
        return np.array([-1, *(place[label.category] for label in self.labels)])

    def of(self, items: ItemIndices) -> Labelled:
        """The labels of some items."""
        chosen = np.asarray(items, dtype=int)
        found = [[(planes(int(item)), behind) for planes, behind in self.sources] for item in chosen]
        n_planes = max((sum(0 if each is None else len(each) for each, _ in parts) for parts in found), default=0)
        drawn = np.zeros((len(chosen), *self.frame, n_planes), dtype=np.int32)
        for row, parts in enumerate(found):
            plane = 0
            for each, behind in parts:
                if each is not None:
                    shifted = np.where(each > 0, each + behind, 0)
                    drawn[row, ..., plane : plane + len(each)] = np.moveaxis(shifted, 0, -1)
                    plane += len(each)
        whole = np.zeros((len(chosen), len(self.labels) + 1), dtype=bool)
        if self.on_whole is not None:
            whole = self.on_whole[chosen]
        return Labelled(drawn, whole)

    def number(self, name: str, category: str | None = None) -> int:
        """The number of a label.

        Raises
        ------
        InputError
            No such label, or several categories have it.
        """
        found = [
            number
            for number, label in enumerate(self.labels, 1)
            if label.name == name and category in {None, label.category}
        ]
        if len(found) == 1:
            return found[0]
        told = ", ".join(str(label) for label in self.labels[:20])
        raise InputError(
            f"{self.name} has {'several labels' if found else 'no label'} of that name",
            got=repr(name),
            cure="Name its category, too" if found else f"Choose one of: {told}",
        )

    def __add__(self, other: LabelMaps) -> LabelMaps:
        """Both together.

        Raises
        ------
        InputError
            They are of frames of different sizes, or both have a label of the same name and category.
        """
        if self.frame != other.frame:
            raise InputError(
                "These labels are not of one canvas",
                got=f"maps of {self.frame} and of {other.frame}",
                cure="Make both for the same canvas",
            )
        if set(self.labels) & set(other.labels):
            shared = next(label for label in self.labels if label in other.labels)
            raise InputError(
                "Both say the same label",
                got=str(shared),
                cure="Rename the category of one of them, or leave the label out",
            )
        behind = len(self.labels)
        return replace(
            self,
            name=f"{self.name} and {other.name}",
            labels=self.labels + other.labels,
            items=np.union1d(self.items, other.items),
            sources=(*self.sources, *((planes, shift + behind) for planes, shift in other.sources)),
            on_whole=_joined(self, other),
            notes=self.notes + other.notes,
        )

    def check(self, frame: Sequence[int]) -> None:
        """Refuse a canvas of another frame; an InputError."""
        if tuple(frame) != self.frame:
            raise InputError(
                f"The labels of {self.name} are not of this canvas",
                got=f"maps of {self.frame} for inputs of {tuple(frame)}",
                cure="Make them for the canvas that is asked about",
            )

    def __str__(self) -> str:
        told = ", ".join(f"{several(category)}" for category in self.categories)
        return f"{len(self.labels)} labels of {self.name} ({told})"


def _joined(one: LabelMaps, other: LabelMaps) -> Bool[np.ndarray, "items labels"] | None:
    if one.on_whole is None and other.on_whole is None:
        return None
    n_items = max(len(each.on_whole) for each in (one, other) if each.on_whole is not None)
    both = np.zeros((n_items, 1 + len(one.labels) + len(other.labels)), dtype=bool)
    for each, behind in ((one, 0), (other, len(one.labels))):
        if each.on_whole is not None:
            both[: len(each.on_whole), 1 + behind : 1 + behind + len(each.labels)] = each.on_whole[:, 1:]
    return both
