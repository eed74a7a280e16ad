"""Which part of a patch lies in a region, point by point."""

from __future__ import annotations

import numpy as np
from matplotlib.path import Path as Outline


def covered_by_outline(outline: np.ndarray, patch_to_world: np.ndarray, size: int) -> float:
    """The part of a patch's pixels whose centres lie inside an outline."""
    inside = 0
    for row in range(size):
        for column in range(size):
            y, x, _ = patch_to_world @ (row, column, 1.0)
            inside += bool(Outline(outline).contains_point((y, x)))
    return inside / size**2


def covered_by_label(
    labels: np.ndarray, value: int, to_world: np.ndarray, patch_to_world: np.ndarray, size: int
) -> float:
    """The part of a patch's pixels whose centres lie on a label."""
    inside = 0
    for row in range(size):
        for column in range(size):
            y, x, _ = np.linalg.inv(to_world) @ patch_to_world @ (row, column, 1.0)
            y, x = int(np.floor(y + 0.5)), int(np.floor(x + 0.5))
            if 0 <= y < labels.shape[0] and 0 <= x < labels.shape[1]:
                inside += int(labels[y, x] == value)
    return inside / size**2
