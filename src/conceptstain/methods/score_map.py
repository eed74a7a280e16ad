"""The score map: the concept's genes themselves, without any network."""

from __future__ import annotations

import numpy as np

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.items import concept_items

__all__ = ["score_map"]


def score_map(canvas: Canvas, concept: Concept) -> Attribution:
    """The mean encoded picture of the concept's genes; of a combination, the weighted sum of its parts' means.

    No network takes part, so any canvas will do that has the genes. With z-scored pictures it is the mean z-score, a
    strong map: where a network's map shows no more than this one, the network adds nothing.

    Parameters
    ----------
    canvas
        The pictures.
    concept
        Whose genes are averaged; those that the canvas does not have are named in ``settings["missing"]``.

    Returns
    -------
    Attribution
        A single map; 0 is its middle, except for pictures in the scaling ``"paper"``, which have no negative values,
        where nothing is subtracted.

    Raises
    ------
    MismatchError
        The canvas has none of the genes of the concept, or of one of its parts.
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
        method="gene mean",
        name=concept.name,
        values=mean.astype(np.float32),
        items=(),
        signed=canvas.scaling != "paper" or subtracted,
        concept=concept,
        settings={"averaged": tuple(averaged), "missing": tuple(missing)},
    )
