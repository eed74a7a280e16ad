"""Sets that are compared have one range of values."""

from __future__ import annotations

import numpy as np

import conceptstain as cs
from conceptstain.canvas.shared_ranges import in_shared_ranges
from pictures import noise


def test_what_is_as_bright_in_both_sets_stays_as_bright():
    dark, bright = (np.full((3, 8, 8), high, dtype=np.uint16) for high in (700, 60_000))
    dark[:, 0], bright[:, 0] = 100, 700
    one, other = (cs.open(list(each), as_="images") for each in (dark, bright))
    assert one.pixels(0).max() > 0.6
    one, other = in_shared_ranges(one, other)
    assert one.pixels(0).max() == other.pixels(0).min() == np.float32(700 / 65_535)


def test_8_bit_pictures_stay_as_they_are():
    images = cs.open([noise(8, 8)], as_="images")
    (same, _) = in_shared_ranges(images, cs.open([noise(8, 8, seed=1) // 2], as_="images"))
    np.testing.assert_array_equal(same.pixels(0), images.pixels(0))
