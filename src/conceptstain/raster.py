"""The tissue image as a straight raster: its sides along the axes of the world, its pixels square."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8
from scipy import ndimage

from conceptstain.canvas.section import TissueImage

__all__ = ["corners", "pixel_size", "straightened"]

Box = tuple[float, float, float, float]
"""Top, left, bottom and right in world units."""


def pixel_size(image: TissueImage) -> float:
    """Side of a square as large as one pixel, in world units."""
    return float(np.sqrt(abs(np.linalg.det(image.to_world[:2, :2]))))


def corners(image: TissueImage) -> Box:
    """The box around the whole image, edges of the outermost pixels included."""
    height, width = image.pixels.shape[:2]
    on_image = np.array([[y, x, 1.0] for y in (-0.5, height - 0.5) for x in (-0.5, width - 0.5)])
    in_world = (on_image @ image.to_world.T)[:, :2]
    (top, left), (bottom, right) = in_world.min(axis=0), in_world.max(axis=0)
    return float(top), float(left), float(bottom), float(right)


def straightened(
    image: TissueImage, box: Box, pixel: float, *, beside: int = 255
) -> UInt8[np.ndarray, "height width 3"]:
    """The part of an image inside a box of the world, in square pixels.

    Parameters
    ----------
    image
        The tissue.
    box
        What to show, in world units; it may reach beyond the image.
    pixel
        Side of a pixel in world units. Where it spans several pixels of the image, those are averaged first.
    beside
        Value of all three channels where the box lies beside the image.
    """
    top, left, bottom, right = box
    height, width = max(1, round((bottom - top) / pixel)), max(1, round((right - left) / pixel))
    pixels, to_world = _averaged(image, max(1, int(pixel / pixel_size(image) + 0.25)))
    steps = np.diag([(bottom - top) / height, (right - left) / width, 1.0])
    steps[:2, 2] = top + steps[0, 0] / 2, left + steps[1, 1] / 2
    to_image = np.linalg.inv(to_world) @ steps
    straight = np.empty((height, width, 3), dtype=np.float32)
    for channel in range(3):
        ndimage.affine_transform(
            pixels[..., channel],
            to_image[:2, :2],
            to_image[:2, 2],
            output_shape=(height, width),
            output=straight[..., channel],
            order=1,
            mode="grid-constant",
            cval=beside,
        )
    return np.rint(np.clip(straight, 0, 255)).astype(np.uint8)


def _averaged(image: TissueImage, factor: int) -> tuple[Float[np.ndarray, "height width 3"], Float[np.ndarray, "3 3"]]:
    """The image with blocks of ``factor x factor`` pixels averaged; its edge is repeated to fill the last blocks."""
    pixels = image.pixels
    if factor > 1:
        missing = [(0, -size % factor) for size in pixels.shape[:2]]
        pixels = np.pad(pixels, [*missing, (0, 0)], mode="edge")
        height, width = (size // factor for size in pixels.shape[:2])
        pixels = pixels.reshape(height, factor, width, factor, 3).mean(axis=(1, 3), dtype=np.float32)
    blocks = np.diag([factor, factor, 1.0])
    blocks[:2, 2] = (factor - 1) / 2
    return pixels.astype(np.float32), image.to_world @ blocks
