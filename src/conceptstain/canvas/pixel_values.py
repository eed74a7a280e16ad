"""Pixel values as networks read them: float32 in 0..1, by a range that is chosen once for a whole set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Float

from conceptstain.errors import ReadingError

__all__ = ["Kind", "ValueRange", "channels_first", "kind_of", "on_white", "ranges_of", "unit_values"]

Kind = Literal["bits", "8-bit", "16-bit", "whole", "float"]
"""What numbers pixels are: 1-bit, unsigned 8-bit and 16-bit, other whole numbers, floating point."""

DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras really use of 16
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow makes grey of colours


@final
@dataclass(frozen=True)
class ValueRange:
    """The values that become 0 and 1, and a sentence where they are not the type's own."""

    low: float
    high: float
    note: str = ""


def kind_of(dtype: np.dtype, name: str) -> Kind:
    """What numbers these are.

    Raises
    ------
    ReadingError
        Complex numbers, words, records.
    """
    if dtype.kind == "b":
        return "bits"
    if dtype.kind in "iu":
        known: dict[tuple[str, int], Kind] = {("u", 1): "8-bit", ("u", 2): "16-bit"}  # in either order of bytes
        return known.get((dtype.kind, dtype.itemsize), "whole")
    if dtype.kind == "f":
        return "float"
    raise ReadingError(f"{name} holds no numbers of pixels", got=f"the type {dtype}", cure="Give whole or real numbers")


def ranges_of(seen: Iterable[tuple[Kind, float, float]]) -> dict[Kind, ValueRange]:
    """The range of each kind, from the least and the largest value of every picture of that kind.

    8-bit values are divided by 255. 16-bit values are divided by the largest number of the bits that they use (255,
    1,023, 4,095, 16,383 or 65,535). Real numbers within 0..1 stay; all others go from the least to the largest.
    """
    found: dict[Kind, tuple[float, float]] = {}
    for kind, low, high in seen:
        before = found.get(kind, (low, high))
        found[kind] = min(low, before[0]), max(high, before[1])
    return {kind: _range(kind, *ends) for kind, ends in found.items()}


def _range(kind: Kind, low: float, high: float) -> ValueRange:
    if kind == "bits":
        return ValueRange(0, 1)
    if kind == "8-bit":
        return ValueRange(0, 255)
    if kind == "16-bit":
        bits = next(depth for depth in DEPTHS if high < 2**depth)
        full = 2**bits - 1
        told = f"16-bit values reach {high:,.0f}, so they are divided by {full:,} ({bits} bits)." if bits < 16 else ""
        return ValueRange(0, full, told)
    if kind == "float" and low >= 0 and high <= 1:
        return ValueRange(0, 1)
    if high <= low:
        low, high = min(low, 0.0), max(high, 1.0)
    name = "Whole numbers" if kind == "whole" else "Real numbers"
    return ValueRange(low, high, f"{name} from {low:g} to {high:g} are taken as 0 to 1.")


def unit_values(pixels: np.ndarray, among: ValueRange) -> Float[np.ndarray, "..."]:
    """Pixels as float32 in 0..1; values beyond the range take its ends."""
    if pixels.dtype.kind == "b" or (among.low, among.high) == (0, 1):
        values = pixels.astype(np.float32)
    elif among.low == 0:
        values = pixels.astype(np.float32) / np.float32(among.high)
    else:
        values = ((pixels.astype(np.float64) - among.low) / (among.high - among.low)).astype(np.float32)
    return np.clip(values, 0, 1, out=values)


def channels_first(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Pixels ``(height, width)`` or ``(height, width, 3)`` as ``(channels, height, width)`` with 1 or 3 channels."""
    if pixels.ndim == 2:
        return np.ascontiguousarray(np.broadcast_to(pixels, (channels, *pixels.shape)))
    if channels == 1:
        return np.asarray((pixels @ LUMA)[None], dtype=np.float32)
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))


def on_white(pixels: np.ndarray, opaque: float) -> np.ndarray:
    """Pixels ``(..., 2)`` or ``(..., 4)`` laid on white by their last channel; ``opaque`` is white, and fully opaque.

    The result has 1 channel, without an axis, or 3, and the type of the pixels.
    """
    colours, alpha = pixels[..., :-1].astype(np.float64), pixels[..., -1:].astype(np.float64) / opaque
    laid = colours * alpha + opaque * (1 - alpha)
    laid = (np.rint(laid) if pixels.dtype.kind in "iu" else laid).astype(pixels.dtype)
    return laid[..., 0] if laid.shape[-1] == 1 else laid
