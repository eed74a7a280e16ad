"""Network dissection: which unit of a network sees what (Bau, Zhou et al. 2017).

A unit is asked where it is most active, over all items; that is compared with where labels are. Its label is the one
that it overlaps with most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, final, get_args

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from conceptstain.canvas.label_maps import Label
from conceptstain.errors import InputError
from conceptstain.methods.intervals import LEVEL, Interval

__all__ = ["DETECTOR", "CountingRule", "Counts", "Dissection"]

DETECTOR = 0.04  # IoU of a detector in the paper, which found the order of networks insensitive to it

DRAWS = 200

CountingRule = Literal["published", "text"]
"""How unique detectors are counted. ``"published"``: in every category, the labels that are best *of that category* for
some unit, added up over the categories; it gives the numbers of the paper's tables. ``"text"``: the labels that are the
best *of all* for some unit, as the paper's text has it."""


class Counts(NamedTuple):
    """Pixels, for each of a few groups that the items were dealt into, so that their spread is known.

    Attributes
    ----------
    shared
        At which a unit is active and that have the label.
    active
        At which a unit is active, on items with any label of the category.
    ground
        Of each label.
    counted
        Of the items with any label of each category.
    """

    shared: Int[np.ndarray, "groups units labels"]
    active: Int[np.ndarray, "groups units categories"]
    ground: Int[np.ndarray, "groups labels"]
    counted: Int[np.ndarray, "groups categories"]


@final
@dataclass(frozen=True, eq=False)
class Dissection:
    """What the units of a layer see. Make it with :func:`conceptstain.dissect`.

    Attributes
    ----------
    name
        The network's.
    layer
        The layer's.
    labels
        What the units were held against.
    thresholds
        ``T_k``: above it a unit is active.
    counts
        What was counted.
    n_items
        How many items were looked at.
    quantile
        ``q``: at which part of its places a unit is active.
    encoder
        Fingerprint of the network; empty where the units are the inputs' own.
    settings
        Enough to repeat it.
    detail
        What tells it from others of the layer, such as ``"rotated"``.
    """

    name: str
    layer: str
    labels: tuple[Label, ...]
    thresholds: Float[np.ndarray, " units"]
    counts: Counts
    n_items: int
    quantile: float
    encoder: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.thresholds)

    @cached_property
    def shared(self) -> Int[np.ndarray, "units labels"]:
        """Pixels at which a unit is active and that have the label."""
        return np.asarray(self.counts.shared.sum(axis=0))

    @cached_property
    def active(self) -> Int[np.ndarray, "units categories"]:
        """Pixels at which a unit is active, on items with any label of the category."""
        return np.asarray(self.counts.active.sum(axis=0))

    @cached_property
    def ground(self) -> Int[np.ndarray, " labels"]:
        """Pixels of each label."""
        return np.asarray(self.counts.ground.sum(axis=0))

    @cached_property
    def counted(self) -> Int[np.ndarray, " categories"]:
        """Pixels of the items with any label of each category."""
        return np.asarray(self.counts.counted.sum(axis=0))

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories."""
        return tuple(dict.fromkeys(label.category for label in self.labels))

    @cached_property
    def category_of(self) -> NDArray[np.integer]:
        """Index of the category of every label."""
        return np.array([self.categories.index(label.category) for label in self.labels])

    @cached_property
    def iou(self) -> Float[np.ndarray, "units labels"]:
        """Intersection over union of every unit with every label (equation 1), over items with the label's category.

        0 where neither is anywhere.
        """
        union = self.active[:, self.category_of] + self.ground - self.shared
        iou: Float[np.ndarray, "units labels"] = np.zeros(self.shared.shape)
        np.divide(self.shared, union, out=iou, where=union > 0)
        return iou

    @property
    def prevalence(self) -> Float[np.ndarray, " labels"]:
        """``p``: the part of the pixels of each label, on items with its category."""
        counted = self.counted[self.category_of]
        part: Float[np.ndarray, " labels"] = np.zeros(len(self.labels))
        np.divide(self.ground, counted, out=part, where=counted > 0)
        return part

    @property
    def bound(self) -> Float[np.ndarray, " labels"]:
        """``min(q, p) / max(q, p)``: no unit that is active at a part ``q`` of the pixels can have a higher IoU.

        Thresholds are those of activations before they are enlarged: see :attr:`unit_bounds`.
        """
        p = self.prevalence
        return np.asarray(np.minimum(p, self.quantile) / np.maximum(p, self.quantile))

    @property
    def chance(self) -> Float[np.ndarray, " labels"]:
        """``qp / (q + p - qp)``: the IoU of each label with a part ``q`` of the pixels that is drawn at random."""
        p, q = self.prevalence, self.quantile
        return np.asarray(q * p / (q + p - q * p))

    @property
    def unit_bounds(self) -> Float[np.ndarray, " units"]:
        """The same of each unit and its label, by the part ``a`` of the pixels that it is active at once enlarged.

        ``min(a, p) / max(a, p)``, with ``a`` about ``q``; behind a ReLU it can be several times that.
        """
        part, covered = self.active_parts, self.prevalence[self.best]
        most = np.maximum(part, covered)
        bounds: Float[np.ndarray, " units"] = np.zeros(self.n_units)
        np.divide(np.minimum(part, covered), most, out=bounds, where=most > 0)
        return bounds

    @property
    def active_parts(self) -> Float[np.ndarray, " units"]:
        """The part of the pixels at which each unit is active, on items with any label of its label's category."""
        category = self.category_of[self.best]
        return np.asarray(self.active[np.arange(self.n_units), category] / np.maximum(self.counted[category], 1))

    @property
    def best(self) -> Int[np.ndarray, " units"]:
        """Index of the label that each unit overlaps with most."""
        return np.asarray(self.iou.argmax(axis=1))

    def detectors(self, least: float = DETECTOR) -> Bool[np.ndarray, " units"]:
        """Which units have a label with an IoU above ``least``."""
        return np.asarray(self.iou.max(axis=1) > least)

    def unique_detectors(self, least: float = DETECTOR, rule: CountingRule = "published") -> pd.Series[int]:
        """How many labels have a detector, by category; see :data:`CountingRule`.

        Raises
        ------
        InputError
            No such rule.
        """
        if rule not in get_args(CountingRule):
            raise InputError("Detectors are not counted that way", got=repr(rule), cure='Use "published" or "text"')
        counts = pd.Series(0, index=pd.Index(self.categories, name="category"), name="unique detectors")
        best, found = self.best, self.iou.max(axis=1) > least
        for number, category in enumerate(self.categories):
            of_category = np.flatnonzero(self.category_of == number)
            if rule == "text":
                taken = best[found]
                counts[category] = len(np.intersect1d(taken, of_category))
                continue
            ious = self.iou[:, of_category]
            counts[category] = len(np.unique(ious.argmax(axis=1)[ious.max(axis=1) > least]))
        return counts

    def interval_of(self, statistic: Callable[[Dissection], float], *, draws: int = DRAWS, seed: int = 0) -> Interval:
        """A number of the dissection, and where it lies: the percentile bootstrap over groups of items.

        The thresholds stay. Items that come twice make units look purer, so that of small groups the interval may lie
        to one side.

        Parameters
        ----------
        statistic
            Such as ``lambda dissection: dissection.unique_detectors().sum()``.
        draws, seed
            How often groups are drawn anew, and by what.
        """
        ends = self.intervals_of(lambda each: np.array([statistic(each)], dtype=np.float64), draws=draws, seed=seed)
        return Interval(*(float(end[0]) for end in ends))

    def intervals_of(
        self, statistics: Callable[[Dissection], Float[np.ndarray, "..."]], *, draws: int = DRAWS, seed: int = 0
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """Several numbers at once, and the low and high ends of their intervals; see :meth:`interval_of`.

        The ends are NaN where all items are one group.
        """
        value = np.asarray(statistics(self), dtype=np.float64)
        groups = len(self.counts.ground)
        if groups == 1:
            return value, np.full(value.shape, math.nan), np.full(value.shape, math.nan)
        chosen = np.random.default_rng(seed).integers(0, groups, (draws, groups))
        drawn = [statistics(replace(self, counts=Counts(*(each[rows] for each in self.counts)))) for rows in chosen]
        margin = 100 * (1 - LEVEL) / 2
        low, high = np.percentile(drawn, [margin, 100 - margin], axis=0)
        return value, low, high

    def table(self, least: float = DETECTOR) -> pd.DataFrame:
        """One row for every unit, the best first: its label, IoU, bound, and the runner-up.

        Returns
        -------
        DataFrame
            Indexed by unit: ``label``, ``category``, ``IoU``, ``bound`` (:attr:`unit_bounds`), ``detector``, ``second``
            and ``second IoU`` (empty and NaN of a single label), ``threshold``, ``active`` (:attr:`active_parts`).
        """
        order = np.argsort(-self.iou, axis=1, kind="stable")
        best = order[:, 0]
        second = order[:, 1] if len(self.labels) > 1 else None
        units = np.arange(self.n_units)
        table = pd.DataFrame(
            {
                "label": [self.labels[each].name for each in best],
                "category": [self.labels[each].category for each in best],
                "IoU": self.iou[units, best],
                "bound": self.unit_bounds,
                "detector": self.detectors(least),
                "second": "" if second is None else [self.labels[each].name for each in second],
                "second IoU": np.nan if second is None else self.iou[units, second],
                "threshold": self.thresholds,
                "active": self.active_parts,
            },
            index=pd.Index(units, name="unit"),
        )
        return table.sort_values("IoU", ascending=False, kind="stable")

    @property
    def title(self) -> str:
        """Name for a figure panel, e.g. ``"encoder.conv3 of gene-pictures, rotated"``."""
        return f"{self.layer} of {self.name}" + (f", {self.detail}" if self.detail else "")
