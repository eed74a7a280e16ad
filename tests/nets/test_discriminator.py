import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conceptstain.nets.discriminator import Adversary, Discriminator, permuted_dimensions
from conceptstain.nets.objectives import Objective

SMALL = Objective("factor-vae", discriminator=(32, 32), discriminator_learning_rate=5e-3)
CPU = torch.device("cpu")


def correlated(n, seed, rho=0.95):
    """Two latents with a correlation; their total correlation is -log(1 - rho^2) / 2."""
    z = torch.randn((n, 2), generator=torch.Generator().manual_seed(seed))
    return torch.stack([z[:, 0], rho * z[:, 0] + (1 - rho**2) ** 0.5 * z[:, 1]], dim=1)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(1, 40), latent=st.integers(1, 6))
def test_permuting_dimensions_keeps_every_marginal(seed, n, latent):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn((n, latent), generator=generator)
    permuted = permuted_dimensions(z, generator)
    assert torch.equal(permuted.sort(dim=0).values, z.sort(dim=0).values)


def test_permuting_dimensions_breaks_what_they_have_in_common():
    z = correlated(4000, 0)
    permuted = permuted_dimensions(z, torch.Generator().manual_seed(1))
    assert torch.corrcoef(z.T)[0, 1] > 0.9
    assert abs(torch.corrcoef(permuted.T)[0, 1]) < 0.06


def test_the_discriminator_learns_to_tell_permuted_latents_and_so_the_total_correlation():
    adversary = Adversary(2, SMALL, seed=0, device=CPU)
    for step in range(300):
        right = adversary.learn(correlated(256, 2 * step), correlated(256, 2 * step + 1))
    assert right > 0.75
    known = -0.5 * torch.log(torch.tensor(1 - 0.95**2))  # 1.16 nats
    assert adversary.total_correlation(correlated(4000, 10_000)) == pytest.approx(float(known), rel=0.15)


def test_of_independent_latents_it_learns_nothing():
    adversary = Adversary(2, SMALL, seed=0, device=CPU)
    for step in range(100):
        adversary.learn(correlated(256, 2 * step, rho=0.0), correlated(256, 2 * step + 1, rho=0.0))
    assert abs(float(adversary.total_correlation(correlated(4000, 10_000, rho=0.0)))) < 0.1


def test_the_total_correlation_pulls_at_the_latents_and_not_at_the_discriminator():
    adversary = Adversary(3, SMALL, seed=0, device=CPU)
    z = torch.randn((5, 3), requires_grad=True)
    adversary.total_correlation(z).backward()
    assert z.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in adversary.network.parameters())


def test_what_the_discriminator_learns_from_gets_no_gradient():
    adversary = Adversary(3, SMALL, seed=0, device=CPU)
    z, others = torch.randn((5, 3), requires_grad=True), torch.randn((5, 3), requires_grad=True)
    with torch.no_grad():  # as in training, where the second batch is encoded without a graph
        adversary.learn(z, others)
    assert z.grad is None
    assert others.grad is None


def test_its_first_weights_follow_the_seed_and_leave_the_global_random_state_alone():
    before = torch.random.get_rng_state()
    first, same, other = (Discriminator(3, (8, 8), seed=seed) for seed in (1, 1, 2))
    z = torch.ones(2, 3)
    assert torch.equal(first(z), same(z))
    assert not torch.equal(first(z), other(z))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_by_default_it_is_as_large_as_in_the_paper():
    layers = [layer for layer in Discriminator(10).layers if isinstance(layer, torch.nn.Linear)]
    assert [layer.out_features for layer in layers] == [1000] * 6 + [2]
