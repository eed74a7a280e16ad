"""The mean difference of pictures: what tells a concept's pictures from others without any network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.concepts.sides import Side, Sides

__all__ = ["mean_differences"]

READ_AT_ONCE = 256


def mean_differences(sides: Sides, left_out: Sequence[NDArray[np.integer]]) -> Float[np.ndarray, "maps channels h w"]:
    """The mean picture of the positives minus that of the negatives, once for each set of items that is left out.

    It is what a concept's direction is made of, at the input: the difference of the means, of a concept that is no
    contrast the mean of the positives alone. Of a combination each part's difference is brought to the same length
    first, as its direction is. Whitening has no place here: what is whitened are latents.

    Parameters
    ----------
    sides
        The pictures.
    left_out
        For each map, the items that have no part in it.

    Returns
    -------
    ndarray
        Float64, in the values of the inputs; signed.
    """
    parts = []
    for part in sides.parts:
        mean = _means(sides.canvas, part.positive, left_out)
        if part.definition.form != "mean":
            mean = mean - _means(sides.canvas, part.negative, left_out)
        parts.append(mean)
    return parts[0] if len(parts) == 1 else _combined(sides.parts, np.array(parts))


def _means(
    canvas: ImageSet | ImagePatches, items: NDArray[np.integer], left_out: Sequence[NDArray[np.integer]]
) -> Float[np.ndarray, "maps channels h w"]:
    """Means of the pictures without those left out: their sum, less these."""
    total = _sum(canvas, items)
    made = np.empty((len(left_out), *canvas.shape))
    for number, each in enumerate(left_out):
        gone = np.intersect1d(items, each)
        made[number] = (total - _sum(canvas, gone)) / (len(items) - len(gone))
    return made


def _sum(canvas: ImageSet | ImagePatches, items: NDArray[np.integer]) -> Float[np.ndarray, "channels h w"]:
    """Read in pieces, so that memory does not grow with their number."""
    total = np.zeros(canvas.shape)
    for start in range(0, len(items), READ_AT_ONCE):
        total += canvas.inputs(items[start : start + READ_AT_ONCE]).sum(axis=0, dtype=np.float64)
    return total


def _combined(
    sides: Sequence[Side], parts: Float[np.ndarray, "parts maps channels h w"]
) -> Float[np.ndarray, "maps channels h w"]:
    lengths = np.sqrt((parts**2).sum(axis=(2, 3, 4), keepdims=True))
    weights = np.array([side.weight for side in sides]).reshape(-1, 1, 1, 1, 1)
    unit = np.divide(parts, lengths, out=np.zeros_like(parts), where=lengths > 0)
    return np.asarray((weights * unit).sum(axis=0) * lengths.mean(axis=0))
