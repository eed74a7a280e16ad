"""Maps against masks: whether a map is high where something is known to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.metrics import average_precision_score

from conceptstain.concepts.cross_fit import auroc
from conceptstain.errors import InputError
from conceptstain.methods.intervals import Interval, interval

__all__ = ["Agreement", "agreement", "shuffled_masks"]


@final
@dataclass(frozen=True, eq=False)
class Agreement:
    """How well maps find masks, item by item. Make it with :func:`agreement`.

    Attributes
    ----------
    items
        Places in what was given of the items that could be judged; the others have an empty mask, or one that is full.
    auroc
        Of each item, over its pixels; .5 is chance.
    average_precision
        Of each item, over its pixels; ``covered`` is chance, a little more where masks are of a few pixels.
    pointing
        Whether the highest pixel of each item lies in its mask (Zhang et al. 2018, the pointing game, without
        tolerance); where several pixels are the highest, the part of them that does. ``covered`` is chance.
    covered
        The part of each item's pixels that its mask covers.
    """

    items: Int[np.ndarray, " items"]
    auroc: Float[np.ndarray, " items"]
    average_precision: Float[np.ndarray, " items"]
    pointing: Float[np.ndarray, " items"]
    covered: Float[np.ndarray, " items"]

    def interval(self, measure: str, *, seed: int = 0) -> Interval:
        """Mean of ``"auroc"``, ``"average_precision"`` or ``"pointing"`` over the items, with its confidence interval.

        Raises
        ------
        InputError
            No such measure.
        """
        if measure not in _CHANCE:
            raise InputError("There is no such measure", got=repr(measure), cure=f"Choose one of: {', '.join(_CHANCE)}")
        return interval(getattr(self, measure), seed=seed)

    def table(self) -> pd.DataFrame:
        """One row per measure: ``mean``, ``low`` and ``high`` (95 %), and what ``chance`` gives."""
        rows = {}
        for measure, chance in _CHANCE.items():
            mean, low, high = self.interval(measure)
            by_chance = float(self.covered.mean()) if chance is None else chance
            rows[measure.replace("_", " ")] = {"mean": mean, "low": low, "high": high, "chance": by_chance}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("measure")


_CHANCE: dict[str, float | None] = {"auroc": 0.5, "average_precision": None, "pointing": None}


def agreement(
    maps: Sequence[np.ndarray] | np.ndarray,
    masks: Sequence[np.ndarray] | np.ndarray,
) -> Agreement:
    """Judge maps by masks of the same pixels.

    Parameters
    ----------
    maps
        One map ``(height, width)`` per item, higher where it speaks for the concept; sizes may differ. Pixels that are
        not finite are not shown by the map, and are not judged.
    masks
        As many, of the same sizes; what is not 0 is inside.

    Raises
    ------
    InputError
        Not as many, of other sizes, or no item that can be judged.
    """
    if len(maps) != len(masks):
        raise InputError(
            "There has to be one mask for each map", got=f"{len(maps)} maps and {len(masks)} masks", cure="Give as many"
        )
    found: list[tuple[int, float, float, float, float]] = []
    for item, (values, mask) in enumerate(zip(maps, masks, strict=True)):
        if np.shape(values) != np.shape(mask) or np.ndim(values) != 2:
            raise InputError(
                f"The mask of map {item} is of other pixels",
                got=f"shape {np.shape(mask)} for {np.shape(values)}",
                cure="Bring both to the pixels of the picture, as canvas.place does",
            )
        shown = np.isfinite(values)
        at, inside = np.asarray(values, dtype=np.float64)[shown], np.asarray(mask)[shown] != 0
        if not inside.any() or inside.all():
            continue
        highest = at == at.max()
        precision = float(average_precision_score(inside, at))
        found.append((item, auroc(at, inside), precision, float(inside[highest].mean()), float(inside.mean())))
    if not found:
        raise InputError(
            "No map can be judged", got=f"{len(masks)} masks that are empty or full", cure="Give masks of parts"
        )
    items, *measures = zip(*found, strict=True)
    return Agreement(np.array(items), *(np.array(measure, dtype=np.float64) for measure in measures))


def shuffled_masks(masks: Sequence[np.ndarray] | np.ndarray, *, seed: int = 0) -> list[np.ndarray]:
    """The same masks, each with another item: what a map finds of these, it finds without looking at its item.

    Masks go round by a random step, so that none stays where it was.

    Raises
    ------
    InputError
        A single mask, or masks of several sizes, which cannot change places.
    """
    if len(masks) < 2 or len({np.shape(mask) for mask in masks}) > 1:
        raise InputError(
            "These masks cannot change places",
            got=f"{len(masks)} of {len({np.shape(mask) for mask in masks})} sizes",
            cure="Give two or more of one size, as on the canvas's frame",
        )
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(masks))
    step = int(generator.integers(1, len(masks)))
    shuffled: list[np.ndarray] = [np.empty(0)] * len(masks)
    for place, item in enumerate(order):
        shuffled[item] = np.asarray(masks[order[(place + step) % len(masks)]])
    return shuffled
