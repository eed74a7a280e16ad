"""The canvas: a view of a source that makes inputs of it and brings results back to their places."""

from __future__ import annotations

from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Float

from conceptstain.inputs import Inputs

__all__ = ["Canvas", "Placed"]

Placed: TypeAlias = Float[np.ndarray, " places"] | pd.Series
"""Values that came home: one per place; or a named table where their home is no place (the genes of a spot)."""


@runtime_checkable
class Canvas(Inputs, Protocol):
    """Inputs that know where they come from.

    Two functions bring results home: :meth:`paint` takes one score per item, :meth:`place` takes values of the inputs'
    shape. For every canvas ``place(inputs([item])[0], item)`` equals ``encoded_values(item)``.
    """

    @property
    def item_names(self) -> pd.Index[str]:
        """Name of every item (gene, spot, image, patch)."""
        ...

    @property
    def places(self) -> Float[np.ndarray, "places 2"]:
        """World coordinates ``(y, x)`` of every place a value can be painted on."""
        ...

    def item(self, name: str) -> int:
        """Index of an item by name; an InputError naming the nearest names if there is none."""
        ...

    def encoded_values(self, item: int) -> Placed:
        """What a network really sees of an item at its places: after scaling, averaging, resizing."""
        ...

    def place(self, values: Float[np.ndarray, "..."], item: int | None = None) -> Placed:
        """Bring values of the inputs' shape home: to the places, or into a named table."""
        ...

    def paint(self, scores: Float[np.ndarray, " items"]) -> pd.Series[float]:
        """Bring one score per item home, named."""
        ...
