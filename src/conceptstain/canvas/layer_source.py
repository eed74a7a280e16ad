"""What a napari layer says, read without napari: its data, where they lie in the world, its table, its features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, final, get_args

import numpy as np
import pandas as pd
import pint
from jaxtyping import Float

from conceptstain.canvas.spatialdata_section import MICROMETRES
from conceptstain.errors import InputError

__all__ = ["METADATA_KEY", "Kind", "LayerSource"]

METADATA_KEY = "conceptstain"
"""The one key that the metadata of our own layers has: it names the thing the layer shows."""

Kind = Literal["points", "shapes", "labels", "image"]
SYSTEM = "_current_cs"  # where napari-spatialdata writes the coordinate system that it shows


@final
@dataclass(frozen=True, eq=False)
class LayerSource:
    """A two-dimensional layer at one moment; later changes of the layer do not reach it.

    Large arrays (labels, images) are not copied; nothing in them is changed.

    Attributes
    ----------
    name
        The layer's name.
    kind
        Points, shapes, labels or image.
    data
        As the layer gives it: positions ``(y, x)``, a list of outlines, or an array (of several levels: a list).
    to_world
        Affine matrix from ``(y, x, 1)`` of the data to ``(y, x, 1)`` of the layer's world, in the layer's own numbers.
    unit
        ``"µm"`` where the layer's units are lengths, or its coordinate system is called by them; else ``"px"``.
    per_number
        Micrometres, or pixels, that 1 stands for along y and x in the layer's world.
    metadata
        The layer's.
    features
        One row for each point or shape; empty for others.
    sizes
        Diameters of points in data units, as large as the layer draws them; None for others.
    levels
        Whether ``data`` is a list of levels, largest first.
    rgb
        Whether the last axis of an image holds colours.
    limits
        Values of a grey image that are shown black and white.
    """

    name: str
    kind: Kind
    data: Any
    to_world: Float[np.ndarray, "3 3"]
    unit: Literal["µm", "px"] = "px"
    per_number: tuple[float, float] = (1.0, 1.0)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    features: pd.DataFrame = field(default_factory=pd.DataFrame)
    sizes: Float[np.ndarray, " points"] | None = None
    levels: bool = False
    rgb: bool = False
    limits: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def of(cls, layer: Any) -> LayerSource:
        """Read a layer.

        Raises
        ------
        InputError
            No layer, a kind that holds no spots or picture, one of our own, or one that is not two-dimensional.
        """
        kind = _kind(layer)
        name = str(layer.name)
        if METADATA_KEY in layer.metadata:
            raise InputError(
                f"The layer {name} is one of Concept Stain's own",
                got="a layer that shows a section or a map",
                cure="Choose a layer that something else put into the viewer",
            )
        if layer.ndim != 2:
            raise InputError(
                f"The layer {name} does not lie in a plane",
                got=f"{layer.ndim} dimensions",
                cure="Give a layer of two dimensions, y and x, such as one slice of it",
            )
        unit, per_number = _unit(layer, name)
        to_world = _to_world(layer, name)
        return cls(
            name=name,
            kind=kind,
            data=_own(layer.data, kind),
            to_world=to_world,
            unit=unit,
            per_number=per_number,
            metadata=dict(layer.metadata),
            features=pd.DataFrame(layer.features).copy() if kind in {"points", "shapes"} else pd.DataFrame(),
            sizes=_sizes(layer, to_world) if kind == "points" else None,
            levels=bool(getattr(layer, "multiscale", False)),
            rgb=bool(getattr(layer, "rgb", False)),
            limits=_limits(layer) if kind == "image" else (0.0, 1.0),
        )

    def placed_in(self, unit: Literal["µm", "px"]) -> Float[np.ndarray, "3 3"]:
        """The matrix to a world in this unit; lengths and pixels cannot be converted, and stay the numbers they are."""
        factors = self.per_number if unit == self.unit else (1.0, 1.0)
        return np.asarray(np.diag([*factors, 1.0]) @ self.to_world)


def _kind(layer: Any) -> Kind:
    """By the name of the class, so that napari need not be loaded; layers of other packages derive from these."""
    names = [base.__name__.lower() for base in type(layer).__mro__]
    found: Kind | None = next((kind for kind in get_args(Kind) if kind in names), None)
    if found is None or not hasattr(layer, "data_to_world"):
        raise InputError(
            "Only layers of points, shapes or labels hold spots, and only images are pictures",
            got=f"a layer of {type(layer).__name__}",
            cure="Choose a layer of points, shapes or labels that holds a table or genes",
        )
    return found


def _to_world(layer: Any, name: str) -> Float[np.ndarray, "3 3"]:
    """Scale, translation, rotation, shear and affine of a layer in one matrix, from where it takes three points."""
    origin, down, right = (np.array(layer.data_to_world(at), dtype=np.float64) for at in ((0, 0), (1, 0), (0, 1)))
    matrix = np.eye(3)
    matrix[:2] = np.stack([down - origin, right - origin, origin], axis=1)
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:2, :2])) < np.finfo(np.float64).tiny:
        raise InputError(
            f"The layer {name} lies nowhere in the world",
            got=f"a transform without area: {matrix[:2].tolist()}",
            cure="Give its scale and affine values other than 0",
        )
    return matrix


def _unit(layer: Any, name: str) -> tuple[Literal["µm", "px"], tuple[float, float]]:
    told = [str(unit) for unit in layer.units]
    if set(told) == {"pixel"}:
        return ("µm" if layer.metadata.get(SYSTEM) in MICROMETRES else "px"), (1.0, 1.0)
    try:
        y, x = (float(pint.Quantity(1, unit).to("micrometer").magnitude) for unit in told)
    except pint.errors.PintError as error:
        raise InputError(
            f"The layer {name} does not lie in a plane of lengths",
            got=f"the units {', '.join(told)}",
            cure="Give both axes a unit of length, or leave both in pixels",
        ) from error
    return "µm", (y, x)


def _own(data: Any, kind: Kind) -> Any:
    if kind == "points":
        return np.array(data, dtype=np.float64).reshape(-1, 2)
    if kind == "shapes":
        return [np.array(outline, dtype=np.float64) for outline in data]
    return data


def _sizes(layer: Any, to_world: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, " points"]:
    """Napari draws points larger by the scale of the last axis alone, whatever shear and affine do to their places."""
    drawn = np.asarray(layer.size, dtype=np.float64) * abs(float(layer.scale[-1]))
    return np.asarray(np.broadcast_to(drawn / np.sqrt(abs(np.linalg.det(to_world[:2, :2]))), len(layer.data)))


def _limits(layer: Any) -> tuple[float, float]:
    low, high = layer.contrast_limits
    return float(low), float(high)
