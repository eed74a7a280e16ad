"""Sets of pictures that are compared, in one range of values: else the brightest of each would be the same 1."""

from __future__ import annotations

from dataclasses import replace

from conceptstain.canvas.images import Images
from conceptstain.canvas.pixel_values import ranges_of

__all__ = ["in_shared_ranges"]


def in_shared_ranges(*sets: Images) -> tuple[Images, ...]:
    """The sets with the same values taken as 0 and 1, for each kind of numbers: those of all of them together.

    Of 8-bit pictures that changes nothing.
    """
    ranges = ranges_of((each.kind, each.low, each.high) for images in sets for each in images.stored)
    return tuple(replace(images, ranges=ranges) for images in sets)
