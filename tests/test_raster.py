"""The straight raster: what lies where in the world stays there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.canvas.section import TissueImage
from conceptstain.raster import corners, pixel_size, straightened
from strategies import laws


def picture(height=40, width=30, to_world=None):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return TissueImage(pixels, np.eye(3) if to_world is None else np.array(to_world, dtype=float))


def test_a_straight_image_seen_at_its_own_pixels_is_itself():
    image = picture(to_world=[[2.0, 0, 11], [0, 2.0, -3], [0, 0, 1]])
    np.testing.assert_array_equal(straightened(image, corners(image), pixel_size(image)), image.pixels)


def test_half_the_size_averages_four_pixels():
    image = picture()
    halved = straightened(image, corners(image), 2.0)
    mean = image.pixels.reshape(20, 2, 15, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(halved, mean, atol=0.5)


def test_a_quarter_turn_is_undone():
    image = picture(to_world=[[0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(straightened(image, corners(image), 1.0), np.rot90(image.pixels, -1))


def test_beside_the_image_there_is_white():
    seen = straightened(picture(), (-100.0, -100.0, -90.0, -90.0), 1.0)
    assert seen.shape == (10, 10, 3)
    assert (seen == 255).all()


places = st.tuples(st.floats(-50, 50), st.floats(-50, 50))
marks = st.tuples(st.integers(8, 31), st.integers(8, 21))


@laws
@given(st.floats(0, 2 * np.pi), st.floats(0.3, 4), places, marks)
def test_a_mark_stays_where_it_lies_in_the_world(angle, size, place, mark):
    row, column = mark
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    to_world = np.eye(3)
    to_world[:2, :2], to_world[:2, 2] = turn, place
    pixels = np.full((40, 30, 3), 255, dtype=np.uint8)
    pixels[row : row + 2, column : column + 2] = 0
    image = TissueImage(pixels, to_world)
    box = corners(image)
    dark = 255.0 - straightened(image, box, size / 2)[..., 0]
    steps = (box[2] - box[0]) / dark.shape[0], (box[3] - box[1]) / dark.shape[1]
    rows, columns = np.indices(dark.shape)
    seen = [
        box[0] + ((rows + 0.5) * steps[0] * dark).sum() / dark.sum(),
        box[1] + ((columns + 0.5) * steps[1] * dark).sum() / dark.sum(),
    ]
    assert seen == pytest.approx((to_world @ [row + 0.5, column + 0.5, 1])[:2], abs=0.2 * size)
