"""The colours of maps: one lookup for layers, figures and panels, so that all three agree."""

from __future__ import annotations

from functools import cache

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.colors import Colormap

__all__ = ["MISSING", "Limits", "colormap", "limits", "rgba"]

Limits = tuple[float, float]

MISSING = (0.6, 0.6, 0.6, 1.0)
"""Where there is no value."""

DIVERGING = "RdBu_r"
SEQUENTIAL = "viridis"
ROBUST = 99.0  # percentile that the limits reach: one bright spot does not fade all others


def colormap(*, signed: bool) -> Colormap:
    """Blue through white to red for signed values, viridis for the others; both are safe for colour-blind readers."""
    return mpl.colormaps[DIVERGING if signed else SEQUENTIAL]


def limits(values: Float[np.ndarray, "..."], *, signed: bool) -> Limits:
    """Values that the two ends of the colours stand for.

    Parameters
    ----------
    values
        What is to be coloured; values that are not finite do not count.
    signed
        True: symmetric about 0, up to the 99th percentile of the magnitudes. False: from 0 (or the least value, where
        that is below 0) to the 99th percentile.

    Returns
    -------
    low, high
        Always ``low < high``: (-1, 1) or (0, 1) where all values are 0 or missing.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    low = 0.0 if signed else float(min(finite.min(initial=0.0), 0.0))
    magnitudes = np.abs(finite) if signed else finite
    high = float(np.percentile(magnitudes, ROBUST)) if len(finite) else 0.0
    if high <= low:  # fewer than 1 in 100 spots differ from the rest: show those
        high = float(magnitudes.max(initial=low))
    if high <= low:
        high = low + 1.0
    return (-high, high) if signed else (low, high)


def rgba(values: Float[np.ndarray, " n"], *, signed: bool, limits: Limits) -> Float[np.ndarray, "n 4"]:
    """Colour of every value, in 0..1: grey where one is missing, the end colour where one lies beyond the limits."""
    low, high = limits
    values = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(values)
    place = (np.clip(np.where(known, values, low), low, high) - low) / (high - low)
    colours = _table(signed)[np.minimum((place * 256).astype(np.intp), 255)]
    colours[~known] = MISSING
    return colours


@cache
def _table(signed: bool) -> Float[np.ndarray, "256 4"]:
    return colormap(signed=signed)(np.arange(256)).astype(np.float32)
