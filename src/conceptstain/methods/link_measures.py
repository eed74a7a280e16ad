"""Measuring links on held-out pairs: how they reach the latents, and what the classifier says of their samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from conceptstain.methods.intervals import LEVEL, Interval, interval
from conceptstain.methods.link_pairs import Pairs, Read
from conceptstain.methods.link_quality import (
    ACCURACY,
    AGREEMENT,
    BALANCED,
    CONGRUENCE,
    COSINE,
    LINKED,
    RETURNED,
    VARIANCE,
    LinkMeasure,
)

__all__ = ["centred_cosines", "congruences", "explained_variance", "measured", "ratio"]

RESAMPLES = 2000
SMALLEST_GROUP, LARGEST_GROUP = 8, 50  # items whose distances are ranked together
MOST_CYCLED = 2000  # held-out items that samples are made of

Latents: TypeAlias = Float[np.ndarray, "items latent"]
Linked: TypeAlias = Callable[[Float[np.ndarray, "items units"]], Latents]


def measured(
    link: Linked,
    shuffled: Sequence[Linked],
    left: Pairs,
    learned: Pairs,
    *,
    read: Callable[[Latents], Read],
) -> dict[str, LinkMeasure]:
    """Every measure of a link, beside its mean over links that learned shuffled pairs; see :class:`LinkQuality`.

    Parameters
    ----------
    link
        Representations become latents.
    shuffled
        The same of links that learned the same representations with latents of other items.
    left, learned
        Pairs that were held out, and those that all were learned from.
    read
        What the classifier says of the samples of latents.
    """
    found, mixed = link(left.r), [each(left.r) for each in shuffled]
    centre = learned.latents.mean(axis=0)
    other = np.random.default_rng(0).permutation(len(left.r))
    cosines = [centred_cosines(each, left.latents, centre) for each in (found, *mixed)]
    ranks = [congruences(each, left.latents) for each in (found, *mixed)]
    measures = {
        VARIANCE: LinkMeasure(explained_variance([found], left.latents), explained_variance(mixed, left.latents)),
        COSINE: LinkMeasure(interval(cosines[0]), interval(np.mean(cosines[1:], axis=0))),
        CONGRUENCE: LinkMeasure(
            interval(congruences(left.r, left.latents)), interval(congruences(left.r, left.latents[other]))
        ),
        LINKED: LinkMeasure(interval(ranks[0]), interval(np.mean(ranks[1:], axis=0))),
    }
    some = slice(MOST_CYCLED)
    back = [read(latents[some]) for latents in (found, *mixed, left.latents)]
    return measures | _cycled(back, Pairs(*(each[some] for each in left)), learned.r.mean(axis=0))


def _cycled(back: Sequence[Read], left: Pairs, centre: Float[np.ndarray, " units"]) -> dict[str, LinkMeasure]:
    """Of samples of the link (first), of shuffled ones, and of the items' own latents (last): what came back."""
    cosines = [centred_cosines(each.r, left.r, centre) for each in back]
    measures = {RETURNED: LinkMeasure(*(interval(each) for each in _three(cosines)))}
    for word, wanted in ((ACCURACY, left.known), (AGREEMENT, left.predicted)):
        there = wanted >= 0
        if there.any():
            right = _three([(each.predicted[there] == wanted[there]).astype(np.float64) for each in back])
            weights = 1 / np.bincount(wanted[there])[wanted[there]]  # every class counts as much as every other
            measures[word] = LinkMeasure(*(interval(each) for each in right))
            measures[word + BALANCED] = LinkMeasure(*(ratio(each * weights, weights) for each in right))
    return measures


def _three(values: Sequence[Float[np.ndarray, " items"]]) -> list[Float[np.ndarray, " items"]]:
    """The first, the mean of those between, and the last."""
    return [values[0], np.mean(values[1:-1], axis=0), values[-1]]


def explained_variance(
    found: Sequence[Float[np.ndarray, "items latent"]], latents: Float[np.ndarray, "items latent"], *, seed: int = 0
) -> Interval:
    """Part of the latents' variance that a link explains, over all dimensions together; below 0 of a bad one.

    The variance is around the mean of these items; of several links, the mean.
    """
    lost = np.mean([((latents - each) ** 2).sum(axis=1) for each in found], axis=0)
    there = ((latents - latents.mean(axis=0)) ** 2).sum(axis=1)
    part = ratio(lost, there, seed=seed)
    return Interval(1 - part.mean, 1 - part.high, 1 - part.low)


def centred_cosines(
    found: Float[np.ndarray, "items numbers"],
    wanted: Float[np.ndarray, "items numbers"],
    centre: Float[np.ndarray, " numbers"],
) -> Float[np.ndarray, " items"]:
    """Cosine of every item's two vectors, both from a centre.

    From the origin, two vectors are alike for what all of them have in common.
    """
    one, other = found - centre, wanted - centre
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / np.maximum(lengths, np.finfo(np.float64).tiny))


def congruences(
    one: Float[np.ndarray, "items numbers"], other: Float[np.ndarray, "items others"]
) -> Float[np.ndarray, " groups"]:
    """Spearman's correlation of the distances between items in one space with those in another, for groups of items.

    Items are grouped in their order, so that no two groups share one and their values are independent.
    """
    size = int(np.clip(len(one) // 10, SMALLEST_GROUP, LARGEST_GROUP))
    found = []
    for start in range(0, max(len(one) - size, 0) + 1, size):
        distances = [pdist(space[start : start + size]) for space in (one, other)]
        constant = len(one) < 3 or any(np.ptp(each) == 0 for each in distances)
        found.append(0.0 if constant else float(spearmanr(*distances).statistic))
    return np.array(found)


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
