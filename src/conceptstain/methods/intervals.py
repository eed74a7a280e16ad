"""Means with their confidence intervals, over items drawn anew."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import bootstrap

from conceptstain.concepts.sentences import fraction

__all__ = ["LEVEL", "Interval", "interval", "mean_intervals"]

LEVEL = 0.95
RESAMPLES = 2000


class Interval(NamedTuple):
    """A mean, and where it lies with a confidence of 95 %; ``low`` and ``high`` are NaN for a single item."""

    mean: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """Where the mean lies: ``.82 to .90``."""
        return f"{fraction(self.low)} to {fraction(self.high)}"

    def __str__(self) -> str:
        return f"{self.mean:.2f} ({self.low:.2f} to {self.high:.2f})"


def interval(values: Float[np.ndarray, " items"], *, seed: int = 0) -> Interval:
    """The mean of one value per item, by the percentile bootstrap over items (Efron 1979).

    Items are what is drawn anew, not pixels: the pixels of one picture are not independent.
    """
    values = np.asarray(values, dtype=np.float64)
    mean = float(values.mean()) if len(values) else float("nan")
    if len(values) < 2:
        return Interval(mean, float("nan"), float("nan"))
    if np.ptp(values) == 0:
        return Interval(mean, mean, mean)
    drawn = bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return Interval(mean, float(drawn.confidence_interval.low), float(drawn.confidence_interval.high))


def mean_intervals(
    values: Float[np.ndarray, "items things"], *, seed: int = 0
) -> tuple[Float[np.ndarray, " things"], Float[np.ndarray, " things"], Float[np.ndarray, " things"]]:
    """Means of many things over the same items, and where they lie, as :func:`interval` finds it for one.

    The items that are drawn anew are the same for all things. The bounds of a single item are NaN.
    """
    n_items = len(values)
    mean = np.asarray(values.mean(axis=0, dtype=np.float64))
    if n_items < 2:
        return mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    counts = np.random.default_rng(seed).multinomial(n_items, np.full(n_items, 1 / n_items), size=RESAMPLES)
    drawn = counts @ values.astype(np.float64) / n_items
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return mean, np.asarray(low), np.asarray(high)
