"""What a network sees of data, and nothing else: the protocol between canvases and networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

__all__ = ["Inputs", "ItemIndices", "Profiles", "Source", "Targets"]

ItemIndices = Sequence[int] | NDArray[np.integer]


@runtime_checkable
class Inputs(Protocol):
    """Items, each an array of one shape, that a network can be trained on or asked about."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input, e.g. ``(channels, height, width)``."""
        ...

    @property
    def mask(self) -> Bool[np.ndarray, "..."]:
        """Where an input holds data (True) rather than padding; broadcasts against ``shape``."""
        ...

    @property
    def scaling(self) -> str:
        """Name of the scaling of the values; a network must be asked in the scaling it was trained in."""
        ...

    @property
    def trainable(self) -> NDArray[np.integer]:
        """Indices of the items with enough signal to learn from."""
        ...

    def __len__(self) -> int:
        """Number of items."""
        ...

    def inputs(self, items: ItemIndices) -> Float[np.ndarray, "items ..."]:
        """The items at these indices as one batch, float32, shape ``(len(items), *shape)``."""
        ...


@runtime_checkable
class Profiles(Inputs, Protocol):
    """Inputs that are vectors over named features, with the counts behind them.

    What a network reads are still ``inputs``. A likelihood of counts compares what it decodes with ``counts``, which
    never enter the network, in units of the item's ``depths``.
    """

    @property
    def features(self) -> tuple[str, ...]:
        """Name of every number of an input, in order; a network must be asked about the features it was trained on."""
        ...

    def counts(self, items: ItemIndices) -> Float[np.ndarray, "items features"]:
        """Raw counts of these items; an InputError where there are none."""
        ...

    def depths(self, items: ItemIndices) -> Float[np.ndarray, " items"]:
        """Size factor of these items: their counts of all features, chosen or not, in units of 10,000."""
        ...


class Source(Protocol):
    """Where inputs come from: what tells one section, set of pictures or slide from another of its name."""

    @property
    def name(self) -> str:
        """Name to show."""
        ...

    @property
    def content(self) -> str:
        """A word that changes with the counts or the pixels, and with nothing else."""
        ...

    @property
    def unit(self) -> Literal["µm", "px"]:
        """Unit of the world it lies in."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Everything that was assumed or left out, one sentence each."""
        ...


class Targets(Protocol):
    """What a classifier learns: a class for every item, or for every pixel of it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        ...

    @property
    def parts(self) -> bool:
        """Whether every pixel has a class of its own."""
        ...

    @property
    def labelled(self) -> NDArray[np.integer]:
        """Indices of the items of which a class is known, ascending."""
        ...

    def of(self, items: ItemIndices) -> Float[np.ndarray, "items classes ..."]:
        """1 for the class of each item, or of each pixel of its input, and 0 for the others; all 0: not known."""
        ...
