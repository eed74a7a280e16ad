"""Patches of a slide and their painted scores, pixel by pixel in float64."""

from __future__ import annotations

import numpy as np


def patch_of(picture: np.ndarray, top: int, left: int, size: int) -> np.ndarray:
    """A patch of ``(channels, height, width)``; beyond the edge, the nearest pixel."""
    _, height, width = picture.shape
    rows = np.clip(np.arange(top, top + size), 0, height - 1)
    columns = np.clip(np.arange(left, left + size), 0, width - 1)
    return picture[:, rows[:, None], columns]


def block_means(picture: np.ndarray, factor: int) -> np.ndarray:
    """Means of blocks of ``(channels, height, width)``."""
    channels, height, width = picture.shape
    return picture.reshape(channels, height // factor, factor, width // factor, factor).mean(axis=(2, 4))


def painted(scores: np.ndarray, corners: np.ndarray, size: int, stride: int, cells: tuple[int, int]) -> np.ndarray:
    """Cells of ``stride`` pixels: the mean over all pairs of a pixel of the cell and a patch that holds it."""
    expected = np.full(cells, np.nan)
    for row in range(cells[0]):
        for column in range(cells[1]):
            total, weight = 0.0, 0
            for score, (y, x) in zip(scores, corners * stride, strict=True):
                down = sum(y <= pixel < y + size for pixel in range(row * stride, (row + 1) * stride))
                across = sum(x <= pixel < x + size for pixel in range(column * stride, (column + 1) * stride))
                if np.isfinite(score):
                    total += score * down * across
                    weight += down * across
            if weight:
                expected[row, column] = total / weight
    return expected
