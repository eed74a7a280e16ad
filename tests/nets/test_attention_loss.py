import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from conceptstain.errors import MismatchError
from conceptstain.nets.attention_loss import Attending, attention_overlap, differentiable_maps, layer_to_attend
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.nets.tap import tap
from tiny_networks import tiny_vae
from twins import attention_loss as twin

SHAPE = (1, 8, 8)
LAYER = "chain.conv2"


def pictures(n=3, seed=0):
    return torch.randn((n, *SHAPE), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def smooth_vae():
    """A network without a kink, so that gradients of gradients and finite differences can agree to many digits."""
    network = tiny_vae(SHAPE)
    for name, module in list(network.chain.named_children()):
        if isinstance(module, nn.ReLU):
            setattr(network.chain, name, nn.Softplus())
    return network


def loss_of(network, x, *, create_graph=True):
    with tap(network, LAYER) as tapped:
        z = network.encode(x).mean
        maps = differentiable_maps(z, tapped.take(), (0, 2), create_graph=create_graph)
    return attention_overlap(*maps).mean()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_maps_and_overlap_are_those_of_their_slow_twins(seed):
    network, x = tiny_vae(SHAPE, seed), pictures(seed=seed)
    with tap(network, LAYER) as tapped:
        z = network.encode(x).mean
        activation = tapped.take()
        maps = differentiable_maps(z, activation, (1, 3))
    slow = []
    for latent, attended in zip((1, 3), maps, strict=True):
        (gradient,) = torch.autograd.grad(z[:, latent].sum(), activation, retain_graph=True)
        slow.append([twin.latent_map(g.numpy(), a) for g, a in zip(gradient, activation.detach().numpy(), strict=True)])
        np.testing.assert_allclose(attended.detach().numpy(), slow[-1], rtol=1e-10, atol=1e-14)
    expected = [twin.overlap(first, second) for first, second in zip(*slow, strict=True)]
    np.testing.assert_allclose(attention_overlap(*maps).detach().numpy(), expected, rtol=1e-9, atol=1e-12)


def test_the_gradient_of_the_loss_is_that_of_finite_differences_and_passes_through_alpha():
    network, x, step = smooth_vae(), pictures(), 1e-6
    loss_of(network, x).backward()
    whole = {name: each.grad.clone() for name, each in network.named_parameters() if each.grad is not None}
    network.zero_grad()
    loss_of(network, x, create_graph=False).backward()
    held = {name: each.grad for name, each in network.named_parameters()}

    rng = np.random.default_rng(0)
    for name in ("chain.conv1.weight", "chain.conv2.weight", "chain.dense.weight", "mean.weight"):
        weight = network.get_parameter(name)
        checked = rng.choice(weight.numel(), size=6, replace=False)
        for index in checked:
            place = np.unravel_index(index, weight.shape)
            before = float(weight[place].detach())
            sides = []
            for moved in (before + step, before - step):
                with torch.no_grad():
                    weight[place] = moved
                sides.append(float(loss_of(network, x).detach()))
            with torch.no_grad():
                weight[place] = before
            difference = (sides[0] - sides[1]) / (2 * step)
            assert float(whole[name][place]) == pytest.approx(difference, rel=1e-4, abs=1e-8)
        assert whole[name].abs().max() > 1e-5

    # Without the path through alpha nothing behind the layer is moved, and what lies before it is moved elsewhere.
    assert held["mean.weight"] is None
    assert held["chain.dense.weight"] is None
    before_layer = "chain.conv1.weight"
    assert (whole[before_layer] - held[before_layer]).abs().max() > 1e-3 * whole[before_layer].abs().max()


def test_the_loss_reaches_every_layer_of_the_literature_s_encoder():
    network = ImageVAE((1, 16, 16), ImageVAESettings("factor-vae", 4, (4, 4, 4), (8,)))
    x = torch.rand(4, 1, 16, 16)
    attending = Attending(network, x[:1], None, seed=0)
    with tap(network, attending.layer) as tapped:
        z = network.encode(x).mean
        attention_overlap(*attending(z, tapped.take())).mean().backward()
    reached = {name for name, each in network.named_parameters() if each.grad is not None and each.grad.abs().max() > 0}
    assert {"encoder.conv1.weight", "encoder.conv3.weight", "encoder.dense1.weight", "mean.weight"} <= reached


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100))
def test_the_overlap_lies_between_nothing_and_all_and_knows_no_units(seed, scale):
    first, second = torch.rand((2, 3, 4, 5), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    overlap = attention_overlap(first, second)
    assert ((overlap >= 0) & (overlap <= 1)).all()
    torch.testing.assert_close(attention_overlap(second, first), overlap)
    torch.testing.assert_close(attention_overlap(scale * first, scale * second), overlap)
    torch.testing.assert_close(attention_overlap(first, first), torch.ones(3, dtype=torch.float64))


def test_maps_apart_do_not_overlap_and_dead_maps_are_no_accident():
    left, right = torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)
    left[..., :2], right[..., 2:] = 1.0, 1.0
    assert attention_overlap(left, right) == 0
    dead = torch.zeros(1, 4, 4, requires_grad=True)
    overlap = attention_overlap(dead, dead * 1)
    overlap.sum().backward()
    assert overlap == 0
    assert torch.isfinite(dead.grad).all()


def test_two_latents_are_drawn_anew_and_never_the_same_twice():
    network, x = tiny_vae(SHAPE), pictures()
    attending = Attending(network, x[:1], "conv2", seed=3)
    again = Attending(network, x[:1], "conv2", seed=3)
    drawn = set()
    with tap(network, LAYER) as tapped:
        z = network.encode(x).mean
        activation = tapped.take()
        everything = differentiable_maps(z, activation, range(4))
        for _ in range(20):
            maps = attending(z, activation)
            assert torch.equal(maps, again(z, activation))
            pair = tuple(next(i for i in range(4) if torch.equal(each, everything[i])) for each in maps)
            assert pair[0] != pair[1]
            drawn.add(pair)
    assert len(drawn) > 5


def test_the_third_convolution_is_attended_at_or_the_last_of_fewer():
    deep = ImageVAE((1, 32, 32), ImageVAESettings("average-pool", 3, (2, 2, 2, 2), (5,)))
    assert layer_to_attend(deep, torch.zeros(1, 1, 32, 32), None) == "encoder.conv3"
    assert layer_to_attend(deep, torch.zeros(1, 1, 32, 32), "conv4") == "encoder.conv4"
    shallow = tiny_vae(SHAPE)
    assert layer_to_attend(shallow, pictures(1), None) == LAYER


def test_a_network_without_places_is_refused_and_so_is_a_layer_it_has_not():
    with pytest.raises(MismatchError, match="has no convolution"):
        Attending(tiny_vae(SHAPE, kind="dense"), pictures(1), None, seed=0)
    with pytest.raises(MismatchError, match=r"'conv9'.*chain\.conv1, chain\.conv2"):
        Attending(tiny_vae(SHAPE), pictures(1), "conv9", seed=0)
