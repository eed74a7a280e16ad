"""Where patches lie on a slide: their resolution, their grid, and which of them hold tissue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final, get_args

import numpy as np
from jaxtyping import Bool

from conceptstain.canvas.background import Background, tissue_of, tissue_within
from conceptstain.canvas.image_set import checked_frame
from conceptstain.canvas.slide import Slide
from conceptstain.errors import InputError

__all__ = ["ImagePatchSettings", "frame_of", "grid_of", "resolution_of", "with_tissue"]

SAME_SIZE = 0.01  # how far a level's pixel size may be off the one asked for, and be taken as it is


@final
@dataclass(frozen=True)
class ImagePatchSettings:
    """How a slide becomes patches.

    Attributes
    ----------
    size
        Side of a patch in pixels, a multiple of 8 up to 256.
    stride
        Pixels from patch to patch, at most ``size``; None: half of it.
    level
        Level of the pyramid to take them from; 0 is the largest. None: by ``pixel_size``, else the largest.
    pixel_size
        World units along a pixel of the patches: the next larger level is averaged to it. None: that of the level.
    background
        What is skipped: see :data:`conceptstain.canvas.background.Background`.
    brightness, saturation
        Background is brighter than ``brightness`` and less saturated than ``saturation``; where it is dark, darker than
        ``1 - brightness``. Measured on the slide's overview.
    least_tissue
        Part of a patch that has to be tissue.
    """

    size: int = 64
    stride: int | None = None
    level: int | None = None
    pixel_size: float | None = None
    background: Background = "auto"
    brightness: float = 0.8
    saturation: float = 0.1
    least_tissue: float = 0.25

    def __post_init__(self) -> None:
        checked_frame(self.size)
        if not 0 < self.step <= self.size:
            raise InputError(
                "Patches have to touch or overlap",
                got=f"a stride of {self.stride} for patches of {self.size}",
                cure="Use a stride from 1 to the size of the patches",
            )
        if self.background not in get_args(Background):
            raise InputError(
                "There is no background of that name", got=repr(self.background), cure="Use auto, bright, dark or keep"
            )
        if self.level is not None and self.pixel_size is not None:
            raise InputError(
                "A level has a pixel size of its own",
                got=f"level={self.level} and pixel_size={self.pixel_size:g}",
                cure="Give one of them",
            )

    @property
    def step(self) -> int:
        """Pixels from patch to patch."""
        return self.size // 2 if self.stride is None else self.stride


def resolution_of(slide: Slide, settings: ImagePatchSettings) -> tuple[int, float]:
    """The level to read, and its pixels along a pixel of a patch."""
    if settings.pixel_size is None:
        level = settings.level or 0
        if not 0 <= level < len(slide.levels):
            raise InputError(
                f"{slide.name} has no such level", got=f"level={level}", cure=f"Use 0 to {len(slide.levels) - 1}"
            )
        return level, 1.0
    finer = [index for index in range(len(slide.levels)) if slide.level_pixel_size(index) <= _upto(settings.pixel_size)]
    if not finer:
        raise InputError(
            f"{slide.name} has no pixels as small as that",
            got=f"{settings.pixel_size:g} {slide.unit} for pixels of {slide.pixel_size:.4g} {slide.unit}",
            cure="Ask for a larger pixel size, or leave it out",
        )
    factor = settings.pixel_size / slide.level_pixel_size(finer[-1])
    return finer[-1], 1.0 if abs(factor - 1) <= SAME_SIZE else factor


def _upto(pixel_size: float) -> float:
    return pixel_size * (1 + SAME_SIZE)


def frame_of(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """Height and width of a level in pixels of the patches."""
    height, width = (max(1, int(np.ceil(side / factor - 1e-9))) for side in size)
    return height, width


def grid_of(size: tuple[int, int], factor: float, settings: ImagePatchSettings) -> tuple[int, int]:
    """Patches down and across: enough that every pixel lies in one."""
    rows, columns = (-(-max(0, side - settings.size) // settings.step) + 1 for side in frame_of(size, factor))
    return rows, columns


def with_tissue(
    slide: Slide, settings: ImagePatchSettings, level: int, factor: float, grid: tuple[int, int]
) -> tuple[Bool[np.ndarray, "rows columns"], str]:
    """Which patches hold tissue, and what to say about the others."""
    background = settings.background
    if background == "auto":
        background = "bright" if slide.channels == 3 else "keep"
    if background == "keep":
        return np.ones(grid, dtype=bool), ""
    brightness = settings.brightness if background == "bright" else 1 - settings.brightness
    tissue = tissue_of(slide.overview, background, brightness, settings.saturation)
    per_pixel = [
        factor * reduction / shrunk
        for reduction, shrunk in zip(slide.levels[level].reduction, slide.overview_reduction, strict=True)
    ]
    tops, lefts = (np.arange(number) * settings.step * scale for number, scale in zip(grid, per_pixel, strict=True))
    size = (settings.size * per_pixel[0], settings.size * per_pixel[1])
    kept = tissue_within(tissue, tops, lefts, size) >= settings.least_tissue
    n_skipped = int((~kept).sum())
    if not n_skipped:
        return kept, ""
    threshold = f"brighter than {brightness:g} and less saturated than {settings.saturation:g}"
    told = threshold if background == "bright" else f"darker than {brightness:g}"
    return kept, (
        f"{n_skipped:,} of {kept.size:,} patches are skipped as background, which is {told}: less than "
        f"{settings.least_tissue:.0%} of them is anything else."
    )
