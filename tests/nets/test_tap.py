from __future__ import annotations

import pytest
import torch
from torch import nn

from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.tap import activations, convolutional_layers, encoder_layers, layer_named, over_places, tap
from laws import agree, state_of
from scenes import scene
from tiny_networks import encoder_of, tiny_vae

SHAPE = (1, 8, 8)


def picture(seed: int = 0) -> torch.Tensor:
    return torch.randn((2, *SHAPE), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_it_gives_what_the_layer_puts_out() -> None:
    network = tiny_vae(SHAPE)
    with tap(network, "chain.conv1") as tapped:
        network.encode(picture())
        torch.testing.assert_close(tapped.take(), network.chain.conv1(picture()))


def test_it_does_not_change_what_comes_after() -> None:
    network = tiny_vae(SHAPE)
    alone = network.encode(picture()).mean
    for start in (False, True):
        with tap(network, "chain.conv1", start=start):
            torch.testing.assert_close(network.encode(picture()).mean, alone, rtol=0, atol=0)


def test_a_graph_can_start_at_the_layer() -> None:
    network = tiny_vae(SHAPE).requires_grad_(False)
    with tap(network, "chain.conv2", start=True) as tapped:
        mean = network.encode(picture()).mean
        activation = tapped.take()
    assert activation.is_leaf
    (gradient,) = torch.autograd.grad(mean[:, 0].sum(), activation)
    assert gradient.shape == activation.shape
    assert gradient.any()


@pytest.mark.parametrize("start", [False, True])
def test_a_layer_in_place_does_not_overwrite_what_was_caught(start: bool) -> None:
    network = tiny_vae(SHAPE)
    network.chain.relu1 = nn.ReLU(inplace=True)
    with tap(network, "chain.conv1", start=start) as tapped:
        mean = network.encode(picture()).mean
        activation = tapped.take()
    torch.testing.assert_close(activation, network.chain.conv1(picture()))
    (gradient,) = torch.autograd.grad(mean.sum(), activation)
    torch.testing.assert_close(gradient == 0, activation <= 0)


def test_no_hook_is_left_behind_even_after_an_error() -> None:
    network = tiny_vae(SHAPE)
    before = state_of(network)
    with tap(network, "chain.relu1"):
        network.encode(picture())
    with pytest.raises(RuntimeError, match="on the way"), tap(network, "chain.relu1"):
        raise RuntimeError("on the way")
    assert state_of(network) == before


def test_an_unknown_layer_is_refused_with_the_layers_there_are() -> None:
    with (
        pytest.raises(InputError, match=r"'chain\.conv9'.*chain\.conv1, chain\.relu1"),
        tap(tiny_vae(SHAPE), "chain.conv9"),
    ):
        pass


def test_a_layer_that_was_not_used_or_used_twice_has_no_single_activation() -> None:
    network = tiny_vae(SHAPE)
    with tap(network, "chain.relu1") as tapped:
        with pytest.raises(MismatchError, match="0 outputs"):
            tapped.take()
        network.encode(picture())
        network.encode(picture())
        with pytest.raises(MismatchError, match="2 outputs"):
            tapped.take()
        network.encode(picture())
        assert tapped.take().shape == (2, 3, 8, 8)


def test_a_layer_that_puts_out_several_tensors_is_refused() -> None:
    network = nn.Sequential(nn.LSTM(3, 2))
    with tap(network, "0"), pytest.raises(MismatchError, match=r"does not put out one tensor\. Got tuple"):
        network(torch.zeros(1, 1, 3))


def test_convolutions_are_named_in_the_order_of_the_way_to_the_mean() -> None:
    assert convolutional_layers(encoder_of(tiny_vae(SHAPE), SHAPE)) == ("chain.conv1", "chain.conv2")
    assert convolutional_layers(encoder_of(tiny_vae(SHAPE, kind="dense"), SHAPE)) == ()


def test_convolutions_of_the_decoder_and_of_the_variance_are_not_named() -> None:
    network = tiny_vae(SHAPE)
    network.decoder = nn.Sequential(nn.Linear(4, 64), nn.Unflatten(1, SHAPE), nn.Conv2d(1, 1, 3, padding=1)).double()
    network.log_var = nn.Sequential(nn.Unflatten(1, (1, 2, 5)), nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(10, 4))
    network.double()
    assert convolutional_layers(encoder_of(network, SHAPE)) == ("chain.conv1", "chain.conv2")


def test_a_convolution_that_sees_one_place_alone_is_not_named() -> None:
    network = tiny_vae(SHAPE)
    network.mean = nn.Sequential(nn.Unflatten(1, (10, 1, 1)), nn.Conv2d(10, 4, 1), nn.Flatten()).double()
    encoder = encoder_of(network, SHAPE)
    assert convolutional_layers(encoder) == ("chain.conv1", "chain.conv2")
    assert all(not module._forward_hooks for module in encoder.network.modules())


def test_the_layers_that_can_be_tapped_are_those_used_once_while_encoding() -> None:
    network = tiny_vae(SHAPE)
    network.chain.relu2 = network.chain.relu1  # one module in two places
    assert encoder_layers(encoder_of(network, SHAPE)) == (
        *(f"chain.{name}" for name in ("conv1", "pool1", "conv2", "flatten", "dense", "relu3")),
        "chain",
        "mean",
        "log_var",
    )
    assert not any(module._forward_hooks for module in network.modules())


def test_a_layer_is_found_by_the_end_of_its_name_where_one_alone_ends_so() -> None:
    network = tiny_vae(SHAPE)
    network.mean = nn.Sequential(nn.Linear(10, 10), nn.Linear(10, 4)).double()
    network.log_var = nn.Sequential(nn.Linear(10, 4)).double()
    encoder = encoder_of(network, SHAPE)
    assert layer_named(encoder, "conv2") == "chain.conv2"
    assert layer_named(encoder, "chain") == "chain"
    assert layer_named(encoder, "1") == "mean.1"
    with pytest.raises(InputError, match=r"several layers of that name\. Got '0'\. Choose one of: mean\.0, log_var\.0"):
        layer_named(encoder, "0")
    with pytest.raises(InputError, match=r"no such layer\. Got 'onv1'\. Choose one of: chain\.conv1"):
        layer_named(encoder, "onv1")


@pytest.mark.parametrize(("kind", "layer"), [("convolutional", "chain.conv1"), ("dense", "chain.dense2")])
def test_activations_are_means_over_places_item_by_item(kind: str, layer: str) -> None:
    at = scene(kind)
    found = activations(at.encoder, at.canvas, layer)
    assert found.dtype == "float32"
    with tap(at.network, layer) as tapped:
        for item in range(len(at.canvas)):
            at.encoder.encode(at.encoder.tensor(at.canvas.inputs([item])))
            channels = tapped.take()[0].numpy()
            agree(found[item], channels.reshape(len(channels), -1).mean(axis=1).astype("float32"))
    agree(activations(at.encoder, at.canvas, layer, [4, 2]), found[[4, 2]])


def test_a_layer_without_places_is_taken_as_it_is() -> None:
    dense = torch.randn(3, 5)
    assert over_places(dense) is dense
    torch.testing.assert_close(over_places(dense[:, :, None, None].expand(3, 5, 2, 4)), dense)
