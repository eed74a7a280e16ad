"""Encoders: where an item lies in latent space does not depend on what else is asked about."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from conceptstain.nets.encoder import CHUNK, FEWEST
from factories import tiny_encoder, tiny_section

canvas = tiny_section().view("genes", frame=(8, 8))


@pytest.fixture
def batches(monkeypatch):
    """An encoder, and how many pictures its network saw at a time."""
    encoder = tiny_encoder((1, 8, 8))
    seen, encode = [], encoder.network.encode
    monkeypatch.setattr(encoder.network, "encode", lambda x: seen.append(len(x)) or encode(x))
    return encoder, seen


@pytest.mark.parametrize("items", [[3], [5, 0], list(range(12))])
def test_a_network_never_sees_so_few_that_it_would_add_up_otherwise(batches, items):
    encoder, seen = batches
    found = encoder.latents(canvas, items)
    assert min(seen) >= FEWEST
    assert found.shape == (len(items), encoder.latent)
    np.testing.assert_allclose(found, encoder.latents(canvas)[items], rtol=1e-5, atol=1e-7)
    assert max(seen) <= CHUNK


def test_samples_are_drawn_for_what_was_asked_alone(batches):
    encoder, _ = batches
    one = encoder.latents(canvas, [3, 1], noise=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        encoding = encoder.encode(encoder.tensor(canvas.inputs([3, 1])))
    eps = torch.randn(encoding.mean.shape, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(one, encoding.mean + encoding.log_var.exp() * eps, rtol=1e-5, atol=1e-6)


def test_nothing_asked_is_nothing_found(batches):
    encoder, seen = batches
    assert encoder.latents(canvas, []).shape == (0, encoder.latent)
    assert seen == []
