"""How well a link does on pairs that it did not learn from, beside one that learned shuffled pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
from jaxtyping import Float

from conceptstain.errors import InputError
from conceptstain.methods.intervals import LEVEL, Interval, interval

__all__ = ["COSINE", "VARIANCE", "LinkMeasure", "LinkQuality", "centred_cosines", "explained_variance", "ratio"]

VARIANCE = "explained variance"
COSINE = "centred cosine"
RESAMPLES = 2000


@final
@dataclass(frozen=True)
class LinkMeasure:
    """One measure of a link.

    Attributes
    ----------
    value
        Of the link, with its interval over held-out items.
    shuffled
        Of a link that learned the same representations with latents of other items.
    ceiling
        What the classifier reaches on samples that were made from the items' own latents; None: the measure has none.
    """

    value: Interval
    shuffled: Interval
    ceiling: Interval | None = None


@final
@dataclass(frozen=True)
class LinkQuality:
    """How well a link does on pairs that it did not learn from.

    Attributes
    ----------
    measures
        By name, in the order in which they are told.
    n_learned, n_held_out
        How many pairs it learned from, and how many it is measured on.
    """

    measures: dict[str, LinkMeasure]
    n_learned: int
    n_held_out: int

    def __getitem__(self, name: str) -> LinkMeasure:
        """A measure by its name; an InputError that lists them where there is none of it."""
        if name not in self.measures:
            raise InputError(
                "That was not measured of this link", got=repr(name), cure=f"Choose one of: {', '.join(self.measures)}"
            )
        return self.measures[name]

    @property
    def table(self) -> pd.DataFrame:
        """One row for every measure: its value, low and high; the same of a shuffled link and of the ceiling."""
        rows = {}
        for name, measure in self.measures.items():
            columns = {"": measure.value, "shuffled ": measure.shuffled, "ceiling ": measure.ceiling}
            rows[name] = {
                f"{word}{part}": float("nan") if told is None else number
                for word, told in columns.items()
                for part, number in zip(("mean", "low", "high"), told or Interval(*[float("nan")] * 3), strict=True)
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("measure")


def explained_variance(
    found: Float[np.ndarray, "items latent"], latents: Float[np.ndarray, "items latent"], *, seed: int = 0
) -> Interval:
    """Part of the latents' variance that a link explains, over all dimensions together; below 0 of a bad one.

    The variance is around the mean of these items.
    """
    lost = ((latents - found) ** 2).sum(axis=1)
    there = ((latents - latents.mean(axis=0)) ** 2).sum(axis=1)
    part = ratio(lost, there, seed=seed)
    return Interval(1 - part.mean, 1 - part.high, 1 - part.low)


def centred_cosines(
    found: Float[np.ndarray, "items latent"],
    latents: Float[np.ndarray, "items latent"],
    centre: Float[np.ndarray, " latent"],
) -> Float[np.ndarray, " items"]:
    """Cosine of every latent with what a link makes of its item, both from the mean latent of the learned pairs.

    From the origin, two latents are alike for what all of them have in common.
    """
    one, other = found - centre, latents - centre
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / np.maximum(lengths, np.finfo(np.float64).tiny))


def ratio(above: Float[np.ndarray, " items"], below: Float[np.ndarray, " items"], *, seed: int = 0) -> Interval:
    """A ratio of two sums over items, by the percentile bootstrap over items."""
    n = len(above)
    whole = float(above.sum() / below.sum()) if below.sum() > 0 else float("nan")
    if n < 2 or not np.isfinite(whole):
        return Interval(whole, float("nan"), float("nan"))
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (drawn @ above) / (drawn @ below)
    low, high = np.nanquantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(whole, float(low), float(high))


def basic_measures(
    found: Float[np.ndarray, "items latent"],
    shuffled: Float[np.ndarray, "items latent"],
    latents: Float[np.ndarray, "items latent"],
    centre: Float[np.ndarray, " latent"],
) -> dict[str, LinkMeasure]:
    """Explained variance and centred cosine of a link and of a shuffled one."""
    return {
        VARIANCE: LinkMeasure(explained_variance(found, latents), explained_variance(shuffled, latents)),
        COSINE: LinkMeasure(
            interval(centred_cosines(found, latents, centre)), interval(centred_cosines(shuffled, latents, centre))
        ),
    }
