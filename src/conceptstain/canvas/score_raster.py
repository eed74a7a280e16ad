"""Values on a straight raster that knows where it lies: scores of overlapping patches, averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Float

__all__ = ["ScoreRaster", "averaged"]


@final
@dataclass(frozen=True, eq=False)
class ScoreRaster:
    """Values and where they lie.

    Attributes
    ----------
    values
        One per cell; NaN where there is none.
    to_world
        Affine matrix from ``(row, column, 1)`` of a cell's centre to ``(y, x, 1)`` in world units.
    unit
        Of the world.
    name
        Name to show.
    signed
        Whether 0 is the middle (diverging colours) or the bottom (sequential colours).
    colour_limits
        Values at the ends of the colours, where someone chose them; None: those its values suggest.
    """

    values: Float[np.ndarray, "rows columns"]
    to_world: Float[np.ndarray, "3 3"]
    unit: Literal["µm", "px"]
    name: str = "scores"
    signed: bool = True
    colour_limits: tuple[float, float] | None = None


def averaged(scores: Float[np.ndarray, "rows columns"], size: int, stride: int) -> Float[np.ndarray, "cells across"]:
    """Scores of patches on a grid as cells as wide as their stride.

    A cell holds the mean of the scores of the patches over it, each weighted by how much of the cell it covers.

    Parameters
    ----------
    scores
        One per place of the grid; NaN where there is no patch, or where it has not been asked yet.
    size, stride
        Side of a patch and step from patch to patch, in pixels.
    """
    covered = np.clip(size - stride * np.arange(-(-size // stride)), 0, stride) / stride
    rows, columns = scores.shape
    sums = np.zeros((rows + len(covered) - 1, columns + len(covered) - 1))
    weights = np.zeros_like(sums)
    known = np.isfinite(scores)
    filled = np.where(known, scores, 0.0)
    for down, tall in enumerate(covered):
        for across, wide in enumerate(covered):
            cells = np.s_[down : down + rows, across : across + columns]
            sums[cells] += tall * wide * filled
            weights[cells] += tall * wide * known
    return np.divide(sums, weights, out=np.full_like(sums, np.nan), where=weights > 0).astype(np.float32)
