"""Generators: what they draw, and what they make of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from classes import SIDE, squares
from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.generators import as_generator, generator
from factories import tiny_encoder
from gans import TinyGan, TinyMapping, tiny_gan

SHAPE = (1, SIDE, SIDE)


def of_pictures() -> Encoder:
    return tiny_encoder(SHAPE, kind="dense", scaling="unit")


def test_an_encoders_decoder_makes_what_the_encoder_decodes_in_chunks_and_one_by_one() -> None:
    encoder = of_pictures()
    made = as_generator(encoder)
    latents = np.random.default_rng(0).normal(size=(300, 4))
    latents.flags.writeable = False
    samples = made.samples(latents)
    with torch.no_grad():
        np.testing.assert_allclose(samples, encoder.decode(encoder.tensor(latents.copy())).numpy(), rtol=1e-5)
    np.testing.assert_allclose(samples[:1], made.samples(latents[:1]), rtol=1e-5)
    assert made.fingerprint == encoder.fingerprint
    assert as_generator(made) is made


def test_latents_of_a_class_are_drawn_where_its_items_lie() -> None:
    canvas, labels, _ = squares(60)
    encoder = of_pictures()
    made = generator(encoder, canvas=canvas, labels=labels)
    latents = encoder.latents(canvas)
    for code, name in enumerate(labels.classes):
        drawn = made.draw(4000, np.random.default_rng(0), name)
        own = latents[labels.codes == code]
        np.testing.assert_allclose(drawn.mean(axis=0), own.mean(axis=0), atol=0.06)
        assert np.trace(np.cov(drawn.T)) == pytest.approx(np.trace(np.cov(own.T, ddof=0)), rel=0.1)
    one, again, other = (made.draw(3, np.random.default_rng(seed), "dark") for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    with pytest.raises(InputError, match="Choose one of: bright, dark"):
        made.draw(1, np.random.default_rng(0), "grey")


@pytest.mark.parametrize("label", [None, "two"])
def test_truncation_draws_latents_towards_the_mean_of_their_class(label: str | None) -> None:
    wide, narrow = (tiny_gan(truncation=part) for part in (1.0, 0.5))
    one, other = (made.draw(5, np.random.default_rng(3), label) for made in (wide, narrow))
    centre = 2 * other - one
    np.testing.assert_allclose(centre, np.broadcast_to(centre[0], centre.shape), atol=1e-6)
    if label is None:
        np.testing.assert_allclose(centre[0], wide.mean, atol=1e-6)
    else:
        assert np.abs(centre[0] - wide.mean).max() > 0.1


def test_a_network_of_the_users_own_is_given_tiled_latents_and_brought_to_0_to_1() -> None:
    network = TinyGan()
    made = generator(network, mapping=TinyMapping(), latent=6, noise=3, tiles=4, span=(-1, 1), classes=["one", "two"])
    latents = made.draw(3, np.random.default_rng(0))
    with torch.no_grad():
        raw = network.synthesis(torch.tensor(latents).float()[:, None].repeat(1, 4, 1)).numpy()
    np.testing.assert_allclose(made.samples(latents), np.clip((raw + 1) / 2, 0, 1), atol=1e-6)
    assert made.shape == SHAPE
    z = made.tensor(latents).requires_grad_()
    made.decode(z).sum().backward()
    assert z.grad is not None
    assert float(z.grad.abs().min()) > 0
    assert not any(each.requires_grad for each in (*network.parameters(), *made.mapping.parameters()))


class Noisy(nn.Module):
    """Answers at random, as StyleGAN does unless its noise is held."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, z: Tensor) -> Tensor:
        return self.layer(z) + torch.randn(len(z), 4)


@pytest.mark.parametrize(
    ("network", "options", "told"),
    [
        (Noisy(), {"latent": 4}, "answers at random"),
        (TinyGan(), {}, "not said how"),
        (TinyGan(), {"latent": 5, "tiles": 4}, "cannot be asked"),
        (TinyGan(), {"latent": 5, "noise": 3, "mapping": TinyMapping(), "classes": ["a", "b"]}, "another size"),
        (of_pictures(), {"tiles": 4}, "says itself"),
        (of_pictures(), {"labels": squares()[1]}, "canvas"),
    ],
)
def test_a_network_that_cannot_be_asked_so_is_refused(network: Any, options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        generator(network, **options)


def test_an_encoder_that_cannot_decode_generates_nothing() -> None:
    encoder = of_pictures()
    blind = Encoder("blind", nn.Linear(2, 2), SHAPE, "unit", encoder.latent)
    with pytest.raises(MismatchError, match="cannot decode"):
        as_generator(blind)
