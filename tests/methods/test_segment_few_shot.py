"""A segmenter from a few labelled samples of a generator whose parts are known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.segment_few_shot import FewShotSegmenter, few_shot_segmenter, part_overlaps
from conceptstain.methods.segmenters import Segmenter
from conceptstain.nets.encoder import Encoder, Encoding
from conceptstain.nets.few_shot import FewShotSettings, feature_layers, features_of
from factories import tiny_encoder
from laws import state_of

SIDE = 8
QUICK = FewShotSettings(widths=(8, 8), dilations=(1, 2, 1), epochs=25, learning_rate=1e-2, drop_every=20)


class Bars(nn.Module):
    """Draws the left columns bright, as many as the latent says; its convolutions see it happen."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, kernel_size=1)
        self.second = nn.Conv2d(3, 2, kernel_size=1)
        self.pixels = nn.Conv2d(2, 1, kernel_size=1)

    def encode(self, x: Tensor) -> Encoding:
        found = x.mean(dim=(1, 2, 3))[:, None]
        return Encoding(found, torch.zeros_like(found))

    def decode(self, z: Tensor) -> Tensor:
        ramp = torch.arange(SIDE, dtype=z.dtype, device=z.device) / SIDE
        lit = torch.sigmoid(40 * (z[:, :1, None] - ramp)).expand(-1, SIDE, -1)[:, None]
        return torch.sigmoid(self.pixels(self.second(self.first(lit))))


@cache
def bars() -> Encoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Encoder("bars", Bars(), (1, SIDE, SIDE), "unit", 1)


def labelled(*widths: int) -> tuple[np.ndarray, np.ndarray]:
    """Latents, and label images: the lit columns are part 0, the rest is none."""
    latents = np.array([[(width - 0.5) / SIDE] for width in widths], dtype=np.float32)
    labels = np.full((len(widths), SIDE, SIDE), -1)
    for each, width in zip(labels, widths, strict=True):
        each[:, :width] = 0
    return latents, labels


@cache
def learned() -> FewShotSegmenter:
    return few_shot_segmenter(bars(), *labelled(2, 6), parts=["lit"], settings=QUICK)


def test_parts_are_learned_from_two_samples_and_told_of_others() -> None:
    segmenter = learned()
    assert isinstance(segmenter, Segmenter)
    latents, labels = labelled(1, 3, 4, 7)
    samples = bars().decode(torch.as_tensor(latents)).numpy()
    found = segmenter.segment(samples, latents)
    assert part_overlaps(found, labels, 1)[0] > 0.95
    one_by_one = [segmenter.segment(samples[[i]], latents[[i]])[0] for i in range(4)]
    np.testing.assert_array_equal(found, one_by_one)


def test_it_reads_every_second_layer_and_leaves_nothing_on_the_generator() -> None:
    before = state_of(bars().network)
    assert feature_layers(bars(), np.zeros(1, dtype=np.float32)) == ("first", "pixels")
    features = features_of(bars(), labelled(3)[0], ["first", "pixels"])
    assert features.shape == (1, 4, SIDE, SIDE)
    assert state_of(bars().network) == before


def test_seeds_make_the_same_segmenter_again() -> None:
    again = few_shot_segmenter(bars(), *labelled(2, 6), parts=["lit"], settings=QUICK)
    for one, other in zip(learned().network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_pixels_that_are_not_known_are_not_learned_from() -> None:
    latents, labels = labelled(2, 6)
    wrong = labels.copy()
    wrong[:, ::2] = -2
    again = few_shot_segmenter(bars(), latents, wrong, parts=["lit"], settings=QUICK)
    samples = bars().decode(torch.as_tensor(latents)).numpy()
    assert part_overlaps(again.segment(samples, latents), labels, 1)[0] > 0.95


def test_overlaps_count_pixels_that_are_known() -> None:
    found, labels = np.array([[[0, 0, 1, -1, 1]]]), np.array([[[0, -1, 1, 1, -2]]])
    np.testing.assert_allclose(part_overlaps(found, labels, 3), [1 / 2, 1 / 2, np.nan])


def test_what_cannot_be_learned_from_is_refused() -> None:
    latents, labels = labelled(2, 6)
    with pytest.raises(InputError, match="numbers of parts"):
        few_shot_segmenter(bars(), latents[:1], labels, parts=["lit"])
    with pytest.raises(InputError, match="another size"):
        few_shot_segmenter(bars(), latents, labels[:, :4], parts=["lit"])
    with pytest.raises(MismatchError, match="no features with places"):
        few_shot_segmenter(tiny_encoder((1, 8, 8)), np.zeros((2, 4), dtype=np.float32), labels, parts=["lit"])
    with pytest.raises(InputError, match="reads the generator's features"):
        learned().segment(np.zeros((1, 1, SIDE, SIDE), dtype=np.float32))
    with pytest.raises(InputError, match="out of range"):
        FewShotSettings(widths=(3,))
