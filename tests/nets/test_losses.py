import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conceptstain.nets.batches import Batch
from conceptstain.nets.encoder import Encoding
from conceptstain.nets.losses import squared_error
from conceptstain.nets.terms import Pass, plain_terms, weighed
from twins import losses as twin


class Counting:
    """What a network that learns counts says of itself."""

    learns_counts = True

    def __init__(self, dispersion):
        self.log_dispersion = torch.tensor(np.log(dispersion))


def loss_of(loss, batch, decoded, *, mean, log_var, beta, network=None):
    """The plain terms of a loss, weighed and summed as training does."""
    encoding = Encoding(torch.tensor(mean), torch.tensor(log_var))
    step = Pass(batch, encoding, encoding.mean, torch.tensor(decoded))
    return float(weighed(plain_terms(network, loss, beta), step)[0])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), beta=st.floats(0, 5))
def test_the_losses_are_those_of_their_slow_twins(seed, beta):
    rng = np.random.default_rng(seed)
    x, decoded = rng.uniform(0.01, 0.99, (2, 3, 1, 4, 5))
    mask = rng.random((1, 4, 5)) < 0.6
    batch = Batch(torch.tensor(x), torch.tensor(mask.astype(float)))
    mean, log_var = rng.normal(size=(2, 3, 6))
    told = {"mean": mean, "log_var": log_var, "beta": beta}
    slow = twin.squared_error_loss(x, decoded, mask, **told)
    assert loss_of("squared error", batch, decoded, **told) == pytest.approx(slow, rel=1e-12)
    assert loss_of("calibrated", batch, decoded, **told) == pytest.approx(twin.calibrated_loss(x, decoded, **told))
    slow = twin.bernoulli_loss(x, decoded, **told)
    assert loss_of("bernoulli", batch, decoded, **told) == pytest.approx(slow, rel=1e-12)
    slow = twin.paper_loss(x, decoded, **told)
    assert loss_of("paper", batch, decoded, **told) == pytest.approx(slow, rel=1e-12)


def test_what_is_decoded_outside_the_tissue_costs_nothing():
    x, mask = torch.zeros(2, 1, 4, 4), torch.zeros(1, 4, 4)
    mask[:, :2] = 1
    outside, inside = x.clone(), x.clone()
    outside[:, :, 2:], inside[:, :, :2] = 9.0, 9.0
    assert squared_error(x, outside, mask) == 0
    assert squared_error(x, inside, mask) > 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), beta=st.floats(0, 5))
def test_the_loss_of_counts_is_that_of_its_slow_twin(seed, beta):
    rng = np.random.default_rng(seed)
    rate, dispersion = rng.lognormal(0, 1, (3, 5)), rng.lognormal(0, 1, 5)
    counts = rng.poisson(rate)
    mask = rng.random(5) < 0.6
    x, depths = torch.zeros(3, 5), torch.ones(3)
    batch = Batch(x, torch.tensor(mask.astype(float)), torch.tensor(counts.astype(float)), depths)
    mean, log_var = rng.normal(size=(2, 3, 6))
    told = {"mean": mean, "log_var": log_var, "beta": beta}
    fast = loss_of("squared error", batch, np.log(rate), network=Counting(dispersion), **told)
    slow = twin.negative_binomial_loss(counts, rate, dispersion, mask, **told)
    assert fast == pytest.approx(slow, rel=1e-9)
