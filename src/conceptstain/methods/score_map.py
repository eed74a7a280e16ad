"""The score map: the concept's genes, or its pictures, themselves, without any network."""

from __future__ import annotations

import numpy as np

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.items import concept_items

__all__ = ["score_map"]


def score_map(canvas: Canvas, concept: Concept) -> Attribution:
    """The mean of the concept's own pictures; of a combination, the weighted sum of its parts' means.

    No network takes part, so any canvas will do that has the pictures. Of genes in z-scores it is the mean z-score, a
    strong map: where a network's map shows no more than this one, the network adds nothing. Of photographs it is the
    mean photograph, and of a combination of positives and negatives their mean difference.

    Parameters
    ----------
    canvas
        The pictures.
    concept
        Whose genes or pictures are averaged; those that the canvas does not have are named in ``settings["missing"]``.

    Returns
    -------
    Attribution
        A single map; 0 is its middle for z-scores and where something is subtracted. Other values are never negative:
        0 is their bottom.

    Raises
    ------
    MismatchError
        The canvas has none of the items of the concept, or of one of its parts.
    """
    mean = np.zeros((1, *canvas.shape))
    averaged: list[int] = []
    missing: list[str] = []
    for weight, part in concept.terms:
        chosen, gone = concept_items(canvas, part)
        mean += weight * canvas.inputs(chosen).mean(axis=0, dtype=np.float64)
        averaged += [int(item) for item in chosen]
        missing += gone
    subtracted = any(weight < 0 for weight, _ in concept.terms)
    return Attribution(
        method="picture mean" if canvas.scaling == "unit" else "gene mean",
        name=concept.name,
        values=mean.astype(np.float32),
        items=(),
        signed=canvas.scaling == "z-score" or subtracted,
        concept=concept,
        settings={"averaged": tuple(averaged), "missing": tuple(missing)},
    )
