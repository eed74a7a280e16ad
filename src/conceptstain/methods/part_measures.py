"""How large, bright, varied and long the parts of pictures are, and how that changes.

The measures and how their changes are told are those of Wehrheim, Osuna-Vargas and Kaschube 2024, "Linking in Style",
whose released code reads them from tables that it does not make. Ours, where it is silent: an ellipse is the one with
the same second moments, of all pixels of a part together; entropy is that of grey levels; and the share of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.special import entr

from conceptstain.errors import InputError

__all__ = ["HIDDEN", "PartMeasures", "change_of", "grey", "part_changes", "part_measures"]

HIDDEN = (
    20.0  # pixels: a part that is smaller, on the mean over the steps, is not measured, as in the released notebook
)
LEVELS = 16  # of grey: more would make entropy a measure of area, as parts have some hundred pixels
LUMINANCE = 3.0  # the notebook divides a difference of 0..255 by 85
LUMA = np.array([0.299, 0.587, 0.114])  # of red, green and blue, ITU-R BT.601
OF_PIXEL = 1 / 12  # variance of one pixel's own extent, so that a line of pixels has a width


class PartMeasures(NamedTuple):
    """Measures of each part of each sample, ``(samples, parts)``, float64; NaN where a part has no pixel.

    Attributes
    ----------
    area
        Pixels; 0 where there is none.
    share
        Of the sample's pixels, 0..1.
    luminance
        Mean grey, in the samples' own units; of colours their luma (ITU-R BT.601).
    entropy
        Shannon entropy of its 16 grey levels, in bits.
    eccentricity
        Of the ellipse with the same second moments: 0 for a circle, towards 1 for a line.
    angle
        Of the ellipse's long axis against the rows, in degrees above -90 up to 90; counter-clockwise as it is seen.
    x, y
        Column and row of its middle, in pixels.
    width, height
        Of the ellipse along the rows and along the columns, in pixels.
    """

    area: Float[np.ndarray, "samples parts"]
    share: Float[np.ndarray, "samples parts"]
    luminance: Float[np.ndarray, "samples parts"]
    entropy: Float[np.ndarray, "samples parts"]
    eccentricity: Float[np.ndarray, "samples parts"]
    angle: Float[np.ndarray, "samples parts"]
    x: Float[np.ndarray, "samples parts"]
    y: Float[np.ndarray, "samples parts"]
    width: Float[np.ndarray, "samples parts"]
    height: Float[np.ndarray, "samples parts"]


def part_measures(
    samples: Float[np.ndarray, "..."],
    labels: Int[np.ndarray, "..."],
    n_parts: int,
    *,
    span: tuple[float, float] = (0.0, 1.0),
) -> PartMeasures:
    """Measure the parts of pictures.

    Parameters
    ----------
    samples
        Pictures of one or three channels, ``(samples, channels, rows, columns)``.
    labels
        Number of the part at every pixel, ``(samples, rows, columns)``; -1: none.
    n_parts
        How many parts there are.
    span
        Between which values the grey levels of the entropy lie; what lies beyond counts as the nearest.

    Raises
    ------
    InputError
        Labels of another size, or numbers of parts that there are not.

    References
    ----------
    Wehrheim, Osuna-Vargas, Kaschube 2024, "Linking in Style".
    """
    if samples.ndim != 4 or labels.shape != (len(samples), *samples.shape[2:]):
        raise InputError(
            "These labels are not of these pictures",
            got=f"labels {labels.shape} for pictures {samples.shape}",
            cure="Give the number of a part for every pixel",
        )
    if labels.size and not (labels.min() >= -1 and labels.max() < n_parts):
        raise InputError(
            "There is no such part",
            got=f"{labels.min()} to {labels.max()} for {n_parts} parts",
            cure=f"Use -1 (none) to {n_parts - 1}",
        )
    n, rows, columns = labels.shape
    light = grey(samples).reshape(n, -1)
    flat = labels.reshape(n, -1).astype(np.int64)
    nowhere = n * n_parts
    at = np.where(flat < 0, nowhere, flat + n_parts * np.arange(n)[:, None])
    across = np.tile(np.arange(columns, dtype=np.float64), rows)
    down = np.repeat(np.arange(rows, dtype=np.float64), columns)

    def total(weights: Float[np.ndarray, "..."] | None = None) -> Float[np.ndarray, "samples parts"]:
        weighing = None if weights is None else np.broadcast_to(weights, flat.shape).ravel()
        summed = np.bincount(at.ravel(), weighing, minlength=nowhere + 1)[:nowhere]
        return np.asarray(summed, dtype=np.float64).reshape(n, n_parts)

    area = total()
    there = np.where(area > 0, area, np.nan)
    x, y = total(across) / there, total(down) / there
    var_x = total(across**2) / there - x**2 + OF_PIXEL
    var_y = total(down**2) / there - y**2 + OF_PIXEL
    cov = total(across * down) / there - x * y
    spread = np.hypot((var_x - var_y) / 2, cov)
    longer, shorter = (var_x + var_y) / 2 + spread, (var_x + var_y) / 2 - spread
    return PartMeasures(
        area=area,
        share=area / (rows * columns),
        luminance=total(light) / there,
        entropy=_entropy(light, at, n_parts, span),
        eccentricity=np.sqrt(np.maximum(1 - shorter / longer, 0)),
        angle=_upright(np.degrees(np.arctan2(-2 * cov, var_x - var_y) / 2)),
        x=x,
        y=y,
        width=4 * np.sqrt(var_x),
        height=4 * np.sqrt(var_y),
    )


def change_of(path: Sequence[PartMeasures], *, hidden: float = HIDDEN) -> dict[str, Float[np.ndarray, "samples parts"]]:
    """By how much each measure changes from the first step of a path to the last; NaN where a part is hidden.

    Parameters
    ----------
    path
        Measures of the same samples at two steps or more.
    hidden
        A part is hidden where its mean area over the steps is below so many pixels. Its share changes all the same:
        what is nowhere has a share of 0.

    Returns
    -------
    dict
        ``area`` relative to the first (to 1 where that is 0), ``luminance`` in thirds of white, as the released
        notebook has them; ``angle`` by the shorter way round; all others as differences.
    """
    first, last = path[0], path[-1]
    seen = np.mean([step.area for step in path], axis=0) >= hidden
    changes = {name: getattr(last, name) - getattr(first, name) for name in PartMeasures._fields}
    changes["area"] = changes["area"] / np.where(first.area > 0, first.area, 1.0)
    changes["luminance"] = LUMINANCE * changes["luminance"]
    changes["angle"] = _upright(changes["angle"])
    return {name: each if name == "share" else np.where(seen, each, np.nan) for name, each in changes.items()}


def part_changes(
    first: PartMeasures, last: PartMeasures, *, parts: Sequence[str] | None = None, hidden: float = HIDDEN
) -> pd.DataFrame:
    """How the parts of the same samples differ between two steps; see :func:`change_of`.

    Parameters
    ----------
    first, last
        Made with :func:`part_measures`, of as many samples and parts.
    parts
        Names of the parts; None: their numbers.
    hidden
        Pixels below which, on the mean of both, a part is left out: NaN.

    Returns
    -------
    DataFrame
        One row for every ``sample`` and ``part``, with ``d_area``, ``d_share``, ``d_luminance``, ``d_entropy``,
        ``d_eccentricity``, ``d_angle``, ``d_x``, ``d_y``, ``d_width`` and ``d_height``.

    Raises
    ------
    InputError
        Steps that are not of the same samples and parts, or another number of names.
    """
    shape = first.area.shape
    if last.area.shape != shape or (parts is not None and len(parts) != shape[1]):
        raise InputError(
            "These steps are not of the same samples and parts",
            got=f"{shape} and {last.area.shape}" + ("" if parts is None else f", {len(parts)} names"),
            cure="Measure both alike, and name every part",
        )
    names = list(range(shape[1])) if parts is None else list(parts)
    rows = pd.MultiIndex.from_product([range(shape[0]), names], names=["sample", "part"])
    changes = change_of([first, last], hidden=hidden)
    return pd.DataFrame({f"d_{name}": each.ravel() for name, each in changes.items()}, index=rows).reset_index()


def grey(samples: Float[np.ndarray, "samples channels rows columns"]) -> Float[np.ndarray, "samples rows columns"]:
    """The luma of colours, the mean of any other channels, float64."""
    if samples.shape[1] == len(LUMA):
        return np.asarray(np.einsum("nchw,c->nhw", samples, LUMA, dtype=np.float64))
    return np.asarray(samples.mean(axis=1, dtype=np.float64))


def _entropy(
    light: Float[np.ndarray, "samples pixels"],
    at: Int[np.ndarray, "samples pixels"],
    n_parts: int,
    span: tuple[float, float],
) -> Float[np.ndarray, "samples parts"]:
    low, high = span
    level = np.clip((light - low) / (high - low) * LEVELS, 0, LEVELS - 1).astype(np.int64)
    n_bins = len(light) * n_parts * LEVELS
    counts = np.bincount((at * LEVELS + level).ravel(), minlength=n_bins)[:n_bins].reshape(-1, n_parts, LEVELS)
    area = counts.sum(axis=2)
    parts = counts / np.where(area > 0, area, 1)[..., None]
    return np.where(area > 0, entr(parts).sum(axis=2) / np.log(2), np.nan)


def _upright(angle: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Degrees of an axis, which has no head: above -90 up to 90."""
    return np.asarray(90 - (90 - angle) % 180)
