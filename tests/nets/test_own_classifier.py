from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.opening import open_source
from conceptstain.errors import InputError
from conceptstain.nets.own_classifier import own_classifier
from own_networks import SHAPE, Functional, Plain, Residual, WholeVAE, exported, some_inputs, with_weights
from pictures import noise

CLASSES = ("a", "b", "c", "d")


class Twice(nn.Module):
    """One linear layer, used two times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.out = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.out(self.stem(x).mean(dim=(2, 3))))


def canvas_of(n: int = 5) -> ImageSet:
    return open_source(noise(n, 16, 16, 3), as_="images").view("images", frame=16)


def plain() -> nn.Module:
    return with_weights(Plain())


@pytest.mark.parametrize("kind", [Plain, Functional, Residual])
def test_scores_are_what_the_network_puts_out(kind: type[nn.Module]) -> None:
    network, canvas = with_weights(kind()), canvas_of()
    with torch.no_grad():
        expected = network(torch.as_tensor(canvas.inputs(range(len(canvas)))))
    classifier = own_classifier(network, classes=CLASSES, shape=SHAPE)
    np.testing.assert_allclose(classifier.scores(canvas), expected, rtol=1e-4, atol=1e-5)


def test_a_last_step_without_bias_has_a_bias_of_zero() -> None:
    network = plain()
    network.out = nn.Linear(5, 4, bias=False)
    classifier = own_classifier(network, classes=CLASSES, shape=SHAPE)
    assert not classifier.bias.any()


def test_the_penultimate_layer_is_found_and_told() -> None:
    classifier = own_classifier(plain(), classes=CLASSES, shape=SHAPE)
    assert (classifier.encoder.latent, classifier.card["last step"], classifier.places) == (5, "out", "")


def test_behind_a_mean_over_places_the_layer_with_places_is_found() -> None:
    classifier, canvas = own_classifier(with_weights(Residual()), classes=CLASSES, shape=SHAPE), canvas_of()
    assert classifier.places == "blocks"
    np.testing.assert_allclose(
        classifier.part_scores(canvas).mean(axis=(2, 3)), classifier.scores(canvas), rtol=1e-4, atol=1e-5
    )


def test_the_network_that_was_given_stays_as_it_is_and_shares_its_weights() -> None:
    network = plain()
    before = network(some_inputs()).detach()
    classifier = own_classifier(network, classes=CLASSES, shape=SHAPE)
    assert torch.equal(network(some_inputs()), before)
    assert isinstance(network.out, nn.Linear)
    shared = {each.data_ptr() for each in classifier.encoder.network.parameters()}
    assert network.conv1.weight.data_ptr() in shared


def test_normalised_inputs_are_normalised() -> None:
    network, canvas = plain(), canvas_of()
    classifier = own_classifier(network, classes=CLASSES, shape=SHAPE, mean=[0.4], std=[0.5])
    with torch.no_grad():
        expected = network((torch.as_tensor(canvas.inputs(range(5))) - 0.4) / 0.5)
    np.testing.assert_allclose(classifier.scores(canvas), expected, rtol=1e-4, atol=1e-5)


def test_an_exported_network_is_read(tmp_path: Path) -> None:
    network, canvas = with_weights(Residual()), canvas_of()
    classifier = own_classifier(exported(network, tmp_path / "net.pt2"), classes=CLASSES)
    with torch.no_grad():
        expected = network(torch.as_tensor(canvas.inputs(range(5))))
    np.testing.assert_allclose(classifier.scores(canvas), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (lambda: nn.Sequential(Plain(), nn.Softmax(dim=1)), "without softmax"),
        (lambda: nn.Sequential(nn.Conv2d(3, 4, 16), nn.Flatten()), "no linear layer"),
        (Twice, "used more than once"),
        (WholeVAE, "Use own_encoder"),
    ],
)
def test_networks_with_another_last_step_are_refused(network: object, told: str) -> None:
    with pytest.raises(InputError, match=told):
        own_classifier(network().eval(), classes=CLASSES, shape=SHAPE)  # type: ignore[operator]


def test_every_class_needs_a_name() -> None:
    with pytest.raises(InputError, match="3 names for 4 outputs of out"):
        own_classifier(plain(), classes=CLASSES[:3], shape=SHAPE)
