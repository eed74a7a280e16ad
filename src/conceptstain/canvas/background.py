"""Where a slide holds tissue: what is neither bright and grey, as glass is, nor dark, as an empty field is."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["Background", "tissue_of", "tissue_within"]

Background = Literal["auto", "bright", "dark", "keep"]
"""``"bright"``: glass, bright and without colour. ``"dark"``: an empty field. ``"keep"``: there is none. ``"auto"``:
bright for slides with colours, none for the others."""


def tissue_of(
    overview: Float[np.ndarray, "channels height width"], background: Background, brightness: float, saturation: float
) -> Bool[np.ndarray, "height width"]:
    """Pixels that are not background.

    Parameters
    ----------
    overview
        Values in 0..1.
    background
        ``"bright"``: background is brighter than ``brightness`` (mean of the channels) and less saturated than
        ``saturation`` ((largest - least) / largest channel). ``"dark"``: background is darker than ``brightness``.
    brightness, saturation
        The thresholds.
    """
    if background == "dark":
        return np.asarray(overview.mean(axis=0) >= brightness)
    largest, least = overview.max(axis=0), overview.min(axis=0)
    spread = np.divide(largest - least, largest, out=np.zeros_like(largest), where=largest > 0)
    return np.asarray((overview.mean(axis=0) < brightness) | (spread >= saturation))


def tissue_within(
    tissue: Bool[np.ndarray, "height width"],
    tops: Float[np.ndarray, " rows"],
    lefts: Float[np.ndarray, " columns"],
    size: tuple[float, float],
) -> Float[np.ndarray, "rows columns"]:
    """Part of each rectangle that is tissue; at least one pixel of the overview is looked at.

    Parameters
    ----------
    tissue
        The overview's.
    tops, lefts, size
        Edges of the rectangles and their height and width, in pixels of the overview.
    """
    summed = np.zeros((tissue.shape[0] + 1, tissue.shape[1] + 1))
    summed[1:, 1:] = tissue.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    top, bottom = _ends(tops, size[0], tissue.shape[0])
    left, right = _ends(lefts, size[1], tissue.shape[1])
    within = (
        summed[np.ix_(bottom, right)]
        - summed[np.ix_(top, right)]
        - summed[np.ix_(bottom, left)]
        + summed[np.ix_(top, left)]
    )
    return np.asarray(within / np.outer(bottom - top, right - left))


def _ends(starts: Float[np.ndarray, " n"], length: float, side: int) -> tuple[np.ndarray, np.ndarray]:
    first = np.clip(np.rint(starts).astype(int), 0, side - 1)
    return first, np.clip(np.rint(starts + length).astype(int), first + 1, side)
