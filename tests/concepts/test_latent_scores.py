"""The quick score of spots is the score that concepts of spots are defined by, and never looks at what is hidden."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf

from conceptstain.canvas.region import Region
from conceptstain.concepts.cross_fit import auroc
from conceptstain.concepts.latent_scores import LatentScorer, pooled_covariances, sides_of
from conceptstain.concepts.spot_concepts import SpotConceptSettings, spot_concepts
from conceptstain.concepts.spot_evidence import spot_scorer
from factories import tiny_profile_encoders, tiny_section
from strategies import laws
from twins import spot_scores as twin

N_SPOTS = 40


@st.composite
def drawn(draw: st.DrawFn) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    """Latents of one to three encoders, and regions with hidden spots, some of each visible on both sides."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    latents = tuple(
        rng.normal(rng.normal(0, 5), rng.lognormal(0, 1, size), (N_SPOTS, size)).astype(np.float32)
        for size in draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    )
    order = np.array([rng.permutation(N_SPOTS) for _ in range(3)])
    inside = order < draw(st.integers(4, 30))
    hidden = (order % 4 == 0) & (order > 0)
    return latents, inside, hidden


@laws
@given(drawn=drawn(), whitened=st.booleans())
def test_many_maps_at_once_are_those_of_the_definition(drawn, whitened):
    latents, inside, hidden = drawn
    quick = LatentScorer(latents, whitened)(inside, hidden)
    for row in range(len(inside)):
        expected = twin.scores(latents, inside[row], hidden[row], whitened=whitened)
        np.testing.assert_allclose(quick[row], expected, rtol=1e-5, atol=1e-6)


@laws
@given(drawn=drawn())
def test_the_pooled_covariance_is_that_of_scikit_learn(drawn):
    (latents, *_), inside, hidden = drawn
    found = pooled_covariances(sides_of(latents, inside & ~hidden, ~inside & ~hidden))
    for row in range(len(inside)):
        members = [latents[side & ~hidden[row]].astype(float) for side in (inside[row], ~inside[row])]
        apart = np.concatenate([of - of.mean(axis=0) for of in members])
        expected, _shrinkage = ledoit_wolf(apart, assume_centered=True)
        np.testing.assert_allclose(found[row], expected, rtol=1e-7, atol=1e-9)


@laws
@given(drawn=drawn(), whitened=st.booleans(), seed=st.integers(0, 100))
def test_what_is_hidden_changes_nothing_but_its_own_score(drawn, whitened, seed):
    latents, inside, hidden = drawn
    changed = np.random.default_rng(seed)
    before = LatentScorer(latents, whitened)(inside[:1], hidden[:1])[0]
    moved = tuple(
        np.where(hidden[0][:, None], changed.normal(9, 20, of.shape), of).astype(np.float32) for of in latents
    )
    after = LatentScorer(moved, whitened)(inside[:1], hidden[:1])[0]
    np.testing.assert_allclose(after[~hidden[0]], before[~hidden[0]], rtol=1e-5, atol=1e-6)
    relabelled = inside[:1] ^ hidden[:1]
    np.testing.assert_array_equal(LatentScorer(latents, whitened)(relabelled, hidden[:1])[0], before)


@pytest.mark.parametrize("whitened", [False, True])
def test_a_map_with_nothing_to_compare_is_zero_and_spoils_no_other(whitened):
    rng = np.random.default_rng(0)
    latents = np.column_stack([rng.normal(size=(N_SPOTS, 3)), np.full(N_SPOTS, 7.0)])  # the last never varies
    inside = np.zeros((2, N_SPOTS), dtype=bool)
    inside[:, :6] = True
    hidden = np.zeros((2, N_SPOTS), dtype=bool)
    hidden[0, :6] = True
    scores = LatentScorer((latents,), whitened)(inside, hidden)
    np.testing.assert_array_equal(scores[0], 0)
    assert auroc(scores[1], inside[1]) > 0.5
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("direction", ["plain", "whitened", "auto"])
def test_with_nothing_hidden_it_is_the_painted_score_of_one_concept(direction):
    canvas = tiny_section(8, 9).view("spots")
    region = Region.from_obs("layer", "inner")
    settings = SpotConceptSettings(direction, context=0.0)
    concepts = spot_concepts(region, canvas, tiny_profile_encoders(canvas.features), settings)
    inside = region.choose(canvas.section)
    scores = spot_scorer(concepts, concepts.only())(inside[None], np.zeros((1, 72), dtype=bool))[0]
    painted = concepts.score().table["inner"]
    np.testing.assert_allclose((scores - scores.mean()) / scores.std(), painted, atol=1e-6)
