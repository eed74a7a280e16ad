"""How much of every patch of a slide lies in a region of the world."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float

from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.patch_blocks import block_keys, runs
from conceptstain.canvas.region import Area, Region
from conceptstain.errors import InputError

__all__ = ["covered_parts"]

POINTS = 16  # of a patch along a side that are asked at least, where it has so many pixels


def covered_parts(region: Region, canvas: ImagePatches) -> Float[np.ndarray, " patches"]:
    """The part of every patch that lies in a region, 0 to 1; of what lies on the slide.

    A lattice of 16 x 16 points or more is asked in every patch (every pixel of small ones) that touches the rectangle
    around the region, block by block: memory does not grow with the slide, and time grows with the region.

    Raises
    ------
    InputError
        The region was not drawn or painted: an annotation of spots says nothing about patches.
    """
    if not isinstance(region.selector, Area):
        raise InputError(
            f"The region {region.name!r} covers no patches",
            got=str(region.selector),
            cure="Draw it (Region.from_polygon, Region.from_geojson) or paint it (Region.from_labels)",
        )
    step, size = canvas.settings.step, canvas.settings.size
    apart = _spacing(step, size)
    across = size // apart
    parts = np.zeros(len(canvas), dtype=np.float32)
    near = canvas.within(region.selector.bounds)
    for run in runs(block_keys(canvas.corners[near], canvas.grid[1])) if len(near) else ():
        items = near[run]
        corners = canvas.corners[items]
        low = corners.min(axis=0)
        shape = (corners.max(axis=0) - low) * (step // apart) + across
        (top, left), (rows, columns) = (low * step).tolist(), shape.tolist()
        middle = (apart - 1) / 2
        to_frame = np.array([[apart, 0, top + middle], [0, apart, left + middle], [0, 0, 1]])
        inside = region.selector.covers(canvas.frame_to_world @ to_frame, (rows, columns))
        height, width = canvas.frame
        on_slide = np.zeros((rows, columns), dtype=bool)
        on_slide[: (height - 1 - top) // apart + 1, : (width - 1 - left) // apart + 1] = True
        starts = (corners - low) * (step // apart)
        parts[items] = _sums(inside & on_slide, starts, across) / _sums(on_slide, starts, across)
    return parts


def _spacing(step: int, size: int) -> int:
    """Pixels between the points: patches start at points, and end between them."""
    shared = math.gcd(step, size)
    return next(each for each in range(shared, 0, -1) if shared % each == 0 and (size // each >= POINTS or each == 1))


def _sums(values: Bool[np.ndarray, "rows columns"], starts: np.ndarray, across: int) -> Float[np.ndarray, " patches"]:
    """Sums over squares, by a table of the sums above and to the left."""
    table = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    table[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    (top, left), (bottom, right) = starts.T, (starts + across).T
    return np.asarray(table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left])
