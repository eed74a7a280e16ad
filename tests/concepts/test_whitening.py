"""Directions weighed by how latents vary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

import conceptstain as cs
from conceptstain.concepts.whitening import covariance, whitened, whitened_direction
from conceptstain.errors import InputError
from factories import tiny_encoder, tiny_section
from strategies import laws


def two_sides(seed, n=4000, latent=4):
    """Latents that vary together, so many that there is hardly any shrinkage, and two sides that differ in one."""
    rng = np.random.default_rng(seed)
    mixing = np.eye(latent) + rng.uniform(-0.2, 0.2, (latent, latent))
    positive, negative = (rng.normal(size=(n, latent)) @ mixing for _ in range(2))
    positive[:, 0] += 2
    return positive, negative


def cosine(one, other):
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


@laws
@given(seed=st.integers(0, 999))
def test_with_many_items_it_is_fishers_discriminant_as_long_as_the_plain_difference(seed):
    positive, negative = two_sides(seed)
    found = whitened_direction(positive, negative)
    fisher = LinearDiscriminantAnalysis(solver="lsqr").fit(
        np.concatenate([positive, negative]), np.arange(8000) < len(positive)
    )
    assert cosine(found, fisher.coef_[0]) > 0.99
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(positive.mean(axis=0) - negative.mean(axis=0)))


@laws
@given(seed=st.integers(0, 999))
def test_in_whitened_latents_nothing_varies_more_and_the_plain_difference_ranks_alike(seed):
    positive, negative = two_sides(seed)
    latents = np.concatenate([positive, negative])
    z = whitened(latents)
    np.testing.assert_allclose(np.cov(z.T), np.eye(4), atol=0.03)
    there = z @ (z[:4000].mean(axis=0) - z[4000:].mean(axis=0))
    here = latents @ whitened_direction(positive, negative)
    assert np.corrcoef(there, here)[0, 1] == pytest.approx(1, abs=1e-9)


@laws
@given(seed=st.integers(0, 999))
def test_a_change_of_units_changes_no_ranking(seed):
    positive, negative = two_sides(seed)
    units = np.array([1.0, 3.0, 0.5, 2.0])
    here = negative @ whitened_direction(positive, negative)
    there = (negative * units) @ whitened_direction(positive * units, negative * units)
    assert np.corrcoef(here, there)[0, 1] > 0.99


def test_latents_that_are_all_alike_can_be_whitened():
    flat = np.ones((5, 3))
    np.testing.assert_array_equal(covariance(flat), np.eye(3))
    assert np.isfinite(whitened(flat)).all()
    assert whitened_direction(flat, flat).tolist() == [0, 0, 0]


def nuisance_pictures(n=120):
    """Pictures whose light varies much, and half of which have a slightly brighter corner."""
    rng = np.random.default_rng(3)
    pixels = rng.uniform(0.35, 0.45, (n, 8, 8)) + rng.uniform(-0.3, 0.3, (n, 1, 1))
    pixels[: n // 2, :4, :4] += 0.05
    return cs.open(pixels.clip(0, 1).astype(np.float32), as_="images").view(frame=8)


def test_a_concept_that_light_hides_is_found_once_it_is_whitened():
    canvas = nuisance_pictures()
    encoder = tiny_encoder((1, 8, 8), scaling="unit")
    names = [str(name) for name in canvas.item_names[:60]]
    plain, white = (cs.concept("corner", canvas, encoder, items=names, form=form) for form in ("contrast", "whitened"))
    assert np.linalg.norm(white.direction) == pytest.approx(np.linalg.norm(plain.direction))
    assert white.origin.endswith("whitened")
    found = [cs.evidence(each, canvas, encoder, n_null=99).auroc for each in (plain, white)]
    assert found[1] > found[0] + 0.1


def test_random_selections_are_not_found_by_whitened_directions():
    canvas = nuisance_pictures()
    encoder = tiny_encoder((1, 8, 8), scaling="unit")
    rng = np.random.default_rng(5)
    aurocs = []
    for _ in range(20):
        names = [str(name) for name in rng.choice(canvas.item_names, 30, replace=False)]
        made = cs.concept("some", canvas, encoder, items=names, form="whitened")
        aurocs.append(cs.evidence(made, canvas, encoder, n_null=19).auroc)
    assert np.mean(aurocs) == pytest.approx(0.5, abs=0.06)


def test_genes_are_not_whitened():
    canvas = tiny_section().view("genes")
    with pytest.raises(InputError, match="pictures and patches"):
        cs.concept("penk", canvas, tiny_encoder(canvas.shape), items=["Gene1", "Gene2"], form="whitened")


@laws
@given(seed=st.integers(0, 999), n=st.integers(2, 6), repeats=st.integers(1, 2))
def test_of_few_items_or_the_same_ones_twice_it_is_not_singular(seed, n, repeats):
    latents = np.tile(np.random.default_rng(seed).normal(size=(n, 5)), (repeats, 1))
    found = covariance(latents)
    assert np.trace(found) == pytest.approx(latents.var(axis=0).sum())
    assert np.linalg.eigvalsh(found).min() > 0
    assert np.isfinite(whitened(latents)).all()


def test_two_items_say_how_much_varies_and_not_where():
    latents = np.array([[0.0, 1.0, 2.0], [2.0, 1.0, -2.0]])
    np.testing.assert_allclose(covariance(latents), np.eye(3) * 5 / 3)
