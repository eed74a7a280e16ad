"""An exported network is its original: outputs, taps, gradients and rules, under the original's names."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from conceptstain.errors import ReadingError
from conceptstain.nets.exported_network import exported_network
from conceptstain.nets.own_networks import own_encoder
from conceptstain.nets.ruled import applied, refusal
from conceptstain.nets.rules import DECONVOLUTION, GRADIENT, GUIDED, rectified
from conceptstain.nets.tap import convolutional_layers, encoder_layers, tap
from own_networks import (
    SHAPE,
    Functional,
    InPlace,
    MeanAndVariance,
    Plain,
    Residual,
    exported,
    some_inputs,
    with_weights,
)

RULES = [
    GRADIENT,
    GUIDED,
    DECONVOLUTION,
    rectified(80.0),
    rectified(80.0, variant="proportional"),
    rectified(50.0, padding=True),
]
# Functions are layers of their own in the export: what it is compared with has modules in their place.
ORIGINALS = {"plain": (Plain, Plain), "functional": (Functional, Plain), "residual": (Residual, Residual)}


@pytest.fixture(scope="module", params=sorted(ORIGINALS))
def pair(request, tmp_path_factory):
    """An encoder of the original, and one of its export."""
    made, compared = (with_weights(kind()) for kind in ORIGINALS[request.param])
    path = exported(made, tmp_path_factory.mktemp("exported") / "network.pt2")
    return own_encoder(compared, shape=SHAPE), own_encoder(path)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_what_an_export_puts_out_is_what_its_original_puts_out_for_any_batch(pair, n):
    original, export = pair
    torch.testing.assert_close(export.encode(some_inputs(n)).mean, original.encode(some_inputs(n)).mean)


def test_layers_that_were_modules_are_tapped_under_their_own_names_and_put_out_the_same(pair):
    original, export = pair
    names = set(encoder_layers(original)) & set(encoder_layers(export))
    assert {"out"} < names
    for name in names:
        seen = []
        for encoder in pair:
            with tap(encoder.network, name) as tapped:
                encoder.encode(some_inputs())
                seen.append(tapped.take())
        torch.testing.assert_close(*seen)


def test_every_named_layer_of_a_network_of_modules_is_found_in_its_export(tmp_path):
    for number, network in enumerate((Plain(), Residual(), MeanAndVariance())):
        export = own_encoder(exported(with_weights(network), tmp_path / f"{number}.pt2"))
        assert set(encoder_layers(export)) == set(encoder_layers(own_encoder(network, shape=SHAPE)))


def test_an_export_has_the_convolutions_of_its_original(pair):
    original, export = pair
    assert convolutional_layers(export) == convolutional_layers(original) != ()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name} {rule.settings.get('variant', '')}")
def test_every_rule_gives_an_export_the_gradients_of_its_original_or_is_refused_for_both(pair, rule):
    assert (refusal(rule, pair[0]) is None) == (refusal(rule, pair[1]) is None)
    if refusal(rule, pair[0]) is not None:
        return
    gradients = []
    for encoder in pair:
        x = some_inputs().requires_grad_()
        with applied(rule, encoder):
            (gradient,) = torch.autograd.grad(encoder.encode(x).mean[:, 1].sum(), x)
        gradients.append(gradient)
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(*gradients)


def test_functions_become_layers_so_that_rules_reach_them(tmp_path):
    network = with_weights(Functional())
    export = own_encoder(exported(network, tmp_path / "functional.pt2"))
    assert refusal(GUIDED, own_encoder(network, shape=SHAPE)) is not None
    assert refusal(GUIDED, export) is None
    assert [name for name in encoder_layers(export) if "relu" in name] == ["relu", "relu_1", "relu_2"]


def test_layers_that_write_over_their_input_put_out_the_same_and_no_longer_do_so(tmp_path):
    network = with_weights(InPlace())
    export = own_encoder(exported(network, tmp_path / "in_place.pt2"))
    torch.testing.assert_close(export.encode(some_inputs()).mean, network(some_inputs()))
    assert not any(getattr(module, "inplace", False) for module in export.network.modules())
    assert refusal(GUIDED, export) is None


def test_a_pair_of_outputs_is_mean_and_log_variance(tmp_path):
    network = with_weights(MeanAndVariance())
    encoding = own_encoder(exported(network, tmp_path / "half.pt2")).encode(some_inputs())
    torch.testing.assert_close(tuple(encoding), network(some_inputs()))


def test_an_export_can_be_copied_and_begun_anew(pair):
    copied = copy.deepcopy(pair[1].network)
    with torch.no_grad():
        next(copied.parameters()).zero_()
    assert next(pair[1].network.parameters()).abs().max() > 0
    assert {type(module) for module in copied.modules()} >= {nn.Conv2d, nn.Linear, nn.ReLU}


def test_a_batch_of_a_fixed_size_is_refused_with_how_to_export_it(tmp_path):
    path = exported(with_weights(Plain()), tmp_path / "fixed.pt2", dynamic=False)
    with pytest.raises(ReadingError, match=r"batches of one size.*\(2, 3, 16, 16\).*dynamic_shapes"):
        exported_network(path)


def test_the_shape_of_an_input_is_read_from_the_file(pair):
    assert pair[1].shape == SHAPE
    assert np.prod(pair[1].encode(some_inputs(1)).mean.shape) == pair[1].latent
