from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from conceptstain.errors import MismatchError
from conceptstain.nets.encoder import Encoder, Encoding
from conceptstain.nets.picture_vae import Network, PictureVAE, PictureVAESettings
from conceptstain.nets.ruled import applied, refusal, unknown_activations
from conceptstain.nets.rules import DECONVOLUTION, GRADIENT, GUIDED, Rule, rectified
from laws import state_of
from tiny_networks import TinyVAE, encoder_of, tiny_vae

SHAPE = (1, 8, 8)


def picture(n: int = 2) -> Tensor:
    return torch.randn((n, *SHAPE), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def gradient_by(rule: Rule, encoder: Encoder, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    with applied(rule, encoder):
        (gradient,) = torch.autograd.grad(encoder.encode(x).mean[:, 1].sum(), x)
    return gradient


EVERYWHERE = rectified(20, variant="proportional", padding=True)


@pytest.mark.parametrize("rule", [GUIDED, DECONVOLUTION, EVERYWHERE], ids=["guided", "deconvolution", "everywhere"])
def test_a_rule_does_not_change_what_the_network_says(rule: Rule) -> None:
    encoder = encoder_of(tiny_vae(SHAPE, kind="pooled"), SHAPE)
    alone = encoder.encode(picture()).mean
    with applied(rule, encoder):
        torch.testing.assert_close(encoder.encode(picture()).mean, alone, rtol=0, atol=0)


def largest(incoming: Tensor, entered: Tensor, pool: nn.MaxPool2d) -> Tensor:
    with torch.enable_grad():
        entered = entered.detach().requires_grad_()
        left = functional.max_pool2d(entered, pool.kernel_size, pool.stride, pool.padding)
    return torch.autograd.grad(left, entered, incoming)[0]


def test_a_rule_may_act_at_one_kind_of_layer_alone() -> None:
    encoder = encoder_of(tiny_vae(SHAPE, kind="pooled"), SHAPE)
    plain = gradient_by(GRADIENT, encoder, picture())
    true_pooling = Rule("true", at_pool=largest)
    torch.testing.assert_close(gradient_by(true_pooling, encoder, picture()), plain)
    as_it_came = Rule("true", at_convolution=lambda incoming, convolution: incoming)
    torch.testing.assert_close(gradient_by(as_it_came, encoder, picture()), plain)
    twice = Rule("twice", at_convolution=lambda incoming, convolution: 2 * incoming)
    torch.testing.assert_close(gradient_by(twice, encoder, picture()), 8 * plain)


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


@pytest.mark.parametrize("network", ["average-pool", "mlp", "paper"])
def test_every_network_of_the_house_is_known(network: Network) -> None:
    settings = PictureVAESettings.of(network)
    encoder = encoder_of(PictureVAE(SHAPE, settings).double(), SHAPE, latent=settings.latent)
    assert unknown_activations(encoder) == ()
    assert gradient_by(rectified(50), encoder, picture()).any()


def pooled_with(**layers: nn.Module) -> Encoder:
    network = tiny_vae(SHAPE, kind="pooled")
    for name, layer in layers.items():
        setattr(network.chain, name, layer)
    return encoder_of(network.double(), SHAPE)


def test_the_rules_of_the_house_fit_a_network_with_all_kinds_of_layers() -> None:
    encoder = pooled_with()
    for rule in (GRADIENT, GUIDED, DECONVOLUTION, EVERYWHERE):
        assert refusal(rule, encoder) is None


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ({"pool2": nn.AdaptiveMaxPool2d(2)}, r"defined at MaxPool2d alone.*chain\.pool2 \(AdaptiveMaxPool2d\)"),
        ({"pool1": nn.MaxPool2d(2, 2, 1, dilation=2), "pool2": nn.AvgPool2d(2)}, r"chain\.pool1 .*windows have gaps"),
        ({"pool1": nn.AvgPool2d(2), "pool2": nn.AvgPool2d(2)}, "acts at MaxPool2d.*without any MaxPool2d"),
    ],
)
def test_proportional_redistribution_is_refused_where_it_would_be_another_rule(
    layers: dict[str, nn.Module], said: str
) -> None:
    encoder = pooled_with(**layers)
    with pytest.raises(MismatchError, match=said):
        gradient_by(rectified(variant="proportional"), encoder, picture())
    assert refusal(rectified(), encoder) is None


def test_maximum_pooling_called_as_a_function_is_refused() -> None:
    network = functional_vae(lambda x: functional.max_pool1d(x[:, None], 1)[:, 0])
    assert "called as a function" in refusal(rectified(variant="proportional"), encoder_of(network, SHAPE))


def test_the_border_rule_is_refused_where_nothing_is_padded() -> None:
    said = refusal(rectified(padding=True), encoder_of(tiny_vae(SHAPE, kind="dense"), SHAPE))
    assert said == "the rule acts at padded Conv2d, and this is a network without any padded Conv2d"


def test_a_convolution_of_another_kind_is_refused_by_the_border_rule() -> None:
    network = functional_vae(lambda x: functional.conv1d(x[:, None], x.new_ones(1, 1, 1))[:, 0])
    said = refusal(rectified(padding=True), encoder_of(network, SHAPE))
    assert "convolution called as a function" in said


def test_a_network_that_detaches_is_refused_by_every_rule() -> None:
    class Detached(TinyVAE):
        def encode(self, x: Tensor) -> Encoding:
            with torch.no_grad():
                return super().encode(x)

    network = tiny_vae(SHAPE)
    network.__class__ = Detached
    for rule in (GRADIENT, GUIDED):
        assert refusal(rule, encoder_of(network, SHAPE)) == "its latent mean cannot be differentiated"
