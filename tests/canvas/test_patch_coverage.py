from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import conceptstain as cs
from conceptstain.canvas.label_image import LabelImage
from conceptstain.canvas.patch_coverage import covered_parts
from conceptstain.canvas.region import Polygon, Region
from conceptstain.errors import InputError
from pictures import noise, pyramid
from strategies import laws
from twins.coverage import covered_by_label, covered_by_outline

PLACE = np.array([[0.4, 0.1, 7.0], [-0.1, 0.5, -3.0], [0, 0, 1]])


def patches(height=40, width=56, *, size=8, stride=4, to_world=PLACE, **settings):
    place = {} if to_world is None else {"to_world": to_world, "unit": "µm"}
    return cs.open(noise(height, width), as_="slide", **place).view(size=size, stride=stride, **settings)


@laws
@given(seed=st.integers(0, 99), stride=st.sampled_from([3, 4, 8]))
def test_an_outline_covers_what_a_slow_test_of_every_pixel_says(seed, stride):
    canvas = patches(stride=stride)
    corners = np.random.default_rng(seed).uniform(0, 40, size=(5, 2)) @ PLACE[:2, :2].T + PLACE[:2, 2]
    parts = covered_parts(Region.from_polygon("it", corners), canvas)
    inner = [item for item in range(len(canvas)) if (canvas.corners[item] * stride + 8 <= canvas.frame).all()]
    for item in inner[:: max(1, len(inner) // 12)]:
        assert parts[item] == pytest.approx(covered_by_outline(corners, canvas.to_world(item), 8))


@laws
@given(seed=st.integers(0, 99))
def test_labels_cover_what_lies_under_them_wherever_their_layer_is(seed):
    canvas = patches()
    labels = np.random.default_rng(seed).integers(0, 3, size=(9, 12))
    to_world = PLACE @ np.array([[4.5, 0, 2.0], [0, 4.5, 1.0], [0, 0, 1]])
    parts = covered_parts(Region.from_labels("two", labels, 2, to_world=to_world), canvas)
    for item in range(0, len(canvas), 9):
        if (canvas.corners[item] * 4 + 8 <= canvas.frame).all():
            slow = covered_by_label(labels, 2, to_world, canvas.to_world(item), 8)
            assert parts[item] == pytest.approx(slow)


def test_a_region_covers_the_same_at_every_level_and_pixel_size():
    slide = cs.open(pyramid(noise(256, 256)), as_="slide", to_world=PLACE, unit="µm")
    corners = np.array([[60.0, 60], [60, 190], [190, 190], [190, 60]]) @ PLACE[:2, :2].T + PLACE[:2, 2]
    region = Region.from_polygon("square", corners)
    found = [
        covered_parts(region, slide.view(size=size, stride=size, **at))
        for size, at in ((64, {"level": 0}), (32, {"level": 1}), (16, {"pixel_size": 4 * slide.pixel_size}))
    ]
    assert found[0].max() == 1
    for other in found[1:]:
        np.testing.assert_allclose(found[0], other, atol=0.1)


def test_lazy_labels_and_slides_of_labels_are_read_in_pieces_as_they_are_stored():
    canvas = patches(to_world=None)
    labels = np.zeros((40, 56), dtype=np.uint8)
    labels[:20, :24] = 7
    whole = covered_parts(Region.from_labels("seven", labels, 7), canvas)
    assert set(whole[(canvas.corners * 4 + 8 <= (20, 24)).all(axis=1)]) == {1.0}
    opened = cs.open(da.from_array(labels, chunks=16), as_="slide")
    for given_ in (da.from_array(labels, chunks=16), opened):
        np.testing.assert_array_equal(covered_parts(Region.from_labels("seven", given_, 7), canvas), whole)
    np.testing.assert_array_equal(covered_parts(Region.from_labels("any", labels), canvas), whole)


def test_patches_beyond_the_edge_count_what_lies_on_the_slide():
    canvas = patches(20, 20, size=16, stride=16, to_world=None)
    corners = np.array([[-9.0, -9], [-9, 99], [99, 99], [99, -9]])
    np.testing.assert_array_equal(covered_parts(Region.from_polygon("all", corners), canvas), 1)


def test_far_from_a_region_nothing_is_asked(monkeypatch):
    canvas = patches(320, 320, stride=8, to_world=None)
    corners = np.array([[10.0, 10], [10, 50], [50, 50], [50, 10]])
    labels = np.zeros((50, 50), dtype=int)
    labels[10:, 10:] = 1
    asked = []
    for area in (Polygon, LabelImage):
        covers = area.covers
        spied = lambda *given, covers=covers: asked.append(given[-1]) or covers(*given)  # noqa: E731
        monkeypatch.setattr(area, "covers", spied)
    for region in (Region.from_polygon("small", corners), Region.from_labels("small", labels)):
        parts = covered_parts(region, canvas)
        assert set(np.flatnonzero(parts)) <= set(canvas.within((10, 10, 50, 50)))
        assert parts.max() == 1
    assert len(asked) == 2  # of nine blocks
    assert covered_parts(Region.from_polygon("beyond", corners + 1000), canvas).max() == 0


def test_what_is_no_area_is_told():
    canvas = patches()
    with pytest.raises(InputError, match="covers no patches"):
        covered_parts(Region.from_mask("some", [True, False]), canvas)
    for labels, told in ((np.zeros((3, 4)), "whole number"), (np.zeros((3, 4, 3), dtype=int), "whole number")):
        with pytest.raises(InputError, match=told):
            Region.from_labels("it", labels)
    with pytest.raises(InputError, match="nowhere in the world"):
        Region.from_labels("it", np.zeros((3, 4), dtype=int), to_world=np.zeros((3, 3)))
