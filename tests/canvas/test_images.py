from __future__ import annotations

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.canvas import images as module
from conceptstain.errors import InputError, ReadingError
from pictures import noise, write_picture


def test_the_content_is_that_of_the_pixels_and_of_nothing_else(tmp_path):
    stack = noise(4, 20, 30)
    for index, pixels in enumerate(stack):
        write_picture(tmp_path / f"{index}.png", pixels)
    content = cs.open(stack).content
    assert cs.open(tmp_path).content == content
    assert cs.open(stack[::-1], name="turned").content == content
    changed = stack.copy()
    changed[2, 3, 4] ^= 1
    assert cs.open(changed).content != content
    assert cs.open(stack.reshape(4, 30, 20)).content != content


def test_pixels_are_channels_first_in_0_to_1():
    coloured, grey = noise(20, 30, 3), noise(20, 30)
    images = cs.open([coloured, grey])
    np.testing.assert_allclose(images.pixels(0), np.moveaxis(coloured, -1, 0) / 255, rtol=1e-6)
    np.testing.assert_allclose(images.pixels(1), np.stack([grey] * 3) / 255, rtol=1e-6)
    luma = coloured @ [0.299, 0.587, 0.114] / 255
    np.testing.assert_allclose(images.pixels(0, 1)[0], luma, atol=1e-6)


def test_pictures_are_kept_within_bounds_and_read_again_when_forgotten(monkeypatch):
    monkeypatch.setattr(module, "KEPT_BYTES", 2 * 20 * 30)
    stack = noise(5, 20, 30)
    images = cs.open(stack)
    for index in (0, 1, 2, 3, 4, 0):
        np.testing.assert_array_equal(images.raw(index), stack[index])
    assert images._kept.held <= 2 * 20 * 30


def test_a_file_that_is_gone_is_told_when_it_is_asked_for(tmp_path):
    for index in range(2):
        write_picture(tmp_path / f"{index}.png", noise(20, 30, seed=index))
    images = cs.open(tmp_path)
    (tmp_path / "1.png").unlink()
    with pytest.raises(ReadingError, match=r"no image 1\.png"):
        images.pixels(1)


def test_pictures_are_viewed_as_images_only():
    with pytest.raises(InputError, match=r'Use view\("images"\)'):
        cs.open(noise(3, 20, 30)).view("genes")


def test_the_arrays_of_the_caller_stay_writeable():
    arrays = [noise(20, 30), noise(20, 30, seed=1)]
    images = cs.open(arrays)
    images.raw(0)
    assert arrays[0].flags.writeable
