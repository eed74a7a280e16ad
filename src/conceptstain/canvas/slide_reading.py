"""Opening a slide: TIFF with or without a pyramid, OME-TIFF, OME-Zarr, plain image files, arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from conceptstain.canvas.image_file import TIFFS, read_page
from conceptstain.canvas.ome_zarr import levels_of_ome_zarr
from conceptstain.canvas.pixel_values import ValueRange, kind_of, ranges_of
from conceptstain.canvas.slide import Level, Slide
from conceptstain.canvas.slide_found import CURE, Found
from conceptstain.canvas.slide_scale import PixelSize
from conceptstain.canvas.slide_tiff import levels_of_tiff
from conceptstain.canvas.tissue_image import large_images_allowed
from conceptstain.canvas.untrusted import foreign_reader
from conceptstain.canvas.world_scale import Told, told_place
from conceptstain.errors import InputError, ReadingError

__all__ = ["slide_of_array", "slide_of_file", "slide_of_levels"]

MOST_WHOLE = 500_000_000  # pixels of a file that can only be read as a whole
LEAST_SIDE = 8
PLACES = 4  # by 4 parts of the largest level that are looked at for the range of values
PLACE = 256


def slide_of_file(
    path: Path,
    *,
    name: str | None = None,
    channels: int | Sequence[int] | None = None,
    pixel_size: float | None = None,
    to_world: Any = None,
    unit: str | None = None,
) -> Slide:
    """Open a file or an OME-Zarr folder as a slide.

    Parameters
    ----------
    path
        The file or folder.
    name
        Name to show; None: that of the file.
    channels
        Which channel to show, or which three as red, green and blue; None: all, where there are 1, 3 or 4 (the fourth
        as transparency).
    pixel_size
        Micrometres along a pixel of the largest level; None: as the file says.
    to_world, unit
        3 x 3 affine matrix instead, with the unit it leads to; see :class:`Slide`.

    Raises
    ------
    ReadingError
        Not an image, cut off, or larger than can be read.
    InputError
        It has other channels than can be shown.
    """
    if not path.exists():
        raise ReadingError(f"There is no file {path.name}", got=str(path), cure="Check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise ReadingError(f"{path.name} is empty", got="0 bytes", cure="Download or export it again")
    if path.is_dir():
        found = levels_of_ome_zarr(path)
    else:
        found = (levels_of_tiff(path) if path.suffix.lower() in TIFFS else None) or _of_whole_file(path)
    called = name or path.name.partition(".")[0]
    return _slide(found, called, channels=channels, pixel_size=pixel_size, to_world=to_world, unit=unit, path=path)


def slide_of_array(array: Any, *, name: str = "slide", **options: Any) -> Slide:
    """A slide of an array ``(height, width)``, ``(height, width, 3 or 4)`` or ``(channels, height, width)``.

    The options are those of :func:`slide_of_file`.
    """
    return slide_of_levels([array], name=name, **options)


def slide_of_levels(arrays: Sequence[Any], *, name: str = "slide", **options: Any) -> Slide:
    """A slide of a pyramid given as arrays, largest first, each as :func:`slide_of_array` has them.

    Raises
    ------
    InputError
        They are not levels of one picture.
    """
    shapes = [tuple(int(side) for side in array.shape) for array in arrays]
    axes = _axes_of(shapes[0])
    if any(len(shape) != len(axes) for shape in shapes):
        raise InputError(
            "These arrays are not levels of one picture",
            got=", ".join(map(str, shapes[:5])),
            cure="Give arrays of one kind, largest first",
        )
    return _slide(Found([Level(array, axes) for array in arrays]), name, path=None, **options)


def _axes_of(shape: tuple[int, ...]) -> str:
    if len(shape) == 2:
        return "YX"
    if len(shape) == 3:
        return "YXS" if shape[-1] in {3, 4} else "CYX"
    raise InputError(
        "This array is not a slide",
        got=f"shape {shape}",
        cure="Give (height, width), (height, width, 3) or (channels, height, width)",
    )


def _of_whole_file(path: Path) -> Found:
    with foreign_reader(path.name, "an image", "Export it again as a whole png, jpg or tif file"):
        with large_images_allowed(), Image.open(path) as image:
            width, height = image.size
        if width * height > MOST_WHOLE:
            raise ReadingError(
                f"{path.name} is too large to be read as a whole",
                got=f"{width:,} x {height:,} pixels; the limit is {MOST_WHOLE:,}",
                cure=CURE,
            )
        with large_images_allowed():
            raw = read_page(path, most_pixels=MOST_WHOLE)
    notes = tuple(f"{what[0].upper()}{what[1:]}." for what in raw.conversions)
    return Found([Level(raw.pixels, _axes_of(raw.pixels.shape))], None, notes)


def _slide(
    found: Found,
    name: str,
    *,
    path: Path | None,
    channels: int | Sequence[int] | None = None,
    pixel_size: float | None = None,
    to_world: Any = None,
    unit: str | None = None,
) -> Slide:
    levels = _with_reductions(found.levels, name)
    height, width = levels[0].size
    if min(height, width) < LEAST_SIDE:
        raise ReadingError(
            f"{name} is too small for patches", got=f"{width} x {height} pixels", cure='Open it with as_="images"'
        )
    shown = _shown(levels[0], channels, name)
    notes = [*found.notes, *_planes_told(levels[0])]
    among, all_finite = _range(levels, shown, name)
    where, unit, told = _where(found.scale, told_place(pixel_size, to_world, unit))
    notes += [each for each in (among.note, told) if each]
    if not all_finite:
        notes.append("Values that are not finite are taken as the least.")
    if len(shown) == 4:
        notes.append("Transparency is laid on white.")
    return Slide(name, levels, among, shown, where, unit, path=path, notes=tuple(notes))


def _with_reductions(levels: Sequence[Level], name: str) -> tuple[Level, ...]:
    """Levels with how many pixels of the largest one of theirs spans; those that do not shrink are an error."""
    largest = levels[0].size
    made = []
    for level in levels:
        if any(side < 1 or side > full for side, full in zip(level.size, largest, strict=True)):
            raise ReadingError(
                f"The levels of {name} are not those of a pyramid",
                got=", ".join(f"{each.size[1]:,} x {each.size[0]:,}" for each in levels[:5]),
                cure="Give them largest first",
            )
        down, across = (_reduction(full, side) for full, side in zip(largest, level.size, strict=True))
        made.append(Level(level.array, level.axes, (down, across)))
    return tuple(made)


def _reduction(full: int, side: int) -> float:
    """A whole number where the smaller side can be the larger one divided by it, rounded up or down."""
    whole = round(full / side)
    return float(whole) if side in {full // whole, -(-full // whole)} else full / side


def _shown(level: Level, channels: int | Sequence[int] | None, name: str) -> tuple[int, ...]:
    shape = dict(zip(level.axes, level.array.shape, strict=True))
    there = int(shape.get("S", 1)) * int(shape.get("C", 1))
    if channels is None:
        if there in {1, 3, 4} and not (there == 4 and "C" in shape):
            return tuple(range(there))
        raise InputError(
            f"Which of the channels of {name} to show has to be said",
            got=f"{there} channels",
            cure="Give channels=0 for the first, or channels=(0, 1, 2) for three as red, green and blue",
        )
    asked = (int(channels),) if isinstance(channels, int | np.integer) else tuple(int(each) for each in channels)
    if len(asked) not in {1, 3} or any(not 0 <= each < there for each in asked):
        raise InputError(
            f"These channels of {name} cannot be shown",
            got=f"channels={channels} of {there}",
            cure=f"Give one or three numbers from 0 to {there - 1}",
        )
    return asked


def _planes_told(level: Level) -> list[str]:
    lengths = zip(level.axes, level.array.shape, strict=True)
    others = [f"{axis} ({length})" for axis, length in lengths if axis not in "YXSC" and length > 1]
    return [f"Of the axes {', '.join(others)} the first plane is shown."] if others else []


def _range(levels: Sequence[Level], shown: tuple[int, ...], name: str) -> tuple[ValueRange, bool]:
    """The range of the values, and whether all are finite.

    Where their type does not say it, the smallest level and parts of the largest do, spread evenly.
    """
    kind = kind_of(np.dtype(levels[0].array.dtype), name)
    if kind in {"bits", "8-bit"}:
        return ranges_of([(kind, 0, 255)])[kind], True
    least, most, all_finite = np.inf, -np.inf, True
    for level in (levels[-1], levels[0]):
        for top in _spread(level.size[0]):
            for left in _spread(level.size[1]):
                part = level.read(slice(top, top + PLACE), slice(left, left + PLACE), shown)
                finite = part[np.isfinite(part)]
                all_finite = all_finite and finite.size == part.size
                if finite.size:
                    least, most = min(least, float(finite.min())), max(most, float(finite.max()))
    if not np.isfinite(least):
        raise ReadingError(f"{name} holds no numbers", got="NaN or infinite values only", cure="Check the file")
    return ranges_of([(kind, least, most)])[kind], all_finite


def _spread(side: int) -> list[int]:
    return sorted({int(at) for at in np.linspace(0, max(0, side - PLACE), PLACES)})


def _where(scale: PixelSize | None, told: Told | None) -> Told:
    if told is not None:
        return told
    if scale is None:
        return np.eye(3), "px", "The size of a pixel is not told; lengths are in pixels."
    matrix = np.array([[scale.down, 0, scale.top], [0, scale.across, scale.left], [0, 0, 1]])
    return matrix, "µm", scale.note
