"""Reading pictures out of image files, each page a picture; what was converted is said."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import tifffile
from PIL import Image

from conceptstain.canvas.pixel_values import on_white
from conceptstain.canvas.slide_found import refuse_piece
from conceptstain.canvas.untrusted import foreign_reader
from conceptstain.errors import ReadingError

__all__ = ["IMAGES", "MOST_PIXELS", "TIFFS", "RawPicture", "axes_of", "plain", "read_page"]

TIFFS = (".tif", ".tiff")
IMAGES = (".jpg", ".jpeg", ".png", *TIFFS, ".bmp", ".gif", ".webp")
MOST_PIXELS = 80_000_000  # of one picture; what is larger is a slide. Pillow itself warns from 89 million on.
MOST_PAGES = 100_000
LEAST_SIDE = 2
CURE = "Export it again as a whole png, jpg or tif file"
PLAIN = ("MINISBLACK", "RGB")
ALPHA = ("L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa")  # modes whose transparency Pillow knows
UNREADABLE = ("imagecodecs", "codec", "compression")  # words by which tifffile says that it cannot unpack


@final
@dataclass(frozen=True, eq=False)
class RawPicture:
    """One picture as stored.

    Attributes
    ----------
    pixels
        ``(height, width)`` or ``(height, width, 3)``, in the type of the file.
    conversions
        What was changed on the way, each as the end of a sentence ("... taken as RGB").
    """

    pixels: np.ndarray
    conversions: tuple[str, ...] = ()


def axes_of(path: Path) -> dict[str, int]:
    """What the pictures of a file are counted by, with how many there are: ``{}`` for one, ``{"Z": 12}`` for a stack.

    The letters are those of tifffile: Z, T, C, or Q and I where nobody says. Only TIFF files hold several pictures; one
    with a pyramid holds one.

    Raises
    ------
    ReadingError
        Empty, not an image, or too many pages.
    """
    _refuse_empty(path)
    if path.suffix.lower() not in TIFFS:
        return {}
    with _image_reader(path), closing(tifffile.TiffFile(path, _multifile=False)) as file:
        axes = _planes(file.series[0])
    n_pages = math.prod(axes.values())
    if n_pages > MOST_PAGES:
        raise ReadingError(
            f"{path.name} claims too many pages", got=f"{n_pages:,}", cure=f"Split it; the limit is {MOST_PAGES:,}"
        )
    return axes


def read_page(path: Path, page: int = 0, *, most_pixels: int = MOST_PIXELS) -> RawPicture:
    """One picture of a file, which may claim at most ``most_pixels``.

    Raises
    ------
    ReadingError
        Empty, cut off, not an image, too large, too small, or of values that are no pixels.
    """
    _refuse_empty(path)
    with _image_reader(path):
        if path.suffix.lower() in TIFFS:
            found = _from_tiff(path, page, most_pixels)
            if found is not None:
                return plain(found.pixels, path.name, found.conversions, most_pixels=most_pixels)
        with Image.open(path) as image:
            if page:
                image.seek(page)
            _refuse_size(image.height, image.width, path.name, most_pixels)
            found = _from_pillow(image)
    return plain(found.pixels, path.name, found.conversions, most_pixels=most_pixels)


def plain(
    pixels: np.ndarray, name: str, conversions: tuple[str, ...] = (), *, most_pixels: int = MOST_PIXELS
) -> RawPicture:
    """Any array of a picture as grey or RGB: an alpha channel is laid on white, an axis of length 1 left out.

    Raises
    ------
    ReadingError
        Too small or too large, not a picture, or values that are not finite.
    """
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim not in {2, 3} or (pixels.ndim == 3 and pixels.shape[-1] not in {2, 3, 4}):
        raise ReadingError(
            f"{name} is not a picture",
            got=f"an array of shape {pixels.shape}",
            cure="Give (height, width) or (height, width, 3)",
        )
    _refuse_size(pixels.shape[0], pixels.shape[1], name, most_pixels)
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        n_bad = int((~np.isfinite(pixels)).sum())
        raise ReadingError(
            f"{name} holds values that are not finite",
            got=f"{n_bad:,} of {pixels.size:,} NaN or infinite",
            cure="Fill them, and save the picture again",
        )
    if pixels.ndim == 3 and pixels.shape[-1] in {2, 4}:
        opaque = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind in "iu" else 1.0
        if bool((pixels[..., -1] == opaque).all()):
            pixels = pixels[..., 0] if pixels.shape[-1] == 2 else pixels[..., :3]
        else:
            pixels, conversions = on_white(pixels, opaque), (*conversions, "transparency was laid on white")
    return RawPicture(pixels, conversions)


@contextmanager
def _image_reader(path: Path) -> Iterator[None]:
    with foreign_reader(path.name, "an image", CURE):
        yield


def _refuse_empty(path: Path) -> None:
    if not path.is_file():
        raise ReadingError(f"There is no image {path.name}", got=str(path), cure="Check the path")
    if path.stat().st_size == 0:
        raise ReadingError(f"{path.name} is empty", got="0 bytes", cure="Download or export it again")


def _refuse_size(height: int, width: int, name: str, most_pixels: int) -> None:
    if height * width > most_pixels:
        raise ReadingError(
            f"{name} is too large for one picture of a set",
            got=f"{width:,} x {height:,} pixels; the limit is {most_pixels:,}",
            cure='Open it with as_="slide", which reads it piece by piece',
        )
    if min(height, width) < LEAST_SIDE:
        raise ReadingError(
            f"{name} is too small to show anything",
            got=f"{width} x {height} pixel{'s' if height * width != 1 else ''}",
            cure="Leave it out, or export it larger",
        )


def _planes(series: Any) -> dict[str, int]:
    """Axes of a series that are neither height, width nor samples of a pixel, and longer than 1."""
    lengths = zip(series.axes, series.shape, strict=True)
    return {axis: int(length) for axis, length in lengths if axis not in "YXS" and length > 1}


def _from_tiff(path: Path, page: int, most_pixels: int) -> RawPicture | None:
    """A page read by tifffile; None where Pillow has to: palettes, CMYK, bits, packings that need more codecs."""
    with closing(tifffile.TiffFile(path, _multifile=False)) as file:
        series = file.series[0]
        first = series.keyframe
        photometric = getattr(first.photometric, "name", "")
        _refuse_size(int(first.imagelength), int(first.imagewidth), path.name, most_pixels)
        refuse_piece(first.chunks, first.dtype or np.uint8, path.name)
        if first.bitspersample < 8 or photometric not in {*PLAIN, "MINISWHITE"}:
            return None
        try:
            pixels = _plane(series, page)
        except (ValueError, KeyError, RuntimeError) as error:
            if any(word in str(error).lower() for word in UNREADABLE):
                return None
            raise
    if photometric == "MINISWHITE" and pixels.dtype.kind == "u":
        return RawPicture(np.iinfo(pixels.dtype).max - pixels, ("values with white as 0 were turned",))
    return RawPicture(pixels)


def _plane(series: Any, page: int) -> np.ndarray:
    """One plane of a series ``(height, width)`` or ``(height, width, samples)``; only its part of the file is read."""
    import zarr

    store = series.aszarr(level=0)
    try:
        array: Any = zarr.open(store, mode="r")
        axes, planes = list(series.axes), _planes(series)
        places = np.unravel_index(page, tuple(planes.values())) if planes else ()
        at = {axis: int(place) for axis, place in zip(planes, places, strict=True)}
        pixels = np.asarray(array[tuple(slice(None) if axis in "YXS" else at.get(axis, 0) for axis in axes)])
    finally:
        store.close()
    kept = [axis for axis in axes if axis in "YXS"]
    return np.moveaxis(pixels, kept.index("S"), -1) if "S" in kept else pixels


def _from_pillow(image: Image.Image) -> RawPicture:
    mode, told = image.mode, []
    if getattr(image, "n_frames", 1) > 1 and image.format not in {"TIFF", "MPO"}:
        told.append("only the first of several frames is read")
    # Pillow says nowhere else that it leaves out half of the bits
    stored_as = str([tile[3] for tile in getattr(image, "tile", ())])
    if image.format == "PNG" and "RGB" in stored_as and "16" in stored_as:
        told.append("16 bits per colour are read as 8")
    if mode == "1":
        return RawPicture(np.asarray(image.convert("L")), (*told, "black and white of 1 bit is taken as grey"))
    if mode == "P":
        told.append("a palette is taken as its colours")
    if image.has_transparency_data and mode in ALPHA:
        grey = mode in {"L", "LA", "La"}
        return RawPicture(np.asarray(image.convert("LA" if grey else "RGBA")), tuple(told))
    if mode == "L" or mode in {"F", "I"} or mode.startswith("I;16"):
        pixels = np.asarray(image)
        if mode == "I" and pixels.size and pixels.min() >= 0 and pixels.max() < 2**16:
            pixels = pixels.astype(np.uint16)
        return RawPicture(pixels, tuple(told))
    if mode not in {"RGB", "P"}:
        told.append(f"{mode} colours are taken as RGB, without a colour profile")
    return RawPicture(np.asarray(image.convert("RGB")), tuple(told))
