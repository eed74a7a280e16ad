"""What a layer draws: the centres of its points, shapes or labels, how large they are, and what each is called."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.canvas.layer_source import LayerSource
from conceptstain.canvas.untrusted import refuse_size
from conceptstain.errors import InputError

__all__ = ["Elements", "as_words", "elements_of"]

INDICES = "indices"  # where napari-spatialdata writes what its points and shapes are called
DATA = "sdata"


class Elements(NamedTuple):
    """What a layer draws.

    Attributes
    ----------
    centres
        ``(y, x)`` in the data of the layer.
    diameters
        Of circles as large as each element, in the same numbers.
    names
        What each is called, as text; None where the layer does not say.
    """

    centres: Float[np.ndarray, "elements 2"]
    diameters: Float[np.ndarray, " elements"]
    names: pd.Index[str] | None


def elements_of(source: LayerSource, key: str | None) -> Elements:
    """Centres, sizes and names of what a layer draws.

    Labels are called by their value; 0 is none. Points and shapes are called by ``metadata["indices"]``, else by the
    column ``key`` of the layer's features, else by the element of ``metadata["sdata"]`` that they were made from.

    Raises
    ------
    InputError
        An image, labels that are too large, or as many names as there are not elements.
    """
    if source.kind == "labels":
        return _labels(source)
    if source.kind == "points":
        centres = source.data
        diameters = np.broadcast_to(np.nan if source.sizes is None else source.sizes, len(centres))
    elif source.kind == "shapes":
        told = [_centre_and_area(outline) for outline in source.data]
        centres = np.array([centre for centre, _ in told], dtype=np.float64).reshape(-1, 2)
        diameters = 2 * np.sqrt(np.array([area for _, area in told], dtype=np.float64) / np.pi)
    else:
        raise InputError(
            f"The layer {source.name} is a picture, which holds no spots",
            got="an image",
            cure="Choose a layer of points, shapes or labels, and this one as the picture under it",
        )
    return Elements(centres, diameters, _names(source, key, len(centres)))


def as_words(values: Any) -> pd.Index[str]:
    """Names as text; whole numbers are written the same way, whatever type they have."""
    index = pd.Index(values)
    if index.dtype.kind == "f" and np.isfinite(index).all() and (index == np.rint(index)).all():
        index = index.astype(np.int64)
    return pd.Index([str(value) for value in index], dtype=object)


def _names(source: LayerSource, key: str | None, number: int) -> pd.Index[str] | None:
    told = source.metadata.get(INDICES)
    if told is None and key is not None and key in source.features:
        told = source.features[key]
    if told is None:
        shapes = getattr(source.metadata.get(DATA), "shapes", None)
        element = source.metadata.get("name")
        told = shapes[element].index if shapes is not None and element in shapes else None
    if told is None:
        return None
    names = as_words(told)
    if len(names) != number:
        raise InputError(
            f"The layer {source.name} does not say which {source.kind} are which",
            got=f"{len(names):,} names for {number:,} {source.kind}",
            cure="Show the layer again; points or shapes were added or taken away",
        )
    if not names.is_unique:
        twice = names[names.duplicated()][0]
        raise InputError(
            f"The layer {source.name} has several {source.kind} of one name",
            got=f"{int(names.duplicated().sum()):,} repeated, such as {twice!r}",
            cure="Give each its own name, or keep one of them",
        )
    return names


def _centre_and_area(outline: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Centroid and area of a polygon (of a rectangle or ellipse by its corners); of a line the mean of its ends."""
    if len(outline) < 1:
        return np.full(2, np.nan), 0.0
    middle = outline.mean(axis=0)
    corners = outline - middle  # far from the origin the products below would lose their digits
    following = np.roll(corners, -1, axis=0)
    crossed = corners[:, 0] * following[:, 1] - following[:, 0] * corners[:, 1]
    doubled = crossed.sum()
    if abs(doubled) <= 1e-12 * max(float(np.abs(corners).max()) ** 2, np.finfo(np.float64).tiny):
        return middle, 0.0
    centre = ((corners + following) * crossed[:, None]).sum(axis=0) / (3 * doubled)
    return middle + centre, abs(float(doubled)) / 2


def _labels(source: LayerSource) -> Elements:
    full = source.data[0] if source.levels else source.data
    # an index of each pixel beside its label
    refuse_size(float(np.prod(full.shape, dtype=float)) * 2 * np.dtype(np.int64).itemsize, source.name)
    pixels = np.asarray(full)
    rows, columns = np.nonzero(pixels)
    values, of = np.unique(pixels[rows, columns], return_inverse=True)
    areas = np.bincount(of, minlength=len(values)).astype(np.float64)
    places = [np.bincount(of, weights=at, minlength=len(values)) / np.maximum(areas, 1) for at in (rows, columns)]
    return Elements(np.stack(places, axis=1), 2 * np.sqrt(areas / np.pi), as_words(values))
