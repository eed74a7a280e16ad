"""Pictures of any size onto one frame, and values of the frame back to the pixels of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

__all__ = ["Fit", "Framing", "averaging_weights"]

Fit = Literal["pad", "stretch", "crop"]
"""``"pad"``: the whole picture, its edge repeated beside it. ``"stretch"``: the whole picture, its sides scaled each by
itself. ``"crop"``: its middle, filling the frame."""


@final
@dataclass(frozen=True)
class Framing:
    """How a picture of one size lies on a frame.

    Attributes
    ----------
    size
        Height and width of the picture in pixels.
    frame
        Height and width of the frame.
    shown
        Top, left, height and width of what is shown of the picture, from the corner of its first pixel.
    box
        Top, left, height and width of where it lies on the frame, in whole pixels.
    """

    size: tuple[int, int]
    frame: tuple[int, int]
    shown: tuple[float, float, float, float]
    box: tuple[int, int, int, int]

    @classmethod
    def of(cls, size: tuple[int, int], frame: tuple[int, int], fit: Fit) -> Framing:
        """Lay a picture of a size on a frame."""
        height, width = size
        scales = frame[0] / height, frame[1] / width
        if fit == "crop":
            scale = max(scales)
            tall, wide = min(frame[0] / scale, height), min(frame[1] / scale, width)
            return cls(size, frame, ((height - tall) / 2, (width - wide) / 2, tall, wide), (0, 0, *frame))
        box = (0, 0, *frame)
        if fit == "pad":
            rows, columns = (
                max(1, min(side, round(length * min(scales)))) for side, length in zip(frame, size, strict=True)
            )
            box = ((frame[0] - rows) // 2, (frame[1] - columns) // 2, rows, columns)
        return cls(size, frame, (0.0, 0.0, float(height), float(width)), box)

    def framed(self, picture: Float[np.ndarray, "channels height width"]) -> Float[np.ndarray, "channels rows columns"]:
        """The picture on the frame.

        Where it shrinks, pixels are averaged by a triangle as wide as two pixels of the frame; where it grows, they are
        interpolated linearly. A picture of the frame's size stays as it is.
        """
        (top, left, rows, columns), (y, x, tall, wide) = self.box, self.shown
        down = averaging_weights(self.size[0], rows, y, tall)
        across = averaging_weights(self.size[1], columns, x, wide)
        shown = down @ picture @ across.T
        beside = ((0, 0), (top, self.frame[0] - top - rows), (left, self.frame[1] - left - columns))
        return np.ascontiguousarray(np.pad(shown, beside, mode="edge"), dtype=np.float32)

    @property
    def lies(self) -> Bool[np.ndarray, "rows columns"]:
        """Where on the frame the picture lies; beside it, its edge is repeated."""
        top, left, rows, columns = self.box
        within = np.zeros(self.frame, dtype=bool)
        within[top : top + rows, left : left + columns] = True
        return within

    def nearest(self, labels: Shaped[np.ndarray, "_ _"]) -> Shaped[np.ndarray, "rows columns"]:
        """Labels of the picture on the frame, each pixel that of the nearest; 0 beside the picture.

        They may be finer or coarser than the picture, as long as they cover all of it.
        """
        (top, left, rows, columns), (y, x, tall, wide) = self.box, self.shown
        down = _nearest(labels.shape[0] / self.size[0], labels.shape[0], rows, y, tall)
        across = _nearest(labels.shape[1] / self.size[1], labels.shape[1], columns, x, wide)
        framed = np.zeros(self.frame, dtype=labels.dtype)
        framed[top : top + rows, left : left + columns] = labels[np.ix_(down, across)]
        return framed

    def unframed(self, values: Float[np.ndarray, "... rows columns"]) -> Float[np.ndarray, "... height width"]:
        """Values on the frame at the pixels of the picture, by linear interpolation; NaN where none was shown."""
        (top, left, rows, columns), (y, x, tall, wide) = self.box, self.shown
        down, hidden_rows = _reading_weights(self.size[0], self.frame[0], (top, rows), (y, tall))
        across, hidden_columns = _reading_weights(self.size[1], self.frame[1], (left, columns), (x, wide))
        placed = np.asarray(down @ np.asarray(values, dtype=np.float32) @ across.T)
        placed[..., hidden_rows, :] = np.nan
        placed[..., hidden_columns] = np.nan
        return placed


def _nearest(scale: float, n_from: int, n_to: int, start: float, length: float) -> Int[np.ndarray, " to"]:
    at = (start + (np.arange(n_to) + 0.5) * length / n_to) * scale
    return np.clip(np.floor(at).astype(np.int64), 0, n_from - 1)


def averaging_weights(n_from: int, n_to: int, start: float, length: float) -> Float[np.ndarray, "to from"]:
    """Weights of pixels along an axis: an interval of them, given from the corner of the first, as ``n_to`` pixels.

    A triangle around each new pixel's centre, as wide as two new or two old pixels, whichever is more (the linear
    filter of Pillow's ``resize``). Equal sizes give the identity.
    """
    step = length / n_to
    centres = start + (np.arange(n_to) + 0.5) * step
    distances = np.abs(np.arange(n_from) + 0.5 - centres[:, None]) / max(step, 1.0)
    weights = np.maximum(0.0, 1.0 - distances)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _reading_weights(
    n_pixels: int, n_cells: int, box: tuple[int, int], shown: tuple[float, float]
) -> tuple[Float[np.ndarray, "pixels cells"], np.ndarray]:
    """Weights that read cells of a frame at pixels of a picture along one axis, and which pixels were not shown."""
    centres = np.arange(n_pixels) + 0.5
    hidden = (centres < shown[0]) | (centres > shown[0] + shown[1])
    at = (centres - shown[0]) / shown[1] * box[1] - 0.5
    at = box[0] + np.clip(at, 0, box[1] - 1)
    before = np.minimum(np.floor(at).astype(int), n_cells - 1)
    after = np.minimum(before + 1, n_cells - 1)
    weights = np.zeros((n_pixels, n_cells))
    pixels = np.arange(n_pixels)
    np.add.at(weights, (pixels, before), 1 - (at - before))
    np.add.at(weights, (pixels, after), at - before)
    return weights.astype(np.float32), hidden
