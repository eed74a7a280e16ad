"""The canvas: a view of a source that makes inputs of it and brings results back to their places."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Float

from conceptstain.inputs import Inputs, Source

if TYPE_CHECKING:
    from conceptstain.canvas.score_raster import ScoreRaster

__all__ = ["Canvas", "Painted", "Placed", "SpotCanvas"]

Placed: TypeAlias = Float[np.ndarray, "*places"] | pd.Series
"""Values that came home: one per spot; ``(channels, height, width)`` at the pixels of a picture; or a named table where
their home is no place (the genes of a spot)."""

Painted: TypeAlias = "pd.Series[float] | ScoreRaster"
"""Scores that came home: one per item, named; or, of patches that overlap, a raster of their means."""


@runtime_checkable
class Canvas(Inputs, Protocol):
    """Inputs that know where they come from.

    Two functions bring results home: :meth:`paint` takes one score per item, :meth:`place` takes values of the inputs'
    shape. For every canvas ``place(inputs([item])[0], item)`` equals ``encoded_values(item)``.
    """

    noun: ClassVar[str]
    """What one of its items is called: gene, spot, picture or patch."""

    @property
    def source(self) -> Source:
        """The section, set of pictures or slide that it shows."""
        ...

    @property
    def item_names(self) -> pd.Index[str]:
        """Name of every item (gene, spot, image, patch)."""
        ...

    def item(self, name: str) -> int:
        """Index of an item by name; an InputError naming the nearest names if there is none."""
        ...

    def encoded_values(self, item: int) -> Placed:
        """What a network really sees of an item at its places: after scaling, averaging, resizing."""
        ...

    def place(self, values: Float[np.ndarray, "..."], item: int | None = None) -> Placed:
        """Bring values of the inputs' shape home: to the spots, to an item's pixels, or into a named table."""
        ...

    def paint(self, scores: Float[np.ndarray, " items"]) -> Painted:
        """Bring one score per item home."""
        ...


@runtime_checkable
class SpotCanvas(Canvas, Protocol):
    """A canvas of a section: whatever its items are, its places are spots."""

    @property
    def places(self) -> Float[np.ndarray, "spots 2"]:
        """World coordinates ``(y, x)`` of the spots."""
        ...
