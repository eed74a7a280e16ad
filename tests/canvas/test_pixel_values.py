from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.canvas.pixel_values import ValueRange, channels_first, kind_of, on_white, ranges_of, unit_values
from conceptstain.errors import ReadingError
from pictures import noise
from strategies import laws


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        ("bool", "bits"),
        ("u1", "8-bit"),
        ("u2", "16-bit"),
        (">u2", "16-bit"),
        ("i1", "whole"),
        ("u4", "whole"),
        ("f2", "float"),
        ("f8", "float"),
    ],
)
def test_types_have_kinds(dtype, kind):
    assert kind_of(np.dtype(dtype), "a") == kind


@pytest.mark.parametrize("dtype", ["c8", "S3", "datetime64[s]"])
def test_other_types_are_no_pixels(dtype):
    with pytest.raises(ReadingError, match="holds no numbers of pixels"):
        kind_of(np.dtype(dtype), "a")


@pytest.mark.parametrize(
    ("most", "full"), [(0, 255), (255, 255), (256, 1023), (4095, 4095), (4096, 16383), (65535, 65535)]
)
def test_16_bits_take_the_fewest_bits_that_hold_them(most, full):
    found = ranges_of([("16-bit", 0, 3), ("16-bit", 0, most)])["16-bit"]
    assert (found.low, found.high) == (0, full)
    assert bool(found.note) == (full < 65535)


def test_every_kind_of_a_set_has_its_own_range():
    found = ranges_of([("8-bit", 3, 9), ("float", 0.2, 0.4), ("whole", -5, 5), ("float", -1, 0), ("bits", 0, 1)])
    assert {kind: (each.low, each.high) for kind, each in found.items()} == {
        "8-bit": (0, 255),
        "float": (-1, 0.4),
        "whole": (-5, 5),
        "bits": (0, 1),
    }


def test_a_range_of_one_value_is_widened():
    found = ranges_of([("float", 7.0, 7.0)])["float"]
    assert found.low < found.high


@laws
@given(seed=st.integers(0, 99), low=st.floats(-1e4, 1e4), width=st.floats(0.1, 1e5))
def test_values_are_carried_onto_0_to_1(seed, low, width):
    values = np.random.default_rng(seed).uniform(low, low + width, (5, 6))
    found = unit_values(values, ValueRange(low, low + width))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, (values - low) / width, atol=1e-5)
    assert unit_values(values, ValueRange(low + width, low + 2 * width)).max() == 0


def test_white_paper_shows_through():
    grey = np.array([[[100, 0], [100, 255]]], np.uint8)
    np.testing.assert_array_equal(on_white(grey, 255), [[255, 100]])


def test_channels_come_first():
    assert channels_first(noise(4, 5), 3).shape == (3, 4, 5)
    assert channels_first(noise(4, 5, 3, dtype=np.float32), 1).shape == (1, 4, 5)
    assert channels_first(noise(4, 5, 3), 3).shape == (3, 4, 5)
