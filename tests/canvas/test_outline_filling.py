from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path as Outline

from conceptstain.canvas.outline_filling import filled
from strategies import laws


@laws
@given(seed=st.integers(0, 999), n=st.integers(3, 12))
def test_the_points_inside_are_those_of_a_slow_test_also_where_sides_cross(seed, n):
    corners = np.random.default_rng(seed).uniform(-5, 25, size=(n, 2))
    points = np.stack(np.indices((17, 13)), axis=-1).reshape(-1, 2)
    slow = Outline(corners).contains_points(points).reshape(17, 13)
    np.testing.assert_array_equal(filled(corners, (17, 13)), slow)


def test_areas_that_share_a_side_share_no_point():
    left = filled(np.array([[0.0, 0], [0, 4], [8, 4], [8, 0]]), (8, 8))
    right = filled(np.array([[0.0, 4], [0, 8], [8, 8], [8, 4]]), (8, 8))
    assert (left ^ right).all()


def test_an_outline_beside_the_lattice_fills_nothing():
    assert not filled(np.array([[-9.0, -9], [-9, -1], [-1, -1]]), (4, 4)).any()
    assert not filled(np.array([[0.0, 40], [4, 40], [4, 50]]), (4, 4)).any()
