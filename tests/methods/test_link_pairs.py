"""Pairs that links learn from: drawn where the classifier agrees, never the same twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.link_pairs import encoded_pairs, read_samples, sampled_pairs
from conceptstain.methods.link_quality import AGREEMENT, VARIANCE
from conceptstain.methods.linking import link
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.generators import generator
from gans import tiny_gan
from laws import state_of
from linear_worlds import linear_world


def gan_reader(*, bias: float = 0.0) -> Classifier:
    """A classifier of the gan's pictures, by random projections and the classes' mean pictures."""
    from classes import SIDE
    from conceptstain.nets.encoder import Encoder
    from linear_worlds import Seen

    made = tiny_gan()
    means = [made.samples(made.draw(200, np.random.default_rng(0), name)).mean(axis=0).ravel() for name in made.classes]
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(12, SIDE * SIDE)) / SIDE
    seen = Encoder("seen", Seen(rows, (means[0] + means[1]) / 2), (1, SIDE, SIDE), "unit", 12)
    apart = rows @ (means[1] - means[0])
    apart *= 4 / (apart @ apart)
    return Classifier("reader", seen, np.stack([-apart, apart]), np.array([0.0, bias]), ("one", "two"))


def test_samples_are_kept_where_the_classifier_agrees_and_all_are_different() -> None:
    made, reader = tiny_gan(), gan_reader(bias=-3.0)
    found = sampled_pairs(reader, made, 300, np.random.default_rng(0), layer=None)
    pairs, counts = found
    assert [counts[name][0] for name in ("one", "two")] == [150, 150]
    assert counts["two"][1] > 150  # some were drawn anew
    assert len(np.unique(pairs.latents, axis=0)) == 300
    np.testing.assert_array_equal(pairs.known, pairs.predicted)
    np.testing.assert_array_equal(np.bincount(pairs.known), [150, 150])
    again = read_samples(reader, made.samples(pairs.latents))
    np.testing.assert_allclose(again.r, pairs.r, atol=1e-5)
    np.testing.assert_array_equal(again.predicted, pairs.known)


def test_a_classifier_that_never_agrees_is_told_and_not_waited_for() -> None:
    reader = gan_reader()
    stubborn = replace(reader, bias=np.array([1e3, 0.0]))
    with pytest.raises(InputError, match=r"seldom takes samples of 'two' for it. Got 0 of \d"):
        sampled_pairs(stubborn, tiny_gan(), 40, np.random.default_rng(0), layer=None)
    with pytest.raises(InputError, match="draws no class"):
        sampled_pairs(replace(reader, classes=("a", "b")), tiny_gan(), 40, np.random.default_rng(0), layer=None)


def test_a_generator_shaped_like_a_gan_is_linked_by_what_it_draws() -> None:
    made, reader = tiny_gan(truncation=0.8), gan_reader()
    before = state_of(made.network), state_of(reader.encoder.network)
    found = link(reader, made, pairs="sampled", n_pairs=400, seed=3)
    assert found.latent == made.latent
    assert found.quality[VARIANCE].value.low > found.quality[VARIANCE].shuffled.high
    assert found.quality[AGREEMENT].value.mean > 0.9
    assert found.quality[AGREEMENT].ceiling is not None
    assert found.quality[AGREEMENT].ceiling.mean == 1
    assert found.card["drawn"]["one"][0] == 200
    np.testing.assert_array_equal(found.weights, link(reader, made, pairs="sampled", n_pairs=400, seed=3).weights)
    assert before == (state_of(made.network), state_of(reader.encoder.network))


def test_what_is_drawn_of_a_vae_is_linked_like_what_it_encodes() -> None:
    world = linear_world()
    made = generator(world.encoder, canvas=world.canvas, labels=world.labels)
    drawn, encoded = (
        link(world.classifier, each, canvas, pairs=how)  # type: ignore[arg-type]
        for each, canvas, how in ((made, None, "sampled"), (made, world.canvas, "encoded"))
    )
    r = world.classifier.encoder.latents(world.canvas).astype(np.float64)
    np.testing.assert_allclose(drawn.latents(r), encoded.latents(r), atol=1e-4)
    plain = link(world.classifier, world.encoder, pairs="sampled", n_pairs=50)
    assert plain.card["drawn"] == {"any": [50, 50]}


def test_encoded_pairs_are_the_items_latents_and_representations_with_their_classes() -> None:
    world, items = linear_world(mislabelled=3), np.array([5, 1, 2])
    pairs = encoded_pairs(
        world.classifier, generator(world.encoder), world.canvas, items=items, labels=world.labels, layer=None
    )
    np.testing.assert_allclose(pairs.r, world.classifier.encoder.latents(world.canvas, items), atol=1e-5)
    np.testing.assert_allclose(pairs.latents, world.encoder.latents(world.canvas, items))
    told = [world.classifier.classes[code] for code in pairs.known]
    assert told == [world.labels.classes[code] for code in world.labels.codes[items]]
    assert (pairs.known != pairs.predicted).tolist() == [False, True, True]
    np.testing.assert_array_equal(pairs.predicted, world.classifier.predictions(world.canvas, items))


def test_samples_of_another_scaling_are_refused() -> None:
    made = replace(tiny_gan(), scaling="z-score")
    with pytest.raises(MismatchError, match="another scaling"):
        link(gan_reader(), made, pairs="sampled")
    with pytest.raises(InputError, match="of no canvas"):
        link(gan_reader(), tiny_gan(), linear_world().canvas, pairs="sampled")
