from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from blobs import SIDE, blobs, concept_along
from conceptstain.canvas.opening import open_source
from conceptstain.errors import InputError
from conceptstain.methods.randomisation import ALIKE, randomisation
from conceptstain.methods.saliency import saliency
from conceptstain.nets.encoder import Encoder, Encoding
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.nets.untrained import untrained
from conceptstain.progress import Cancelled
from laws import state_of

ITEMS = range(12)


class Wide(nn.Module):
    """Pairs of convolutions with maximum pooling: guided backpropagation redraws the input, whatever is above them."""

    def __init__(self, side):
        super().__init__()
        layers, before = [], 1
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(5)
            for width in (32, 64, 64):
                for channels in (before, width):
                    convolution = nn.Conv2d(channels, width, 3, padding=1)
                    nn.init.kaiming_normal_(convolution.weight)
                    layers += [convolution, nn.ReLU()]
                layers.append(nn.MaxPool2d(2))
                before = width
            self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * (side // 8) ** 2, 64), nn.ReLU())
            self.mean = nn.Linear(64, 3)

    def encode(self, x):
        mean = self.mean(self.layers(x))
        return Encoding(mean, torch.zeros_like(mean))


def boxes(n=12, side=32):
    """Pictures of flat boxes on each other, with edges all over."""
    rng = np.random.default_rng(0)
    pictures = np.full((n, side, side), 0.5, dtype=np.float32)
    for picture in pictures:
        for _ in range(5):
            (row, column), (height, width) = rng.integers(0, side, 2), rng.integers(4, side // 2, 2)
            picture[row : row + height, column : column + width] = rng.random()
    return open_source(pictures, as_="images").view("images", frame=side)


def deep_encoder(seed=3):
    vae = ImageVAE((1, SIDE, SIDE), ImageVAESettings("average-pool", 3, (16, 16), (32,)), seed=seed)
    return Encoder("deep", vae, vae.shape, "unit", 3)


def test_guided_backpropagation_is_found_to_redraw_its_input_and_the_gradient_is_not():
    encoder = Encoder("wide", Wide(32), (1, 32, 32), "unit", 3)
    concept = concept_along(encoder, [1.0, -0.5, 0.3])
    guided, gradient = (
        randomisation(partial(saliency, rule=rule), boxes(), encoder, concept, ITEMS) for rule in ("guided", "gradient")
    )
    assert not guided.depends_on_the_network
    assert gradient.depends_on_the_network
    assert guided.over_the_cascade.low > gradient.over_the_cascade.high
    assert "shows the input, not the network" in guided.sentence
    assert "depends on the network" in gradient.sentence


def test_a_map_that_never_asks_the_network_is_found_out():
    canvas, _ = blobs()
    encoder = deep_encoder()

    def redraw(canvas, encoder, concept, *, items):
        return replace(saliency(canvas, encoder, concept, items=items), values=canvas.inputs(items))

    found = randomisation(redraw, canvas, encoder, concept_along(encoder, [1.0, 0, 0]), ITEMS)
    np.testing.assert_allclose(found.correlations, 1)
    assert found.over_the_cascade.mean > ALIKE
    assert not found.depends_on_the_network


def test_layers_are_randomised_from_the_latent_mean_down_and_the_last_row_is_of_the_untrained_network():
    canvas, _ = blobs()
    encoder = deep_encoder()
    concept = concept_along(encoder, [0.2, 1.0, 0])
    found = randomisation(saliency, canvas, encoder, concept, ITEMS, seed=8)
    assert found.layers == ("mean", "encoder.dense1", "encoder.conv2", "encoder.conv1")
    twin = untrained(encoder, seed=8)
    of_twin = saliency(canvas, twin, replace(concept, encoder=twin.fingerprint), items=ITEMS).values
    trained = saliency(canvas, encoder, concept, items=ITEMS).values
    expected = [spearmanr(np.abs(a).ravel(), np.abs(b).ravel())[0] for a, b in zip(trained, of_twin, strict=True)]
    np.testing.assert_allclose(found.correlations[-1], expected, atol=1e-9)
    assert list(found.table().columns) == ["mean", "low", "high"]


def test_a_concept_of_a_layer_is_asked_for_what_lies_before_that_layer():
    canvas, _ = blobs()
    encoder = deep_encoder()
    concept = concept_along(encoder, np.random.default_rng(0).normal(size=16))
    in_layer = replace(concept, definition=replace(concept.definition, space="encoder.conv2"))
    found = randomisation(saliency, canvas, encoder, in_layer, ITEMS)
    assert found.layers == ("encoder.conv2", "encoder.conv1"), "while others forget, its map stays whatever it shows"
    assert (found.correlations < 1).all()


def test_the_seed_alone_decides_and_the_encoder_stays_as_it_was():
    canvas, _ = blobs()
    encoder = deep_encoder()
    concept = concept_along(encoder, [0.2, 1.0, 0])
    before = state_of(encoder.network)
    one, again, other = (randomisation(saliency, canvas, encoder, concept, ITEMS, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.correlations, again.correlations)
    assert not np.array_equal(one.correlations, other.correlations)
    assert str(state_of(encoder.network)) == str(before)


def test_it_can_be_cancelled_after_a_layer():
    canvas, _ = blobs()
    encoder = deep_encoder()
    steps = []

    def cancel(step):
        steps.append(step)
        raise Cancelled

    with pytest.raises(Cancelled):
        randomisation(saliency, canvas, encoder, concept_along(encoder, [1.0, 0, 0]), ITEMS, report=cancel)
    assert (steps[0].done, steps[0].total) == (1, 4)


def test_weights_that_no_layer_can_begin_anew_are_refused():
    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = deep_encoder().network
            self.shift = nn.Parameter(torch.ones(1))

        def encode(self, x):
            return self.inner.encode(x + self.shift)

    encoder = Encoder("shifted", Shifted(), (1, SIDE, SIDE), "unit", 3)
    with pytest.raises(InputError, match="begin anew"):
        randomisation(saliency, blobs()[0], encoder, concept_along(encoder, [1.0, 0, 0]), ITEMS)
