from __future__ import annotations

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.concepts.sides import sides_of
from conceptstain.methods import mean_difference as module
from conceptstain.methods.mean_difference import mean_differences
from factories import tiny_encoder
from pictures import noise
from twins.picture_controls import mean_difference

CANVAS = cs.open(list(noise(9, 8, 8, 3)), as_="images").view(frame=8)
NAMES = list(CANVAS.item_names)
NOTHING = np.empty(0, dtype=int)


def sides(*, items=NAMES[:3], against=NAMES[4:9], form="contrast"):
    encoder = tiny_encoder((3, 8, 8), scaling="unit")
    return sides_of(cs.concept("a", CANVAS, encoder, items=items, against=against, form=form), CANVAS, encoder)


def test_it_is_that_of_the_slow_twin_without_what_is_left_out(monkeypatch):
    monkeypatch.setattr(module, "READ_AT_ONCE", 2)
    found = mean_differences(sides(), [np.array([item]) for item in range(9)])
    for item in range(9):
        expected = mean_difference(CANVAS.inputs(range(9)), [0, 1, 2], [4, 5, 6, 7, 8], item)
        np.testing.assert_allclose(found[item], expected, atol=1e-12)


def test_of_no_contrast_it_is_the_mean_picture():
    (found,) = mean_differences(sides(against=None, form="mean"), [NOTHING])
    np.testing.assert_allclose(found, CANVAS.inputs([0, 1, 2]).mean(axis=0), rtol=1e-6)


def test_turning_the_sides_turns_its_sign_and_whitening_leaves_it():
    (plain,) = mean_differences(sides(), [NOTHING])
    (turned,) = mean_differences(sides(items=NAMES[4:9], against=NAMES[:3]), [NOTHING])
    (whitened,) = mean_differences(sides(form="whitened"), [NOTHING])
    np.testing.assert_allclose(turned, -plain)
    np.testing.assert_array_equal(whitened, plain)


def test_parts_of_a_combination_are_brought_to_one_length():
    encoder = tiny_encoder((3, 8, 8), scaling="unit")
    one = cs.concept("a", CANVAS, encoder, items=NAMES[:2], against=NAMES[2:4])
    other = cs.concept("b", CANVAS, encoder, items=NAMES[4:6], against=NAMES[6:9])
    (found,) = mean_differences(sides_of(one - 2 * other, CANVAS, encoder), [NOTHING])
    parts = [mean_differences(sides_of(each, CANVAS, encoder), [NOTHING])[0] for each in (one, other)]
    lengths = [np.linalg.norm(part) for part in parts]
    expected = np.mean(lengths) * (parts[0] / lengths[0] - 2 * parts[1] / lengths[1])
    assert found == pytest.approx(expected)
