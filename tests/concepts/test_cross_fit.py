"""Cross-fitting: how spots are dealt to folds, and how folds are judged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from conceptstain.concepts.cross_fit import (
    auroc,
    auroc_error,
    blocks_of,
    contiguous_parts,
    cross_fitted,
    fold_auroc,
    folds_of,
)
from conceptstain.errors import InputError
from strategies import laws

LATTICE = np.stack(np.meshgrid(np.arange(12.0), np.arange(14.0), indexing="ij"), axis=-1).reshape(-1, 2)


def some(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(len(LATTICE)) < n


@laws
@given(st.integers(1, 100), st.integers(1, 30), st.integers(0, 100))
def test_parts_are_of_nearly_equal_size_and_none_is_empty(n: int, parts: int, seed: int) -> None:
    places = np.random.default_rng(seed).random((n, 2))
    sizes = np.bincount(contiguous_parts(places, parts))
    assert len(sizes) == min(parts, n)
    assert sizes.sum() == n
    assert sizes.min() >= 1
    assert np.ptp(sizes) <= 2


def test_parts_of_a_square_are_its_quarters() -> None:
    square = LATTICE[(LATTICE < 4).all(axis=1)]
    parts = contiguous_parts(square, 4)
    for part in range(4):
        assert (np.ptp(square[parts == part], axis=0) == 1).all()


@laws
@given(st.integers(3, 165), st.integers(0, 100))
def test_every_fold_hides_spots_of_both_sides(n: int, seed: int) -> None:
    inside = some(n, seed)
    folds = folds_of(inside, LATTICE)
    few = min(n, len(LATTICE) - n)
    number = folds.max() + 1
    assert number == (few if few < 15 else 5)
    for side in (inside, ~inside):
        assert (np.bincount(folds[side], minlength=number) > 0).all()


@pytest.mark.parametrize("n", [12, 40, 100])
def test_folds_of_a_patch_are_even_on_both_sides(n: int) -> None:
    inside = np.zeros(len(LATTICE), dtype=bool)
    inside[np.argsort(((LATTICE - [5, 6]) ** 2).sum(axis=1), kind="stable")[:n]] = True
    folds = folds_of(inside, LATTICE)
    for side in (inside, ~inside):
        share = side.sum() / (folds.max() + 1)
        assert (np.abs(np.bincount(folds[side]) - share) <= max(1, 0.6 * share)).all()


def test_what_a_fold_hides_comes_in_contiguous_blocks() -> None:
    inside = some(60, 3)
    folds = folds_of(inside, LATTICE)
    apart = np.abs(LATTICE[:, None] - LATTICE).max(axis=2)
    together = (folds[:, None] == folds) & (apart == 1)
    assert together.any(axis=1).all()
    assert together.sum(axis=1).mean() > 3, "most of the eight neighbours are hidden along"


@pytest.mark.parametrize("inside", [np.arange(168) < 2, np.arange(168) < 166])
def test_too_few_spots_are_told(inside: np.ndarray) -> None:
    with pytest.raises(InputError, match="too few on one side to hold some of them back"):
        folds_of(inside, LATTICE)


@laws
@given(st.integers(3, 60), st.integers(0, 100))
def test_auroc_over_folds_is_the_mean_of_its_folds_weighted_by_pairs(n: int, seed: int) -> None:
    inside = some(n, seed)
    folds = folds_of(inside, LATTICE)
    scores = np.random.default_rng(seed).integers(0, 9, len(LATTICE)).astype(float)
    wins = pairs = 0.0
    for fold in range(folds.max() + 1):
        one, other = scores[inside & (folds == fold)], scores[~inside & (folds == fold)]
        wins += mannwhitneyu(one, other).statistic
        pairs += len(one) * len(other)
    assert fold_auroc(scores, inside, folds) == pytest.approx(wins / pairs)
    assert fold_auroc(scores, inside, np.zeros_like(folds)) == pytest.approx(auroc(scores, inside))


def test_every_spot_gets_the_score_of_the_map_that_hides_it() -> None:
    inside = some(30, 1)
    folds = folds_of(inside, LATTICE)
    asked = []

    def scorer(regions: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        asked.append(hidden)
        return np.repeat(np.arange(len(regions))[:, None], regions.shape[1], axis=1).astype(float)

    np.testing.assert_array_equal(cross_fitted(inside, folds, scorer), folds)
    np.testing.assert_array_equal(asked[0].sum(axis=0), 1)


def test_one_side_alone_has_an_auroc_of_a_half() -> None:
    assert auroc(np.arange(4.0), np.ones(4, dtype=bool)) == 0.5


@pytest.mark.parametrize("n", [5, 20, 150])
def test_regions_of_one_size_share_the_blocks_they_are_cut_by(n: int) -> None:
    blocks = blocks_of(n, LATTICE)
    for seed in range(3):
        inside = some(n, seed)
        np.testing.assert_array_equal(folds_of(inside, LATTICE, blocks=blocks), folds_of(inside, LATTICE))
        assert all(len(np.unique(folds_of(inside, LATTICE)[blocks == block])) == 1 for block in range(blocks.max() + 1))


def test_the_error_of_an_auroc_is_that_of_hanley_and_mcneil() -> None:
    # Their formula is exact where both sides are distributed exponentially.
    rng = np.random.default_rng(0)
    for scale, n in ((1.5, 8), (4.0, 20)):
        inside = np.arange(50) < n
        drawn = [auroc(rng.exponential(np.where(inside, scale, 1.0)), inside) for _ in range(3000)]
        assert auroc_error(scale / (1 + scale), n, 50 - n) == pytest.approx(np.std(drawn), rel=0.05)
    for n in (5, 40):
        middle = np.sqrt((n + 30 + 1) / (12 * n * 30))  # of chance, as in Wilcoxon's test
        assert auroc_error(0.5, n, 30) == pytest.approx(middle, rel=0.01)
    assert auroc_error(1.0, 5, 30) == 0
