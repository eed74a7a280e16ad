"""How well links do, where it is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from conceptstain.methods.link_measures import centred_cosines, congruences, explained_variance, ratio
from conceptstain.methods.link_quality import (
    ACCURACY,
    AGREEMENT,
    BALANCED,
    CONGRUENCE,
    COSINE,
    LINKED,
    RETURNED,
    VARIANCE,
)
from conceptstain.methods.linking import link
from linear_worlds import linear_world


def test_a_link_that_can_be_perfect_is_and_finds_the_way_back_from_units_to_latents() -> None:
    world = linear_world()
    found = link(world.classifier, world.encoder, world.canvas, labels=world.labels)
    for word in (VARIANCE, COSINE, RETURNED, LINKED, ACCURACY, AGREEMENT, ACCURACY + BALANCED, AGREEMENT + BALANCED):
        assert found.quality[word].value.mean == pytest.approx(1, abs=1e-6), word
    for word in (RETURNED, ACCURACY, AGREEMENT):
        assert found.quality[word].ceiling is not None
        assert found.quality[word].ceiling.mean == pytest.approx(1, abs=1e-6)
    for word in (VARIANCE, COSINE, RETURNED):
        assert found.quality[word].shuffled.mean < 0.3
    assert 0.2 < found.quality[AGREEMENT].shuffled.mean < 0.8
    assert 0 < found.quality[CONGRUENCE].value.mean < 1
    r = world.classifier.encoder.latents(world.canvas).astype(np.float64)
    np.testing.assert_allclose(found.latents(r), r @ world.wanted.T, atol=1e-5)


def test_labels_that_are_wrong_lower_the_accuracy_and_its_ceiling_but_not_the_agreement() -> None:
    world = linear_world(mislabelled=20)
    quality = link(world.classifier, world.encoder, world.canvas, labels=world.labels, held_out=range(40)).quality
    assert quality.n_held_out == 40
    assert quality[ACCURACY].value.mean == pytest.approx(0.5)
    assert quality[ACCURACY].ceiling is not None
    assert quality[ACCURACY].ceiling.mean == pytest.approx(0.5)
    assert quality[AGREEMENT].value.mean == 1
    assert list(quality.table.index)[:2] == [VARIANCE, COSINE]
    assert quality.table.loc[ACCURACY, "mean"] == quality[ACCURACY].value.mean


def test_measures_are_what_they_are_slowly() -> None:
    rng = np.random.default_rng(0)
    latents, found = rng.normal(size=(60, 3)), rng.normal(size=(60, 3)) + 5
    lost = sum((latents[i, j] - found[i, j]) ** 2 for i in range(60) for j in range(3))
    there = sum((latents[i, j] - latents[:, j].mean()) ** 2 for i in range(60) for j in range(3))
    assert explained_variance([found], latents).mean == pytest.approx(1 - lost / there)
    centre = np.array([1.0, 2.0, 3.0])
    one = [np.dot(a - centre, b - centre) / np.linalg.norm(a - centre) / np.linalg.norm(b - centre)
           for a, b in zip(found, latents, strict=True)]  # fmt: skip
    np.testing.assert_allclose(centred_cosines(found, latents, centre), one)
    slow = []
    for start in range(0, 55, 8):
        pairs = [(i, j) for i in range(start, start + 8) for j in range(i + 1, start + 8)]
        distances = [[float(np.linalg.norm(each[i] - each[j])) for i, j in pairs] for each in (latents, found)]
        slow.append(float(spearmanr(*distances).statistic))
    np.testing.assert_allclose(congruences(latents, found), slow[:7])


def test_a_ratio_of_sums_lies_in_an_interval_that_holds_it_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(0), 0
    for _ in range(60):
        below = rng.uniform(1, 3, 60)
        found = ratio(below * rng.uniform(0, 1, 60), below)
        held += found.low < 0.5 < found.high
    assert 52 <= held <= 60
