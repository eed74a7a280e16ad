"""What every unit of a layer changes in the samples that it is swept through, and which change one part alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, final

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from conceptstain.errors import InputError
from conceptstain.methods.sweep import Spread, spread_over_items

__all__ = ["NullDirections", "UnitSweeps"]

NullDirections = Literal["layer", "latent space"]
BEYOND = 0.95  # of the random directions


@final
@dataclass(frozen=True, eq=False)
class UnitSweeps:
    """Changes of the parts of samples by unit. Make it with :func:`~conceptstain.methods.sweep_units.sweep_units`.

    Attributes
    ----------
    units
        Which were swept.
    parts
        What is measured: parts of pictures, or the classifier's classes.
    measures
        In what: of parts ``area``, ``share`` and so on (:func:`conceptstain.part_measures`), of classes
        ``probability``.
    changes
        From the first step to the last; NaN where a part is hidden.
    lengths
        How far each unit moves the latent, mean over the items.
    null_changes, null_lengths
        The same of random directions, each as long as the move of one of the units.
    null
        What the directions are random in.
    items
        Where the sweeps start.
    steps
        Of each sweep.
    gene_changes
        Where samples are profiles, mean change of every gene over the items, in the samples' scaling; else empty.
    features
        Names of these genes.
    """

    units: Int[np.ndarray, " units"]
    parts: tuple[str, ...]
    measures: tuple[str, ...]
    changes: Float[np.ndarray, "units items parts measures"]
    lengths: Float[np.ndarray, " units"]
    null_changes: Float[np.ndarray, "draws items parts measures"] = field(repr=False)
    null_lengths: Float[np.ndarray, " draws"] = field(repr=False)
    null: NullDirections
    items: Int[np.ndarray, " items"]
    steps: int
    gene_changes: Float[np.ndarray, "units genes"] = field(repr=False)
    features: tuple[str, ...] = ()

    def effect(self, measure: str) -> Spread:
        """Mean change over the items of every unit and part, ``(units, parts)``, with its interval."""
        return spread_over_items(np.moveaxis(self.changes[..., self._column(measure)], 1, 0))

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for every unit and part: the mean change of each measure, as ``d_area``, and where it lies.

        ``d_area_low`` and ``d_area_high`` are where the mean over items lies, 95 %, by Student's t; ``visible`` is the
        number of items in which the part is seen.
        """
        rows = pd.MultiIndex.from_product([self.units, self.parts], names=["unit", "part"])
        told: dict[str, Float[np.ndarray, " rows"]] = {}
        for measure in self.measures:
            found = self.effect(measure)
            for ending, values in (("", found.mean), ("_low", found.low), ("_high", found.high)):
                told[f"d_{measure}{ending}"] = values.ravel()
        visible = np.isfinite(self.changes[..., 0]).sum(axis=1).ravel()
        return pd.DataFrame({"visible": visible, **told}, index=rows).reset_index()

    def ranking(self, part: str, measure: str | None = None) -> pd.DataFrame:
        """Units by how much more they change a part than any other, the most first.

        The *strength* of a change is its mean over the items, divided by the length of the move, in units of what 95 of
        100 random directions reach in the same part: above 1 it is beyond them. A unit *changes* a part where this is
        so and the interval of the change leaves 0 out, and is *selective* where it changes this part and no other. The
        criterion is ours; the release has none.

        Parameters
        ----------
        part
            One of :attr:`parts`.
        measure
            One of :attr:`measures`; None: ``share`` of parts, the probability of classes.

        Returns
        -------
        DataFrame
            Indexed by unit: ``change``, ``low``, ``high``, ``strength``, ``other`` (the part that it changes most
            beside), ``other_strength``, ``selective``.

        Raises
        ------
        InputError
            No such part or measure.
        """
        if part not in self.parts:
            raise InputError("There is no such part", got=repr(part), cure=f"Choose one of: {', '.join(self.parts)}")
        measure = self._measure(measure)
        number, found = self.parts.index(part), self.effect(measure)
        strength = self._strength(found.mean, self.lengths, measure)
        own, selective = strength[:, number], _alone(found, strength)[:, number]
        others = np.delete(strength, number, axis=1)
        names = np.delete(np.array(self.parts), number)
        most = others.argmax(axis=1) if len(names) else np.zeros(len(own), dtype=int)
        table = pd.DataFrame(
            {
                "change": found.mean[:, number],
                "low": found.low[:, number],
                "high": found.high[:, number],
                "strength": own,
                "other": names[most] if len(names) else "",
                "other_strength": others.max(axis=1, initial=0),
                "selective": selective,
            },
            index=pd.Index(self.units, name="unit"),
        )
        with np.errstate(invalid="ignore"):
            ahead = np.nan_to_num(own / np.maximum(table["other_strength"].to_numpy(), 1.0), nan=0.0)
        return table.iloc[np.lexsort((-ahead, ~selective))]

    def selective(self, part: str, measure: str | None = None) -> pd.DataFrame:
        """Units that change a part and no other, the strongest first; see :meth:`ranking`.

        How many random directions pass the same criterion, :meth:`selective_counts` says.
        """
        found = self.ranking(part, measure)
        return found[found["selective"]].drop(columns="selective")

    def selective_counts(self, measure: str | None = None) -> pd.DataFrame:
        """How many units are selective for each part, and how many random directions of the same lengths.

        Returns
        -------
        DataFrame
            Indexed by part: ``units``, ``of_units`` (part of all), ``random``, ``of_random``.
        """
        measure = self._measure(measure)
        column = self._column(measure)
        found, random = (
            spread_over_items(np.moveaxis(each[..., column], 1, 0)) for each in (self.changes, self.null_changes)
        )
        counts = []
        for lengths, each in ((self.lengths, found), (self.null_lengths, random)):
            counts.append(_alone(each, self._strength(each.mean, lengths, measure)).sum(axis=0))
        told = {
            "units": counts[0],
            "of_units": counts[0] / max(len(self.lengths), 1),
            "random": counts[1],
            "of_random": counts[1] / max(len(self.null_lengths), 1),
        }
        return pd.DataFrame(told, index=pd.Index(self.parts, name="part"))

    def genes(self, unit: int, most: int = 20) -> pd.Series[float]:
        """The genes that a unit changes most, those that rise first; mean over the items, in standard deviations.

        Raises
        ------
        InputError
            Samples are pictures, or the unit was not swept.
        """
        if not self.features or unit not in self.units:
            raise InputError(
                "No genes were swept through that unit",
                got=f"unit {unit}" if self.features else "samples that are pictures",
                cure="Choose a unit that was swept, on spots",
            )
        values = pd.Series(self.gene_changes[list(self.units).index(unit)], index=pd.Index(self.features, name="gene"))
        chosen = values.abs().sort_values(ascending=False, kind="stable").index[:most]
        return values[chosen].sort_values(ascending=False, kind="stable").rename("change")

    def _strength(
        self, mean: Float[np.ndarray, "moves parts"], lengths: Float[np.ndarray, " moves"], measure: str
    ) -> Float[np.ndarray, "moves parts"]:
        """Changes per length in units of what random directions reach; 0 where nothing is seen or nothing moved."""
        random = spread_over_items(np.moveaxis(self.null_changes[..., self._column(measure)], 1, 0)).mean
        with np.errstate(divide="ignore", invalid="ignore"):
            per_length = np.nan_to_num(np.abs(random) / self.null_lengths[:, None], nan=0.0, posinf=0.0)
            reached = np.quantile(per_length, BEYOND, axis=0)
            reached = np.where(reached > 0, reached, per_length.max(axis=0))  # of a part that few directions draw
            strength = np.abs(mean) / lengths[:, None] / reached
        strength[~np.isfinite(mean) | (mean == 0) | (lengths == 0)[:, None]] = 0
        return np.asarray(strength)

    def _measure(self, measure: str | None) -> str:
        return measure or ("share" if "share" in self.measures else self.measures[0])

    def _column(self, measure: str) -> int:
        if measure not in self.measures:
            raise InputError(
                "There is no such measure", got=repr(measure), cure=f"Choose one of: {', '.join(self.measures)}"
            )
        return self.measures.index(measure)


def _alone(found: Spread, strength: Float[np.ndarray, "moves parts"]) -> Bool[np.ndarray, "moves parts"]:
    """Whether a move changes this part and no other."""
    changed = (strength > 1) & ((found.low > 0) | (found.high < 0))
    return np.asarray(changed & (changed.sum(axis=1, keepdims=True) == 1))
