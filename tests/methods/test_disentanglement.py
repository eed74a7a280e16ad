import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.disentanglement import dci, factor_vae_score, mutual_information_gap

SIZES = (3, 4, 5, 4)
FACTORS = np.stack(np.meshgrid(*(np.arange(n) for n in SIZES), indexing="ij"), axis=-1).reshape(-1, len(SIZES))
FEW = {"votes": 400, "evaluation_votes": 400, "batch_size": 16}


def perfect(extra=2, seed=0):
    """One latent for every factor, in units of its own, and some that hardly vary."""
    idle = 0.01 * np.random.default_rng(seed).normal(size=(len(FACTORS), extra))
    return np.concatenate([FACTORS * np.array([1.0, -2.0, 0.5, 3.0]), idle], axis=1).astype(np.float32)


def rotated(seed=0):
    """The same information, with every factor spread over all latents."""
    standard = (FACTORS - FACTORS.mean(axis=0)) / FACTORS.std(axis=0)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(SIZES), len(SIZES))))
    return (standard @ turn).astype(np.float32)


def noise(latent=6, seed=0):
    return np.random.default_rng(seed).normal(size=(len(FACTORS), latent)).astype(np.float32)


def scores(latents, seed=0):
    parts = dci(latents, FACTORS, train_items=160, test_items=80, seed=seed)
    of_votes = factor_vae_score(latents, FACTORS, seed=seed, **FEW)
    return of_votes, mutual_information_gap(latents, FACTORS, bins=6), parts.disentanglement, parts.completeness


def test_one_latent_for_every_factor_scores_one():
    assert scores(perfect(0)) == pytest.approx((1, 1, 1, 1))
    of_votes, _, disentanglement, completeness = scores(perfect())
    assert (of_votes, disentanglement, completeness) == pytest.approx((1, 1, 1))


def test_factors_spread_over_latents_score_less_though_as_much_can_be_told():
    halves = 0.5 * np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
    standard = (FACTORS - FACTORS.mean(axis=0)) / FACTORS.std(axis=0)
    assert all(mixed < 0.6 for mixed in scores((standard @ halves).astype(np.float32)))
    for seed in range(3):
        assert scores(rotated(seed), seed) < scores(perfect(), seed)
        assert scores(rotated(seed), seed)[1] < 0.5


def test_noise_scores_as_chance():
    of_votes, gap, disentanglement, completeness = scores(noise())
    assert of_votes == pytest.approx(1 / len(SIZES), abs=0.1)
    assert gap < 0.05
    assert max(disentanglement, completeness) < 0.2
    assert dci(noise(), FACTORS).informativeness < 0.45  # a third to a fifth


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 100))
def test_the_order_and_the_signs_of_latents_mean_nothing(seed):
    rng = np.random.default_rng(seed)
    latents = rotated(seed)
    order, signs = rng.permutation(len(SIZES)), rng.choice([-1, 1], size=len(SIZES)).astype(np.float32)
    moved = (latents * signs)[:, order]
    assert factor_vae_score(moved, FACTORS, **FEW) == factor_vae_score(latents, FACTORS, **FEW)
    # Bins are closed at one end only: a sign may move a value on their border.
    assert mutual_information_gap(moved, FACTORS) == pytest.approx(mutual_information_gap(latents, FACTORS), abs=0.02)


def test_the_order_of_items_and_of_factors_means_nothing_to_the_gap():
    rng = np.random.default_rng(0)
    latents, order = rotated(), rng.permutation(len(FACTORS))
    told = mutual_information_gap(latents, FACTORS)
    assert mutual_information_gap(latents[order], FACTORS[order][:, ::-1]) == pytest.approx(told)


def test_votes_that_made_the_classifier_do_not_judge_it():
    # Of so few votes for latents that know nothing, a classifier is right of most that it was made from.
    judged = [factor_vae_score(noise(), FACTORS, votes=12, evaluation_votes=12, seed=seed) for seed in range(20)]
    assert np.mean(judged) < 0.4


def test_the_units_of_a_latent_do_not_matter():
    latents = noise() + FACTORS[:, [0, 1, 2, 3, 0, 1]]
    stretched = latents * np.float32(2) ** np.array([0, 3, -2, 1, 0, 2], dtype=np.float32)
    assert factor_vae_score(stretched, FACTORS, **FEW) == factor_vae_score(latents, FACTORS, **FEW)
    assert mutual_information_gap(stretched, FACTORS) == pytest.approx(mutual_information_gap(latents, FACTORS))


def test_latents_that_are_not_used_have_no_vote():
    idle = np.concatenate([FACTORS, 1e-3 * noise(1)], axis=1).astype(np.float32)
    idle[:, -1] *= 1.0 + 1e-3 * FACTORS[:, 0]
    assert factor_vae_score(idle, FACTORS, **FEW) == 1.0
    assert factor_vae_score(1e-3 * noise(), FACTORS, **FEW) == 0.0
    assert factor_vae_score(1e-3 * noise(), FACTORS, least_sd=0.0, **FEW) > 0.0


def test_the_seed_decides_every_draw():
    assert scores(rotated(), 3) == scores(rotated(), 3)


@pytest.mark.parametrize(("train_items", "test_items"), [(1, 10_000), (10_000, 1)])
def test_a_forest_learns_from_and_is_judged_by_an_item_at_least(train_items, test_items):
    found = dci(noise()[:9], FACTORS[::29], train_items=train_items, test_items=test_items)
    assert 0 <= found.informativeness <= 1


def test_what_does_not_go_together_is_refused():
    with pytest.raises(MismatchError, match="one row for each item"):
        factor_vae_score(noise()[:-1], FACTORS)
    constant = FACTORS.copy()
    constant[:, 2] = 1
    for metric in (factor_vae_score, mutual_information_gap, dci):
        with pytest.raises(InputError, match="column 2"):
            metric(noise(), constant)
    with pytest.raises(InputError, match="finite"):
        mutual_information_gap(noise() * np.inf, FACTORS)
    with pytest.raises(InputError, match="two items or more"):
        factor_vae_score(noise(), FACTORS, batch_size=1)
    with pytest.raises(InputError, match="two bins"):
        mutual_information_gap(noise(), FACTORS, bins=1)
    with pytest.raises(InputError, match="items and trees"):
        dci(noise(), FACTORS, trees=0)
