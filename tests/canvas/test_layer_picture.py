from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from napari.layers import Image, Points

from conceptstain.canvas import layer_picture
from conceptstain.canvas.layer_picture import check_picture, picture_of
from conceptstain.canvas.layer_source import LayerSource
from conceptstain.errors import InputError
from strategies import laws
from viewer_layers import in_world, transforms


def pyramid(size: int, levels: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Levels of noise, each the mean of 2 x 2 pixels of the one before."""
    made = [rng.integers(0, 256, (size, size, 3)).astype(np.float32)]
    for _ in range(levels - 1):
        last = made[-1]
        made.append(last.reshape(len(last) // 2, 2, -1, 2, 3).mean(axis=(1, 3)))
    return [np.asarray(np.rint(level), dtype=np.uint8) for level in made]


@laws
@given(transform=transforms())
def test_a_level_lies_where_the_whole_picture_does(transform):
    levels = pyramid(32, 3, np.random.default_rng(0))
    layer = Image(levels, rgb=True, multiscale=True, name="he", **transform)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer_picture, "LONGEST_SIDE", 8)
        image, told = picture_of(LayerSource.of(layer), "px")
    np.testing.assert_array_equal(image.pixels, levels[2])
    assert image.reduction == 4
    assert "It is shown at 1/4 of its size." in told
    # the corners of a level's pixels lie on those of the pixels that it stands for
    corners = np.array([[-0.5, -0.5], [-0.5, 7.5], [7.5, 7.5]])
    mapped = corners @ image.to_world[:2, :2].T + image.to_world[:2, 2]
    there = in_world(layer, (corners + 0.5) * 4 - 0.5)
    np.testing.assert_allclose(mapped, there, rtol=0, atol=1e-9 * (np.abs(there).max() + 1))


@pytest.mark.parametrize("longest", [31, 16, 10, 7])
def test_pixels_that_are_passed_over_do_not_move_the_others(monkeypatch, longest):
    monkeypatch.setattr(layer_picture, "LONGEST_SIDE", longest)
    rows = np.arange(32, dtype=np.uint8)
    pixels = np.stack([*np.meshgrid(rows, rows, indexing="ij"), np.zeros((32, 32), dtype=np.uint8)], axis=-1)
    image, _ = picture_of(LayerSource.of(Image(pixels, rgb=True, scale=(2, 3), translate=(5, 7))), "px")
    assert max(image.pixels.shape) <= longest
    places = np.stack(np.meshgrid(*map(np.arange, image.pixels.shape[:2]), indexing="ij"), axis=-1)
    mapped = places @ image.to_world[:2, :2].T + image.to_world[:2, 2]
    np.testing.assert_allclose(mapped, image.pixels[..., :2] * np.array([2, 3]) + np.array([5, 7]))


def test_grey_is_shown_between_the_limits_of_the_layer():
    layer = Image(np.array([[100, 200], [300, 900]], dtype=np.uint16), contrast_limits=(200, 300))
    image, _ = picture_of(LayerSource.of(layer), "px")
    np.testing.assert_array_equal(image.pixels, np.repeat([[[0], [0]], [[255], [255]]], 3, axis=2))


def test_colours_are_taken_as_fractions_or_bytes():
    colours = np.random.default_rng(0).random((5, 4, 4))
    image, _ = picture_of(LayerSource.of(Image(colours, rgb=True)), "px")
    np.testing.assert_array_equal(image.pixels, np.rint(colours[..., :3] * 255))
    with pytest.raises(InputError, match="no colours that can be shown"):
        picture_of(LayerSource.of(Image(np.full((4, 4, 3), 4000, dtype=np.uint16), rgb=True, name="deep")), "px")


def test_numbers_without_a_common_unit_are_taken_as_they_are():
    layer = Image(np.zeros((4, 4, 3), dtype=np.uint8), rgb=True, units=("mm", "mm"))
    image, told = picture_of(LayerSource.of(layer), "px")
    np.testing.assert_array_equal(image.to_world, np.eye(3))
    assert "its numbers are taken as they are" in told[-1]
    image, told = picture_of(LayerSource.of(layer), "µm")
    np.testing.assert_array_equal(image.to_world, np.diag([1000.0, 1000.0, 1.0]))
    assert len(told) == 1


def test_points_are_no_picture():
    with pytest.raises(InputError, match=r"not a picture.*Got points"):
        check_picture(LayerSource.of(Points(np.eye(2))))
