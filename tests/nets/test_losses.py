import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conceptstain.nets.encoder import Encoding
from conceptstain.nets.losses import calibrated_loss, negative_binomial_loss, paper_loss, squared_error_loss
from twins import losses as twin


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), beta=st.floats(0, 5))
def test_the_losses_are_those_of_their_slow_twins(seed, beta):
    rng = np.random.default_rng(seed)
    x, decoded = rng.uniform(0.01, 0.99, (2, 3, 1, 4, 5))
    mean, log_var = rng.normal(size=(2, 3, 6))
    mask = rng.random((1, 4, 5)) < 0.6
    encoding = Encoding(torch.tensor(mean), torch.tensor(log_var))
    fast = squared_error_loss(torch.tensor(x), torch.tensor(decoded), torch.tensor(mask.astype(float)), encoding, beta)
    assert float(fast) == pytest.approx(
        twin.squared_error_loss(x, decoded, mask, mean=mean, log_var=log_var, beta=beta), rel=1e-12
    )
    fast = calibrated_loss(torch.tensor(x), torch.tensor(decoded), encoding, beta)
    assert float(fast) == pytest.approx(twin.calibrated_loss(x, decoded, mean=mean, log_var=log_var, beta=beta))
    fast = paper_loss(torch.tensor(x), torch.tensor(decoded), encoding, beta)
    assert float(fast) == pytest.approx(twin.paper_loss(x, decoded, mean=mean, log_var=log_var, beta=beta), rel=1e-12)


def test_what_is_decoded_outside_the_tissue_costs_nothing():
    x, mask = torch.zeros(2, 1, 4, 4), torch.zeros(1, 4, 4)
    mask[:, :2] = 1
    encoding = Encoding(torch.zeros(2, 3), torch.zeros(2, 3))
    outside, inside = x.clone(), x.clone()
    outside[:, :, 2:], inside[:, :, :2] = 9.0, 9.0
    assert squared_error_loss(x, outside, mask, encoding, 1.0) == 0
    assert squared_error_loss(x, inside, mask, encoding, 1.0) > 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), beta=st.floats(0, 5))
def test_the_loss_of_counts_is_that_of_its_slow_twin(seed, beta):
    rng = np.random.default_rng(seed)
    rate, dispersion = rng.lognormal(0, 1, (3, 5)), rng.lognormal(0, 1, 5)
    counts = rng.poisson(rate)
    mean, log_var = rng.normal(size=(2, 3, 6))
    mask = rng.random(5) < 0.6
    fast = negative_binomial_loss(
        torch.tensor(counts.astype(float)),
        torch.tensor(np.log(rate)),
        torch.tensor(np.log(dispersion)),
        mask=torch.tensor(mask.astype(float)),
        encoding=Encoding(torch.tensor(mean), torch.tensor(log_var)),
        beta=beta,
    )
    slow = twin.negative_binomial_loss(counts, rate, dispersion, mask, mean=mean, log_var=log_var, beta=beta)
    assert float(fast) == pytest.approx(slow, rel=1e-9)
