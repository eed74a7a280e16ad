"""How well classes are told with fewer and fewer units: curves over how many are put out, or kept (Bau et al. 2020).

Units that lose most on some items do so by chance, too. They are chosen on one half of the items, and what they do is
measured on the other, beside as many random units and units that a dissection calls by the class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias, final

import numpy as np
import pandas as pd
from jaxtyping import Float

from conceptstain.errors import InputError
from conceptstain.methods.intervals import LEVEL
from conceptstain.methods.unit_importance import UnitImportance

__all__ = ["AblationCurves", "Choice", "Done"]

FEW = 8  # units

Choice: TypeAlias = Literal["important", "overlapping", "rotated", "random"]
"""How units are chosen: by what the class lost without each, by IoU with it, or at random. ``"rotated"``: by what it
lost without each of the axes of a random rotation of the layer, in place of its units."""

Done: TypeAlias = Literal["removed", "kept"]
"""What is done with them: these are put out, or all others are."""


@final
@dataclass(frozen=True, eq=False)
class AblationCurves:
    """How well each class is told without some units, and with these alone.

    Make it with :func:`conceptstain.ablation_curves`.

    Attributes
    ----------
    name
        The classifier's.
    layer
        Where the units are.
    classes
        Names of the classes that were asked about.
    numbers
        How many units were chosen.
    measures
        ``"balanced accuracy"``, (TPR + TNR) / 2 of each class against the rest; of parts ``"IoU"``, too.
    whole
        With all units; first as measured, then of groups of items drawn anew.
    curves
        By what was done and how units were chosen, likewise, for every number. Each class has units of its own, but
        for random ones. Of these and of rotations there are several draws.
    importance
        What the important units were chosen by.
    n_tested
        How many items the curves are measured on.
    settings
        Enough to repeat it.
    """

    name: str
    layer: str
    classes: tuple[str, ...]
    numbers: tuple[int, ...]
    measures: tuple[str, ...]
    whole: Float[np.ndarray, "resamples measures classes"]
    curves: Mapping[tuple[Done, Choice], Float[np.ndarray, "resamples draws numbers measures classes"]]
    importance: UnitImportance
    n_tested: int
    settings: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """How units were chosen."""
        return tuple(dict.fromkeys(choice for _, choice in self.curves))

    @property
    def few(self) -> int:
        """The number of units that is told of first: 8, or the next smaller one that there is."""
        return max((each for each in self.numbers if each <= FEW), default=self.numbers[0])

    def mean(self, done: Done, choice: Choice, measure: str = "balanced accuracy") -> pd.DataFrame:
        """The mean over the classes; see :meth:`of_class`."""
        return self._rows(done, choice, measure, list(range(len(self.classes))))

    def of_class(self, class_name: str, done: Done, choice: Choice, measure: str = "balanced accuracy") -> pd.DataFrame:
        """One curve.

        Returns
        -------
        DataFrame
            Indexed by the number of units, of what was removed from 0 on: ``value``, and ``low`` and ``high``: the 95 %
            interval over groups of items drawn anew; of random and of rotated units the least and the greatest of
            the draws.

        Raises
        ------
        InputError
            No such class, measure or curve.
        """
        if class_name not in self.classes:
            raise InputError(
                "No curve is of that class", got=repr(class_name), cure=f"Choose one of: {', '.join(self.classes)}"
            )
        return self._rows(done, choice, measure, [self.classes.index(class_name)])

    def table(self) -> pd.DataFrame:
        """All curves: ``class`` (or ``"mean"``), ``measure``, ``done``, ``chosen``, ``units``, and as for a curve."""
        rows = []
        for measure in self.measures:
            for done, choice in self.curves:
                for name in ("mean", *self.classes):
                    curve = (
                        self.mean(done, choice, measure)
                        if name == "mean"
                        else self.of_class(name, done, choice, measure)
                    )
                    told = {"class": name, "measure": measure, "done": done, "chosen": choice}
                    rows.append(curve.reset_index().assign(**told))
        together = pd.concat(rows, ignore_index=True)
        return together[["class", "measure", "done", "chosen", "units", "value", "low", "high"]]

    @property
    def sentence(self) -> str:
        """What the curves say, in plain words."""
        number = self.few
        important, random = (self.mean("removed", choice).loc[number] for choice in ("important", "random"))
        before = self.mean("removed", "important").loc[0, "value"]
        more = important["high"] < random["low"]
        apart = "" if more else "; that is no more than chance"
        if "rotated" in self.choices:
            rotated = self.mean("removed", "rotated").loc[number]
            apart += f". Without as many axes of the layer rotated, it falls to {rotated['value']:.2f}"
            if more and rotated["value"] <= important["high"]:
                apart += ": the class lies in the layer, not in units of their own"
        units = "the most important unit" if number == 1 else f"the {number} most important units"
        return (
            f"Without {units} of {self.layer} for a class, its balanced accuracy falls from {before:.2f} to "
            f"{important['value']:.2f} (95 %: {important['low']:.2f} to {important['high']:.2f}; mean over "
            f"{len(self.classes)} classes), without random ones to {random['value']:.2f}{apart}."
        )

    def _rows(self, done: Done, choice: Choice, measure: str, classes: list[int]) -> pd.DataFrame:
        if (done, choice) not in self.curves or measure not in self.measures:
            known = [" ".join(key) for key in self.curves]
            raise InputError(
                "There is no such curve",
                got=f"{measure} of {choice} units {done}",
                cure=f"Choose {' or '.join(self.measures)}, and one of: {', '.join(known)}",
            )
        of_measure = self.measures.index(measure)
        all_units = self.whole[:, of_measure][:, classes].mean(axis=1)
        drawn = self.curves[done, choice][:, :, :, of_measure][..., classes].mean(axis=-1)
        value = drawn[0].mean(axis=0)
        margin = 100 * (1 - LEVEL) / 2
        if choice in {"random", "rotated"}:
            low, high = drawn[0].min(axis=0), drawn[0].max(axis=0)
        else:
            low, high = np.nanpercentile(drawn[:, 0], [margin, 100 - margin], axis=0)
        none = (all_units[0], *np.nanpercentile(all_units, [margin, 100 - margin]))
        columns = {"value": value, "low": low, "high": high}
        table = {name: [start, *each] for start, (name, each) in zip(none, columns.items(), strict=True)}
        rows = pd.DataFrame(table, index=pd.Index([0, *self.numbers], name="units"))
        return rows if done == "removed" else rows.iloc[1:]
