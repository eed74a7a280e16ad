"""What all layers share: the shape of a layer tuple, the key of its metadata, the names of units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from conceptstain.canvas.layer_source import METADATA_KEY

__all__ = ["METADATA_KEY", "UNITS", "LayerTuple", "shared_words"]

LayerTuple = tuple[Any, dict[str, Any], Literal["image", "points"]]

UNITS: Mapping[str, str] = {"µm": "um", "px": "pixel"}  # as pint spells them


def shared_words(unit: Literal["µm", "px"], shown: object, *, stacked: bool = False) -> dict[str, Any]:
    """Units, axis labels and metadata of a layer; ``stacked``: with an axis of pictures before height and width."""
    name = UNITS[unit]
    units, labels = (name, name), ("y", "x")
    if stacked:
        return {"units": ("pixel", *units), "axis_labels": ("picture", *labels), "metadata": {METADATA_KEY: shown}}
    return {"units": units, "axis_labels": labels, "metadata": {METADATA_KEY: shown}}
