"""Where pictures lie in the world, as the user says it: by the size of a pixel, or by a matrix."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from jaxtyping import Float

from conceptstain.errors import InputError

__all__ = ["Told", "Unit", "in_micrometres", "told_place"]

Unit = Literal["µm", "px"]
Told: TypeAlias = tuple[Float[np.ndarray, "3 3"], Unit, str]
"""Matrix to the world, its unit, and what to say about it."""


def told_place(pixel_size: float | None, to_world: Any, unit: str | None) -> Told | None:
    """Matrix, unit and note; None where nothing was told.

    Parameters
    ----------
    pixel_size
        Micrometres along a pixel.
    to_world
        Affine matrix from ``(row, column, 1)`` of a pixel's centre to ``(y, x, 1)``, instead.
    unit
        Of the world that ``to_world`` leads to; None: ``"px"``.

    Raises
    ------
    InputError
        Both, a size that is not above 0, or no affine matrix.
    """
    if pixel_size is not None and to_world is not None:
        raise InputError(
            "A matrix says how large pixels are", got="pixel_size= and to_world=", cure="Give one of the two"
        )
    if unit is not None and (to_world is None or unit not in get_args(Unit)):
        raise InputError("This unit cannot be used", got=f"unit={unit!r}", cure='Give "µm" or "px" beside to_world=')
    if pixel_size is not None:
        if not 0 < pixel_size < np.inf:
            raise InputError(
                "A pixel cannot have that size", got=f"{pixel_size:g} µm", cure="Give micrometres, such as 0.5"
            )
        told = f"A pixel was said to be {pixel_size:g} µm wide."
        return np.diag([pixel_size, pixel_size, 1.0]), "µm", told
    if to_world is None:
        return None
    matrix = np.asarray(to_world, dtype=np.float64)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or not abs(np.linalg.det(matrix)) > 0:
        raise InputError(
            "This matrix places no picture", got=f"shape {matrix.shape}", cure="Give a 3 x 3 affine matrix"
        )
    return matrix, "µm" if unit == "µm" else "px", ""


def in_micrometres(to_world: Float[np.ndarray, "3 3"], unit: Unit, pixel_size: float) -> Float[np.ndarray, "3 3"]:
    """The matrix to a world of micrometres, where one of pixels was known so far.

    Raises
    ------
    InputError
        The world is one of micrometres already, or the size is not positive.
    """
    if unit == "µm" or not 0 < pixel_size < np.inf:
        raise InputError(
            "The size of a pixel cannot be set",
            got=f"{pixel_size:g} for coordinates in {unit}",
            cure="Give a positive size, for data whose coordinates are in pixels",
        )
    return np.asarray(np.diag([pixel_size, pixel_size, 1.0]) @ to_world)
