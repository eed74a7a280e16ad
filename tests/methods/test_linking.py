"""Links: what they are, that they are what they say, and what they refuse."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from classes import SIDE, fitted_to_squares, squares
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.link import METHODS, Link, LinkMethod
from conceptstain.methods.link_quality import COSINE, VARIANCE
from conceptstain.methods.linking import link
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from factories import tiny_encoder
from gans import tiny_gan


@cache
def scene() -> tuple[Classifier, Encoder, Any, Any]:
    classifier, _, _ = fitted_to_squares(6)
    canvas, labels, _ = squares(120, seed=5)
    return classifier, tiny_encoder((1, SIDE, SIDE), kind="dense", scaling="unit"), canvas, labels


@cache
def linked(method: LinkMethod = "least squares", seed: int = 0) -> Link:
    classifier, encoder, canvas, labels = scene()
    return link(classifier, encoder, canvas, labels=labels, method=method, seed=seed)


def test_least_squares_are_the_normal_equations_of_the_pairs_it_learned_from() -> None:
    classifier, encoder, canvas, _ = scene()
    found = linked()
    learned = np.random.default_rng(0).permutation(len(canvas))[30:]
    r, z = (each.latents(canvas, learned).astype(np.float64) for each in (classifier.encoder, encoder))
    ones = np.column_stack([r, np.ones(len(r))])
    solved = np.linalg.lstsq(ones, z, rcond=None)[0]
    np.testing.assert_allclose(found.weights, solved[:-1].T, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.bias, solved[-1], rtol=1e-3, atol=1e-4)
    assert (found.quality.n_learned, found.quality.n_held_out) == (90, 30)
    assert found.layer == "encoder.relu2"
    assert found.penultimate


@pytest.mark.parametrize("method", METHODS)
def test_a_link_beats_one_of_shuffled_pairs_and_is_the_same_in_torch(method: LinkMethod) -> None:
    classifier, encoder, canvas, _ = scene()
    found = linked(method)
    for word in (VARIANCE, COSINE):
        assert found.quality[word].value.low > found.quality[word].shuffled.mean
    r = classifier.encoder.latents(canvas).astype(np.float64)
    np.testing.assert_allclose(found.latents(r), found.torch_latents(torch.tensor(r)), rtol=1e-9, atol=1e-9)
    at_mean = found.means[None]
    step = 1e-6 * np.ptp(found.ranges, axis=1)
    for unit in range(found.units):  # W is the slope, of an MLP at the mean
        moved = at_mean + step * (np.arange(found.units) == unit)
        slope = (found.latents(moved) - found.latents(at_mean))[0]
        np.testing.assert_allclose(slope, found.weights[:, unit] * step[unit], rtol=1e-4, atol=1e-9)
    found.check(classifier, encoder)
    again = link(classifier, encoder, canvas, method=method)
    np.testing.assert_array_equal(found.weights, again.weights)
    assert not np.array_equal(found.weights, linked(method, seed=1).weights)


def test_ranges_and_class_means_are_those_of_the_pairs() -> None:
    classifier, _, canvas, labels = scene()
    found, r = linked(), classifier.encoder.latents(canvas)
    np.testing.assert_allclose(found.ranges, np.stack([r.min(axis=0), r.max(axis=0)], axis=1), atol=1e-5)
    for code in range(2):
        np.testing.assert_allclose(found.class_means[code], r[labels.codes == code].mean(axis=0), atol=1e-5)


def test_a_link_is_used_with_what_it_links_alone() -> None:
    classifier = scene()[0]
    other = tiny_encoder((1, SIDE, SIDE), seed=1, kind="dense", scaling="unit")
    with pytest.raises(MismatchError, match="another generator"):
        linked().check(classifier, other)
    with pytest.raises(InputError, match="rows of 6"):
        linked().latents(np.ones((2, 5)))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"method": "lasso"}, "no such link"),
        ({"canvas": None}, "canvas"),
        ({"held_out": 1.0}, "held out"),
        ({"items": [0, 1, 2]}, "pairs"),
        ({"generator": tiny_gan()}, "no encoder"),
        ({"alpha": 1.0}, "alpha=1 with least squares"),
        ({"alpha": -1.0, "method": "ridge"}, "alpha=-1 with ridge"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_what_cannot_be_linked_is_refused(options: dict[str, Any], told: str) -> None:
    classifier, encoder, canvas, _ = scene()
    with pytest.raises(InputError, match=told):
        link(**{"classifier": classifier, "generator": encoder, "canvas": canvas, **options})
