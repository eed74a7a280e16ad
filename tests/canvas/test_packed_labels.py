"""A kept label says of every pixel what the image said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from conceptstain.canvas import packed_labels as packing
from conceptstain.canvas.label_image import LabelImage
from conceptstain.canvas.packed_labels import PackedLabels, packed_labels

IMAGES = arrays(np.int16, st.tuples(st.integers(1, 12), st.integers(1, 40)), elements=st.integers(0, 3))


@settings(max_examples=60, deadline=None)
@given(IMAGES, st.sampled_from([None, 0, 1, 3, 7]), st.tuples(*[st.integers(0, 40)] * 4))
def test_every_part_of_a_kept_label_is_that_of_the_image(image, value, part):
    of = LabelImage.of(image, value, None)
    held = packed_labels(of)
    assert held.shape == image.shape
    again = LabelImage(held, value, np.eye(3))
    rows, columns = slice(*sorted(part[:2])), slice(*sorted(part[2:]))
    np.testing.assert_array_equal(again.is_meant(held[rows, columns]), of.is_meant(image[rows, columns]))
    world = np.array([[0.7, 0.2, -1.5], [-0.1, 0.9, 2.5], [0, 0, 1]])
    np.testing.assert_array_equal(of.covers(world, (20, 30)), again.covers(world, (20, 30)))


def test_only_the_box_around_a_label_is_kept_however_it_is_read(monkeypatch):
    image = np.zeros((300, 200), dtype=np.uint8)
    image[100:103, 50:60] = 2
    monkeypatch.setattr(packing, "STRIPE", 1000)
    held = packed_labels(LabelImage.of(image, 2, None))
    assert held.box == (100, 48, 3, 12)
    assert held.bits.shape == (3, 2)
    np.testing.assert_array_equal(held[0:300, 0:200], image)


def test_bits_that_do_not_fit_their_box_are_refused():
    for box in ((0, 0, 2, 9), (9, 0, 2, 8), (-1, 0, 2, 8)):
        with pytest.raises(ValueError, match="for the box"):
            PackedLabels((10, 10), box, np.zeros((2, 1), dtype=np.uint8), 1)
