"""The class of a classifier as a concept, so that every map of a concept is one of a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from conceptstain.canvas.canvas import Canvas
from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.concepts.concept import Concept, make
from conceptstain.concepts.definition import Along, Definition
from conceptstain.progress import Report, silent

if TYPE_CHECKING:
    from conceptstain.nets.classifier import Classifier

__all__ = ["class_concept"]


def class_concept(
    classifier: Classifier,
    canvas: Canvas,
    class_name: str,
    *,
    against: str | None = None,
    name: str | None = None,
    neighbours: int = 50,
    report: Report = silent,
) -> Concept:
    """The concept whose direction is the row ``W_c`` of a class.

    Its concept score is the score of the class without the bias, so that a map of the concept is one of the score. What
    all classes have in common leaves the softmax as it is: to ask why one class rather than another, say ``against``.

    Parameters
    ----------
    classifier
        The concept lives in the latent space of its encoder: use it with ``classifier.encoder``.
    canvas
        Items of it are named: those with the highest scores.
    class_name
        Which class.
    against
        Another class: the direction is ``W_c - W_d``, the log-odds of one against the other.
    name
        What to call the concept; None: as the class.
    neighbours
        How many items are named.
    report
        Called while the canvas is encoded for the first time.

    Raises
    ------
    InputError
        No such class; the message lists them.
    MismatchError
        The canvas is not what the classifier reads.
    """
    direction = classifier.weights[classifier.number(class_name)].astype(np.float64)
    words, called = f"the class {class_name}", class_name
    if against is not None:
        direction = direction - classifier.weights[classifier.number(against)]
        words, called = f"the class {class_name} against {against}", f"{class_name} against {against}"
    along = Along(tuple(direction.tolist()), classifier.encoder.fingerprint, f"{words} of {classifier.name}")
    definition = Definition(
        name or called,
        form="mean" if isinstance(canvas, GenePictures) else "contrast",
        neighbours=neighbours,
        along=along,
    )
    return make(definition, canvas, classifier.encoder, report=report)
