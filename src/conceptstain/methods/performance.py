"""What a network did on some items: how well it told classes, how it scored concepts, how well it redrew.

It is summed up in groups of items, so that the spread of whatever is compared is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, final

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.canvas.class_labels import ClassLabels
from conceptstain.canvas.part_labels import PartLabels
from conceptstain.errors import MismatchError
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.confusion import Confusion
from conceptstain.nets.encoder import Encoder

__all__ = ["GROUPS", "Labels", "Performance", "check_labels", "group_of"]

GROUPS = 20  # that items are dealt into

Labels: TypeAlias = ClassLabels | PartLabels
"""What is known: a class for every item, or for every pixel."""


@final
@dataclass(frozen=True, eq=False)
class Performance:
    """What a network did on some items, summed up in groups of them.

    Made by :func:`~conceptstain.methods.measuring.measured`.

    Attributes
    ----------
    classes
        Names of the classes; none of an encoder without.
    concepts
        Names of the concepts.
    n_items
        How many items each group has.
    confusion
        ``confusion[g, c, d]``: how much of class c was taken for d; items, or area. All 0 without labels.
    scores
        Sums of the scores of classes, then of concepts, then of the squared error of what was redrawn, where the
        network can.
    parts
        Whether classes were told at every place.
    """

    classes: tuple[str, ...]
    concepts: tuple[str, ...]
    n_items: Float[np.ndarray, " groups"]
    confusion: Float[np.ndarray, "groups classes classes"]
    scores: Float[np.ndarray, "groups scores"]
    parts: bool = False

    @cached_property
    def there(self) -> NDArray[np.integer]:
        """Indices of the classes that some of the labels were of."""
        return np.flatnonzero(self.confusion.sum(axis=(0, 2)) > 0)

    @cached_property
    def measures(self) -> tuple[tuple[str, str], ...]:
        """What :meth:`values` gives: the measure, and of what."""
        of_classes = ("mean", *(self.classes[each] for each in self.there)) if len(self.there) else ()
        found = [("balanced accuracy", name) for name in of_classes]
        found += [("IoU", name) for name in of_classes if self.parts]
        found += [("taken for", name) for name in of_classes[1:]]
        found += [("class score", name) for name in self.classes]
        found += [("concept score", name) for name in self.concepts]
        redrawn = self.scores.shape[1] - len(self.classes) - len(self.concepts)
        return (*found, *([("reconstruction error", "mean")] if redrawn else []))

    def values(self, times: Float[np.ndarray, " groups"] | None = None) -> Float[np.ndarray, " measures"]:
        """Every measure; ``times`` is how often each group counts, None: once."""
        weights = np.ones(len(self.n_items)) if times is None else times
        found: list[Float[np.ndarray, " some"]] = []
        if len(self.there):
            confusion = self.told(weights)
            kinds = [confusion.one_against_rest, *([confusion.ious] if self.parts else [])]
            for of_classes in (each[self.there] for each in kinds):
                known = of_classes[np.isfinite(of_classes)]  # of groups drawn anew, a rare class may be in none
                found += [np.array([known.mean() if len(known) else np.nan]), of_classes]
            found.append((confusion.counts.sum(axis=0) / max(confusion.counts.sum(), 1e-12))[self.there])
        return np.concatenate([*found, weights @ self.scores / (weights @ self.n_items)])

    def told(self, times: Float[np.ndarray, " groups"] | None = None) -> Confusion:
        """Which classes were taken for which; ``times`` as for :meth:`values`."""
        weights = np.ones(len(self.n_items)) if times is None else times
        return Confusion(self.classes, np.einsum("g,gcd->cd", weights, self.confusion))


def check_labels(network: Encoder | Classifier, canvas: Canvas, labels: Labels) -> None:
    """Refuse labels that the network does not tell, or that are of another canvas.

    Raises
    ------
    MismatchError
        An encoder, which has no classes; classes that it does not know, parts for wholes or the other way round.
    InputError
        Labels of other items.
    """
    if not isinstance(network, Classifier):
        raise MismatchError(
            f"The encoder {network.name!r} tells no classes",
            got=f"labels of {labels.name}",
            cure="Give a classifier, or leave the labels out",
        )
    labels.check(canvas)
    strangers = [name for name in labels.classes if name not in network.classes]
    if strangers or labels.parts != network.parts:
        kinds = {True: "parts", False: "whole items"}
        raise MismatchError(
            f"The classifier {network.name!r} does not tell what these labels say",
            got=", ".join(strangers) if strangers else f"{kinds[labels.parts]} for {kinds[network.parts]}",
            cure=f"Give labels of {kinds[network.parts]}: {', '.join(network.classes)}",
        )


def group_of(n_items: int) -> NDArray[np.integer]:
    """Which group each of so many items is dealt into."""
    return np.arange(n_items) % min(GROUPS, n_items)
