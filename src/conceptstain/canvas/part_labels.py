"""Which class every pixel of a picture is of: what a classifier of parts learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.canvas.annotations import listed
from conceptstain.canvas.canvas import Canvas
from conceptstain.canvas.expression import counted, several
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.label_maps import LabelMaps
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices

__all__ = ["PartLabels", "part_labels"]


@final
@dataclass(frozen=True, eq=False)
class PartLabels:
    """A class for every pixel of some pictures, or none. Make them with :func:`part_labels`.

    Attributes
    ----------
    canvas
        What they are painted on.
    maps
        Where they come from.
    numbers
        Number of the label that is each class; 0 is the background, if that is a class.
    classes
        Names of the classes.
    """

    parts: ClassVar[bool] = True

    canvas: ImageSet | ImagePatches
    maps: LabelMaps
    numbers: tuple[int, ...]
    classes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Where they come from."""
        return self.maps.name

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed or left out."""
        return self.maps.notes

    @property
    def items(self) -> pd.Index[str]:
        """Names of the items of the canvas."""
        return pd.Index(self.canvas.item_names)

    @cached_property
    def labelled(self) -> NDArray[np.integer]:
        """Indices of the pictures on which something is painted."""
        return np.sort(np.asarray(self.maps.items, dtype=int))

    def of(self, items: ItemIndices) -> Float[np.ndarray, "items classes rows columns"]:
        """1 for the class of each pixel, shared where it has several; all 0 where none is known."""
        chosen = np.asarray(items, dtype=int)
        planes = np.moveaxis(self.maps.of(chosen).planes, -1, 1)
        told = np.zeros((len(chosen), len(self.classes), *self.maps.frame), dtype=np.float32)
        for row, number in enumerate(self.numbers):
            if number:
                told[:, row] = (planes == number).any(axis=1)
        if 0 in self.numbers:
            seen = np.isin(chosen, self.labelled)[:, None, None] & self._shown(chosen)
            told[:, self.numbers.index(0)] = seen & (planes == 0).all(axis=1)
        return np.asarray(told / np.maximum(told.sum(axis=1, keepdims=True), 1))

    def check(self, canvas: Canvas) -> None:
        """Refuse another canvas.

        Raises
        ------
        InputError
            Other pictures, or another frame.
        """
        if not self.items.equals(pd.Index(canvas.item_names)):
            raise InputError(
                f"The labels of {self.name} are of other {several(canvas.noun)}",
                got=f"{counted(len(self.canvas), self.canvas.noun)} for {counted(len(canvas), canvas.noun)}",
                cure="Make them for the canvas that is learned from",
            )
        self.maps.check(canvas.shape[-2:])

    def _shown(self, items: NDArray[np.integer]) -> np.ndarray:
        """Where on the frame pictures lie: what is beside them has no class."""
        if isinstance(self.canvas, ImagePatches):
            return np.ones((len(items), 1, 1), dtype=bool)
        return np.stack([self.canvas.shown(int(item)) for item in items])


def part_labels(
    canvas: Canvas,
    maps: LabelMaps,
    *,
    category: str | None = None,
    names: Sequence[str] | None = None,
    background: str | None = None,
) -> PartLabels:
    """Classes of pixels from label images.

    Parameters
    ----------
    canvas
        Pictures, or patches of a slide.
    maps
        What is painted on them: :func:`~conceptstain.canvas.painted_labels.painted_labels`.
    category
        Labels of this category alone; None: all that are painted.
    names
        Labels of these names alone.
    background
        What to call pixels without any label, as a class of its own; None: they are not learned from.

    Raises
    ------
    InputError
        No pictures, no such labels, or labels of whole pictures.
    """
    if not isinstance(canvas, ImageSet | ImagePatches):
        raise InputError(
            "Parts are learned on pictures and patches",
            got=f"{several(canvas.noun)} of {canvas.source.name}",
            cure="Learn classes of whole items (class_labels)",
        )
    maps.check(canvas.shape[-2:])
    chosen = [
        (number, label.name)
        for number, label in enumerate(maps.labels, 1)
        if category in {None, label.category} and (names is None or label.name in names)
    ]
    called = [name for _, name in chosen]
    missing = [name for name in names or () if name not in called]
    repeated = [name for name in called if called.count(name) > 1 or name == background]
    if missing or repeated or not chosen or not maps.sources:
        raise InputError(
            f"{maps.name} has no such parts",
            got=listed(missing or repeated or [category or "labels of whole pictures"]),
            cure=f"Choose different ones of: {listed(label.name for label in maps.labels)}",
        )
    if background is not None:
        chosen = [(0, background), *chosen]
    numbers, classes = zip(*chosen, strict=True)
    return PartLabels(canvas, maps, tuple(numbers), tuple(classes))
