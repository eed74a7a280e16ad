from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.encoder import Encoder, Encoding
from conceptstain.nets.picture_vae import Network, PictureVAE, PictureVAESettings
from conceptstain.nets.rules import GRADIENT, Rule, applied, percentile_of_each, rectified, unknown_activations
from laws import state_of
from tiny_networks import TinyVAE, encoder_of, tiny_vae
from twins.rectified import rectified as slow_rectified

SHAPE = (1, 8, 8)


def picture(n: int = 2) -> Tensor:
    return torch.randn((n, *SHAPE), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def gradient_by(rule: Rule, encoder: Encoder, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    with applied(rule, encoder):
        (gradient,) = torch.autograd.grad(encoder.encode(x).mean[:, 1].sum(), x)
    return gradient


@pytest.mark.parametrize("kind", ["convolutional", "dense"])
@pytest.mark.parametrize("percentile", [0.0, 20.0, 50.0, 95.0])
def test_the_rectified_rule_is_its_twins_layer_by_layer(kind: str, percentile: float) -> None:
    encoder = encoder_of(tiny_vae(SHAPE, kind=kind), SHAPE)
    found = gradient_by(rectified(percentile), encoder, picture())
    axis = np.array([0.0, 1.0, 0.0, 0.0])
    expected = [slow_rectified(encoder.network, x, axis, percentile) for x in picture().numpy()]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10, atol=1e-14)


def test_a_rule_does_not_change_what_the_network_says() -> None:
    encoder = encoder_of(tiny_vae(SHAPE), SHAPE)
    alone = encoder.encode(picture()).mean
    with applied(rectified(), encoder):
        torch.testing.assert_close(encoder.encode(picture()).mean, alone, rtol=0, atol=0)


def test_units_that_are_off_pass_their_gradient_where_the_threshold_is_negative() -> None:
    rule = rectified(0.0).at_relu
    incoming, output = torch.tensor([[-2.0, 3.0, 1.0]]), torch.tensor([[1.0, 0.0, 2.0]])
    assert rule(incoming, output, output).tolist() == [[0.0, 3.0, 1.0]]


def test_the_comparison_with_the_threshold_is_strict() -> None:
    rule = rectified(50.0).at_relu
    incoming, output = torch.tensor([[1.0, 2.0, 3.0]]), torch.ones(1, 3)
    assert rule(incoming, output, output).tolist() == [[0.0, 0.0, 3.0]]


def test_every_input_has_its_own_threshold() -> None:
    rule = rectified(50.0).at_relu
    incoming = torch.tensor([[1.0, 2.0, 3.0], [100.0, 200.0, 300.0]])
    assert rule(incoming, torch.ones(2, 3), torch.ones(2, 3)).tolist() == [[0.0, 0.0, 3.0], [0.0, 0.0, 300.0]]


@pytest.mark.parametrize(
    ("values", "percentile", "expected"),
    [
        # the example of TensorFlow's own documentation, which the released code calls
        ([1.0, 2.0, 3.0, 4.0], 30.0, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 100.0, 4.0),
        ([3.0, 1.0, 2.0], 0.0, 1.0),
        ([7.0], 95.0, 7.0),
        # halfway between two ranks: even, counted from the largest
        ([1.0, 2.0, 3.0, 4.0], 50.0, 2.0),
        ([1.0, 2.0], 50.0, 2.0),
    ],
)
def test_the_percentile_is_the_value_of_the_nearest_rank(
    values: list[float], percentile: float, expected: float
) -> None:
    assert percentile_of_each(torch.tensor([values]), percentile).tolist() == [[expected]]


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(-5, 5), min_size=1, max_size=40), percentile=st.floats(0, 100))
def test_the_percentile_is_within_half_a_rank_of_the_exact_one(values: list[float], percentile: float) -> None:
    found = percentile_of_each(torch.tensor([values], dtype=torch.float64), percentile).item()
    exact = (len(values) - 1) * percentile / 100
    ranks = [rank for rank, value in enumerate(sorted(values)) if value == found]
    assert min(abs(rank - exact) for rank in ranks) <= 0.5 + 1e-9


def test_the_percentile_of_a_picture_is_over_all_channels_and_places() -> None:
    values = torch.arange(24.0).reshape(2, 3, 2, 2)
    assert percentile_of_each(values, 100).tolist() == [[[[11.0]]], [[[23.0]]]]


def test_a_new_rule_is_one_small_function() -> None:
    deconvolution = Rule("deconvolution", lambda incoming, output, entered: incoming.clamp(min=0))
    true_relu = Rule("the ReLU's own", lambda incoming, output, entered: incoming * (entered > 0))
    encoder = encoder_of(tiny_vae(SHAPE), SHAPE)
    plain = gradient_by(GRADIENT, encoder, picture())
    torch.testing.assert_close(gradient_by(true_relu, encoder, picture()), plain)
    assert not torch.allclose(gradient_by(deconvolution, encoder, picture()), plain)


def test_nothing_is_left_behind_even_after_an_error() -> None:
    encoder = encoder_of(tiny_vae(SHAPE), SHAPE)
    before = state_of(encoder.network)
    with applied(rectified(), encoder):
        assert state_of(encoder.network) != before
    with pytest.raises(RuntimeError, match="on the way"), applied(rectified(), encoder):
        raise RuntimeError("on the way")
    assert state_of(encoder.network) == before


def test_the_gradient_rule_puts_no_hook_on_the_network() -> None:
    encoder = encoder_of(tiny_vae(SHAPE), SHAPE)
    before = state_of(encoder.network)
    with applied(GRADIENT, encoder):
        assert state_of(encoder.network) == before


class FunctionalVAE(TinyVAE):
    """Calls an activation as a function, between the chain and the heads."""

    activation: Callable[[Tensor], Tensor] = staticmethod(functional.relu)

    def encode(self, x: Tensor) -> Encoding:
        features = self.activation(self.chain(x) - 0.1)
        return Encoding(self.mean(features), self.log_var(features))


def functional_vae(activation: Callable[[Tensor], Tensor]) -> TinyVAE:
    network = tiny_vae(SHAPE)
    network.__class__ = FunctionalVAE
    network.activation = activation
    return network


MODULES = [nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.SELU, nn.CELU, nn.PReLU, nn.Sigmoid, nn.Tanh, nn.Softplus]
MODULES += [nn.ReLU6, nn.Hardswish, nn.Mish, nn.LogSigmoid, nn.RReLU]


@pytest.mark.parametrize("activation", MODULES, ids=lambda module: module.__name__)
def test_an_activation_that_the_rule_does_not_know_is_refused_by_name(activation: type[nn.Module]) -> None:
    network = tiny_vae(SHAPE)
    network.chain.relu2 = activation()
    encoder = encoder_of(network.double(), SHAPE)
    before = state_of(encoder.network)
    with pytest.raises(MismatchError, match=rf"chain\.relu2 \({activation.__name__}\).*Choose the gradient rule"):
        gradient_by(rectified(), encoder, picture())
    assert state_of(encoder.network) == before
    assert gradient_by(GRADIENT, encoder, picture()).any()


FUNCTIONS = {
    "relu": functional.relu,
    "leakyrelu": functional.leaky_relu,
    "gelu": functional.gelu,
    "clamp": lambda x: x.clamp(min=0),
    "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "abs": functional.softsign,
    "sigmoid": lambda x: x * torch.sigmoid(x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_activation_called_as_a_function_is_refused(name: str) -> None:
    encoder = encoder_of(functional_vae(FUNCTIONS[name]), SHAPE)
    (said,) = unknown_activations(encoder)
    assert said.startswith(name)
    assert "called as a function" in said
    with pytest.raises(MismatchError, match="called as a function"):
        gradient_by(rectified(), encoder, picture())


def test_a_function_before_a_layer_that_hands_on_its_input_is_not_taken_for_that_layer() -> None:
    hands_on = nn.Dropout(0.5)
    network = functional_vae(lambda x: hands_on(functional.relu(x)))
    network.hands_on = hands_on
    assert unknown_activations(encoder_of(network, SHAPE)) == ("relu called as a function, where no rule can reach it",)


def test_a_relu_in_place_is_refused_by_name() -> None:
    network = tiny_vae(SHAPE)
    network.chain.relu1 = nn.ReLU(inplace=True)
    with pytest.raises(MismatchError, match=r"chain\.relu1 \(ReLU in place.*inplace=False"):
        gradient_by(rectified(), encoder_of(network, SHAPE), picture())


def test_an_encoder_without_any_relu_is_refused() -> None:
    network = tiny_vae(SHAPE)
    network.chain = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).double()
    with pytest.raises(MismatchError, match="without any ReLU"):
        gradient_by(rectified(), encoder_of(network, SHAPE), picture())


def test_activations_of_the_decoder_and_of_the_variance_do_not_matter() -> None:
    network = tiny_vae(SHAPE)
    network.decoder = nn.Sequential(nn.Linear(4, 64), nn.Sigmoid(), nn.Unflatten(1, SHAPE)).double()
    network.log_var = nn.Sequential(nn.Linear(10, 4), nn.Softplus()).double()
    encoder = encoder_of(network, SHAPE)
    assert unknown_activations(encoder) == ()
    assert gradient_by(rectified(20), encoder, picture()).any()


@pytest.mark.parametrize("percentile", [-1.0, 100.5, float("nan")])
def test_a_percentile_outside_0_to_100_is_refused(percentile: float) -> None:
    with pytest.raises(InputError, match="between 0 and 100"):
        rectified(percentile)


@pytest.mark.parametrize("network", ["average-pool", "mlp", "paper"])
def test_every_network_of_the_house_is_known(network: Network) -> None:
    settings = PictureVAESettings.of(network)
    encoder = encoder_of(PictureVAE(SHAPE, settings).double(), SHAPE, latent=settings.latent)
    assert unknown_activations(encoder) == ()
    assert gradient_by(rectified(50), encoder, picture()).any()
