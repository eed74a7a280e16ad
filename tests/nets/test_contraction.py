"""Weights by contraction are those of backpropagation, wherever it is possible, and it is refused elsewhere."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from conceptstain.nets import contraction as module
from conceptstain.nets.contraction import contraction
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.nets.own_networks import own_encoder
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from conceptstain.nets.tap import tap
from factories import tiny_encoder
from laws import state_of
from tiny_networks import TinyVAE, encoder_of

SHAPE = (1, 8, 8)
ENTRYWISE = [nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Tanh]
ENTRYWISE += [nn.Softplus, nn.ReLU6, nn.Hardtanh, nn.Hardswish]


def by_backpropagation(encoder: Encoder, layer: str, x: Tensor) -> Tensor:
    """The mean over places of the gradient of each latent in turn."""
    with tap(encoder.network, layer, start=True) as tapped, torch.enable_grad():
        mean = encoder.encode(x).mean
        activation = tapped.take()
    gradients = [
        torch.autograd.grad(mean[:, latent].sum(), activation, retain_graph=True)[0] for latent in range(mean.shape[1])
    ]
    return torch.stack(gradients, dim=1).mean(dim=(3, 4))


def both_agree(encoder: Encoder, layer: str, *, n: int = 5, rtol: float = 1e-9) -> None:
    x = encoder.tensor(np.random.default_rng(1).normal(size=(n, *encoder.shape)))
    plan = contraction(encoder, layer)
    assert plan is not None
    with plan.asked(encoder, None) as weigh:
        _, found = weigh(x)
    expected = by_backpropagation(encoder, layer, x)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=rtol, atol=rtol * float(expected.abs().max()))
    assert expected.any()


def encoder_with(*between: nn.Module, tail: tuple[nn.Module, ...] = ()) -> Encoder:
    """A convolution, then these, then a flattening, a dense layer and these."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), *between, nn.Flatten())
        features = first(torch.zeros(1, *SHAPE)).shape[1]
        chain = [("conv", first[0]), *((f"between{n}", layer) for n, layer in enumerate(first[1:]))]
        chain += [("dense", nn.Linear(features, 6)), *((f"tail{n}", layer) for n, layer in enumerate(tail))]
        network = TinyVAE(OrderedDict(chain), SHAPE, 4).double()
    return encoder_of(network, SHAPE)


@pytest.mark.parametrize("kind", ["convolutional", "pooled"])
@pytest.mark.parametrize("behind", ["conv", "relu"])
def test_it_is_backpropagation_at_the_last_convolution_and_behind_it(kind: str, behind: str) -> None:
    number = {"convolutional": 2, "pooled": 3}[kind]
    both_agree(tiny_encoder(SHAPE, kind=kind), f"chain.{behind}{number}")


@pytest.mark.parametrize("activation", ENTRYWISE)
def test_every_activation_it_knows_passes_its_own_derivative_among_places_and_among_units(
    activation: Callable[[], nn.Module],
) -> None:
    both_agree(encoder_with(activation(), tail=(activation(), nn.Linear(6, 5), activation())), "chain.conv")


@pytest.mark.parametrize(
    "between",
    [
        (),
        (nn.AvgPool2d(2), nn.ReLU()),
        (nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2, padding=1)),
        (nn.MaxPool2d(2), nn.Tanh(), nn.AvgPool2d(2)),
        (nn.ZeroPad2d((1, 2, 0, 1)), nn.AdaptiveAvgPool2d(3)),
        (nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
        (nn.ReLU(), nn.Dropout(0.5), nn.Identity()),
    ],
    ids=lambda between: "-".join(type(each).__name__ for each in between) or "nothing",
)
def test_whatever_keeps_channels_apart_may_lie_between(between: tuple[nn.Module, ...]) -> None:
    both_agree(encoder_with(*between), "chain.conv")
    both_agree(encoder_with(*between, tail=(nn.ReLU(),)), "chain.conv")


def test_normalisation_by_what_was_learned_is_known_and_by_the_batch_is_refused() -> None:
    learned = encoder_with(nn.ReLU(), nn.BatchNorm2d(3).eval(), tail=(nn.ReLU(), nn.BatchNorm1d(6).eval()))
    for norm in learned.network.modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            with torch.no_grad():
                norm.weight.uniform_(0.5, 2)
                norm.bias.normal_()
                norm.running_mean.normal_()
                norm.running_var.uniform_(0.5, 2)
    both_agree(learned, "chain.conv")
    assert contraction(encoder_with(nn.BatchNorm2d(3, track_running_stats=False)), "chain.conv") is None


@pytest.mark.parametrize(
    ("network", "layer"),
    [
        (PictureVAE(SHAPE, PictureVAESettings(widths=(2, 3, 4), hidden=(6,), latent=3)), "encoder.conv3"),
        (PictureVAE(SHAPE, PictureVAESettings("paper", 3, (2, 3, 4), (6, 5))), "encoder.conv3"),
        (ImageVAE((1, 16, 16), ImageVAESettings(latent=4, widths=(2, 3), hidden=(6,)), seed=0), "encoder.conv2"),
    ],
    ids=["gene pictures", "the paper's", "images"],
)
def test_the_networks_of_this_package_are_contracted(network: nn.Module, layer: str) -> None:
    shape = network.shape
    both_agree(Encoder("ours", network.double(), shape, "z-score", network.settings.latent), layer)


def test_a_network_that_flattens_by_a_function_is_contracted_and_one_that_bends_by_one_is_not() -> None:
    class Flattening(nn.Module):
        def __init__(self, *, bends: bool) -> None:
            super().__init__()
            self.conv, self.dense, self.bends = nn.Conv2d(1, 3, 3), nn.Linear(3 * 36, 4), bends

        def forward(self, x: Tensor) -> Tensor:
            seen = self.conv(x).flatten(1)
            return self.dense(seen.relu() if self.bends else seen)

    both_agree(own_encoder(Flattening(bends=False).double(), shape=SHAPE, scaling="unit"), "conv")
    assert contraction(own_encoder(Flattening(bends=True).double(), shape=SHAPE, scaling="unit"), "conv") is None


class Doubling(nn.ReLU):
    """A ReLU by type, and another function."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class Residual(nn.Module):
    """What enters is added to what leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(1, 3, 3, padding=1), nn.ReLU()
        self.flatten, self.dense = nn.Flatten(), nn.Linear(3 * 64, 4)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.conv(x)
        return self.dense(self.flatten(self.relu(seen) + seen))


@pytest.mark.parametrize(
    ("encoder", "layer"),
    [
        (tiny_encoder(SHAPE), "chain.conv1"),
        (encoder_with(Doubling()), "chain.conv"),
        (encoder_with(nn.Softmax(dim=1)), "chain.conv"),
        (own_encoder(Residual().double(), shape=SHAPE, scaling="unit"), "conv"),
        (tiny_encoder(SHAPE), "chain.dense"),
    ],
    ids=["another convolution behind", "a subclass", "channels mixed", "a branch", "no places"],
)
def test_anything_else_is_left_to_backpropagation(encoder: Encoder, layer: str) -> None:
    assert contraction(encoder, layer) is None


def test_a_layer_that_does_not_do_what_its_type_says_is_found_by_trying() -> None:
    encoder = encoder_with(nn.ReLU())
    encoder.network.get_submodule("chain.dense").register_forward_hook(lambda _, __, output: 3 * output)
    assert contraction(encoder, "chain.conv") is None
    honest = encoder_with(nn.ReLU())
    relu = honest.network.get_submodule("chain.between0")
    relu.forward = lambda x: x * x  # the graph would say Mul, were it not for the module's name
    plan = contraction(honest, "chain.conv")
    if plan is not None:
        both_agree(honest, "chain.conv")


@settings(max_examples=10, deadline=None)
@given(values=st.integers(1, 60), n=st.integers(1, 4))
def test_parts_of_the_product_do_not_show(values: int, n: int) -> None:
    before, module.VALUES = module.VALUES, values
    try:
        both_agree(tiny_encoder(SHAPE), "chain.conv2", n=n)
    finally:
        module.VALUES = before


def test_directions_are_combinations_of_latents() -> None:
    encoder = tiny_encoder(SHAPE)
    x = encoder.tensor(np.random.default_rng(1).normal(size=(3, *SHAPE)))
    directions = encoder.tensor(np.random.default_rng(2).normal(size=(2, 4)))
    plan = contraction(encoder, "chain.conv2")
    assert plan is not None
    with plan.asked(encoder, directions) as weigh:
        _, found = weigh(x)
    expected = directions @ by_backpropagation(encoder, "chain.conv2", x)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-9)


def test_nothing_is_left_on_the_network() -> None:
    encoder = tiny_encoder(SHAPE)
    before = state_of(encoder.network)
    plan = contraction(encoder, "chain.conv2")
    assert plan is not None
    with pytest.raises(RuntimeError), plan.asked(encoder, None) as weigh:
        weigh(torch.zeros(1, 2, 3, 4))
    assert state_of(encoder.network) == before
