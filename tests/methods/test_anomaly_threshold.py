"""A threshold is what ordinary data that was not learned from hardly exceeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.concepts.normal import learn_normal
from conceptstain.errors import InputError
from factories import tiny_encoder
from pictures import noise


@pytest.fixture(scope="module")
def canvas():
    return cs.open([noise(8, 8, seed=each) for each in range(10)], as_="images").view(frame=8)


@pytest.fixture(scope="module")
def encoder():
    return tiny_encoder((1, 8, 8), scaling="unit")


def test_of_other_data_it_is_the_quantile_of_all_pixels_of_their_maps(canvas, encoder):
    learned = learn_normal("all", canvas, encoder, range(10))
    others = cs.open([noise(8, 8, seed=40 + each) for each in range(7)], as_="images").view(frame=8)
    found = cs.anomaly_threshold(others, encoder, learned, quantile=0.9)
    maps = cs.anomaly(others, encoder, learned).values[:, 0]
    for value, exact in (
        (found.value, np.quantile(maps, 0.9, method="inverted_cdf")),
        (found.item_value, np.quantile(maps.max(axis=(1, 2)), 0.9, method="inverted_cdf")),
    ):
        assert exact <= value <= exact * (1 + 1 / 1024)
    assert (found.how, found.n_items, found.encoder_has_seen) == ("held out", 7, False)


def test_of_its_own_data_each_item_is_held_against_a_normal_without_it(canvas, encoder):
    learned = learn_normal("six", canvas, encoder, range(6))
    # Of latents far apart, each has a say in what is normal.
    apart = np.random.default_rng(0).normal(size=learned.latents.shape).astype(np.float32)
    learned = replace(learned, latents=learned.latents + apart, variances=learned.variances / 100)
    found = cs.anomaly_threshold(canvas, encoder, learned, method="attention-density", quantile=1, folds=3)
    assert (found.how, found.n_items) == ("cross-fitted", 6)
    highest = 0.0
    for fold in range(3):
        rows = np.flatnonzero(learned.folds(3) == fold)
        rest = learned.without(rows)
        highest = max(highest, cs.anomaly(canvas, encoder, rest, method="attention-density", items=rows).values.max())
    assert highest <= found.value <= highest * (1 + 1 / 1024)
    with_itself = cs.anomaly(canvas, encoder, learned, method="attention-density", items=range(6)).values.max()
    assert abs(with_itself - highest) > 0.05 * highest
    assert "(cross-fitted)" in found.sentence


def test_items_of_both_kinds_are_each_asked_once(canvas, encoder):
    learned = learn_normal("six", canvas, encoder, range(6))
    steps = []
    found = cs.anomaly_threshold(canvas, encoder, learned, items=[8, 2, 9], report=steps.append)
    assert found.n_items == 3
    assert (steps[-1].done, steps[-1].total) == (3, 3)


def test_beside_a_picture_that_does_not_fill_the_frame_nothing_counts(encoder):
    tall = cs.open([noise(16, 8, seed=each) for each in range(4)], as_="images").view(frame=8)
    learned = learn_normal("all", tall, encoder, range(4))
    found = cs.anomaly_threshold(tall, encoder, learned, method="reconstruction", quantile=0.5)
    maps = cs.anomaly(tall, encoder, learned, method="reconstruction").values[:, 0]
    seen = np.concatenate([each[tall.shown(item)] for item, each in enumerate(maps)])
    assert len(seen) < maps.size
    exact = np.quantile(seen, 0.5, method="inverted_cdf")
    assert exact <= found.value <= exact * (1 + 1 / 1024)


def test_an_encoder_that_has_learned_from_the_data_is_told(canvas):
    seen = cs.Encoder(
        "own",
        tiny_encoder((1, 8, 8)).network,
        (1, 8, 8),
        "unit",
        4,
        {"images": [{"name": canvas.source.name, "content": canvas.source.content}]},
    )
    found = cs.anomaly_threshold(canvas, seen, learn_normal("all", canvas, seen, range(10)))
    assert found.encoder_has_seen
    assert "the encoder has learned from them" in found.sentence


def test_what_gives_no_threshold_is_refused(canvas, encoder):
    one = learn_normal("one", canvas, encoder, [3])
    with pytest.raises(InputError, match="A quantile is a part"):
        cs.anomaly_threshold(canvas, encoder, one, quantile=0)
    with pytest.raises(InputError, match="without some of its pictures"):
        cs.anomaly_threshold(canvas, encoder, one)
