"""Slides in TIFF: OME-TIFF, Aperio's and others, with or without a pyramid; tiles are read when they are asked for."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from conceptstain.canvas.slide import Level
from conceptstain.canvas.slide_found import CURE, Found, refuse_piece
from conceptstain.canvas.slide_scale import size_in_tiff
from conceptstain.canvas.untrusted import foreign_reader
from conceptstain.errors import ReadingError

__all__ = ["levels_of_tiff"]

READ_HERE = ("MINISBLACK", "RGB", "YCBCR")  # palettes, CMYK and bits are Pillow's
UNPACKING = ("imagecodecs", "codec", "compression")  # words by which tifffile says that it cannot unpack


def levels_of_tiff(path: Path) -> Found | None:
    """The first image of a TIFF with its pyramid; None where it can only be read as a whole, by Pillow.

    Raises
    ------
    ReadingError
        It is packed in a way that takes another package, or in pieces that are too large.
    """
    with foreign_reader(path.name, "a TIFF", CURE):
        file = tifffile.TiffFile(path, _multifile=False)
        try:
            found = _levels(path, file)
        except BaseException:
            file.close()
            raise
        if found is None:
            file.close()
    return found


def _levels(path: Path, file: tifffile.TiffFile) -> Found | None:
    series = file.series[0]
    page: Any = series.keyframe
    if getattr(page.photometric, "name", "") not in READ_HERE or page.bitspersample < 8:
        return None
    try:
        arrays = [_level(path, series, level, number) for number, level in enumerate(series.levels)]
        for array, level in zip(arrays, series.levels, strict=True):
            if not isinstance(array, np.memmap):
                refuse_piece(level.keyframe.chunks, page.dtype, path.name)
        np.asarray(arrays[-1][tuple(slice(0, 1) for _ in arrays[-1].shape)])  # whether it can be unpacked at all
    except ReadingError:
        raise
    except (ValueError, KeyError, RuntimeError) as error:
        if not any(word in str(error).lower() for word in UNPACKING):
            raise
        if len(series.levels) == 1:
            return None
        raise ReadingError(
            f"{path.name} is packed in a way that needs another package",
            got=str(getattr(page.compression, "name", page.compression)),
            cure='Install it with: pip install "napari-conceptstain[slides]"',
        ) from error
    keeper = _Keeper(file)
    notes = []
    if len(series.levels) == 1 and not page.is_tiled and page.compression != 1:
        notes.append("It has neither tiles nor a pyramid, so that reading takes longer than it could.")
    if len(file.series) > 1:
        notes.append(f"It holds {len(file.series)} images, of which the first is shown.")
    return Found([Level(_Kept(array, keeper), series.axes) for array in arrays], size_in_tiff(file), tuple(notes))


def _level(path: Path, series: Any, level: Any, number: int) -> Any:
    import zarr

    if (
        number == 0
        and level.dataoffset is not None
        and level.keyframe.compression == 1
        and level.keyframe.fillorder == 1
    ):
        # As it lies in the file: the system reads the parts that are asked for.
        dtype = np.dtype(level.dtype).newbyteorder(level.keyframe.parent.byteorder)
        return np.memmap(path, dtype=dtype, mode="r", offset=level.dataoffset, shape=tuple(level.shape))
    return zarr.open(series.aszarr(level=number), mode="r")


class _Keeper:
    """Closes a file when the last that reads from it is gone."""

    def __init__(self, file: tifffile.TiffFile) -> None:
        self._close = weakref.finalize(self, file.close)


class _Kept:
    """An array that keeps its file open."""

    def __init__(self, array: Any, keeper: _Keeper) -> None:
        self._array, self._keeper = array, keeper
        self.shape, self.dtype, self.ndim = tuple(array.shape), np.dtype(array.dtype).newbyteorder("="), array.ndim
        self.chunks = getattr(array, "chunks", None)

    def __getitem__(self, index: Any) -> np.ndarray:
        with foreign_reader("The slide", "a TIFF", CURE):
            part = np.asarray(self._array[index])
        return part.astype(self.dtype, copy=False)
