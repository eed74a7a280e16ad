"""The count of :mod:`conceptstain.methods.unit_overlaps` as a compiled loop; importing it needs numba."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["count"]

compiled: Any = numba.njit(nogil=True)


@compiled
def count(activation, thresholds, labels, counted, down, across, shared):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, PLR0917 - numba knows the types
    """Active pixels of every item and unit; those of every unit and label are added to ``shared``."""
    n_items, n_units, height, width = activation.shape
    active = np.zeros((n_items, n_units), dtype=np.int64)
    for item in range(n_items):
        for unit in range(n_units):
            picture, threshold = activation[item, unit], thresholds[unit]
            for row in range(height):
                for column in range(width):
                    right, below = min(column + 1, width - 1), min(row + 1, height - 1)
                    corners = (picture[row, column], picture[row, right], picture[below, column], picture[below, right])
                    if max(corners) > threshold:
                        active[item, unit] += _count_cell(
                            corners, threshold, (row, column), labels[item], counted[item], down, across, shared[unit]
                        )
    return active


@compiled
def _count_cell(corners, threshold, cell, labels, counted, down, across, shared):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0917
    row_first, row_number, row_part = down
    column_first, column_number, column_part = across
    row, column = cell
    a, b, c, d = corners
    active = 0
    for y in range(row_first[row], row_first[row] + row_number[row]):
        for x in range(column_first[column], column_first[column] + column_number[column]):
            above, below = a + (b - a) * column_part[x], c + (d - c) * column_part[x]
            if above + (below - above) * row_part[y] > threshold and counted[y, x]:
                active += 1
                for plane in range(labels.shape[2]):
                    shared[labels[y, x, plane]] += 1
    return active
