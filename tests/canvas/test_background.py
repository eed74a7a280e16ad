from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.canvas.background import tissue_of, tissue_within
from strategies import laws


def test_glass_is_bright_and_without_colour():
    white, grey, pale, pink, black = [0.95] * 3, [0.7] * 3, [0.9, 0.85, 0.9], [0.95, 0.8, 0.9], [0.0] * 3
    overview = np.array([white, grey, pale, pink, black], np.float32).T[:, None]
    np.testing.assert_array_equal(tissue_of(overview, "bright", 0.8, 0.1), [[False, True, False, True, True]])


def test_an_empty_field_is_dark():
    overview = np.array([[[0.05, 0.3]]], np.float32)
    np.testing.assert_array_equal(tissue_of(overview, "dark", 0.2, 0.1), [[False, True]])


@laws
@given(seed=st.integers(0, 99), size=st.integers(1, 6), step=st.integers(1, 6))
def test_the_part_of_a_rectangle_is_counted_pixel_by_pixel(seed, size, step):
    tissue = np.random.default_rng(seed).random((17, 23)) < 0.5
    tops, lefts = np.arange(0, 17, step), np.arange(0, 23, step)
    found = tissue_within(tissue, tops.astype(float), lefts.astype(float), (float(size), float(size)))
    for row, top in enumerate(tops):
        for column, left in enumerate(lefts):
            assert np.isclose(found[row, column], tissue[top : top + size, left : left + size].mean())
