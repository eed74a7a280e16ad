import math

import numpy as np
import pytest

from conceptstain.methods.intervals import interval


def test_the_interval_of_a_mean_is_about_that_of_theory():
    values = np.random.default_rng(0).normal(3, 2, 400)
    found = interval(values)
    error = 1.96 * values.std() / math.sqrt(len(values))
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - error, values.mean() + error), abs=0.05)


def test_nine_and_a_half_in_ten_intervals_hold_the_true_mean():
    rng = np.random.default_rng(1)
    held = [low <= 0.3 <= high for _, low, high in (interval((rng.random(60) < 0.3).astype(float)) for _ in range(120))]
    assert 0.87 < np.mean(held) <= 1


def test_the_same_values_have_the_same_interval():
    values = np.arange(9.0)
    assert interval(values) == interval(values)
    assert interval(np.full(5, 0.25)) == (0.25, 0.25, 0.25)


def test_one_item_tells_no_interval_and_none_no_mean():
    assert interval(np.array([2.0]))[0] == 2.0
    assert np.isnan(interval(np.array([2.0]))[1:]).all()
    assert np.isnan(interval(np.array([]))).all()
