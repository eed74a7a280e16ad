"""Cross-fitting: every item is scored by a map that did not see it, so that what chose a map does not also judge it.

Items are spots, pictures or patches. Spots and patches lie somewhere: theirs are the ``(items, 2)`` coordinates of
``places``. Pictures lie nowhere: ``places`` of shape ``(items, 0)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapreplace
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata

from conceptstain.errors import InputError

__all__ = [
    "FOLDS",
    "LEAST_INSIDE",
    "Scorer",
    "auroc",
    "auroc_error",
    "blocks_of",
    "contiguous_parts",
    "cross_fitted",
    "cross_fitted_all",
    "fold_auroc",
    "folds_of",
]

FOLDS = 5
LEAST_PER_FOLD = 3  # with fewer spots of the region in a fold, each is left out by itself
LEAST_INSIDE = 3


class Scorer(Protocol):
    """A way to make maps of regions that can be told not to look at some spots."""

    def __call__(
        self, inside: Bool[np.ndarray, "maps spots"], hidden: Bool[np.ndarray, "maps spots"]
    ) -> Float[np.ndarray, "maps spots"]:
        """Scores of all spots by one map per row, higher where a spot is more like the region.

        A row of ``inside`` is the region, a row of ``hidden`` the spots whose values must not matter to the map; the
        others outside the region are what it is compared with. Hidden spots are scored all the same.
        """
        ...


def contiguous_parts(places: Float[np.ndarray, "spots 2"], n_parts: int) -> Int[np.ndarray, " spots"]:
    """Cut spots into contiguous parts of nearly equal size, by halving them across their longer side.

    Returns
    -------
    numpy.ndarray
        Number of each spot's part, ``0`` to ``n_parts - 1``; parts with near numbers lie near each other.
    """
    parts = np.zeros(len(places), dtype=int)
    waiting = [(np.arange(len(places)), 0, min(n_parts, len(places)))]
    while waiting:
        spots, first, number = waiting.pop()
        if number <= 1:
            parts[spots] = first
            continue
        along = int(np.argmax(np.ptp(places[spots], axis=0)))
        spots = spots[np.argsort(places[spots, along], kind="stable")]
        left = number // 2
        cut = round(len(spots) * left / number)
        waiting += [(spots[:cut], first, left), (spots[cut:], first + left, number - left)]
    return parts


def folds_of(
    inside: Bool[np.ndarray, " spots"],
    places: Float[np.ndarray, "spots axes"],
    *,
    n_folds: int = FOLDS,
    blocks: Int[np.ndarray, " spots"] | None = None,
) -> Int[np.ndarray, " spots"]:
    """The fold of every spot.

    The tissue is cut into contiguous blocks, a fifth of the region in size (or of its outside, if that is smaller),
    and whole blocks are dealt to folds so that each fold hides as much of the region as the others, and of the
    outside. Where a fold would hide fewer than three spots of the region, a block is a single spot, and each is left
    out by itself.

    The cuts do not know the region. Folds cut around it would: spots of the region would lie in the middle of what is
    hidden and spots outside at its rim, next to outside spots that the map has seen, and on smooth noise even random
    selections would be found (AUROC .55 and more).

    ``blocks`` are those of :func:`blocks_of`, where they were cut before; all regions of one size share them.

    Raises
    ------
    InputError
        Fewer than three spots inside, or fewer than three outside.
    """
    n_inside = int(inside.sum())
    if blocks is None:
        blocks = blocks_of(n_inside, places, n_folds=n_folds)
    n = min(n_inside, len(inside) - n_inside)
    few = inside if n_inside == n else ~inside
    return np.asarray(_dealt(blocks, few, n_folds if n >= n_folds * LEAST_PER_FOLD else n)[blocks])


def blocks_of(
    n_inside: int, places: Float[np.ndarray, "spots axes"], *, n_folds: int = FOLDS
) -> Int[np.ndarray, " spots"]:
    """The blocks that a region of so many spots is cross-fitted by; see :func:`folds_of`, also for its errors.

    What lies nowhere has no neighbours: each is a block by itself.
    """
    n = min(n_inside, len(places) - n_inside)
    if n < LEAST_INSIDE:
        raise InputError(
            "There are too few on one side to hold some of them back",
            got=f"{n_inside} inside and {len(places) - n_inside} outside",
            cure=f"Choose {LEAST_INSIDE} or more, and leave {LEAST_INSIDE} or more outside",
        )
    if not places.shape[1]:
        return np.arange(len(places))
    size = n // n_folds if n >= n_folds * LEAST_PER_FOLD else 1
    return contiguous_parts(places, len(places) // size)


def _dealt(
    blocks: Int[np.ndarray, " spots"], few: Bool[np.ndarray, " spots"], n_folds: int
) -> Int[np.ndarray, " blocks"]:
    """A fold for each block, so that folds hold as many of the few as each other, then as many of the others."""
    of_few = np.bincount(blocks, few).astype(int)
    of_others = np.bincount(blocks, ~few).astype(int)
    n_folds = min(n_folds, int((of_few > 0).sum()))
    dealt = np.empty(len(of_few), dtype=int)
    # In a mixed order, the same every time: dealt row by row, neighbours would never be hidden together.
    mixed = np.random.default_rng(len(of_few)).permutation(len(of_few))
    with_few = [int(block) for block in mixed[np.argsort(-of_few[mixed], kind="stable")] if of_few[block]]
    with_none = [int(block) for block in mixed if not of_few[block]]
    held = [(0, 0, fold) for fold in range(n_folds)]
    for block in with_few:
        few_held, others_held, fold = held[0]
        dealt[block] = fold
        heapreplace(held, (few_held + int(of_few[block]), others_held + int(of_others[block]), fold))
    lightest = sorted((others_held, fold) for _, others_held, fold in held)
    for block in with_none:
        others_held, fold = lightest[0]
        dealt[block] = fold
        heapreplace(lightest, (others_held + int(of_others[block]), fold))
    return dealt


def cross_fitted(
    inside: Bool[np.ndarray, " spots"], folds: Int[np.ndarray, " spots"], scorer: Scorer
) -> Float[np.ndarray, " spots"]:
    """Every spot's score by the map of the fold that hides it."""
    return np.asarray(cross_fitted_all(inside[None], folds[None], scorer)[0])


def cross_fitted_all(
    inside: Bool[np.ndarray, "regions spots"], folds: Int[np.ndarray, "regions spots"], scorer: Scorer
) -> Float[np.ndarray, "regions spots"]:
    """As :func:`cross_fitted` for many regions, with one call of the scorer."""
    rows = [(region, fold) for region, of in enumerate(folds) for fold in range(of.max() + 1)]
    region_of, fold_of = np.array(rows).T
    hidden = folds[region_of] == fold_of[:, None]
    scores = scorer(inside[region_of], hidden)
    crossed = np.zeros(inside.shape)
    for row, region in enumerate(region_of):
        crossed[region, hidden[row]] = scores[row, hidden[row]]
    return crossed


def fold_auroc(
    scores: Float[np.ndarray, " spots"], inside: Bool[np.ndarray, " spots"], folds: Int[np.ndarray, " spots"]
) -> float:
    """The part of all pairs, one spot inside and one outside hidden in the same fold, that are in the right order.

    Both spots of a pair were scored by one map that saw neither, so .5 is expected of a region without meaning. Ties
    count half.
    """
    wins = pairs = 0.0
    for won, n in _pairs(scores, inside, folds):
        wins, pairs = wins + won, pairs + n
    return wins / pairs if pairs else 0.5


def _pairs(
    scores: Float[np.ndarray, " spots"], inside: Bool[np.ndarray, " spots"], folds: Int[np.ndarray, " spots"]
) -> Iterator[tuple[float, float]]:
    """Of every fold: how many pairs are in the right order, and how many there are."""
    for fold in range(folds.max() + 1):
        here = folds == fold
        positive = inside[here]
        n_inside = int(positive.sum())
        won = rankdata(scores[here])[positive].sum() - n_inside * (n_inside + 1) / 2  # Mann and Whitney's U
        yield float(won), float(n_inside * (len(positive) - n_inside))


def auroc(values: Float[np.ndarray, " spots"], positive: Bool[np.ndarray, " spots"]) -> float:
    """Area under the ROC curve; ties count half, and .5 where one side is empty."""
    n = int(positive.sum())
    if n in {0, len(values)}:
        return 0.5
    return float((rankdata(values)[positive].sum() - n * (n + 1) / 2) / (n * (len(values) - n)))


def auroc_error(value: float, n_inside: int, n_outside: int) -> float:
    """Standard error of an AUROC of so many inside and outside (Hanley & McNeil 1982, equation 1)."""
    one, other = value / (2 - value), 2 * value**2 / (1 + value)
    within = (n_inside - 1) * (one - value**2) + (n_outside - 1) * (other - value**2)
    return float(np.sqrt((value * (1 - value) + within) / (n_inside * n_outside)))
