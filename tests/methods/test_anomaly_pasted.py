"""Defects are pasted where it is said, and what was learned from them finds others."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

import conceptstain as cs
from conceptstain.concepts.normal import learn_normal
from conceptstain.errors import MismatchError
from conceptstain.methods.anomaly_pasted import finder_of, learn_finder, paste, surroundings
from factories import tiny_encoder, tiny_profile_encoders, tiny_section
from pictures import noise
from twins import anomaly_pasted as twins


@cache
def striped(n=40, seed=0):
    """Upright stripes at any place, a little noise."""
    random = np.random.default_rng(seed)
    phases = random.uniform(0, 2 * np.pi, (n, 1, 1, 1))
    stripes = 0.5 + 0.2 * np.sin(np.arange(24) + phases)
    return (stripes + random.normal(0, 0.02, (n, 1, 24, 24))).clip(0, 1).astype(np.float32)


def test_what_is_seen_around_a_place_is_what_the_twin_sees():
    picture = np.random.default_rng(2).random((15, 18))
    found = surroundings(picture.astype(np.float32))
    for place in ((0, 0), (7, 9), (14, 3)):
        np.testing.assert_allclose(found[place], twins.surroundings(picture, *place), rtol=1e-4, atol=2e-6)


def test_more_light_changes_one_number_alone():
    picture = np.random.default_rng(3).random((16, 16)).astype(np.float32)
    more = surroundings(picture + 0.25) - surroundings(picture)
    np.testing.assert_allclose(more[..., 0], 0.25, atol=1e-6)
    np.testing.assert_allclose(more[..., 1:], 0, atol=1e-3)


def test_turning_a_picture_turns_what_is_seen_in_it():
    picture = np.random.default_rng(4).random((16, 16)).astype(np.float32)
    np.testing.assert_allclose(surroundings(np.rot90(picture)), np.rot90(surroundings(picture)), atol=1e-5)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_pictures_are_changed_where_they_are_painted_and_hardly_elsewhere(seed):
    before = striped().copy()
    changed, masks = paste(before, seed=seed)
    np.testing.assert_array_equal(before, striped())
    assert changed.min() >= 0
    assert changed.max() <= 1
    apart = np.abs(changed - before)[:, 0]
    limit = np.maximum(0.02, before.std(axis=(1, 2, 3)) / 4)[:, None, None]
    np.testing.assert_array_equal(masks, apart > limit)
    again, _ = paste(before, seed=seed)
    np.testing.assert_array_equal(again, changed)


def test_most_pictures_get_a_defect_and_some_stay_as_they_are():
    changed, masks = paste(np.repeat(striped(), 10, axis=0))
    touched = (changed != np.repeat(striped(), 10, axis=0)).any(axis=(1, 2, 3))
    assert 0.65 < touched.mean() < 0.85
    assert 0.005 < masks.mean() < 0.2


def test_a_blot_is_found_where_only_stripes_were_learned_from():
    finder = learn_finder(striped())
    shown = striped(12, seed=9).copy()
    mask = np.zeros((12, 24, 24), dtype=bool)
    mask[:, 10:13, 4:8] = True
    shown[:, 0][mask] = np.where(shown[:, 0][mask] > 0.5, 0.3, 0.7)
    maps = finder(shown)
    assert maps.shape == mask.shape
    assert maps.min() >= 0
    assert roc_auc_score(mask.ravel(), maps.ravel()) > 0.95
    np.testing.assert_allclose(maps[3:5], finder(shown[3:5]), rtol=1e-6)


def test_the_same_seed_learns_the_same_and_another_seed_other_defects():
    few, shown = striped()[:8], striped(2, seed=5)
    first = learn_finder(few)(shown)
    np.testing.assert_array_equal(first, learn_finder(few)(shown))
    assert not np.array_equal(first, learn_finder(few, seed=1)(shown))


def test_where_nothing_can_be_changed_nothing_is_found():
    dark = np.zeros((3, 1, 8, 8), dtype=np.float32)
    assert not learn_finder(dark)(striped(2)[..., :8, :8]).any()


def test_colours_are_seen_each_by_itself():
    coloured = np.concatenate([striped(), 1 - striped()[:, :, ::-1], striped()[::-1]], axis=1)
    finder = learn_finder(coloured[:12])
    assert finder.numbers(coloured[0]).shape == (24, 24, 3 * (37 + 3))
    assert finder(coloured[:2]).shape == (2, 24, 24)


@cache
def canvas():
    return cs.open([noise(8, 8, seed=each) for each in range(9)], as_="images").view(frame=8)


def test_a_normal_keeps_pictures_and_forgets_those_that_are_left_out():
    normal = learn_normal("all", canvas(), tiny_encoder((1, 8, 8), scaling="unit"), (1, 3, 4, 8))
    np.testing.assert_array_equal(normal.pictures, canvas().inputs((1, 3, 4, 8)))
    fewer = normal.without([1])
    np.testing.assert_array_equal(fewer.pictures, canvas().inputs((1, 4, 8)))
    assert fewer.without([0]).pictured.tolist() == [0, 1]
    np.testing.assert_array_equal(fewer.without([0]).pictures, canvas().inputs((4, 8)))
    assert finder_of(normal) is finder_of(normal)
    assert finder_of(normal) is not finder_of(fewer)


def test_the_map_of_a_normal_is_what_was_learned_from_its_pictures():
    encoder = tiny_encoder((1, 8, 8), scaling="unit")
    normal = learn_normal("all", canvas(), encoder, range(6))
    found = cs.anomaly(canvas(), encoder, normal, method="pasted", items=(7, 2))
    expected = learn_finder(canvas().inputs(range(6)))(canvas().inputs((7, 2)))
    np.testing.assert_array_equal(found.values[:, 0], expected)


def test_z_scores_stay_within_their_range():
    scores = 10 * striped()[:6] - 5
    changed, masks = paste(scores, seed=1)
    assert masks.any()
    assert changed.min() >= scores.min() - 1e-6
    assert changed.max() <= scores.max() + 1e-6


def test_a_normal_of_spots_keeps_no_pictures():
    spots = tiny_section().view("spots")
    normal = cs.normal("all", spots, tiny_profile_encoders(spots.features)[0])
    assert not len(normal.pictures)
    with pytest.raises(MismatchError, match="keeps no pictures"):
        finder_of(normal)
