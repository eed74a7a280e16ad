"""In which order patches are read: by blocks that share their pixels, those that are looked at first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

__all__ = ["BLOCK", "World", "block_keys", "distances_to", "in_blocks", "runs"]

BLOCK = 16
"""Patches along a side of the blocks that are read at once."""

World = tuple[float, float, float, float]
"""Top, left, bottom and right of a rectangle in world units."""


def in_blocks(corners: Int[np.ndarray, "items 2"]) -> Int[np.ndarray, "items 2"]:
    """Rows and columns of a grid in the order of its blocks, and within a block row by row."""
    blocks = corners // BLOCK
    return corners[np.lexsort((corners[:, 1], corners[:, 0], blocks[:, 1], blocks[:, 0]))]


def block_keys(corners: Int[np.ndarray, "items 2"], n_columns: int) -> Int[np.ndarray, " items"]:
    """One number for each block of a grid with this many columns."""
    blocks = (corners // BLOCK).astype(np.int64)
    return np.asarray(blocks[:, 0] * (n_columns // BLOCK + 1) + blocks[:, 1])


def runs(
    keys: Int[np.ndarray, " items"], distances: Float[np.ndarray, " items"] | None = None
) -> Iterator[NDArray[np.integer]]:
    """All items, block by block.

    Parameters
    ----------
    keys
        The block of every item.
    distances
        From every item to what is looked at: those at 0 come first, then blocks ever further from it. None: in order.
    """
    order = np.arange(len(keys))
    first = np.zeros(len(keys), dtype=bool)
    if distances is not None:
        first = distances == 0
        _, inverse = np.unique(keys, return_inverse=True)
        nearest = np.full(inverse.max() + 1, np.inf)
        np.minimum.at(nearest, inverse, distances)
        order = np.lexsort((order, keys, nearest[inverse], ~first))
    changes = (np.diff(keys[order]) != 0) | (np.diff(first[order].astype(int)) != 0)
    yield from np.split(order, np.flatnonzero(changes) + 1)


def distances_to(
    world: World, starts: Int[np.ndarray, "items 2"], size: int, frame_to_world: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, " items"]:
    """From patches to a rectangle of the world, in pixels of the patches; 0 where they touch.

    A rectangle that is turned against the patches counts as the upright one around it.

    Parameters
    ----------
    world
        The rectangle.
    starts, size
        First row and column of each patch, and its side, in pixels.
    frame_to_world
        Affine matrix from ``(row, column, 1)`` of a pixel's centre to the world.
    """
    top, left, bottom, right = world
    ends = np.array([[y, x, 1.0] for y in (top, bottom) for x in (left, right)])
    in_frame = (ends @ np.linalg.inv(frame_to_world).T)[:, :2] + 0.5
    low, high = in_frame.min(axis=0), in_frame.max(axis=0)
    beside = np.maximum(np.maximum(low - (starts + size), starts - high), 0)
    return np.asarray(np.hypot(beside[:, 0], beside[:, 1]))
