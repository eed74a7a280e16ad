from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.canvas.neighbours import rings
from conceptstain.concepts.cross_fit import auroc
from conceptstain.concepts.groups import Groups, against_others, log_posteriors
from conceptstain.concepts.neighbour_context import NeighbourContext, strips
from factories import tiny_section
from strategies import laws


def tissue(side: int, thick: bool, noise: float, seed: int = 0):
    """A square of spots in two layers, thick ones or stripes that are one spot wide, seen through noise."""
    section = tiny_section(side, side, seed=seed)
    rows = np.arange(side * side) // side
    layer = (rows >= side // 2).astype(int) if thick else rows % 2
    latents = layer[:, None] + np.random.default_rng(seed).normal(0, noise, (side * side, 2))
    return section, layer, latents


def context_of(section, layer, latents, drawn, weight=None):
    members = [np.flatnonzero(drawn & (layer == k)) for k in range(layer.max() + 1)]
    return NeighbourContext.of(
        latents, members, rings(section), spots=section.spots, whitened=True, weight=weight
    ), Groups.of(latents, members, whitened=True)


@laws
@given(seed=st.integers(0, 1000), n=st.integers(10, 40), n_groups=st.integers(1, 3))
def test_folds_are_strips_with_as_many_spots_of_each_group(seed, n, n_groups):
    rng = np.random.default_rng(seed)
    spots = rng.normal(size=(n * n_groups, 2)) * [1, 5]
    group = np.repeat(np.arange(n_groups), n)
    fold = strips(spots, group)
    longest = np.linalg.eigh(np.cov(spots.T))[1][:, -1]
    along = spots @ longest
    for each in range(n_groups):
        sizes = np.bincount(fold[group == each], minlength=5)
        assert sizes.max() - sizes.min() <= 1
        parts = [along[(group == each) & (fold == k)] for k in range(5)]
        upward = all(one.max() <= other.min() for one, other in itertools.pairwise(parts))
        downward = all(one.min() >= other.max() for one, other in itertools.pairwise(parts))
        assert upward or downward


@laws
@given(seed=st.integers(0, 1000), n=st.integers(2, 30))
def test_the_auroc_is_the_chance_that_a_positive_is_above_a_negative(seed, n):
    rng = np.random.default_rng(seed)
    values, positive = rng.integers(0, 6, n + 2).astype(float), rng.random(n + 2) < 0.5
    positive[:2] = True, False
    pairs = [(a > b) + 0.5 * (a == b) for a in values[positive] for b in values[~positive]]
    assert auroc(values, positive) == pytest.approx(np.mean(pairs))


def test_neighbours_are_asked_where_layers_are_thick():
    section, layer, latents = tissue(14, thick=True, noise=1.5)
    drawn = section.spots[:, 1] < 6.5 * 200
    context, groups = context_of(section, layer, latents, drawn)
    assert context.weight > 0
    around, densities = rings(section), groups.log_densities(latents)
    alone, with_them = (
        auroc(against_others(log_p)[~drawn, 0], layer[~drawn] == 0)
        for log_p in (densities, context.blended(densities, around))
    )
    assert with_them > alone + 0.02


def test_neighbours_are_left_out_where_they_know_nothing():
    section, _, _ = tissue(14, thick=True, noise=1.0)
    rng = np.random.default_rng(3)
    layer = rng.integers(0, 2, section.n_spots)
    latents = layer[:, None] + rng.normal(0, 0.7, (section.n_spots, 2))
    context, groups = context_of(section, layer, latents, np.ones(section.n_spots, dtype=bool))
    assert context.weight == 0
    densities = groups.log_densities(latents)
    np.testing.assert_array_equal(context.blended(densities, rings(section)), log_posteriors(densities))
    assert [weight for weight, _ in context.auroc] == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("n_layers", [2, 3])
def test_a_weight_that_was_asked_for_is_kept_and_blends_between_none_and_all(n_layers):
    section = tiny_section(12, 12)
    rng = np.random.default_rng(0)
    layer = np.arange(144) // 12 * n_layers // 12
    latents = np.eye(3)[layer] + rng.normal(0, 0.5, (144, 3))
    drawn = np.ones(144, dtype=bool)
    (half, groups), (whole, _) = (context_of(section, layer, latents, drawn, weight=w) for w in (0.5, 1.0))
    assert (half.weight, half.auroc) == (0.5, ())
    around, densities = rings(section), groups.log_densities(latents)
    own, said = log_posteriors(densities), whole.blended(densities, around)
    expected = np.sqrt(np.exp(own) * np.exp(said))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(half.blended(densities, around)), expected, atol=1e-9)
    np.testing.assert_allclose(np.exp(said).sum(axis=1), 1)
