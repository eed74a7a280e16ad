"""What changes when units of a network are put out, or forced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias, final

import numpy as np
import pandas as pd
from jaxtyping import Float

from conceptstain.methods.intervals import LEVEL
from conceptstain.methods.performance import Performance

__all__ = ["UnitEffect", "Value"]

DRAWS = 200

Value: TypeAlias = float | Literal["peak"]
"""What units are set to: a number, 0 to put them out, or ``"peak"``, the 99.5 % quantile of each one's activations."""


@final
@dataclass(frozen=True, eq=False)
class UnitEffect:
    """What a network does without some units, or with them forced. Make it with :func:`effect_of_units`.

    Attributes
    ----------
    name
        The network's.
    layer
        Where the units are.
    units
        Their numbers.
    value
        What was asked for: a number, or ``"peak"``.
    values
        What each unit was set to.
    before, after
        What the network does as it is, and then.
    n_items
        How many items it was asked about.
    encoder
        Fingerprint of the network.
    settings
        Enough to repeat it.
    """

    name: str
    layer: str
    units: tuple[int, ...]
    value: Value
    values: Float[np.ndarray, " units"]
    before: Performance
    after: Performance
    n_items: int
    encoder: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Every measure before and after.

        Returns
        -------
        DataFrame
            Indexed by ``measure`` and ``of``: ``before``, ``after``, ``change``, and ``low`` and ``high``, the 95 %
            interval of the change (percentile bootstrap over groups of items, NaN of a single one). Measures are, of a
            classifier with labels, ``balanced accuracy`` (of each class against the rest, (TPR + TNR) / 2, and their
            mean; .5 is chance), of parts ``IoU`` of each with what was taken for it, and ``taken for``, the part of all
            that was taken for a class; ``class score`` and ``concept score``, means over the items; ``reconstruction
            error``, the mean squared error of what is redrawn, in the scaling of the canvas. Of parts, classes are told
            place by place.
        """
        before, after = self.before.values(), self.after.values()
        groups = len(self.before.n_items)
        low = high = np.full(len(before), np.nan)
        if groups > 1 and len(before):
            chosen = np.random.default_rng(0).integers(0, groups, (DRAWS, groups))
            times = [np.bincount(rows, minlength=groups).astype(float) for rows in chosen]
            drawn = np.array([self.after.values(each) - self.before.values(each) for each in times])
            margin = 100 * (1 - LEVEL) / 2
            known = np.isfinite(drawn).any(axis=0)  # of one class alone there is no balanced accuracy
            low, high = np.full((2, len(before)), np.nan)
            low[known], high[known] = np.nanpercentile(drawn[:, known], [margin, 100 - margin], axis=0)
        index = pd.MultiIndex.from_tuples(self.before.measures, names=["measure", "of"])
        columns = {"before": before, "after": after, "change": after - before, "low": low, "high": high}
        return pd.DataFrame(columns, index=index)

    @property
    def title(self) -> str:
        """Name for a figure panel, e.g. ``"8 units of encoder.relu5 put out"``."""
        done = "put out" if self.value == 0 else "forced" if self.value == "peak" else f"set to {self.value:g}"
        units = f"unit {self.units[0]}" if len(self.units) == 1 else f"{len(self.units)} units"
        return f"{units} of {self.layer} {done}"

    @property
    def sentence(self) -> str:
        """What changed most, in plain words."""
        table = self.table.dropna(subset=["change"])
        measure = table.index[0][0] if len(table) else ""
        told = f"{self.title[0].upper()}{self.title[1:]}"
        if not measure:
            return f"{told}: nothing was measured."
        rows = table.loc[measure]
        if "mean" in rows.index:
            mean = rows.loc["mean"]
            told += f": {measure} from {mean['before']:.3g} to {mean['after']:.3g}"
            rows = rows.drop(index="mean")
        if len(rows) and rows["change"].notna().any():
            most = rows["change"].abs().idxmax()
            row = rows.loc[most]
            joined = ", most of all" if ":" in told else f": {measure} of"
            told += f"{joined} {most} ({row['change']:+.2g}, {row['low']:+.2g} to {row['high']:+.2g})"
        return f"{told}."
