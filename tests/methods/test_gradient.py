from __future__ import annotations

import numpy as np
import pytest
import torch

from conceptstain.concepts.scores import along, along_layer, dimension
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.gradient import input_gradients
from conceptstain.nets.encoder import Encoding
from conceptstain.nets.rules import rectified
from laws import agree
from scenes import scene, some_direction
from tiny_networks import TinyVAE, encoder_of, tiny_vae
from twins.gradient import gradient
from twins.rectified import rectified_in_layer


@pytest.mark.parametrize("kind", ["convolutional", "dense"])
def test_it_is_what_central_differences_of_the_score_give(kind: str) -> None:
    at = scene(kind)
    found = input_gradients(at.encoder, along(some_direction()), at.canvas, [1, 8])
    expected = [gradient(at.network, picture, some_direction()) for picture in at.canvas.inputs([1, 8])]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_the_gradient_of_a_latent_is_the_gradient_along_its_axis() -> None:
    at = scene()
    axis = np.array([0.0, 0.0, 1.0, 0.0])
    agree(
        input_gradients(at.encoder, dimension(2), at.canvas, [4]),
        input_gradients(at.encoder, along(axis), at.canvas, [4]),
    )


def test_times_input_multiplies_by_the_picture() -> None:
    at = scene()
    plain = input_gradients(at.encoder, along(some_direction()), at.canvas, [4, 2])
    times = input_gradients(at.encoder, along(some_direction()), at.canvas, [4, 2], times_input=True)
    agree(times, plain * at.canvas.inputs([4, 2]))


def test_it_works_where_gradients_are_switched_off() -> None:
    at = scene()
    expected = input_gradients(at.encoder, along(some_direction()), at.canvas, [4])
    with torch.no_grad():
        agree(input_gradients(at.encoder, along(some_direction()), at.canvas, [4]), expected)


def test_a_network_in_training_is_asked_as_if_evaluated() -> None:
    at = scene()
    expected = input_gradients(at.encoder, along(some_direction()), at.canvas, [4])
    at.network.chain = torch.nn.Sequential(torch.nn.Dropout(0.9), at.network.chain)
    at.network.train()
    agree(input_gradients(at.encoder, along(some_direction()), at.canvas, [4]), expected)
    assert at.network.training


def test_a_network_that_detaches_is_refused_by_name() -> None:
    class Detached(TinyVAE):
        def encode(self, x: torch.Tensor) -> Encoding:
            with torch.no_grad():
                return super().encode(x)

    at = scene()
    network = tiny_vae((1, 8, 8))
    network.__class__ = Detached
    with pytest.raises(MismatchError, match="'tiny' cannot be differentiated"):
        input_gradients(encoder_of(network, (1, 8, 8)), along(some_direction()), at.canvas, [0])


def test_a_latent_that_is_not_there_is_refused() -> None:
    at = scene()
    with pytest.raises(InputError, match="4 for 4 latents"):
        input_gradients(at.encoder, dimension(4), at.canvas, [0])


LAYERS = [
    ("convolutional", "conv1", 3),
    ("convolutional", "pool1", 3),
    ("convolutional", "relu2", 4),
    ("dense", "relu1", 12),
]


@pytest.mark.parametrize(("kind", "layer", "channels"), LAYERS)
def test_of_a_layer_it_is_what_central_differences_of_the_layers_score_give(
    kind: str, layer: str, channels: int
) -> None:
    at = scene(kind)
    direction = np.random.default_rng(2).normal(size=channels)
    found = input_gradients(at.encoder, along_layer(direction, f"chain.{layer}"), at.canvas, [1, 8])
    expected = [gradient(at.network, picture, direction, layer) for picture in at.canvas.inputs([1, 8])]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("kind", "layer", "channels"), LAYERS[1:])
def test_rules_act_on_the_way_back_from_a_layer(kind: str, layer: str, channels: int) -> None:
    at = scene(kind)
    direction = np.random.default_rng(2).normal(size=channels)
    score = along_layer(direction, f"chain.{layer}")
    found = input_gradients(at.encoder, score, at.canvas, [1, 8], rule=rectified(60))
    expected = [rectified_in_layer(at.network, layer, picture, direction, 60) for picture in at.canvas.inputs([1, 8])]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)


def test_a_layer_that_does_not_fit_the_direction_or_the_encoder_is_refused() -> None:
    at = scene()
    with pytest.raises(MismatchError, match=r"layer 'chain\.conv1'\. Got 4 numbers for 3 channels"):
        input_gradients(at.encoder, along_layer(some_direction(), "chain.conv1"), at.canvas, [0])
    with pytest.raises(InputError, match=r"no such layer.*chain\.conv1"):
        input_gradients(at.encoder, along_layer(some_direction(), "chain.conv9"), at.canvas, [0])
    with pytest.raises(MismatchError, match=r"'decoder\.0' has no single activation"):
        input_gradients(at.encoder, along_layer(some_direction(), "decoder.0"), at.canvas, [0])


def test_a_rule_that_meets_no_relu_on_the_way_to_a_layer_is_refused() -> None:
    at = scene()
    before = input_gradients(at.encoder, along_layer(np.ones(3), "chain.conv1"), at.canvas, [0])
    with pytest.raises(MismatchError, match=r"acts at ReLU, and there is none up to the layer chain\.conv1"):
        input_gradients(at.encoder, along_layer(np.ones(3), "chain.conv1"), at.canvas, [0], rule=rectified(60))
    agree(input_gradients(at.encoder, along_layer(np.ones(3), "chain.conv1"), at.canvas, [0]), before)


def test_a_rule_does_not_mind_what_lies_behind_the_layer() -> None:
    at = scene()
    score = along_layer(some_direction(), "chain.relu2")
    expected = input_gradients(at.encoder, score, at.canvas, [1], rule=rectified(60))
    at.network.chain.relu3 = torch.nn.Tanh()
    agree(input_gradients(at.encoder, score, at.canvas, [1], rule=rectified(60)), expected)
    with pytest.raises(MismatchError, match="Tanh"):
        input_gradients(at.encoder, along(some_direction()), at.canvas, [1], rule=rectified(60))
