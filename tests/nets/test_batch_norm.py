"""Batch normalisation that is there while a network learns, and then in its weights."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from conceptstain.nets.batch_norm import batch_normalised
from conceptstain.nets.classifier_network import ClassifierNetwork, ClassifierNetworkSettings


def tiny() -> ClassifierNetwork:
    return ClassifierNetwork((1, 8, 8), ClassifierNetworkSettings((3, 4), halvings=1), seed=2)


def inputs(seed: int = 0) -> torch.Tensor:
    return 3 * torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(seed)) + 1


def test_a_network_is_normalised_as_one_with_layers_for_it_and_its_folded_weights_do_the_same() -> None:
    network, x = tiny(), inputs()
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name, module in network.encoder.named_children():
        layers[name] = module
        if name.startswith("conv"):
            layers[f"norm{name[-1]}"] = nn.BatchNorm2d(module.out_channels)  # type: ignore[arg-type]
    plain = nn.Sequential(layers)
    expected = [plain(inputs(seed)) for seed in range(3)]
    with batch_normalised(network) as norms:
        for seed in range(3):  # the weights are the same, and so are the running means
            assert torch.allclose(network.encoder(inputs(seed)), expected[seed], atol=1e-6)
        with torch.no_grad():
            for each in norms.parameters():
                each.add_(0.3)
            for name, each in plain.named_parameters():
                if name.startswith("norm"):
                    each.add_(0.3)
        network.eval()
        norms.eval()
        plain.eval()
        inside = network.encode(x).mean
        folded = norms.folded(network)
    assert torch.allclose(network.mean(plain(x)), inside, atol=1e-6)
    fresh = tiny()
    fresh.load_state_dict(folded)
    assert torch.allclose(fresh.encode(x).mean, inside, atol=1e-5)
    assert not torch.allclose(network.encode(x).mean, inside, atol=1e-2)  # it is off again


def test_nothing_is_left_on_a_network_also_after_an_error() -> None:
    network = tiny()
    before = network.encode(inputs()).mean
    with batch_normalised(network):
        assert not torch.allclose(network.encode(inputs()).mean, before)
    assert torch.equal(network.encode(inputs()).mean, before)
    with pytest.raises(RuntimeError, match="channels"), batch_normalised(network):
        network.encode(torch.zeros(1, 2, 8, 8))
    assert torch.equal(network.encode(inputs()).mean, before)


def test_without_it_the_weights_are_those_of_the_network() -> None:
    network = tiny()
    with batch_normalised(network, on=False) as norms:
        assert not list(norms.parameters())
        folded = norms.folded(network)
    assert all(torch.equal(folded[name], tensor) for name, tensor in network.state_dict().items())
    folded["encoder.conv1.bias"] += 1  # a copy
    assert not torch.equal(folded["encoder.conv1.bias"], network.state_dict()["encoder.conv1.bias"])
