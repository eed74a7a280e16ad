from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.concepts.groups import Groups, against_others, log_posteriors
from conceptstain.concepts.scores import Against
from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.encoder import Encoding
from strategies import laws
from twins import groups as twin


@st.composite
def drawn(draw: st.DrawFn) -> tuple[np.ndarray, list[np.ndarray]]:
    """Latents of 40 items, and some items of 2 to 4 groups."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n_groups, latent = draw(st.integers(2, 4)), draw(st.integers(1, 5))
    sizes = [draw(st.integers(2, 9)) for _ in range(n_groups)]
    latents = rng.normal(size=(40, latent)) * rng.lognormal(0, 0.7, latent)
    order = rng.permutation(40)
    return latents, np.split(order[: sum(sizes)], np.cumsum(sizes)[:-1])


@laws
@given(drawn=drawn(), whitened=st.booleans())
def test_scores_are_those_of_their_slow_twin(drawn, whitened):
    latents, members = drawn
    fast = against_others(Groups.of(latents, members, whitened=whitened).log_densities(latents))
    np.testing.assert_allclose(fast, twin.against_others(latents, members, whitened=whitened), rtol=1e-6, atol=1e-8)


@laws
@given(drawn=drawn(), whitened=st.booleans(), seed=st.integers(0, 100))
def test_turning_and_moving_the_latent_space_changes_no_score(drawn, whitened, seed):
    latents, members = drawn
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(latents.shape[1], latents.shape[1])))
    moved = latents @ turn + rng.normal(size=latents.shape[1])
    scores = [against_others(Groups.of(z, members, whitened=whitened).log_densities(z)) for z in (latents, moved)]
    np.testing.assert_allclose(*scores, rtol=1e-6, atol=1e-6)


@laws
@given(drawn=drawn(), seed=st.integers(0, 100))
def test_groups_in_another_order_have_their_scores_in_that_order(drawn, seed):
    latents, members = drawn
    order = np.random.default_rng(seed).permutation(len(members))
    scores = against_others(Groups.of(latents, members, whitened=True).log_densities(latents))
    permuted = Groups.of(latents, [members[k] for k in order], whitened=True)
    np.testing.assert_allclose(against_others(permuted.log_densities(latents)), scores[:, order], rtol=1e-6, atol=1e-8)


@laws
@given(drawn=drawn())
def test_two_groups_are_told_apart_along_the_plain_difference_of_their_means(drawn):
    latents, members = drawn
    groups = Groups.of(latents, members[:2], whitened=False)
    scores = against_others(groups.log_densities(latents))
    along = latents @ (groups.means[0] - groups.means[1])
    assert np.corrcoef(scores[:, 0], along)[0, 1] == pytest.approx(1)
    np.testing.assert_allclose(scores[:, 0], -scores[:, 1], atol=1e-9)


@laws
@given(drawn=drawn())
def test_probabilities_add_up_to_one_and_their_odds_are_the_scores(drawn):
    latents, members = drawn
    densities = Groups.of(latents, members, whitened=False).log_densities(latents)
    p = np.exp(log_posteriors(densities))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    unsure = p[(p > 1e-6).all(axis=1)]
    scores = against_others(densities)[(p > 1e-6).all(axis=1)]
    np.testing.assert_allclose(scores, np.log(unsure / (1 - unsure)), atol=1e-6)


@laws
@given(drawn=drawn())
def test_the_differentiable_score_is_the_score(drawn):
    latents, members = drawn
    groups = Groups.of(latents, members, whitened=True)
    mean = torch.tensor(latents, requires_grad=True)
    encoding = Encoding(mean, torch.zeros_like(mean))
    expected = against_others(groups.log_densities(latents))
    for number in range(len(members)):
        found = Against(groups, number)(encoding)
        np.testing.assert_allclose(found.detach(), expected[:, number], rtol=1e-6, atol=1e-8)
    (gradient,) = torch.autograd.grad(found.sum(), mean)
    step = 1e-5 * np.eye(latents.shape[1])[0]
    up, down = (against_others(groups.log_densities(latents + sign * step))[:, number] for sign in (1, -1))
    np.testing.assert_allclose(gradient[:, 0], (up - down) / 2e-5, rtol=1e-4, atol=1e-4)


def test_one_spot_a_group_is_enough_for_a_plain_difference_and_too_little_for_a_covariance():
    latents = np.array([[0.0, 1.0], [2.0, 1.0], [5.0, 5.0]])
    members = [np.array([0]), np.array([1])]
    scores = against_others(Groups.of(latents, members, whitened=False).log_densities(latents))
    assert scores[0, 0] > 0 > scores[1, 0]
    with pytest.raises(InputError, match=r"no spread to whiten with. Got 2 spots in 2 groups"):
        Groups.of(latents, members, whitened=True)


def test_an_empty_group_is_refused():
    with pytest.raises(InputError, match="empty"):
        Groups.of(np.ones((3, 2)), [np.array([0]), np.array([], dtype=int)], whitened=False)


def test_groups_of_another_latent_space_are_refused():
    groups = Groups.of(np.eye(3), [np.array([0]), np.array([1])], whitened=False)
    with pytest.raises(MismatchError, match="3 numbers for 2 latents"):
        Against(groups, 0)(Encoding(torch.zeros(1, 2), torch.zeros(1, 2)))
