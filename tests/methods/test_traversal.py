from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import conceptstain as cs
from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.encoder import Encoder
from laws import agree
from scenes import LATENT, scene, some_direction
from twins.traversal import traversal as slow_traversal


@pytest.mark.parametrize("kind", ["convolutional", "dense"])
def test_it_is_the_twins(kind: str) -> None:
    at = scene(kind)
    found = cs.traverse(at.encoder, 2, start=some_direction(), span=1.5, steps=4)
    expected = slow_traversal(at.network, some_direction(), 2, 1.5, 4)
    np.testing.assert_allclose(found.pictures, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.offsets, [-1.5, -0.5, 0.5, 1.5])
    assert (found.name, found.encoder) == ("latent 2", at.encoder.fingerprint)


@given(st.integers(0, LATENT - 1), st.integers(1, 4), st.floats(0.1, 4))
def test_the_middle_is_the_start_and_a_walk_shares_its_pictures_with_a_shorter_one(
    dimension: int, half: int, span: float
) -> None:
    at = scene()
    long = cs.traverse(at.encoder, dimension, start=some_direction(), span=2 * span, steps=4 * half + 1)
    short = cs.traverse(at.encoder, dimension, start=some_direction(), span=span, steps=2 * half + 1)
    agree(long.pictures[half : 3 * half + 1], short.pictures)
    other = cs.traverse(at.encoder, (dimension + 1) % LATENT, start=some_direction(), span=span, steps=3)
    agree(short.pictures[half], other.pictures[1])


def test_without_a_start_it_goes_through_the_mean_of_the_prior() -> None:
    at = scene()
    found = cs.traverse(at.encoder, 0)
    assert found.offsets.tolist() == [-3.0, -1.5, 0.0, 1.5, 3.0]
    agree(found.pictures, cs.traverse(at.encoder, 0, start=np.zeros(LATENT)).pictures)


@pytest.mark.parametrize(
    ("dimension", "given_as", "said"),
    [
        (LATENT, {}, "no latent of that number"),
        (-1, {}, "no latent of that number"),
        (0, {"span": 0.0}, "goes some way to both sides"),
        (0, {"span": float("nan")}, "goes some way to both sides"),
        (0, {"steps": 1}, "two pictures or more"),
        (0, {"start": np.zeros(LATENT + 1)}, "one finite number per latent"),
        (0, {"start": np.full(LATENT, np.nan)}, "one finite number per latent"),
    ],
)
def test_a_walk_that_cannot_be_is_refused(dimension: int, given_as: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        cs.traverse(scene().encoder, dimension, **given_as)


def test_a_network_without_a_decoder_is_refused() -> None:
    class Blind(nn.Module):
        def __init__(self, seeing: nn.Module) -> None:
            super().__init__()
            self.seeing = seeing
            self.encode = seeing.encode

    at = scene()
    blind = Encoder("blind", Blind(at.network), at.encoder.shape, at.encoder.scaling, at.encoder.latent)
    with pytest.raises(MismatchError, match="'blind' cannot decode"):
        cs.traverse(blind, 0)
