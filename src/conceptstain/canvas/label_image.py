"""Painted labels as a rule that chooses places: an image of whole numbers that knows where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from jaxtyping import Bool, Float, Shaped
from numpy.typing import ArrayLike

from conceptstain.canvas.patch_blocks import World
from conceptstain.canvas.section import Section
from conceptstain.canvas.slide import Slide
from conceptstain.errors import InputError
from conceptstain.foreign import foreign_reader

__all__ = ["LabelImage"]


@final
@dataclass(frozen=True, eq=False)
class LabelImage:
    """Places whose pixel of a label image has this value; beside the image there is no label.

    Attributes
    ----------
    pixels
        ``(height, width)``: anything that is sliced like a numpy array; only what is asked about is read.
    value
        The label; None: any but 0.
    to_world
        Affine matrix from ``(row, column, 1)`` of a pixel's centre to ``(y, x, 1)`` in world units.
    """

    pixels: Any
    value: int | None
    to_world: Float[np.ndarray, "3 3"]

    @classmethod
    def of(cls, labels: Slide | ArrayLike, value: int | None, to_world: ArrayLike | None) -> LabelImage:
        """The labels of an array, or of a slide that was opened; see :meth:`Region.from_labels`."""
        pixels: Any = labels
        place = np.eye(3) if to_world is None else np.asarray(to_world, dtype=np.float64)
        if isinstance(labels, Slide):
            if labels.channels != 1 or to_world is not None:
                raise InputError(
                    "A slide of labels has one channel, and lies where it was opened",
                    got=f"{labels.channels} channels" if labels.channels != 1 else "to_world=",
                    cure="Export the labels as an image of whole numbers, and open it with its place",
                )
            pixels, place = _Level(labels), labels.to_world
        elif not (hasattr(labels, "ndim") and hasattr(labels, "dtype")):
            pixels = np.asarray(labels)
        if pixels.ndim != 2 or np.dtype(pixels.dtype).kind not in "biu":
            raise InputError(
                "A label image has a whole number for every pixel",
                got=f"{pixels.dtype} values of shape {tuple(pixels.shape)}",
                cure="Give the data of a Labels layer, (height, width)",
            )
        if place.shape != (3, 3) or not np.isfinite(place).all() or not abs(np.linalg.det(place)) > 0:
            raise InputError(
                "The labels lie nowhere in the world",
                got=f"to_world of shape {place.shape}" if place.shape != (3, 3) else "a matrix without area",
                cure="Give a 3 x 3 matrix from rows and columns to the world",
            )
        return cls(pixels, value, place)

    def choose(self, section: Section) -> Bool[np.ndarray, " spots"]:
        """Spots whose centre lies on the label."""
        return self._at(section.spots)

    def covers(self, to_world: Float[np.ndarray, "3 3"], shape: tuple[int, int]) -> Bool[np.ndarray, "rows columns"]:
        """Points of a raster on the label."""
        rows, columns = np.indices(shape).reshape(2, -1)
        points = np.stack([rows, columns], axis=1) @ to_world[:2, :2].T + to_world[:2, 2]
        return self._at(points).reshape(shape)

    def numbers(self, to_world: Float[np.ndarray, "3 3"], shape: tuple[int, int]) -> Shaped[np.ndarray, "rows columns"]:
        """The label of every point of a raster as it is stored, whatever :attr:`value` is; 0 beside the image."""
        rows, columns = np.indices(shape).reshape(2, -1)
        points = np.stack([rows, columns], axis=1) @ to_world[:2, :2].T + to_world[:2, 2]
        return self._read(points).reshape(shape)

    @property
    def bounds(self) -> World:
        """The rectangle around the label image, to the edges of its outermost pixels."""
        height, width = (int(side) for side in self.pixels.shape)
        ends = np.array([[row - 0.5, column - 0.5] for row in (0, height) for column in (0, width)])
        corners = ends @ self.to_world[:2, :2].T + self.to_world[:2, 2]
        (top, left), (bottom, right) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return top, left, bottom, right

    def is_meant(self, labels: Shaped[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
        """Which of these numbers are the label."""
        return np.asarray(labels != 0 if self.value is None else labels == self.value)

    def __str__(self) -> str:
        return "painted labels" if self.value is None else f"painted label {self.value}"

    def _at(self, points: Float[np.ndarray, "points 2"]) -> Bool[np.ndarray, " points"]:
        """Whether points of the world lie on the label."""
        return self.is_meant(self._read(points))

    def _read(self, points: Float[np.ndarray, "points 2"]) -> Shaped[np.ndarray, " points"]:
        """The numbers at points of the world, 0 beside the image; one piece of it is read."""
        from_world = np.linalg.inv(self.to_world)
        pixels = np.floor(points @ from_world[:2, :2].T + from_world[:2, 2] + 0.5).astype(np.int64)
        on_image = ((pixels >= 0) & (pixels < np.array(self.pixels.shape))).all(axis=1)
        numbers = np.zeros(len(points), dtype=self.pixels.dtype)
        if on_image.any():
            found = pixels[on_image]
            low, high = found.min(axis=0), found.max(axis=0) + 1
            with foreign_reader("The label image", "pixels", "Export it again"):
                piece = np.asarray(self.pixels[low[0] : high[0], low[1] : high[1]])
            numbers[on_image] = piece[tuple((found - low).T)]
        return numbers


class _Level:
    """The largest level of a slide, sliced like an array of two axes, with the numbers that are stored."""

    ndim = 2

    def __init__(self, slide: Slide) -> None:
        self._slide = slide
        self.shape = slide.size
        self.dtype = slide.levels[0].array.dtype

    def __getitem__(self, part: tuple[slice, slice]) -> Shaped[np.ndarray, "height width"]:
        return np.asarray(self._slide.levels[0].read(*part, self._slide.shown)[0])
