"""Sweeps: what a generator draws while units of a classifier go through their range.

As in "Linking in Style" (Wehrheim, Osuna-Vargas and Kaschube 2024): one unit of an item's representation is set to
values from its lowest to its highest, the others are left, and the link makes a latent of each. A linear link moves the
latent along the unit's column of ``W``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.stats import t

from conceptstain.errors import InputError

__all__ = ["Spread", "Sweep", "spread_over_items"]

LEVEL = 0.95


class Spread(NamedTuple):
    """Means over items, and where they lie with a confidence of 95 %, by Student's t; NaN for less than two items."""

    mean: Float[np.ndarray, "..."]
    low: Float[np.ndarray, "..."]
    high: Float[np.ndarray, "..."]


@final
@dataclass(frozen=True, eq=False)
class Sweep:
    """What changes while units go through their range. Make it with :func:`~conceptstain.methods.sweeping.sweep`.

    Attributes
    ----------
    units
        Which units of the linked layer, all at once.
    values
        What each is set to at every step.
    items, item_names
        Where the sweeps start.
    start
        The items as the layer represents them.
    origins
        Their latents by the link, ``L(r)``.
    latents
        The latents at every step.
    samples
        What the generator makes of them.
    probabilities
        Of the classifier's classes, read from these samples.
    classes
        Names of the classes.
    features
        Genes, where samples are profiles.
    classifier, generator
        Names of both.
    """

    units: tuple[int, ...]
    values: Float[np.ndarray, "swept steps"]
    items: Int[np.ndarray, " items"]
    item_names: tuple[str, ...]
    start: Float[np.ndarray, "items units"]
    origins: Float[np.ndarray, "items latent"]
    latents: Float[np.ndarray, "items steps latent"]
    samples: Float[np.ndarray, "items steps ..."]
    probabilities: Float[np.ndarray, "items steps classes"]
    classes: tuple[str, ...]
    features: tuple[str, ...]
    classifier: str
    generator: str

    @property
    def title(self) -> str:
        """Name for a figure, e.g. ``"unit 7 of digits, by gene-pictures"``."""
        called = f"unit {self.units[0]}" if len(self.units) == 1 else f"units {', '.join(map(str, self.units))}"
        return f"{called} of {self.classifier}, by {self.generator}"

    @property
    def change(self) -> Float[np.ndarray, "items ..."]:
        """The last sample of each item minus its first."""
        return np.asarray(self.samples[:, -1] - self.samples[:, 0])

    @property
    def table(self) -> pd.DataFrame:
        """Genes that change, where samples are profiles; else the classes."""
        return self.gene_table if self.features else self.class_table

    @property
    def class_table(self) -> pd.DataFrame:
        """What the classifier says of the first and the last samples, one row for every class, in their order.

        Returns
        -------
        DataFrame
            Indexed by class: mean probability ``first`` and ``last``, their ``change`` with ``low`` and ``high`` (95 %
            over the items, Student's t).
        """
        first, last = self.probabilities[:, 0], self.probabilities[:, -1]
        found = spread_over_items(last - first)
        return pd.DataFrame(
            {
                "first": first.mean(axis=0),
                "last": last.mean(axis=0),
                "change": found.mean,
                "low": found.low,
                "high": found.high,
            },
            index=pd.Index(self.classes, name="class"),
        )

    @property
    def gene_table(self) -> pd.DataFrame:
        """How genes change, those that rise first.

        Returns
        -------
        DataFrame
            Indexed by gene: ``change`` in the samples' scaling (standard deviations), ``low`` and ``high`` (95 % over
            the items, Student's t), and ``agreeing``, the part of the items that agree with the sign.

        Raises
        ------
        InputError
            Samples are pictures.
        """
        if not self.features:
            raise InputError(
                "Genes change in profiles of spots", got="samples that are pictures", cure="Read class_table"
            )
        found = spread_over_items(self.change)
        agreeing = (np.sign(self.change) == np.sign(found.mean)).mean(axis=0)
        told = {"change": found.mean, "low": found.low, "high": found.high, "agreeing": agreeing}
        index = pd.Index(self.features, name="gene")
        return pd.DataFrame(told, index=index).sort_values("change", ascending=False, kind="stable")


def spread_over_items(values: Float[np.ndarray, "items ..."]) -> Spread:
    """Mean over the items with its interval; items of which there is no number, NaN, are left out."""
    n = np.isfinite(values).sum(axis=0)
    counted = np.maximum(n, 1)
    mean = np.where(n > 0, np.nansum(values, axis=0, dtype=np.float64) / counted, np.nan)
    squares = np.nansum((values - mean) ** 2, axis=0, dtype=np.float64)
    deviation = np.sqrt(squares / np.maximum(n - 1, 1) / counted)
    reach = np.where(n > 1, t.ppf((1 + LEVEL) / 2, np.maximum(n - 1, 1)) * deviation, np.nan)
    return Spread(mean, mean - reach, mean + reach)
