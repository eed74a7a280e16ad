"""Which score of a class is explained at an item: of which class, against which other, and within which pixels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from conceptstain.canvas.class_labels import ClassLabels
from conceptstain.canvas.part_labels import PartLabels
from conceptstain.concepts.definition import LATENT
from conceptstain.errors import InputError
from conceptstain.methods.dissection_passes import Canvas, counted_pixels, frame_of
from conceptstain.methods.unit_contributions import Question, pooled_within
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.tap import over_places

__all__ = ["Asked", "class_question"]


class Asked(NamedTuple):
    """What is explained, and what network and labels have it for."""

    name: str
    question: Question
    within: Bool[np.ndarray, "rows columns"] | None = None
    predicted: str = ""
    truth: str = ""


def class_question(
    classifier: Classifier,
    canvas: Canvas,
    item: int,
    *,
    class_name: str | None,
    against: str | None,
    labels: ClassLabels | PartLabels | None,
    within: Bool[np.ndarray, "rows columns"] | None,
) -> Asked:
    """The score of a class at an item, with what is left open chosen; see :func:`conceptstain.explain`.

    Raises
    ------
    InputError
        No such class, labels of another kind, or nothing that is taken for the class.
    """
    if labels is not None and labels.parts != classifier.parts:
        of_parts, of_whole = "every pixel", "the whole"
        raise InputError(
            f"The classifier {classifier.name!r} answers for {of_parts if classifier.parts else of_whole}",
            got=f"labels of {of_parts if labels.parts else of_whole}",
            cure="Give labels of what it tells",
        )
    if within is not None:
        _check_within(classifier, canvas, within)
    if isinstance(labels, PartLabels):
        taken = _Pixels.of(classifier, canvas, item, labels)
        class_name = class_name or taken.most_wrong()
        within = taken.taken_for(class_name, against) if within is None else within
        predicted, truth = taken.most(taken.predicted, within), taken.most(taken.known, within, but=class_name)
    else:
        predicted = "" if classifier.parts else classifier.classes[classifier.predictions(canvas, [item])[0]]
        code = -1 if labels is None else labels.codes[item]
        truth = "" if labels is None or code < 0 else labels.classes[code]
        class_name = class_name or predicted
    if not class_name:
        raise InputError(
            f"The classifier {classifier.name!r} tells parts, of which a picture has several",
            got="no class",
            cure="Name one (class_name=), or give labels of the parts",
        )
    row = classifier.number(class_name)
    if against is None and truth != class_name and truth in classifier.classes:
        against = truth
    if against == class_name:
        raise InputError("A class is held against another", got=f"{class_name} twice", cure="Name another class")
    direction, shift = classifier.weights[row].astype(np.float64), float(classifier.bias[row])
    if against is not None:
        other = classifier.number(against)
        direction, shift = direction - classifier.weights[other], shift - float(classifier.bias[other])
    space = classifier.places or LATENT
    question = Question(direction, shift, space, over_places if within is None else pooled_within(within))
    name = class_name if against is None else f"{class_name} against {against}"
    return Asked(name, question, within, predicted, truth)


def _check_within(classifier: Classifier, canvas: Canvas, within: Bool[np.ndarray, "rows columns"]) -> None:
    if not classifier.places:
        raise InputError(
            f"The classifier {classifier.name!r} has no places to score", got="pixels", cure="Leave within out"
        )
    if within.shape != frame_of(canvas) or within.dtype != bool or not within.any():
        raise InputError(
            "Pixels are chosen by a mask of the frame",
            got=f"{int(np.count_nonzero(within))} pixels of {within.shape}, {within.dtype}",
            cure=f"Give a mask of {frame_of(canvas)}, True at one pixel or more",
        )


class _Pixels(NamedTuple):
    """What every pixel of an item is taken for, and what the labels say; the names of classes, empty for none."""

    predicted: NDArray[np.str_]
    known: NDArray[np.str_]

    @classmethod
    def of(cls, classifier: Classifier, canvas: Canvas, item: int, labels: PartLabels) -> _Pixels:
        """Of one item, on the frame."""
        frame = frame_of(canvas)
        rows = classifier.part_predictions(canvas, np.array([item]), size=frame)[0]
        shown, told = counted_pixels(canvas, np.array([item]))[0], labels.of([item])[0]
        predicted = np.where(shown, np.array(classifier.classes)[rows], "")
        return cls(predicted, np.where(told.any(axis=0), np.array(labels.classes)[told.argmax(axis=0)], ""))

    def most_wrong(self) -> str:
        """The class that most pixels are wrongly taken for; where none is, that most are taken for."""
        wrong = (self.predicted != self.known) & (self.known != "")
        return self.most(self.predicted, wrong if wrong.any() else np.ones_like(wrong))

    def taken_for(self, class_name: str, truth: str | None) -> Bool[np.ndarray, "rows columns"]:
        """The pixels wrongly taken for a class, of one that they are if it is named; where none is, all taken for it.

        An InputError where there are none at all.
        """
        taken = np.asarray(self.predicted == class_name)
        wrong = taken & (self.known != class_name) & (self.known != "")
        if truth is not None:
            wrong &= self.known == truth
        if not taken.any():
            raise InputError(
                "No pixel is taken for that class",
                got=class_name,
                cure=f"Choose one of: {', '.join(sorted(set(self.predicted.flat) - {''}))}; or say within which pixels",
            )
        return wrong if wrong.any() else taken

    @staticmethod
    def most(names: NDArray[np.str_], within: Bool[np.ndarray, "rows columns"], *, but: str = "") -> str:
        """The most frequent name; another than one where there is another."""
        found, counts = np.unique(names[within & (names != "")], return_counts=True)
        if not len(found):
            return ""
        others = np.where(found == but, 0, counts)
        chosen = int((others if others.any() else counts).argmax())
        return str(found[chosen])
