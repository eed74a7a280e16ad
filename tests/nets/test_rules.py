from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.ruled import applied
from conceptstain.nets.rules import DECONVOLUTION, GRADIENT, GUIDED, Rule, percentile_of_each, rectified
from tiny_networks import TinyVAE, encoder_of, tiny_vae
from twins.guided import deconvolution as slow_deconvolution
from twins.guided import guided as slow_guided
from twins.rectified import rectified as slow_rectified

SHAPE = (1, 8, 8)


def picture(n: int = 2) -> Tensor:
    return torch.randn((n, *SHAPE), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def gradient_by(rule: Rule, encoder: Encoder, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    with applied(rule, encoder):
        (gradient,) = torch.autograd.grad(encoder.encode(x).mean[:, 1].sum(), x)
    return gradient


AXIS = np.array([0.0, 1.0, 0.0, 0.0])
KINDS = ["convolutional", "pooled", "dense"]


def network_of(kind: str) -> TinyVAE:
    """One through which every rule lets something pass."""
    return tiny_vae(SHAPE, seed=5, kind=kind)


def agree(found: Tensor, expected: list[np.ndarray]) -> None:
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("percentile", [0.0, 20.0, 50.0, 80.0])
@pytest.mark.parametrize("variant", ["plain", "modified"])
def test_the_rectified_rule_is_its_twins_layer_by_layer(kind: str, percentile: float, variant: str) -> None:
    encoder = encoder_of(network_of(kind), SHAPE)
    found = gradient_by(rectified(percentile, variant=variant), encoder, picture())
    agree(found, [slow_rectified(encoder.network, x, AXIS, percentile, variant=variant) for x in picture().numpy()])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threshold", [-0.01, 0.0, 0.001])
def test_a_constant_threshold_is_its_twins_layer_by_layer(kind: str, threshold: float) -> None:
    encoder = encoder_of(network_of(kind), SHAPE)
    found = gradient_by(rectified(variant="constant", threshold=threshold), encoder, picture())
    pictures = picture().numpy()
    agree(found, [slow_rectified(encoder.network, x, AXIS, variant="constant", threshold=threshold) for x in pictures])


@pytest.mark.parametrize("percentile", [0.0, 20.0, 50.0])
def test_proportional_redistribution_is_its_twins_layer_by_layer(percentile: float) -> None:
    encoder = encoder_of(network_of("pooled"), SHAPE)
    rule = rectified(percentile, variant="proportional")
    found = gradient_by(rule, encoder, picture())
    agree(
        found, [slow_rectified(encoder.network, x, AXIS, percentile, variant="proportional") for x in picture().numpy()]
    )
    assert not torch.allclose(found, gradient_by(rectified(percentile), encoder, picture()))


@pytest.mark.parametrize("kind", ["convolutional", "pooled"])
@pytest.mark.parametrize("variant", ["plain", "modified", "constant"])
def test_the_border_rule_is_its_twins_layer_by_layer(kind: str, variant: str) -> None:
    encoder = encoder_of(network_of(kind), SHAPE)
    found = gradient_by(rectified(20.0, variant=variant, padding=True), encoder, picture())
    pictures = picture().numpy()
    agree(found, [slow_rectified(encoder.network, x, AXIS, 20.0, variant=variant, padding=True) for x in pictures])
    assert not torch.allclose(found, gradient_by(rectified(20.0, variant=variant), encoder, picture()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rule", "twin"), [(GUIDED, slow_guided), (DECONVOLUTION, slow_deconvolution)])
def test_guided_backpropagation_and_deconvolution_are_their_twins_layer_by_layer(
    kind: str, rule: Rule, twin: Callable[[TinyVAE, np.ndarray, np.ndarray], np.ndarray]
) -> None:
    encoder = encoder_of(network_of(kind), SHAPE)
    agree(gradient_by(rule, encoder, picture()), [twin(encoder.network, x, AXIS) for x in picture().numpy()])


class Latent(nn.Module):
    """One latent of an encoder, as captum asks for it."""

    def __init__(self, network: TinyVAE) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network.encode(x).mean[:, 1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rule", "name"), [(GUIDED, "GuidedBackprop"), (DECONVOLUTION, "Deconvolution")])
def test_they_are_captums_where_every_activation_is_a_relu(kind: str, rule: Rule, name: str) -> None:
    attr = pytest.importorskip("captum.attr")
    network = network_of(kind)
    with warnings.catch_warnings(action="ignore"):  # captum says that it sets hooks
        expected = getattr(attr, name)(Latent(network)).attribute(picture().requires_grad_())
    agree(gradient_by(rule, encoder_of(network, SHAPE), picture()), list(expected.detach().numpy()))


@pytest.mark.parametrize(("rule", "name"), [(GUIDED, "GuidedBackprop"), (DECONVOLUTION, "Deconvolution")])
def test_they_are_refused_where_captum_gives_the_plain_gradient_in_silence(rule: Rule, name: str) -> None:
    attr = pytest.importorskip("captum.attr")
    network = network_of("dense")
    network.chain.relu1, network.chain.relu2 = nn.ELU(), nn.ELU()
    encoder = encoder_of(network, SHAPE)
    with warnings.catch_warnings(action="ignore"):
        plain = getattr(attr, name)(Latent(network)).attribute(picture().requires_grad_())
    torch.testing.assert_close(gradient_by(GRADIENT, encoder, picture()), plain.detach())
    with pytest.raises(MismatchError, match=r"chain\.relu1 \(ELU\)"):
        gradient_by(rule, encoder, picture())


def test_guided_gradients_are_those_that_both_deconvolution_and_the_relu_let_through() -> None:
    incoming, entered = torch.tensor([-1.0, 2.0, 3.0, 4.0]), torch.tensor([5.0, 6.0, -7.0, 0.0])
    output = entered.relu()
    assert GUIDED.at_relu(incoming, output, entered).tolist() == [0.0, 2.0, 0.0, 0.0]
    assert DECONVOLUTION.at_relu(incoming, output, entered).tolist() == [0.0, 2.0, 3.0, 4.0]


def test_a_constant_threshold_of_0_is_guided_backpropagation() -> None:
    encoder = encoder_of(network_of("convolutional"), SHAPE)
    found = gradient_by(rectified(variant="constant"), encoder, picture())
    torch.testing.assert_close(found, gradient_by(GUIDED, encoder, picture()), rtol=0, atol=0)


def test_what_pooling_redistributes_proportionally_is_all_that_came() -> None:
    pool = nn.MaxPool2d(2)
    entered, incoming = torch.rand(1, 2, 4, 4, dtype=torch.float64) + 0.1, torch.randn(1, 2, 2, 2, dtype=torch.float64)
    given = rectified(variant="proportional").at_pool(incoming, entered, pool)
    torch.testing.assert_close(nn.AvgPool2d(2, divisor_override=1)(given), incoming)


def test_a_window_of_zeros_gets_nothing() -> None:
    rule = rectified(variant="proportional").at_pool
    assert not rule(torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 2, 2), nn.MaxPool2d(2)).any()


@pytest.mark.parametrize(("frame", "kept"), [((4, 4), 4), ((2, 5), 0), ((1, 1), 0), ((3, 3), 1)])
def test_the_border_rule_leaves_what_lies_inside(frame: tuple[int, int], kept: int) -> None:
    rule = rectified(padding=True).at_convolution
    assert rule(torch.ones(1, 1, *frame), nn.Conv2d(1, 1, 3, padding=1)).sum() == kept


@pytest.mark.parametrize(
    ("padding", "padded"), [(0, False), (1, True), ((0, 1), True), ("same", True), ("valid", False)]
)
def test_the_border_rule_acts_where_a_convolution_pads(padding: object, padded: bool) -> None:
    rule = rectified(padding=True).at_convolution
    cut = rule(torch.ones(1, 1, 4, 4), nn.Conv2d(1, 1, 3, padding=padding)).sum() < 16
    assert cut == padded


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


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"percentile": -1.0}, "between 0 and 100"),
        ({"percentile": 100.5}, "between 0 and 100"),
        ({"percentile": float("nan")}, "between 0 and 100"),
        ({"variant": "prr"}, "no such variant.*plain, proportional, modified, constant"),
        ({"variant": "constant", "threshold": float("inf")}, "threshold is a number"),
    ],
)
def test_settings_that_make_no_rule_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        rectified(**settings)


def test_a_rule_says_what_it_was_made_with() -> None:
    assert rectified().settings == {"percentile": 95.0, "variant": "plain", "padding": False}
    made = rectified(variant="constant", threshold=1, padding=True)
    assert made.settings == {"threshold": 1.0, "variant": "constant", "padding": True}
