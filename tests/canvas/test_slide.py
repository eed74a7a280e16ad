from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import conceptstain as cs
from conceptstain.canvas import slide as module
from conceptstain.errors import InputError
from pictures import noise, pyramid
from twins.patches import block_means


class Watched:
    """An array that remembers how many pixels were asked for at once."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.largest = 0

    def __getitem__(self, index):
        part = self.array[index]
        self.largest = max(self.largest, part.size)
        return part


def test_a_region_is_what_lies_there_in_0_to_1():
    pixels = noise(60, 80, 3)
    region = cs.open(pixels).region(0, 10, 20, 30, 40)
    np.testing.assert_array_equal(region, np.moveaxis(pixels[10:40, 20:60], -1, 0) / np.float32(255))
    assert region.dtype == np.float32


def test_beyond_the_slide_its_edge_is_repeated_and_beside_it_there_is_nothing():
    slide = cs.open(noise(60, 80))
    region = slide.region(0, -3, 75, 10, 10)
    np.testing.assert_array_equal(region[0, :3], np.repeat(region[0, 3:4], 3, axis=0))
    np.testing.assert_array_equal(region[0, :, 5:], np.repeat(region[0, :, 4:5], 5, axis=1))
    with pytest.raises(InputError, match="beside the slide"):
        slide.region(0, 60, 0, 10, 10)


def test_corners_of_all_levels_lie_on_each_other():
    slide = cs.open(pyramid(noise(64, 128)), as_="slide", pixel_size=0.5)
    for level, stored in enumerate(slide.levels):
        height, width = stored.size
        ends = np.array([[-0.5, -0.5, 1], [height - 0.5, width - 0.5, 1]]) @ slide.level_to_world(level).T
        np.testing.assert_allclose(ends[:, :2], [[-0.25, -0.25], [31.75, 63.75]])
        assert slide.level_pixel_size(level) == 0.5 * 2**level


@pytest.mark.parametrize("side", [60, 61, 62, 63])
def test_levels_of_odd_sides_shrink_by_whole_numbers(side):
    slide = cs.open(pyramid(noise(side, side)), as_="slide")
    assert [level.reduction for level in slide.levels] == [(1, 1), (2, 2), (4, 4)]


def test_channels_may_come_first_or_be_chosen():
    stored = noise(5, 60, 80)
    slide = cs.open(stored, as_="slide", channels=(4, 0, 2))
    np.testing.assert_allclose(slide.region(0, 0, 0, 60, 80), stored[[4, 0, 2]] / 255, rtol=1e-6)
    assert cs.open(stored, as_="slide", channels=3).channels == 1
    with pytest.raises(InputError, match=r"Which of the channels.*5 channels.*channels=0"):
        cs.open(stored, as_="slide")
    with pytest.raises(InputError, match="cannot be shown"):
        cs.open(stored, as_="slide", channels=(0, 5, 1))


def test_transparency_is_laid_on_white():
    pixels = noise(60, 80, 4)
    slide = cs.open(pixels)
    alpha = pixels[..., 3:] / 255
    expected = (pixels[..., :3] * alpha + 255 * (1 - alpha)) / 255
    np.testing.assert_allclose(slide.region(0, 0, 0, 60, 80), np.moveaxis(expected, -1, 0), atol=0.5 / 255)
    assert "Transparency is laid on white." in slide.notes


def test_values_that_are_not_finite_are_taken_as_the_least():
    pixels = noise(60, 80, dtype=np.float32) + 3
    pixels[5, 6] = np.nan
    slide = cs.open(pixels)
    assert slide.region(0, 0, 0, 60, 80)[0, 5, 6] == 0
    assert any("not finite" in note for note in slide.notes)


def test_16_bits_are_divided_by_the_bits_that_are_used():
    pixels = noise(60, 80, dtype=np.uint16) % 1000
    slide = cs.open(pixels)
    np.testing.assert_allclose(slide.region(0, 0, 0, 60, 80)[0], pixels / 1023, rtol=1e-6)
    assert any("1,023 (10 bits)" in note for note in slide.notes)


def test_the_overview_is_the_means_of_blocks_read_in_squares(monkeypatch):
    monkeypatch.setattr(module, "OVERVIEW", 40)
    monkeypatch.setattr(module, "PIECE", 20)
    pixels = noise(96, 128, 3)
    watched = Watched(pixels)
    slide = cs.open(watched)
    watched.largest = 0
    expected = block_means(np.moveaxis(pixels, -1, 0) / 255, 4)
    np.testing.assert_allclose(slide.overview, expected, atol=1e-6)
    assert slide.overview_reduction == (4, 4)
    assert watched.largest <= 20 * 20 * 3


def test_the_overview_is_made_of_a_small_level_where_there_is_one(monkeypatch):
    monkeypatch.setattr(module, "OVERVIEW", 40)
    levels = pyramid(noise(64, 128))
    watched = [Watched(level) for level in levels]
    slide = cs.open(watched, as_="slide")
    for each in watched:
        each.largest = 0
    np.testing.assert_allclose(slide.overview[0], levels[2] / 255, rtol=1e-6)
    assert [each.largest for each in watched[:2]] == [0, 0]


def test_the_content_is_that_of_the_pixels_wherever_they_are():
    pixels = noise(60, 80, 3)
    content = cs.open(pixels).content
    assert cs.open(da.from_array(pixels, chunks=16), name="other", pixel_size=3).content == content
    changed = pixels.copy()
    changed[5, 6, 1] ^= 1
    assert cs.open(changed).content != content


def test_a_slide_is_viewed_as_patches_only():
    with pytest.raises(InputError, match=r'Use view\("patches"\)'):
        cs.open(noise(60, 80)).view("images")
