"""An operator becomes the layer of torch that computes the same, with the same weights; or stays an operator."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from conceptstain.nets.exported_layers import layer_for, operator_of
from own_networks import with_weights

CONVOLVED = (2, 4, 9, 8)
LAYERS = {
    "relu": (nn.ReLU(), CONVOLVED),
    "pooling": (nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), CONVOLVED),
    "pooling with gaps": (nn.MaxPool2d(2, dilation=2), CONVOLVED),
    "convolution": (nn.Conv2d(4, 6, (3, 2), stride=2, padding=(1, 0), dilation=2, groups=2), CONVOLVED),
    "convolution without bias": (nn.Conv2d(4, 3, 3, padding="same", bias=False), CONVOLVED),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, 2, padding=1, output_padding=1, groups=2, dilation=2), CONVOLVED),
    "dense": (nn.Linear(8, 3), CONVOLVED),
    "dense without bias": (nn.Linear(8, 3, bias=False), (2, 8)),
    "batch norm": (nn.BatchNorm2d(4, eps=0.1), CONVOLVED),
    "batch norm without weights": (nn.BatchNorm1d(8, affine=False), (2, 8)),
    "group norm": (nn.GroupNorm(2, 4, eps=0.1), CONVOLVED),
    "layer norm": (nn.LayerNorm((9, 8), eps=0.1), CONVOLVED),
    "layer norm without bias": (nn.LayerNorm(8, bias=False), (2, 8)),
}


def unflattened(network, example):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about itself
        program = torch.export.export(network, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
        return torch.export.unflatten(program)


def calls_and_owner(network, shape):
    """The operators of an exported network, and the module that has its weights."""
    example = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    owner = unflattened(network, example)
    return [node for node in owner.graph.nodes if operator_of(node)], owner, example


class Around(nn.Module):
    """A layer's function with the layer's weights, called by another module."""

    def __init__(self, function, weight):
        super().__init__()
        self.weight, self.function = weight, function

    def forward(self, x):
        return self.function(x, self.weight)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_found_again_with_all_its_settings(name):
    layer, shape = LAYERS[name]
    layer = with_weights(layer)
    example = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    owner = unflattened(nn.Sequential(layer), example).get_submodule("0")
    (call,) = (node for node in owner.graph.nodes if operator_of(node))
    found = layer_for(call, owner)
    assert isinstance(found, type(layer)) or "BatchNorm" in type(layer).__name__
    torch.testing.assert_close(found(example), layer(example), rtol=0, atol=0)
    assert {n: p.shape for n, p in found.named_parameters()} == {n: p.shape for n, p in layer.named_parameters()}


def test_weights_are_shared_with_the_owner():
    weight = nn.Parameter(torch.ones(3, 8))
    (call,), owner, _ = calls_and_owner(Around(nn.functional.linear, weight), (2, 8))
    assert layer_for(call, owner).weight is owner.weight


@pytest.mark.parametrize(
    "function",
    [
        lambda x, weight: nn.functional.linear(x, weight * 2),
        lambda x, weight: nn.functional.linear(x, x.new_ones(3, 8)) * weight.sum(),
        lambda x, weight: nn.functional.gelu(x) * weight.sum(),
    ],
)
def test_computed_weights_and_other_operators_stay_operators(function):
    calls, owner, _ = calls_and_owner(Around(function, nn.Parameter(torch.ones(3, 8))), (2, 8))
    assert [layer_for(call, owner) for call in calls] == [None] * len(calls)


def test_frozen_weights_in_a_buffer_stay_with_the_operator():
    network = Around(nn.functional.linear, None)
    del network.weight
    network.register_buffer("weight", torch.ones(3, 8))
    (call,), owner, _ = calls_and_owner(network, (2, 8))
    assert layer_for(call, owner) is None
