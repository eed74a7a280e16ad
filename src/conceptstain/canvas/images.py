"""A set of pictures: files of a folder, pages of a TIFF, or arrays; read when they are asked for."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, final

import numpy as np
from jaxtyping import Float

from conceptstain.canvas.bounded_cache import BoundedCache
from conceptstain.canvas.image_file import RawPicture
from conceptstain.canvas.pixel_values import Kind, ValueRange, channels_first, unit_values
from conceptstain.canvas.world_scale import in_micrometres
from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.canvas.image_set import ImageSet

__all__ = ["Images", "LeftOut", "StackAxis", "StoredPicture"]

KEPT_BYTES = 256 * 2**20  # decoded pictures that are kept


class StackAxis(NamedTuple):
    """Where pictures lie above each other in a stack: from one to the next, the first one, and the unit of both."""

    step: float = 1.0
    start: float = 0.0
    unit: Literal["µm", "px"] = "px"


class LeftOut(NamedTuple):
    """A picture that could not be used, and why."""

    name: str
    reason: str


@final
@dataclass(frozen=True, eq=False)
class StoredPicture:
    """What is known of a picture without holding it.

    Attributes
    ----------
    name
        Name of the file, of the page (``"stack.tif[3]"``), or number of the array.
    position
        Its place among all that was given, those left out counted.
    size
        Height and width in pixels.
    coloured
        Whether it has three channels.
    kind
        What numbers its pixels are.
    low, high
        Its least and its largest value, as stored.
    digest
        SHA-256 of its pixels.
    read
        Reads its pixels.
    path
        The file it is in, if any.
    """

    name: str
    position: int
    size: tuple[int, int]
    coloured: bool
    kind: Kind
    low: float
    high: float
    digest: str
    read: Callable[[], RawPicture]
    path: Path | None = None

    @property
    def constant(self) -> bool:
        """Whether all of its pixels are alike, so that there is nothing to learn from it."""
        return self.low == self.high


@final
@dataclass(frozen=True, eq=False)
class Images:
    """A set of pictures; nothing in it changes after opening. Make one with :func:`conceptstain.open`.

    Attributes
    ----------
    name
        Short name for layers and figures.
    stored
        The pictures, in order.
    ranges
        For each kind of numbers, the values that are taken as 0 and 1: one range for the whole set.
    to_world
        Affine matrix from ``(row, column, 1)`` of a pixel's centre to ``(y, x, 1)`` in world units, for every picture.
    unit
        ``"µm"`` where the size of a pixel is known, else ``"px"``.
    path
        The folder or file they were read from, if there is one.
    left_out
        What could not be read, and why.
    notes
        Everything that was assumed, converted or left out, one sentence each, to be shown to the user.
    opened_with
        How they were opened, apart from the path.
    axis
        Where they lie above each other when they are shown as a stack.
    """

    name: str
    stored: tuple[StoredPicture, ...]
    ranges: Mapping[Kind, ValueRange]
    to_world: Float[np.ndarray, "3 3"] = field(default_factory=lambda: np.eye(3))
    unit: Literal["µm", "px"] = "px"
    path: Path | None = None
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    opened_with: Mapping[str, str | float] = field(default_factory=dict)
    axis: StackAxis = field(default_factory=StackAxis)

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of every picture."""
        return tuple(each.name for each in self.stored)

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Height and width of every picture in pixels."""
        return tuple(each.size for each in self.stored)

    @property
    def same_size(self) -> bool:
        """Whether all pictures have one size, so that they make a stack."""
        return len(set(self.sizes)) == 1

    @property
    def channels(self) -> int:
        """3 where any picture has colours, else 1."""
        return 3 if any(each.coloured for each in self.stored) else 1

    @cached_property
    def content(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 over the pixels of all pictures.

        The same pictures have the same word, whatever files they are in and in whatever order.
        """
        return hashlib.sha256("".join(sorted(each.digest for each in self.stored)).encode()).hexdigest()[:12]

    def in_micrometres(self, pixel_size: float) -> Images:
        """The same with the size of a pixel known.

        Parameters
        ----------
        pixel_size
            Micrometres along a pixel of the coordinates.

        Raises
        ------
        InputError
            The coordinates are in micrometres already, or the size is not positive.
        """
        placed = in_micrometres(self.to_world, self.unit, pixel_size)
        return replace(self, to_world=placed, unit="µm", opened_with={**self.opened_with, "pixel_size": pixel_size})

    def index_of(self, name: str) -> int | None:
        """Index of a picture by its name, with or without its ending; None where there is no such picture.

        Without its ending, a name must be that of one picture alone.
        """
        return self._index.get(name)

    def raw(self, index: int) -> np.ndarray:
        """A picture as stored: ``(height, width)`` or ``(height, width, 3)``, read-only.

        Raises
        ------
        ReadingError
            Its file is gone or was changed since.
        """
        return self._kept.get(index, lambda: self.stored[index].read().pixels)

    def pixels(self, index: int, channels: int | None = None) -> Float[np.ndarray, "channels height width"]:
        """A picture as networks read it: float32 in 0..1.

        Parameters
        ----------
        index
            Which one.
        channels
            1 (colours become grey, by their luma) or 3 (grey is repeated); None: those of the set.
        """
        values = unit_values(self.raw(index), self.ranges[self.stored[index].kind])
        return channels_first(values, channels or self.channels)

    def view(self, kind: Literal["images"] = "images", **settings: Any) -> ImageSet:
        """The canvas over these pictures.

        Parameters
        ----------
        kind
            ``"images"``: every picture an item.
        settings
            Those of :class:`ImageSetSettings`.

        Raises
        ------
        InputError
            No view of that name.
        """
        if kind != "images":
            raise InputError("Pictures cannot be viewed that way", got=repr(kind), cure='Use view("images")')
        from conceptstain.canvas.image_set import ImageSet, ImageSetSettings

        return ImageSet(self, ImageSetSettings(**settings))

    @cached_property
    def _index(self) -> dict[str, int]:
        bare = [name.rpartition(".")[0] or name for name in self.names]
        repeated = Counter(bare)
        known = {name: index for index, name in enumerate(bare) if repeated[name] == 1}
        return known | {name: index for index, name in enumerate(self.names)}

    @cached_property
    def _kept(self) -> BoundedCache:
        return BoundedCache(KEPT_BYTES)
