"""The tissue as an image layer shows it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from conceptstain.canvas.layer_source import LayerSource
from conceptstain.canvas.section import TissueImage
from conceptstain.canvas.tissue_image import LONGEST_SIDE, rgb
from conceptstain.canvas.untrusted import refuse_size
from conceptstain.errors import InputError

__all__ = ["check_picture", "picture_of"]


def check_picture(source: LayerSource) -> None:
    """Refuse a layer that is no picture.

    Raises
    ------
    InputError
        Another kind of layer, or an image without rows and columns.
    """
    shape = _levels(source)[0].shape if source.kind == "image" else ()
    if len(shape) != (3 if source.rgb else 2) or 0 in shape:
        raise InputError(
            f"The layer {source.name} is not a picture of the tissue",
            got=f"{source.kind} of shape {' x '.join(map(str, shape))}" if shape else source.kind,
            cure="Choose an image layer, in colour or grey",
        )


def picture_of(source: LayerSource, unit: Literal["µm", "px"]) -> tuple[TissueImage, tuple[str, ...]]:
    """The picture where its layer shows it, of the largest level that a graphics card holds, and notes.

    Grey images are shown between the layer's contrast limits.

    Raises
    ------
    InputError
        See :func:`check_picture`; or colours that are neither 0..255 nor 0..1.
    """
    check_picture(source)
    levels = _levels(source)
    sizes = [max(level.shape[:2]) for level in levels]
    index = next((index for index, size in enumerate(sizes) if size <= LONGEST_SIDE), len(sizes) - 1)
    step = -(-sizes[index] // LONGEST_SIDE)
    chosen = levels[index][step // 2 :: step, step // 2 :: step]
    refuse_size(float(np.prod(chosen.shape, dtype=float)) * np.dtype(chosen.dtype).itemsize, source.name)
    pixels = np.asarray(chosen)
    coloured = rgb(pixels if source.rgb else _between(pixels, source.limits))
    if coloured is None:
        raise InputError(
            f"The layer {source.name} has no colours that can be shown",
            got=f"RGB values of type {pixels.dtype} beyond 0 to 255",
            cure="Give an image of 8 bits, or of fractions from 0 to 1",
        )
    full, shown = levels[0].shape[:2], levels[index].shape[:2]
    factors = np.array([whole / part for whole, part in zip(full, shown, strict=True)])
    # The corners of all levels lie on each other, and napari speaks of the centres of pixels.
    inside = np.diag([*(step * factors), 1.0])
    inside[:2, 2] = (step // 2 + 0.5) * factors - 0.5
    reduction = step * float(factors.mean())
    told = [f"The picture is the layer {source.name}."]
    if reduction != 1:
        told.append(f"It is shown at 1/{reduction:.4g} of its size.")
    if source.unit != unit:
        told.append(f"Its layer does not say lengths in {unit}; its numbers are taken as they are.")
    return TissueImage(coloured, source.placed_in(unit) @ inside, reduction), tuple(told)


def _levels(source: LayerSource) -> list[Any]:
    return list(source.data) if source.levels else [source.data]


def _between(pixels: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    low, high = limits
    span = high - low if high > low else 1.0
    return np.asarray(np.clip((pixels.astype(np.float32) - low) / span, 0, 1))
