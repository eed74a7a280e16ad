"""Reading the tissue image, and placing it under the spots.

Pixel positions are continuous: ``(0, 0)`` is the upper left corner of the image and ``(0.5, 0.5)`` the centre of its
first pixel. :class:`~conceptstain.canvas.section.TissueImage` speaks of pixel centres, so half a pixel is added there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from conceptstain.canvas.expression import counted
from conceptstain.canvas.section import TissueImage
from conceptstain.errors import ReadingError

__all__ = ["Picture", "check_placing", "large_images_allowed", "placed", "placed_at_scale", "read_image", "rgb"]

MOST_PIXELS = 2_000_000_000  # 6 GB in memory; beyond that a slide needs a reader of tiles
LONGEST_SIDE = 8192  # what every graphics card can hold as one texture

_pillow_limit = threading.Lock()


@final
@dataclass(frozen=True, eq=False)
class Picture:
    """An image file as read.

    Attributes
    ----------
    pixels
        RGB, 0..255.
    size
        Height and width of the file's image in pixels.
    reduction
        Pixels of the file along one pixel of ``pixels``: 1, 2, 4, ...
    notes
        What was done to it.
    """

    pixels: UInt8[np.ndarray, "height width 3"]
    size: tuple[int, int]
    reduction: int = 1
    notes: tuple[str, ...] = ()

    def placed(self, from_position: Float[np.ndarray, "3 3"]) -> TissueImage:
        """Placed by the affine map from continuous positions ``(y, x, 1)`` on the file's image to the world."""
        shrunk = float(self.reduction)
        return replace(placed(self.pixels, from_position @ np.diag([shrunk, shrunk, 1.0])), reduction=shrunk)


def read_image(path: Path) -> Picture:
    """Read an image as RGB; a very large one at a half, a quarter, ... of its size.

    Raises
    ------
    ReadingError
        Missing, not an image, truncated, too large, or of a kind without colours.
    """
    if not path.is_file():
        raise ReadingError(f"There is no image {path.name}", got=str(path), cure="Check the path")
    try:
        with large_images_allowed(), Image.open(path) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise ReadingError(
                    f"The image {path.name} is too large to be opened as a whole",
                    got=f"{width:,} x {height:,} pixels",
                    cure="Export it at a quarter of its size and give image_scale=0.25",
                )
            reduction = 1
            while max(width, height) > LONGEST_SIDE * reduction:
                reduction *= 2
            pixels = _decoded(image, path, reduction)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, ReadingError):
            raise
        raise ReadingError(
            f"The image {path.name} cannot be read",
            got=str(error),
            cure="Give a whole jpg, png or tif file",
        ) from error
    told = f"{path.name} of {width:,} x {height:,} pixels is shown at 1/{reduction} of its size."
    return Picture(pixels, (height, width), reduction, (told,) if reduction > 1 else ())


def rgb(image: np.ndarray) -> UInt8[np.ndarray, "height width 3"] | None:
    """An array as RGB 0..255: grey or colour, whole numbers 0..255 or fractions 0..1; None if it is no such picture."""
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] not in {3, 4} or image.size == 0:
        return None
    image = image[..., :3]
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    if not np.isfinite(image).all() or image.min() < 0 or image.max() > 255:
        return None
    scale = 255 if np.issubdtype(image.dtype, np.floating) and image.max() <= 1 else 1
    return np.asarray(np.rint(image * scale), dtype=np.uint8)


def placed(pixels: UInt8[np.ndarray, "height width 3"], from_position: Float[np.ndarray, "3 3"]) -> TissueImage:
    """An image placed by the affine map from continuous positions ``(y, x, 1)`` on its pixels to world coordinates."""
    centre = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
    return TissueImage(pixels, from_position @ centre)


def placed_at_scale(per_pixel: float, factor: float) -> Float[np.ndarray, "3 3"]:
    """The map from positions on an image to the world, for a scaled copy of the image that the spots speak of.

    Parameters
    ----------
    per_pixel
        World units per pixel of the full-size image.
    factor
        Size of the copy relative to the full-size image.
    """
    return np.diag([per_pixel / factor, per_pixel / factor, 1.0])


def check_placing(image: TissueImage, spots: Float[np.ndarray, "spots 2"], name: str, cure: str) -> tuple[str, ...]:
    """Say how many spots lie beside the image.

    Raises
    ------
    ReadingError
        All of them.
    """
    try:
        to_pixels = np.linalg.inv(image.to_world)
    except np.linalg.LinAlgError as error:
        raise ReadingError(f"The scale of the image {name} cannot be used", got=str(error), cure=cure) from error
    positions = spots @ to_pixels[:2, :2].T + to_pixels[:2, 2]
    height, width = image.pixels.shape[:2]
    outside = ((positions < -0.5) | (positions > np.array([height, width]) - 0.5)).any(axis=1)
    if outside.all():
        raise ReadingError(
            f"No spot lies on the image {name}",
            got=f"an image of {width} x {height} pixels",
            cure=cure,
        )
    n_outside = int(outside.sum())
    if not n_outside:
        return ()
    return (f"{counted(n_outside, 'spot')} of {len(spots):,} {'lies' if n_outside == 1 else 'lie'} outside the image.",)


def _decoded(image: Image.Image, path: Path, reduction: int) -> UInt8[np.ndarray, "height width 3"]:
    width, height = image.size
    if reduction > 1:
        # A jpg can be decoded at a part of its size, which saves most of the time and memory.
        image.draft("RGB", (width // reduction, height // reduction))
    left = max(1, reduction // max(1, round(width / image.size[0])))
    if image.mode in {"I", "F"} or image.mode.startswith("I;"):
        raise ReadingError(
            f"The image {path.name} has no colours that can be shown",
            got=f"one channel of more than 8 bits (mode {image.mode})",
            cure="Export it as 8-bit RGB",
        )
    if image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        image = opaque
    coloured = image.convert("RGB")
    return np.array(coloured.reduce(left) if left > 1 else coloured)


@contextmanager
def large_images_allowed() -> Iterator[None]:
    """Pillow takes pictures of more than 90 megapixels for an attack; slides are larger, with a limit of their own."""
    with _pillow_limit:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before
