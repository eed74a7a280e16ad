from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.layers import Labels, Points, Shapes

from conceptstain.canvas.layer_elements import as_words, elements_of
from conceptstain.canvas.layer_source import LayerSource
from strategies import laws


@laws
@given(seed=st.integers(0, 1000), away=st.sampled_from([0.0, 1e3, 1e7]))
def test_the_centre_of_an_outline_is_that_of_the_pixels_inside(seed, away):
    from matplotlib.path import Path

    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
    outline = 20 + rng.uniform(8, 18, (9, 1)) * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    fine = np.stack(np.meshgrid(*[np.arange(0.125, 40, 0.25)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    inside = fine[Path(outline).contains_points(fine)]
    shapes = Shapes([outline + away], shape_type="polygon")
    found = elements_of(LayerSource.of(shapes), None)
    slack = 0.3 + 1e-6 * away  # napari keeps outlines in single precision
    np.testing.assert_allclose(found.centres[0] - away, inside.mean(axis=0), atol=slack)
    if not away:
        assert found.diameters[0] == pytest.approx(2 * np.sqrt(len(inside) * 0.0625 / np.pi), rel=0.03)


def test_rectangles_ellipses_and_lines_have_their_middle():
    corners = np.array([[0.0, 0.0], [0.0, 4.0], [2.0, 4.0], [2.0, 0.0]])
    shapes = Shapes([corners, corners, corners[[0, 2]]], shape_type=["rectangle", "ellipse", "line"])
    found = elements_of(LayerSource.of(shapes), None)
    np.testing.assert_allclose(found.centres, [[1.0, 2.0]] * 3)
    assert found.diameters[2] == 0


@laws
@given(seed=st.integers(0, 1000))
def test_the_centre_of_a_label_is_the_mean_of_its_pixels(seed):
    pixels = np.random.default_rng(seed).choice([0, 0, 3, 70_000, 5], (11, 7)).astype(np.int32)
    found = elements_of(LayerSource.of(Labels(pixels)), None)
    values = [value for value in np.unique(pixels) if value]
    assert list(found.names) == [str(value) for value in values]
    np.testing.assert_allclose(found.centres, [np.argwhere(pixels == value).mean(axis=0) for value in values])


def test_labels_of_several_levels_are_read_from_the_finest():
    fine = np.zeros((8, 8), dtype=np.int32)
    fine[2:4, 6:8] = 9
    found = elements_of(LayerSource.of(Labels([fine, fine[::2, ::2]], multiscale=True)), None)
    np.testing.assert_allclose(found.centres, [[2.5, 6.5]])


def test_points_are_where_and_as_large_as_they_are():
    points = Points([[1, 2], [3, 4]], size=[5, 7], metadata={"indices": ["b", "a"]})
    found = elements_of(LayerSource.of(points), None)
    np.testing.assert_array_equal(found.centres, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(found.diameters, [5, 7])
    assert list(found.names) == ["b", "a"]


def test_whole_numbers_are_one_name_whatever_their_type():
    assert list(as_words([1, 2])) == list(as_words([1.0, 2.0])) == list(as_words(["1", "2"])) == ["1", "2"]
    assert list(as_words([1.5, 2.0])) == ["1.5", "2.0"]
