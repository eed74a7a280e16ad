"""One label of a label image, one bit for every pixel: small enough to be kept with a study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Int64, UInt8

from conceptstain.canvas.label_image import LabelImage
from conceptstain.foreign import foreign_reader

__all__ = ["PackedLabels", "packed_labels"]

STRIPE = 2**26  # pixels that are looked at together

_known: WeakKeyDictionary[LabelImage, PackedLabels] = WeakKeyDictionary()


@final
@dataclass(frozen=True, eq=False)
class PackedLabels:
    """Pixels with a label, and the others; sliced like an array of two axes. Make it with :func:`packed_labels`.

    Attributes
    ----------
    shape
        Height and width of the whole label image.
    box
        Top, left, height and width of the part that is kept; beside it there is no label.
    bits
        Of that part, one bit for every pixel, the first pixel of a byte in its highest bit.
    value
        What the pixels with the label are; the others are another number.
    """

    ndim: ClassVar[int] = 2
    dtype: ClassVar[np.dtype] = np.dtype(np.int64)

    shape: tuple[int, int]
    box: tuple[int, int, int, int]
    bits: UInt8[np.ndarray, "height bytes"]
    value: int

    def __post_init__(self) -> None:
        top, left, height, width = self.box
        inside = min(self.box) >= 0 and top + height <= self.shape[0] and left + width <= self.shape[1]
        if not inside or self.bits.shape != (height, -(-width // 8)):
            raise ValueError(f"bits of shape {self.bits.shape} for the box {self.box} in labels of {self.shape}")

    def __getitem__(self, part: tuple[slice, slice]) -> Int64[np.ndarray, "rows columns"]:
        (first, last), (start, stop) = (each.indices(side)[:2] for each, side in zip(part, self.shape, strict=True))
        values = np.full((max(last - first, 0), max(stop - start, 0)), 0 if self.value else 1, dtype=np.int64)
        top, left, height, width = self.box
        rows = slice(max(first, top), min(last, top + height))
        columns = slice(max(start, left), min(stop, left + width))
        if rows.start < rows.stop and columns.start < columns.stop:
            begin = (columns.start - left) // 8
            held = self.bits[rows.start - top : rows.stop - top, begin : -(-(columns.stop - left) // 8)]
            skipped = columns.start - left - 8 * begin
            there = np.unpackbits(held, axis=1)[:, skipped : skipped + columns.stop - columns.start]
            seen = values[rows.start - first : rows.stop - first, columns.start - start : columns.stop - start]
            seen[there.astype(bool)] = self.value
        return values


def packed_labels(image: LabelImage) -> PackedLabels:
    """What a label image says of its label, read once, stripe by stripe.

    Raises
    ------
    ReadingError
        A part of its file cannot be read.
    """
    if image not in _known:
        _known[image] = _packed(image)
    return _known[image]


def _packed(image: LabelImage) -> PackedLabels:
    height, width = (int(side) for side in image.pixels.shape)
    stripes = []
    in_row, in_column = np.zeros(height, dtype=bool), np.zeros(width, dtype=bool)
    step = max(1, STRIPE // max(width, 1))
    for first in range(0, height, step):
        last = min(first + step, height)
        with foreign_reader("The label image", "pixels", "Export it again"):
            meant = image.is_meant(np.asarray(image.pixels[first:last, 0:width]))
        in_row[first:last] = meant.any(axis=1)
        in_column |= meant.any(axis=0)
        stripes.append(np.packbits(meant, axis=1))
    value = 1 if image.value is None else int(image.value)
    if not in_row.any():
        return PackedLabels((height, width), (0, 0, 0, 0), np.zeros((0, 0), dtype=np.uint8), value)
    top, bottom = np.flatnonzero(in_row)[[0, -1]] + (0, 1)
    left, right = np.flatnonzero(in_column)[[0, -1]] + (0, 1)
    left -= left % 8
    bits = np.concatenate(stripes)[top:bottom, left // 8 : -(-right // 8)]
    box = (int(top), int(left), int(bottom - top), int(right - left))
    return PackedLabels((height, width), box, np.ascontiguousarray(bits), value)
