"""Which items a map is asked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from conceptstain.canvas.canvas import Canvas
from conceptstain.canvas.expression import counted
from conceptstain.concepts.concept import Concept
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import Inputs, ItemIndices

__all__ = ["checked_items", "concept_items", "items_told"]

LONGEST = 100  # of a name in a title


def checked_items(canvas: Inputs, items: ItemIndices) -> NDArray[np.integer]:
    """Indices as an array.

    Raises
    ------
    InputError
        None given, not whole numbers, or outside the canvas.
    """
    chosen = np.asarray(items)
    if chosen.ndim != 1 or len(chosen) == 0:
        raise InputError("No item is chosen", got=f"shape {chosen.shape}", cure="Give one index or more")
    if not np.issubdtype(chosen.dtype, np.integer):
        raise InputError(
            "Items are chosen by whole numbers", got=str(chosen.dtype), cure="Find them by name with canvas.item(name)"
        )
    if chosen.min() < 0 or chosen.max() >= len(canvas):
        raise InputError(
            "There is no such item",
            got=f"{chosen.min()} to {chosen.max()} for {len(canvas)} items",
            cure="Find them by name with canvas.item(name)",
        )
    return chosen


def concept_items(canvas: Canvas, concept: Concept) -> tuple[NDArray[np.integer], tuple[str, ...]]:
    """The concept's items on this canvas, and the names of those that it does not have.

    Raises
    ------
    MismatchError
        The canvas has none of them.
    """
    found: list[int] = []
    missing: list[str] = []
    for name in concept.items:
        try:
            found.append(canvas.item(name))
        except InputError:
            missing.append(name)
    if not found:
        raise MismatchError(
            f"None of the items of the concept {concept.name!r} is here",
            got=", ".join(concept.items[:5]) or "a concept without items",
            cure="Choose the items to map, or make the concept on this data",
        )
    return np.asarray(found, dtype=int), tuple(missing)


def items_told(canvas: Canvas, items: NDArray[np.integer]) -> str:
    """Which items, as a title has them: the name of a single one, else how many."""
    return str(canvas.item_names[items[0]])[:LONGEST] if len(items) == 1 else counted(len(items), canvas.noun)
