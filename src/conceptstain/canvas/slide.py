"""A slide: one large picture with the levels of its pyramid, of which only what is asked for is read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
from jaxtyping import Float

from conceptstain.canvas.pixel_values import ValueRange, on_white, unit_values
from conceptstain.canvas.untrusted import foreign_reader
from conceptstain.canvas.world_scale import in_micrometres
from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.canvas.image_patches import ImagePatches

__all__ = ["Level", "Slide"]

OVERVIEW = 2048  # longest side of the overview; a level of half of it is taken as it is
PIECE = 2048  # side of the squares that the overview of a slide without a small level is read in


@final
@dataclass(frozen=True, eq=False)
class Level:
    """One level of a pyramid.

    Attributes
    ----------
    array
        Anything that is sliced like a numpy array: of numpy, dask or zarr.
    axes
        One letter for each axis of the array: Y and X, and S or C for channels; of all others the first is taken.
    reduction
        Pixels of the largest level along one pixel of this one, down and across.
    """

    array: Any
    axes: str
    reduction: tuple[float, float] = (1.0, 1.0)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        shape = self.array.shape
        return int(shape[self.axes.index("Y")]), int(shape[self.axes.index("X")])

    def read(self, rows: slice, columns: slice, channels: tuple[int, ...] | None = None) -> np.ndarray:
        """A part as stored, ``(channels, height, width)``; ``channels`` None: all of them."""
        taken: dict[str, slice] = {"Y": rows, "X": columns, "S": slice(None), "C": slice(None)}
        part = np.asarray(self.array[tuple(taken.get(axis, 0) for axis in self.axes)])
        kept = [axis for axis in self.axes if axis in "YXSC"]
        part = part.transpose([kept.index(axis) for axis in ("S", "C", "Y", "X") if axis in kept])
        part = part.reshape(-1, *part.shape[-2:])
        return part if channels is None else part[list(channels)]


@final
@dataclass(frozen=True, eq=False)
class Slide:
    """One large picture; nothing in it changes after opening. Make one with :func:`conceptstain.open`.

    Attributes
    ----------
    name
        Short name for layers and figures.
    levels
        The levels of its pyramid, largest first.
    among
        The values that are taken as 0 and 1.
    shown
        Which channels of the file are shown: one, or three as red, green and blue; four with transparency last.
    to_world
        Affine matrix from ``(row, column, 1)`` of the centre of a pixel of the largest level to ``(y, x, 1)`` in world
        units.
    unit
        ``"µm"`` where the size of a pixel is known, else ``"px"``.
    path
        The file or folder it is read from, if there is one.
    notes
        Everything that was assumed, converted or left out, one sentence each, to be shown to the user.
    opened_with
        How it was opened, apart from the path.
    """

    name: str
    levels: tuple[Level, ...]
    among: ValueRange
    shown: tuple[int, ...]
    to_world: Float[np.ndarray, "3 3"] = field(default_factory=lambda: np.eye(3))
    unit: Literal["µm", "px"] = "px"
    path: Path | None = None
    notes: tuple[str, ...] = ()
    opened_with: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the largest level in pixels."""
        return self.levels[0].size

    @property
    def channels(self) -> int:
        """1 or 3."""
        return 1 if len(self.shown) == 1 else 3

    @property
    def pixel_size(self) -> float:
        """Side of a square as large as a pixel of the largest level, in world units."""
        return float(np.sqrt(abs(np.linalg.det(self.to_world[:2, :2]))))

    def in_micrometres(self, pixel_size: float) -> Slide:
        """The same with the size of a pixel known.

        Parameters
        ----------
        pixel_size
            Micrometres along a pixel of the coordinates.

        Raises
        ------
        InputError
            The coordinates are in micrometres already, or the size is not positive.
        """
        placed = in_micrometres(self.to_world, self.unit, pixel_size)
        return replace(self, to_world=placed, unit="µm", opened_with={**self.opened_with, "pixel_size": pixel_size})

    def level_to_world(self, level: int) -> Float[np.ndarray, "3 3"]:
        """As ``to_world``, from pixels of another level: the corners of all levels lie on each other."""
        down, across = self.levels[level].reduction
        onto_largest = np.array([[down, 0, (down - 1) / 2], [0, across, (across - 1) / 2], [0, 0, 1]])
        return np.asarray(self.to_world @ onto_largest)

    def level_pixel_size(self, level: int) -> float:
        """As ``pixel_size``, of another level."""
        down, across = self.levels[level].reduction
        return self.pixel_size * float(np.sqrt(down * across))

    def region(
        self, level: int, top: int, left: int, height: int, width: int
    ) -> Float[np.ndarray, "channels height width"]:
        """A rectangle of a level as networks read it: float32 in 0..1. Beyond the slide, its edge is repeated.

        Parameters
        ----------
        level
            Which one; 0 is the largest.
        top, left, height, width
            The rectangle in pixels of that level.

        Raises
        ------
        InputError
            The rectangle lies beside the slide.
        ReadingError
            That part of the file is damaged.
        """
        tall, wide = self.levels[level].size
        rows, columns = (slice(max(top, 0), min(top + height, tall)), slice(max(left, 0), min(left + width, wide)))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            raise InputError(
                "That part lies beside the slide",
                got=f"{height} x {width} pixels from ({top}, {left}) on {tall:,} x {wide:,}",
                cure="Ask for a part of it",
            )
        with foreign_reader(f"A part of {self.name}", "pixels", "It was cut off or damaged; copy or export it again"):
            raw = self.levels[level].read(rows, columns, self.shown)
        if len(self.shown) == 4:
            raw = np.moveaxis(on_white(np.moveaxis(raw, 0, -1), self.among.high), -1, 0)
        values = unit_values(np.nan_to_num(raw, nan=self.among.low) if raw.dtype.kind == "f" else raw, self.among)
        beside = ((rows.start - top, top + height - rows.stop), (columns.start - left, left + width - columns.stop))
        return np.pad(values, ((0, 0), *beside), mode="edge") if any(map(any, beside)) else values

    @cached_property
    def overview(self) -> Float[np.ndarray, "channels height width"]:
        """The whole slide in 0..1, no side longer than 2,048: its smallest level from 1,024 on, averaged in blocks.

        Read in squares, so that a slide without small levels does not have to fit into memory; that takes as long as
        reading it once.
        """
        level, factor = self._of_overview
        height, width = self.levels[level].size
        overview = np.empty((self.channels, -(-height // factor), -(-width // factor)), dtype=np.float32)
        side = max(1, PIECE // factor) * factor
        for top in range(0, height, side):
            for left in range(0, width, side):
                piece = self.region(level, top, left, min(side, height - top), min(side, width - left))
                means = _blocks(piece, factor)
                row, column = top // factor, left // factor
                overview[:, row : row + means.shape[1], column : column + means.shape[2]] = means
        return overview

    @property
    def overview_reduction(self) -> tuple[float, float]:
        """Pixels of the largest level along one pixel of the overview, down and across."""
        level, factor = self._of_overview
        down, across = self.levels[level].reduction
        return down * factor, across * factor

    @cached_property
    def content(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 over the overview and the sizes of the levels."""
        digest = hashlib.sha256(" ".join(f"{level.size}" for level in self.levels).encode())
        digest.update(np.rint(self.overview * 65535).astype("<u2").tobytes())
        return digest.hexdigest()[:12]

    def view(self, kind: Literal["patches"] = "patches", **settings: Any) -> ImagePatches:
        """The canvas over this slide.

        Parameters
        ----------
        kind
            ``"patches"``: overlapping patches, every one an item.
        settings
            Those of :class:`ImagePatchSettings`.

        Raises
        ------
        InputError
            No view of that name, or nothing but background.
        """
        if kind != "patches":
            raise InputError("A slide cannot be viewed that way", got=repr(kind), cure='Use view("patches")')
        from conceptstain.canvas.image_patches import ImagePatches
        from conceptstain.canvas.patch_grid import ImagePatchSettings

        return ImagePatches.from_slide(self, ImagePatchSettings(**settings))

    @cached_property
    def _of_overview(self) -> tuple[int, int]:
        """The level that the overview is made of, and how many of its pixels make one."""
        large = [index for index, level in enumerate(self.levels) if max(level.size) >= OVERVIEW // 2]
        level = large[-1] if large else 0
        return level, max(1, -(-max(self.levels[level].size) // OVERVIEW))


def _blocks(
    piece: Float[np.ndarray, "channels height width"], factor: int
) -> Float[np.ndarray, "channels rows columns"]:
    """Means of blocks; the last ones are filled by repeating the edge."""
    if factor == 1:
        return piece
    missing = [(0, -side % factor) for side in piece.shape[1:]]
    filled = np.pad(piece, [(0, 0), *missing], mode="edge")
    channels, height, width = filled.shape
    blocks = filled.reshape(channels, height // factor, factor, width // factor, factor)
    return np.asarray(blocks.mean(axis=(2, 4), dtype=np.float32))
