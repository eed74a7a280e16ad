"""Pictures and slides out of napari's image layers, lying where the layers show them; napari is not imported."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pint
from jaxtyping import Float

from conceptstain.canvas.images import Images, StackAxis
from conceptstain.canvas.layer_source import METADATA_KEY
from conceptstain.canvas.slide import Slide
from conceptstain.canvas.world_scale import Told, Unit
from conceptstain.errors import InputError

__all__ = ["ImageLayer", "is_layer", "read_image_layer"]

FLAT = 1e-9  # of a pixel: how far pictures may be shifted against each other, to lie straight above each other


class ImageLayer(NamedTuple):
    """What an image layer shows.

    Attributes
    ----------
    name
        The layer's.
    data
        An array, or the levels of a pyramid as a list.
    place
        Where rows and columns lie, as :func:`conceptstain.canvas.world_scale.told_place` has it.
    axis
        Where the pictures of a stack lie above each other; None for one picture.
    """

    name: str
    data: Any
    place: Told
    axis: StackAxis | None


def is_layer(thing: object) -> bool:
    """Whether something is a napari layer, of whatever kind."""
    return hasattr(thing, "data_to_world") and hasattr(thing, "metadata")


def read_image_layer(layer: Any) -> ImageLayer | Images | Slide:
    """What an image layer shows; of our own layers, the pictures or the slide that they were made of.

    Raises
    ------
    InputError
        Not an image layer, a map, more than one axis before height and width, or one that is turned out of its plane.
    """
    own = layer.metadata.get(METADATA_KEY)
    if isinstance(own, Images | Slide):
        return own
    name = str(layer.name)
    kinds = {base.__name__ for base in type(layer).__mro__}
    if own is not None or "Image" not in kinds:
        raise InputError(
            f"The layer {name} is no picture",
            got="a layer of Concept Stain's own" if own is not None else f"a layer of {type(layer).__name__}",
            cure="Choose an image; points, shapes and labels with genes are opened by open_layer",
        )
    if layer.ndim not in {2, 3} or (layer.ndim == 3 and layer.multiscale):
        raise InputError(
            f"The layer {name} is neither a picture nor a stack of pictures",
            got=f"{layer.ndim} dimensions" + (" with a pyramid" if layer.multiscale else ""),
            cure="Give an image of two dimensions, or a stack of three without a pyramid",
        )
    matrix = _whole_matrix(layer)
    units = [str(unit) for unit in layer.units]
    unit, factors = _lengths(units[-2:], name)
    plane = np.eye(3)
    plane[:2] = np.diag(factors) @ matrix[-2:, [-3, -2, -1]]
    if not abs(np.linalg.det(plane)) > 0:
        raise InputError(
            f"The layer {name} lies nowhere in the world",
            got="a transform without area",
            cure="Give it a scale above 0",
        )
    axis = None
    if layer.ndim == 3:
        leaning = max(np.abs(matrix[1:, 0]).max(), np.abs(matrix[0, 1:3]).max())
        if leaning > FLAT * np.abs(matrix[1:, 1:3]).max():
            raise InputError(
                f"The pictures of the layer {name} do not lie straight above each other",
                got="a rotation or shear along the stack",
                cure="Undo it, or give the layer's data",
            )
        along, (factor,) = _lengths(units[:1], name)
        axis = StackAxis(float(matrix[0, 0] * factor), float(matrix[0, 3] * factor), along)
    data = list(layer.data) if layer.multiscale else layer.data
    return ImageLayer(name, data, (plane, unit, ""), axis)


def _whole_matrix(layer: Any) -> Float[np.ndarray, "axes columns"]:
    """Scale, translation, rotation, shear and affine in one matrix, from where the layer takes the unit vectors."""
    origin = np.array(layer.data_to_world((0,) * layer.ndim), dtype=np.float64)
    steps = [np.array(layer.data_to_world(tuple(unit)), dtype=np.float64) - origin for unit in np.eye(layer.ndim)]
    return np.stack([*steps, origin], axis=1)


def _lengths(units: list[str], name: str) -> tuple[Unit, tuple[float, ...]]:
    if set(units) == {"pixel"}:
        return "px", (1.0,) * len(units)
    try:
        return "µm", tuple(float(pint.Quantity(1, unit).to("micrometer").magnitude) for unit in units)
    except pint.errors.PintError as error:
        raise InputError(
            f"The axes of the layer {name} are no lengths",
            got=", ".join(units),
            cure="Give height and width a unit of length, or leave both in pixels",
        ) from error
