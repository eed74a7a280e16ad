"""Overlapping patches of a slide as inputs: every patch an item, read in blocks that share their overlaps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from conceptstain.canvas.bounded_cache import BoundedCache
from conceptstain.canvas.framing import averaging_weights
from conceptstain.canvas.patch_blocks import BLOCK, World, block_keys, distances_to, in_blocks, runs
from conceptstain.canvas.patch_grid import ImagePatchSettings, frame_of, grid_of, resolution_of, with_tissue
from conceptstain.canvas.score_raster import ScoreRaster, averaged
from conceptstain.canvas.slide import Slide
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices

__all__ = ["ImagePatches"]

KEPT_BYTES = 64 * 2**20
WORTH_A_BLOCK = 1 / 8  # of its pixels: asked for less, only that is read
MOST_PATCHES = 20_000_000
NAME = re.compile(r"row (\d+), column (\d+)")


@final
@dataclass(frozen=True, eq=False)
class ImagePatches:
    """Canvas whose items are patches and whose places are pixels of the slide. Make one with ``slide.view("patches")``.

    Patches lie on a grid, and are in the order of its blocks of 16 x 16 patches: a run of items shares most of its
    pixels, which are read once. Patches that reach beyond the slide see its edge repeated.

    Attributes
    ----------
    slide
        The slide it shows.
    settings
        How it becomes patches.
    level
        The level they are taken from.
    factor
        Pixels of that level along a pixel of a patch; 1 unless another pixel size was asked for.
    corners
        Row and column of every patch on the grid.
    notes
        What was skipped, one sentence each, to be shown to the user.
    """

    noun: ClassVar[str] = "patch"

    slide: Slide
    settings: ImagePatchSettings
    level: int
    factor: float
    corners: Int[np.ndarray, "items 2"]
    notes: tuple[str, ...] = ()

    @classmethod
    def from_slide(cls, slide: Slide, settings: ImagePatchSettings | None = None) -> ImagePatches:
        """Lay the grid and skip the background.

        Raises
        ------
        InputError
            No such level, a pixel size finer than the slide's, too many patches, or nothing but background.
        """
        settings = settings or ImagePatchSettings()
        level, factor = resolution_of(slide, settings)
        rows, columns = grid_of(slide.levels[level].size, factor, settings)
        if rows * columns > MOST_PATCHES:
            raise InputError(
                f"{slide.name} has too many patches of that kind",
                got=f"{rows:,} x {columns:,}",
                cure="Use a larger stride or pixel size",
            )
        kept, note = with_tissue(slide, settings, level, factor, (rows, columns))
        corners = np.argwhere(kept).astype(np.int32)
        if not len(corners):
            raise InputError(
                f"{slide.name} seems to be nothing but background",
                got=note.rstrip("."),
                cure='Use background="keep", or other thresholds',
            )
        return cls(slide, settings, level, factor, in_blocks(corners), (note,) if note else ())

    def __len__(self) -> int:
        return len(self.corners)

    @property
    def source(self) -> Slide:
        """The slide it shows."""
        return self.slide

    @cached_property
    def item_names(self) -> pd.Index[str]:
        """Row and column of the patches on their grid, as ``"row 3, column 8"``."""
        return pd.Index([f"row {row}, column {column}" for row, column in self.corners.tolist()])

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(channels, size, size)``."""
        return (self.slide.channels, self.settings.size, self.settings.size)

    @property
    def mask(self) -> Bool[np.ndarray, "height width"]:
        """Every pixel of a patch."""
        return np.ones(self.shape[1:], dtype=bool)

    @property
    def scaling(self) -> str:
        """Name of the scaling of the values: ``"unit"``, 0..1."""
        return "unit"

    @cached_property
    def trainable(self) -> NDArray[np.integer]:
        """All patches: those of background are no items."""
        return np.arange(len(self))

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the grid, background included."""
        return grid_of(self.slide.levels[self.level].size, self.factor, self.settings)

    @property
    def frame(self) -> tuple[int, int]:
        """Height and width of the slide in pixels of the patches."""
        return frame_of(self.slide.levels[self.level].size, self.factor)

    @cached_property
    def frame_to_world(self) -> Float[np.ndarray, "3 3"]:
        """Affine matrix from pixels of the slide at the resolution of the patches to the world."""
        half = (self.factor - 1) / 2
        onto_level = np.array([[self.factor, 0, half], [0, self.factor, half], [0, 0, 1]])
        return np.asarray(self.slide.level_to_world(self.level) @ onto_level)

    def item(self, name: str) -> int:
        """Index of a patch by its row and column on the grid.

        Raises
        ------
        InputError
            No patch of that name, or one of background.
        """
        told = NAME.fullmatch(name)
        place = (int(told[1]), int(told[2])) if told else self.grid
        found = int(self._on_grid[place]) if place[0] < self.grid[0] and place[1] < self.grid[1] else -1
        if found < 0:
            raise InputError(
                f"{self.slide.name} has no patch of that name",
                got=repr(name),
                cure=f"Use a name such as {self.item_names[0]!r}; background has no patches",
            )
        return found

    def inputs(self, items: ItemIndices) -> Float[np.ndarray, "items channels size size"]:
        """These patches, float32 in 0..1; those of one block are cut out of one piece of the slide.

        Raises
        ------
        ReadingError
            A piece of the file cannot be read.
        """
        chosen = self.corners[np.asarray(items, dtype=int)]
        patches = np.empty((len(chosen), *self.shape), dtype=np.float32)
        keys = block_keys(chosen, self.grid[1])
        for key in np.unique(keys):
            asked = np.flatnonzero(keys == key)
            patches[asked] = self._cut(chosen[asked[0]] // BLOCK, chosen[asked])
        return patches

    def encoded_values(self, item: int) -> Float[np.ndarray, "channels size size"]:
        """The patch as a network sees it."""
        return self.place(self.inputs([item])[0], item)

    def place(self, values: Float[np.ndarray, "..."], item: int | None = None) -> Float[np.ndarray, "... size size"]:  # noqa: ARG002
        """Values of a patch at its pixels; where these lie, :meth:`to_world` says.

        Raises
        ------
        InputError
            Values of another height and width.
        """
        if values.ndim < 2 or values.shape[-2:] != self.shape[1:]:
            raise InputError(
                "These values are not of this canvas",
                got=f"shape {values.shape} for patches of {self.shape}",
                cure="Use values made with the same canvas",
            )
        return np.asarray(values, dtype=np.float32)

    def shown(self, item: int) -> Bool[np.ndarray, "size size"]:  # noqa: ARG002 - as for pictures, which have sizes
        """Where a patch lies on what a network sees: everywhere."""
        return self.mask

    def lay(self, values: Shaped[np.ndarray, "height width"], item: int) -> Float[np.ndarray, "size size"]:
        """Values at the pixels of a patch, such as a mask, as a network sees the patch: where they are.

        Raises
        ------
        InputError
            Values of other pixels.
        """
        if np.shape(values) != self.shape[1:]:
            raise InputError(
                f"These values are not of the patch {self.item_names[item]}",
                got=f"shape {np.shape(values)} for {self.shape[1:]} pixels",
                cure="Give one value for each of its pixels",
            )
        return np.array(values, dtype=np.float32)

    def sharing(self, item: int) -> NDArray[np.integer]:
        """Patches that have a pixel in common with one, itself included."""
        apart = np.abs(self.corners - self.corners[item]).max(axis=1) * self.settings.step
        return np.flatnonzero(apart < self.settings.size)

    def to_world(self, item: int) -> Float[np.ndarray, "3 3"]:
        """Affine matrix from ``(row, column, 1)`` of a patch's pixels to ``(y, x, 1)`` in world units."""
        top, left = (self.corners[item] * self.settings.step).tolist()
        return np.asarray(self.frame_to_world @ np.array([[1, 0, top], [0, 1, left], [0, 0, 1]]))

    def paint(self, scores: Float[np.ndarray, " items"]) -> ScoreRaster:
        """One score per patch as a raster of the strides, where patches overlap their mean.

        Parameters
        ----------
        scores
            One per patch; NaN where it is not known yet.

        Raises
        ------
        InputError
            Another number of scores than of patches.
        """
        if np.shape(scores) != (len(self),):
            raise InputError(
                "Every patch needs one score", got=f"shape {np.shape(scores)} for {len(self):,}", cure="Score them all"
            )
        on_grid = np.full(self.grid, np.nan, dtype=np.float32)
        on_grid[self.corners[:, 0], self.corners[:, 1]] = scores
        step = self.settings.step
        rows, columns = (-(-side // step) for side in self.frame)
        values = averaged(on_grid, self.settings.size, step)[:rows, :columns]
        cells = np.array([[step, 0, (step - 1) / 2], [0, step, (step - 1) / 2], [0, 0, 1]])
        return ScoreRaster(values, self.frame_to_world @ cells, self.slide.unit)

    def stitch(self, values: Float[np.ndarray, "items height width"], items: ItemIndices) -> ScoreRaster:
        """Maps of patches as one map over all of them, without seams; NaN where none lies.

        Where patches overlap it is their mean, in which a pixel counts by how far it lies from its patch's edges: the
        product of the pixels to the nearer edge, down and across. The raster reaches from the first to the last of
        these patches, so that its memory is theirs.

        Raises
        ------
        InputError
            No patches, or maps of another height and width.
        """
        corners = self.corners[np.asarray(items, dtype=int)] * self.settings.step
        if not len(corners) or values.shape != (len(corners), *self.shape[1:]):
            raise InputError(
                "These are not maps of these patches",
                got=f"shape {values.shape} for {len(corners)} patches of {self.shape[1:]}",
                cure="Give one map for each patch",
            )
        size = self.settings.size
        (top, left), (bottom, right) = corners.min(axis=0), corners.max(axis=0) + size
        to_edge = np.minimum(np.arange(size), np.arange(size)[::-1]) + 1.0
        weight = np.outer(to_edge, to_edge)
        sums = np.zeros((bottom - top, right - left))
        weights = np.zeros_like(sums)
        for map_, (y, x) in zip(values, corners - (top, left), strict=True):
            sums[y : y + size, x : x + size] += weight * map_
            weights[y : y + size, x : x + size] += weight
        height, width = self.frame
        inside = np.s_[: height - top, : width - left]
        mean = np.divide(sums, weights, out=np.full_like(sums, np.nan), where=weights > 0)[inside]
        shift = np.array([[1, 0, top], [0, 1, left], [0, 0, 1]])
        return ScoreRaster(mean.astype(np.float32), self.frame_to_world @ shift, self.slide.unit)

    def within(self, world: World) -> NDArray[np.integer]:
        """Patches that touch a rectangle of the world."""
        return np.flatnonzero(self._distances(world) == 0)

    def blocks(self, visible: World | None = None) -> Iterator[NDArray[np.integer]]:
        """All patches, block by block: each run of items is read as one piece.

        Parameters
        ----------
        visible
            A rectangle of the world: the patches that touch it come first, then blocks ever further from it. None: in
            the order of the slide.
        """
        yield from runs(block_keys(self.corners, self.grid[1]), None if visible is None else self._distances(visible))

    def _distances(self, world: World) -> Float[np.ndarray, " items"]:
        return distances_to(world, self.corners * self.settings.step, self.settings.size, self.frame_to_world)

    def _cut(self, block: Int[np.ndarray, " 2"], corners: Int[np.ndarray, "n 2"]) -> Float[np.ndarray, "n c size size"]:
        """Patches of one block, out of the whole block where many are asked for, else of what encloses them."""
        step, size = self.settings.step, self.settings.size
        whole = (BLOCK - 1) * step + size
        low, high = corners.min(axis=0), corners.max(axis=0)
        extent = (high - low) * step + size
        if extent.prod() >= WORTH_A_BLOCK * whole**2:
            low = block * BLOCK
            key = (int(block[0]), int(block[1]))
            last = np.minimum(low + BLOCK, self.grid) - 1
            sides = (last - low) * step + size
            piece = self._pieces.get(key, lambda: self._piece(low * step, sides))
        else:
            piece = self._piece(low * step, extent)
        windows = sliding_window_view(piece, (size, size), axis=(1, 2))
        tops, lefts = ((corners - low) * step).T
        return np.asarray(windows[:, tops, lefts].swapaxes(0, 1))

    def _piece(
        self, corner: Int[np.ndarray, " 2"], sides: Int[np.ndarray, " 2"]
    ) -> Float[np.ndarray, "c height width"]:
        """A rectangle of the slide in pixels of the patches."""
        (top, left), (height, width) = corner.tolist(), sides.tolist()
        if self.factor == 1:
            return self.slide.region(self.level, top, left, height, width)
        # The kernel reaches a pixel of the patch further than the rectangle.
        margin = int(np.ceil(self.factor)) + 1
        low = [int(np.floor(at * self.factor)) - margin for at in (top, left)]
        high = [int(np.ceil(at * self.factor)) + margin for at in (top + height, left + width)]
        source = self.slide.region(self.level, low[0], low[1], high[0] - low[0], high[1] - low[1])
        down = averaging_weights(source.shape[1], height, top * self.factor - low[0], height * self.factor)
        across = averaging_weights(source.shape[2], width, left * self.factor - low[1], width * self.factor)
        return np.ascontiguousarray(down @ source @ across.T, dtype=np.float32)

    @cached_property
    def _on_grid(self) -> Int[np.ndarray, "rows columns"]:
        """Index of the patch at every place of the grid; -1 where there is none."""
        indices = np.full(self.grid, -1, dtype=np.int32)
        indices[tuple(self.corners.T)] = np.arange(len(self))
        return indices

    @cached_property
    def _pieces(self) -> BoundedCache:
        return BoundedCache(KEPT_BYTES)
