"""Outlines filled on a raster: the points of a lattice that lie inside."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["filled"]


def filled(corners: Float[np.ndarray, "corners 2"], shape: tuple[int, int]) -> Bool[np.ndarray, "rows columns"]:
    """Which points of a lattice lie inside a closed outline, by the even-odd rule.

    A point is inside where an odd number of sides cross its row to the left of it. Memory and time grow with the
    lattice and with the rows that each side crosses, not with their product.

    Parameters
    ----------
    corners
        ``(row, column)`` in steps of the lattice, whose points are at whole numbers; the last joins the first.
    shape
        Rows and columns of the lattice.
    """
    rows, columns = shape
    starts, ends = corners.astype(np.float64), np.roll(corners, -1, axis=0).astype(np.float64)
    low = np.clip(np.ceil(np.minimum(starts[:, 0], ends[:, 0])), 0, rows).astype(np.int64)
    high = np.clip(np.ceil(np.maximum(starts[:, 0], ends[:, 0])), 0, rows).astype(np.int64)
    number = high - low
    side = np.repeat(np.arange(len(corners)), number)
    row = np.repeat(low - np.cumsum(number) + number, number) + np.arange(len(side))
    run = (ends - starts)[side]
    column = starts[side, 1] + (row - starts[side, 0]) * (run[:, 1] / run[:, 0])
    crossings = np.zeros((rows, columns + 1), dtype=np.int32)
    np.add.at(crossings, (row, np.clip(np.ceil(column), 0, columns).astype(np.int64)), 1)
    return np.asarray(np.cumsum(crossings, axis=1)[:, :columns] % 2 == 1)
