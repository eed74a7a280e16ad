"""Networks along other axes of a layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from classes import own_of_squares, quick, squares
from conceptstain.canvas.painted_labels import painted_labels
from conceptstain.classifying import fit_classifier
from conceptstain.errors import InputError
from conceptstain.methods.dissecting import dissect
from conceptstain.methods.rotation import random_rotation
from conceptstain.nets.rotated import rotated_network
from conceptstain.nets.tap import activations, encoder_layers
from factories import tiny_encoder, tiny_profile_encoders, tiny_section


def pictures(n: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.as_tensor(np.random.default_rng(seed).uniform(0, 1, (n, 1, 16, 16)))


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_latents_and_reconstructions_stay_while_the_layer_turns(layer: str) -> None:
    encoder, x = tiny_encoder((1, 16, 16), scaling="unit"), pictures()
    n = encoder.network.get_submodule(f"chain.{layer}").out_channels
    q = random_rotation(n, 3)  # type: ignore[arg-type]
    before = encoder.fingerprint
    turned, _ = rotated_network(encoder, layer, q)
    z = encoder.encode(x).mean
    torch.testing.assert_close(turned.encode(x).mean, z, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(turned.decode(z), encoder.decode(z))
    assert encoder.fingerprint == before != turned.fingerprint


def test_the_turned_layer_is_what_the_control_dissects() -> None:
    canvas, labels, masks = squares()
    classifier = fit_classifier(canvas, labels, quick(2))
    maps = painted_labels(canvas, masks, names=["", "bright", "dark"])
    for layer, n in (("conv1", 4), ("relu2", 6)):
        q = random_rotation(n, 1)
        turned, name = rotated_network(classifier.encoder, layer, q)
        ours = dissect(turned, name, canvas, maps, quantile=0.05)
        control = dissect(classifier.encoder, layer, canvas, maps, quantile=0.05, rotation=q)
        np.testing.assert_allclose(ours.thresholds, control.thresholds, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(ours.iou, control.iou, atol=0.02)  # a pixel at the threshold may fall either way
        assert ours.settings["followed"]


def test_layers_without_places_turn_too() -> None:
    canvas = tiny_section().view("spots")
    (encoder,) = tiny_profile_encoders(canvas.features, 1)
    layer = encoder_layers(encoder)[0]
    q = random_rotation(9, 2)
    turned, name = rotated_network(encoder, layer, q)
    np.testing.assert_allclose(turned.latents(canvas), encoder.latents(canvas), atol=1e-4)
    before, after = (activations(each, canvas, which) for each, which in ((encoder, layer), (turned, name)))
    np.testing.assert_allclose(after, before @ q.T, atol=1e-4)


@pytest.mark.parametrize(("layer", "n"), [("0.0", 4), ("0.1", 4), ("0.2", 4), ("1", 6)])
def test_a_layer_of_a_network_of_ones_own_turns_by_its_own_name(layer: str, n: int) -> None:
    canvas, encoder = squares()[0], own_of_squares().encoder
    q = random_rotation(n, 2)
    turned, name = rotated_network(encoder, layer, q)
    assert name == f"{layer}.rotated"
    np.testing.assert_allclose(turned.latents(canvas), encoder.latents(canvas), atol=1e-5)
    before, after = (activations(each, canvas, which) for each, which in ((encoder, layer), (turned, name)))
    np.testing.assert_allclose(after, before @ q.T, atol=1e-5)


def test_a_rotation_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="another number of units"):
        rotated_network(tiny_encoder((1, 16, 16), scaling="unit"), "conv1", random_rotation(9))
