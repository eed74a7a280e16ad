from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from conceptstain.errors import MismatchError
from conceptstain.methods.decoded import decoded
from conceptstain.nets.encoder import Encoder
from laws import agree
from scenes import scene, some_direction
from twins.decoded import decoded as slow_decoded


@pytest.mark.parametrize("kind", ["convolutional", "dense"])
def test_it_is_the_twins(kind: str) -> None:
    at = scene(kind)
    found = decoded(at.canvas, at.encoder, at.concept(some_direction()))
    expected = slow_decoded(at.network, at.canvas.inputs(at.canvas.trainable), some_direction())
    np.testing.assert_allclose(found.values, expected[None], rtol=1e-4, atol=1e-6)


def test_it_is_one_signed_map_about_no_item() -> None:
    at = scene()
    found = decoded(at.canvas, at.encoder, at.concept(some_direction()))
    assert found.values.shape == (1, 1, 8, 8)
    assert (found.items, found.signed, found.title) == ((), True, "granule - decoded")
    agree(found.mean(), found.values[0])


def test_the_second_map_of_a_canvas_needs_no_encoding() -> None:
    at = scene()
    steps: list[object] = []
    decoded(at.canvas, at.encoder, at.concept(some_direction(1)), report=steps.append)
    first = len(steps)
    decoded(at.canvas, at.encoder, at.concept(some_direction(2)), report=steps.append)
    assert len(steps) == first > 0


def test_a_network_without_a_decoder_is_refused() -> None:
    class Blind(nn.Module):
        def __init__(self, seeing: nn.Module) -> None:
            super().__init__()
            self.seeing = seeing
            self.encode = seeing.encode

    at = scene()
    blind = Encoder("blind", Blind(at.network), at.encoder.shape, at.encoder.scaling, at.encoder.latent)
    concept = type(at)(at.canvas, blind).concept(some_direction())
    with pytest.raises(MismatchError, match="'blind' cannot decode"):
        decoded(at.canvas, blind, concept)


def test_a_concept_of_a_layer_is_refused() -> None:
    at = scene()
    with pytest.raises(MismatchError, match=r"latent space alone\..*'granule' of the layer chain\.conv2"):
        decoded(at.canvas, at.encoder, at.concept(some_direction(), space="chain.conv2"))
