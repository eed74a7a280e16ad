"""What stands between the methods and a network: latents, names of layers, normalisation."""

from __future__ import annotations

import math

import pytest
import torch

from conceptstain.errors import MismatchError
from conceptstain.nets.own_networks import own_encoder
from conceptstain.nets.tap import encoder_layers, layer_named, tap
from conceptstain.nets.untrained import untrained
from own_networks import SHAPE, MeanAndVariance, Plain, Residual, WholeVAE, some_inputs, with_weights


def test_a_layer_can_be_the_latent_space_by_the_mean_over_its_places():
    network = with_weights(Residual())
    encoder = own_encoder(network, shape=SHAPE, latent="blocks.0")
    with tap(network, "blocks.0") as tapped:
        network(some_inputs())
        expected = tapped.take().mean(dim=(2, 3))
    torch.testing.assert_close(encoder.encode(some_inputs()).mean, expected)
    assert encoder.latent == 4


def test_layers_are_called_as_in_the_network_itself():
    network = Residual()
    encoder = own_encoder(network, shape=SHAPE)
    assert set(encoder_layers(encoder)) <= {name for name, _ in network.named_modules()}
    assert layer_named(encoder, "blocks.1.conv2") == "blocks.1.conv2"
    assert dict(encoder.network.named_parameters()).keys() == dict(network.named_parameters()).keys()


def test_pictures_are_normalised_first_so_that_a_network_of_normalised_ones_is_asked_rightly():
    network = with_weights(Plain())
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
    encoder = own_encoder(network, shape=SHAPE, mean=mean, std=std)
    normalised = (some_inputs() - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(encoder.encode(some_inputs()).mean, network(normalised))
    assert encoder.fingerprint != own_encoder(network, shape=SHAPE).fingerprint


def test_an_encode_that_puts_out_a_tuple_is_understood_and_decode_is_brought_back_to_the_inputs_scaling():
    network = with_weights(WholeVAE())
    encoder = own_encoder(network, shape=SHAPE, mean=[0.5], std=[0.25])
    encoding = encoder.encode(some_inputs())
    torch.testing.assert_close(tuple(encoding), network.encode((some_inputs() - 0.5) / 0.25))
    torch.testing.assert_close(encoder.decode(encoding.mean), network.decode(encoding.mean) * 0.25 + 0.5)


def test_without_a_decoder_there_is_none_to_ask():
    encoder = own_encoder(MeanAndVariance(), shape=SHAPE)
    assert not hasattr(encoder.network, "decode")
    with pytest.raises(MismatchError, match="cannot decode"):
        encoder.decode(torch.zeros(1, 4))


def test_a_network_that_views_the_output_of_a_convolution_keeps_its_order_of_memory():
    encoder = own_encoder(Plain(), shape=SHAPE)
    assert encoder.network.network.conv1.weight.is_contiguous()
    assert untrained(encoder).encode(some_inputs()).mean.shape == (5, 4)


def test_what_a_network_puts_out_is_the_latent_mean_and_its_latents_are_points():
    network = with_weights(Plain())
    encoder = own_encoder(network, shape=SHAPE)
    encoding = encoder.encode(some_inputs())
    torch.testing.assert_close(encoding.mean, network(some_inputs()))
    assert (encoding.log_var == -math.inf).all()
    assert (encoder.latent, encoder.shape, encoder.scaling, encoder.name) == (4, SHAPE, "unit", "Plain")
