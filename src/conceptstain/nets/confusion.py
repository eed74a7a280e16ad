"""Confusion: which classes were taken for which, and what is read from that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional

from conceptstain.errors import MismatchError
from conceptstain.inputs import Inputs, ItemIndices, Targets
from conceptstain.nets.class_loss import counted_confusion
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    from conceptstain.nets.classifier import Classifier

__all__ = ["Confusion", "confusion", "ious", "one_against_rest"]

CHUNK = 32


def one_against_rest(counts: Float[np.ndarray, "*sets classes classes"]) -> Float[np.ndarray, "*sets classes"]:
    """``(TPR + TNR) / 2`` of every class against all others; see :class:`Confusion`."""
    hits, of_class = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1)
    rest = of_class.sum(axis=-1, keepdims=True) - of_class
    wrongly = counts.sum(axis=-2) - hits
    recalls = hits / np.where(of_class > 0, of_class, np.nan)
    return np.asarray((recalls + 1 - wrongly / np.where(rest > 0, rest, np.nan)) / 2)


def ious(counts: Float[np.ndarray, "*sets classes classes"]) -> Float[np.ndarray, "*sets classes"]:
    """Intersection over union of every class with what was taken for it; see :class:`Confusion`."""
    both = np.diagonal(counts, axis1=-2, axis2=-1)
    either = counts.sum(axis=-1) + counts.sum(axis=-2) - both
    return np.asarray(both / np.where(either > 0, either, np.nan))


@final
@dataclass(frozen=True, eq=False)
class Confusion:
    """How many items of each class were taken for each.

    Attributes
    ----------
    classes
        Their names.
    counts
        ``counts[c, d]``: items of class c that were taken for d; of parts, the area of c that was, in pixels.
    """

    classes: tuple[str, ...]
    counts: Float[np.ndarray, "classes classes"]

    @property
    def recalls(self) -> Float[np.ndarray, " classes"]:
        """The part of every class that was recognised; NaN of a class that was not there."""
        there = self.counts.sum(axis=1)
        return np.asarray(np.diag(self.counts) / np.where(there > 0, there, np.nan))

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that were there; NaN where none was."""
        recalls = self.recalls
        return float(np.nanmean(recalls)) if np.isfinite(recalls).any() else float("nan")

    @property
    def accuracy(self) -> float:
        """The part of all that was recognised; NaN of nothing."""
        total = self.counts.sum()
        return float(np.trace(self.counts) / total) if total > 0 else float("nan")

    @property
    def one_against_rest(self) -> Float[np.ndarray, " classes"]:
        """``(TPR + TNR) / 2`` of every class against all others, .5 being chance; NaN of a class that was not there."""
        return one_against_rest(self.counts)

    @property
    def ious(self) -> Float[np.ndarray, " classes"]:
        """Intersection over union of every class with what was taken for it; NaN where neither was there."""
        return ious(self.counts)

    @property
    def chance(self) -> float:
        """Balanced accuracy of guessing, which is also that of always saying one class: one over the classes there."""
        there = int((self.counts.sum(axis=1) > 0).sum())
        return 1 / there if there else float("nan")

    @property
    def majority(self) -> float:
        """Accuracy of always saying the class that is most often there."""
        total = self.counts.sum()
        return float(self.counts.sum(axis=1).max() / total) if total > 0 else float("nan")

    def __add__(self, other: Confusion) -> Confusion:
        """Both together, such as those of folds."""
        return Confusion(self.classes, self.counts + other.counts)


def confusion(
    classifier: Classifier,
    canvas: Inputs,
    labels: Targets,
    items: ItemIndices | None = None,
    *,
    report: Report = silent,
) -> Confusion:
    """What a classifier takes labelled items for, or, where it tells parts, every place of them.

    Parameters
    ----------
    classifier
        What is tested.
    canvas
        What it is tested on.
    labels
        What is known of the items.
    items
        Indices; None: all that are labelled. Those that it learned from say nothing of others.
    report
        Called after every 32 items.

    Raises
    ------
    MismatchError
        Labels of classes that it does not know, of parts where it tells wholes or the other way round, or other inputs.
    """
    strangers = [name for name in labels.classes if name not in classifier.classes]
    if strangers or labels.parts != classifier.parts:
        kinds = {True: "parts", False: "whole items"}
        raise MismatchError(
            f"The classifier {classifier.name!r} does not tell what these labels say",
            got=", ".join(strangers) if strangers else f"{kinds[labels.parts]} for {kinds[classifier.parts]}",
            cure=f"Give labels of {kinds[classifier.parts]}: {', '.join(classifier.classes)}",
        )
    chosen = labels.labelled if items is None else np.asarray(items, dtype=int)
    rows = [classifier.classes.index(name) for name in labels.classes]
    counts = np.zeros((len(classifier.classes),) * 2)
    for start in range(0, len(chosen), CHUNK):
        part = chosen[start : start + CHUNK]
        scores = torch.as_tensor((classifier.part_scores if labels.parts else classifier.scores)(canvas, part))
        said = torch.as_tensor(labels.of(part))
        told = torch.zeros(len(part), len(classifier.classes), *said.shape[2:])
        told[:, rows] = said
        if labels.parts:
            told = functional.adaptive_avg_pool2d(told, (scores.shape[2], scores.shape[3]))
        counts += counted_confusion(scores, told)
        report(Step(min(start + CHUNK, len(chosen)), len(chosen), "Testing"))
    return Confusion(classifier.classes, counts)
