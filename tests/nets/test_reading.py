"""Reading samples with a classifier."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from classes import SIDE, fitted_to_squares, own_of_squares
from conceptstain.errors import MismatchError
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.reading import check_readable, class_scores, penultimate, penultimate_layer, units_of
from conceptstain.nets.tap import activations
from factories import tiny_encoder


@cache
def scene() -> tuple[Classifier, Any, Any]:
    return fitted_to_squares(4)


def test_samples_are_read_as_the_classifier_reads_items() -> None:
    classifier, canvas, _ = scene()
    x = torch.tensor(canvas.inputs(range(len(canvas)))).double()
    r = penultimate(classifier, x)
    np.testing.assert_allclose(r, classifier.encoder.latents(canvas), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(class_scores(classifier, r), classifier.scores(canvas), rtol=1e-4, atol=1e-5)
    layer = units_of(classifier, x, "encoder.relu1")
    np.testing.assert_allclose(layer, activations(classifier.encoder, canvas, "encoder.relu1"), rtol=1e-5, atol=1e-6)


def test_gradients_reach_samples_of_another_size_and_with_colours() -> None:
    classifier, canvas, _ = scene()
    small = torch.tensor(canvas.inputs(range(3)))
    large = small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3).repeat(1, 3, 1, 1).requires_grad_()
    scores = class_scores(classifier, penultimate(classifier, large))
    (gradient,) = torch.autograd.grad(scores[:, 0].sum(), large)
    assert gradient.shape == (3, 3, 2 * SIDE, 2 * SIDE)
    assert float(gradient.abs().sum()) > 0
    np.testing.assert_allclose(gradient[:, 0], gradient[:, 1], rtol=1e-4, atol=1e-9)  # channels are averaged
    plain = class_scores(classifier, penultimate(classifier, small))
    np.testing.assert_array_equal(scores.detach().argmax(dim=1), plain.argmax(dim=1))


@pytest.mark.parametrize(
    ("shape", "scaling", "told"),
    [
        ((1, SIDE, SIDE), "z-score", "another scaling"),
        ((1, SIDE), "unit", "cannot read"),
        ((9,), "unit", "cannot read"),
    ],
)
def test_samples_that_cannot_be_read_are_refused(shape: tuple[int, ...], scaling: str, told: str) -> None:
    with pytest.raises(MismatchError, match=told):
        check_readable(scene()[0], tiny_encoder(shape, kind="dense", scaling=scaling))


def test_genes_in_another_order_are_refused() -> None:
    spots = tiny_encoder((3,), kind="dense")
    names = [Encoder("e", spots.network, (3,), "z-score", 4, {}, genes) for genes in (("a", "b", "c"), ("b", "a", "c"))]
    classifier = Classifier("c", names[0], np.ones((2, 4)), np.ones(2), ("one", "two"))
    check_readable(classifier, names[0])
    with pytest.raises(MismatchError, match="other genes"):
        check_readable(classifier, names[1])


def test_the_layer_that_classes_are_told_from_is_found() -> None:
    assert penultimate_layer(scene()[0]) == "encoder.relu2"
    assert penultimate_layer(own_of_squares()) == "2"
    dense = tiny_encoder((3,), kind="dense")
    assert penultimate_layer(Classifier("c", dense, np.ones((2, 4)), np.ones(2), ("one", "two"))) == "mean"
