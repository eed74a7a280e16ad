"""What all layers share: the shape of a layer tuple, the key of its metadata, the names of units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from conceptstain.canvas.layer_source import METADATA_KEY

__all__ = ["METADATA_KEY", "UNITS", "LayerTuple", "shared_words"]

LayerTuple = tuple[Any, dict[str, Any], Literal["image", "points"]]

Unit = Literal["µm", "px"]
UNITS: Mapping[str, str] = {"µm": "um", "px": "pixel"}  # as pint spells them


def shared_words(unit: Unit, shown: object, *, stacked: Unit | None = None) -> dict[str, Any]:
    """Units, axis labels and metadata of a layer.

    Parameters
    ----------
    unit
        Of height and width.
    shown
        What the layer shows.
    stacked
        Unit of an axis of pictures before height and width; None: there is none.
    """
    units: tuple[str, ...] = (UNITS[unit], UNITS[unit])
    labels: tuple[str, ...] = ("y", "x")
    if stacked is not None:
        units, labels = (UNITS[stacked], *units), ("picture", *labels)
    return {"units": units, "axis_labels": labels, "metadata": {METADATA_KEY: shown}}
