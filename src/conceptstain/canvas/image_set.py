"""A set of pictures as inputs: every picture an item, its own pixels the places."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import ClassVar, final, get_args

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Shaped
from numpy.typing import NDArray

from conceptstain.canvas.bounded_cache import BoundedCache
from conceptstain.canvas.framing import Fit, Framing
from conceptstain.canvas.images import Images
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices

__all__ = ["FRAME", "LARGEST_FRAME", "MULTIPLE", "ImageSet", "ImageSetSettings", "checked_frame"]

FRAME = (64, 64)
MULTIPLE = 8  # three halvings of a picture come out even
LARGEST_FRAME = 256
KEPT_BYTES = 512 * 2**20  # pictures on the frame that are kept: 10,000 of 64 x 64 pixels with colours


@final
@dataclass(frozen=True)
class ImageSetSettings:
    """How pictures become inputs.

    Attributes
    ----------
    frame
        Height and width that a network sees, in pixels, or one number for both: multiples of 8 up to 256.
    fit
        How pictures of other sizes are laid on it: ``"pad"`` (the whole picture, its edge repeated beside it),
        ``"stretch"`` (the whole picture, each side by itself) or ``"crop"`` (its middle).
    channels
        1 for grey, 3 for colours; None: 3 where any picture has colours.
    """

    frame: tuple[int, int] | int = FRAME
    fit: Fit = "pad"
    channels: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame", checked_frame(self.frame))
        if self.fit not in get_args(Fit):
            raise InputError("Pictures cannot be fitted that way", got=repr(self.fit), cure="Use pad, stretch or crop")
        if self.channels not in {None, 1, 3}:
            raise InputError(
                "Networks see 1 or 3 channels", got=f"channels={self.channels}", cure="Use 1 for grey, 3 for colours"
            )

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the frame."""
        return checked_frame(self.frame)


def checked_frame(frame: tuple[int, int] | int) -> tuple[int, int]:
    """Height and width of a frame that networks can be built for.

    Raises
    ------
    InputError
        Not multiples of 8, or beyond 256.
    """
    sides = (frame, frame) if isinstance(frame, int | np.integer) else tuple(frame)
    if len(sides) != 2 or any(side % MULTIPLE or not 0 < side <= LARGEST_FRAME for side in sides):
        raise InputError(
            "Networks cannot be built for pictures of that size",
            got=" x ".join(map(str, sides)),
            cure=f"Use multiples of {MULTIPLE} up to {LARGEST_FRAME}, such as 64",
        )
    return int(sides[0]), int(sides[1])


@final
@dataclass(frozen=True, eq=False)
class ImageSet:
    """Canvas whose items are pictures and whose places are their own pixels. Make one with ``images.view("images")``.

    Attributes
    ----------
    images
        The pictures it shows.
    settings
        How they become inputs.
    """

    noun: ClassVar[str] = "picture"

    images: Images
    settings: ImageSetSettings

    def __len__(self) -> int:
        return len(self.images)

    @property
    def source(self) -> Images:
        """The pictures it shows."""
        return self.images

    @cached_property
    def item_names(self) -> pd.Index[str]:
        """Names of the pictures."""
        return pd.Index(self.images.names)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(channels, height, width)`` of the frame."""
        return (self.settings.channels or self.images.channels, *self.settings.sides)

    @cached_property
    def mask(self) -> Bool[np.ndarray, "height width"]:
        """Where any picture lies on the frame; beside a single picture, its edge is repeated."""
        mask = np.zeros(self.settings.sides, dtype=bool)
        for size in set(self.images.sizes):
            top, left, rows, columns = _framing(size, self.settings).box
            mask[top : top + rows, left : left + columns] = True
        return mask

    @property
    def scaling(self) -> str:
        """Name of the scaling of the values: ``"unit"``, 0..1."""
        return "unit"

    @cached_property
    def trainable(self) -> NDArray[np.integer]:
        """Pictures that are not the same everywhere."""
        return np.flatnonzero([not each.constant for each in self.images.stored])

    def item(self, name: str) -> int:
        """Index of a picture by its name, with or without its ending.

        Raises
        ------
        InputError
            No such picture; the message names the nearest ones.
        """
        found = self.images.index_of(name)
        if found is not None:
            return found
        same = [each for each in self.images.names if each.startswith(f"{name}.")]
        near = same[:3] or difflib.get_close_matches(name, self.images.names, n=3)
        raise InputError(
            f"{self.images.name} has no picture of that name",
            got=repr(name),
            cure=f"Did you mean {' or '.join(near)}?".rstrip("?") if near else "Check the spelling",
        )

    def inputs(self, items: ItemIndices) -> Float[np.ndarray, "items channels height width"]:
        """These pictures on the frame, float32 in 0..1.

        Raises
        ------
        ReadingError
            The file of one is gone or was changed since.
        """
        framed = np.empty((len(items), *self.shape), dtype=np.float32)
        for row, item in enumerate(np.asarray(items, dtype=int)):
            framed[row] = self._kept.get(int(item), partial(self._framed, int(item)))
        return framed

    def encoded_values(self, item: int) -> Float[np.ndarray, "channels height width"]:
        """What a network sees of a picture, at the picture's own pixels; NaN where the frame does not show it."""
        return self.place(self.inputs([item])[0], item)

    def place(self, values: Float[np.ndarray, "..."], item: int | None = None) -> Float[np.ndarray, "... height width"]:
        """Values on the frame at the pixels of a picture, by linear interpolation.

        Parameters
        ----------
        values
            ``(channels, height, width)`` of the frame, or any other number of axes before height and width.
        item
            The picture, as each has its own pixels; None where all have one size.

        Returns
        -------
        ndarray
            Float32, ``(..., height, width)`` of that picture; NaN where the frame does not show it.

        Raises
        ------
        InputError
            Values of another height and width, or no item where sizes differ.
        """
        if values.ndim < 2 or values.shape[-2:] != self.shape[1:]:
            raise InputError(
                "These values are not of this canvas",
                got=f"shape {values.shape} for pictures of {self.shape}",
                cure="Use values made with the same canvas",
            )
        if item is None and not self.images.same_size:
            raise InputError(
                "The pictures differ in size", got="values without an item", cure="Say of which picture they are"
            )
        return _framing(self.images.stored[item or 0].size, self.settings).unframed(values)

    def shown(self, item: int) -> Bool[np.ndarray, "rows columns"]:
        """Where on the frame a picture lies; beside it, its edge is repeated."""
        return _framing(self.images.stored[item].size, self.settings).lies

    def lay(self, values: Shaped[np.ndarray, "height width"], item: int) -> Float[np.ndarray, "rows columns"]:
        """Values at the pixels of a picture, such as a mask, on the frame as the picture lies on it.

        Returns
        -------
        ndarray
            Float32, ``(rows, columns)`` of the frame: pixels that fall together are averaged; NaN beside the picture.

        Raises
        ------
        InputError
            Values of other pixels.
        """
        framing = _framing(self.images.stored[item].size, self.settings)
        if np.shape(values) != framing.size:
            raise InputError(
                f"These values are not of the picture {self.item_names[item]}",
                got=f"shape {np.shape(values)} for {framing.size} pixels",
                cure="Give one value for each of its pixels",
            )
        framed = framing.framed(np.asarray(values, dtype=np.float32)[None])[0]
        return np.where(framing.lies, framed, np.float32(np.nan))

    def lay_labels(self, labels: Shaped[np.ndarray, "_ _"], item: int) -> Shaped[np.ndarray, "rows columns"]:
        """Labels of a picture on the frame, each pixel that of the nearest; 0 beside the picture.

        They may be of another resolution than the picture, as long as they cover all of it.
        """
        return _framing(self.images.stored[item].size, self.settings).nearest(labels)

    def paint(self, scores: Float[np.ndarray, " items"]) -> pd.Series[float]:
        """One score per picture, named."""
        return pd.Series(np.asarray(scores), index=self.item_names, name="score")

    def to_world(self, item: int) -> Float[np.ndarray, "3 3"]:  # noqa: ARG002 - as for patches, which lie apart
        """Affine matrix from ``(row, column, 1)`` of what :meth:`place` gives to ``(y, x, 1)`` in world units."""
        return self.images.to_world

    def _framed(self, item: int) -> Float[np.ndarray, "channels height width"]:
        size = self.images.stored[item].size
        return _framing(size, self.settings).framed(self.images.pixels(item, self.shape[0]))

    @cached_property
    def _kept(self) -> BoundedCache:
        return BoundedCache(KEPT_BYTES)


@lru_cache(maxsize=1024)
def _framing(size: tuple[int, int], settings: ImageSetSettings) -> Framing:
    return Framing.of(size, settings.sides, settings.fit)
