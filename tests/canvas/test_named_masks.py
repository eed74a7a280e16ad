"""Masks are found by the names of their pictures."""

from __future__ import annotations

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.canvas.named_masks import named_masks
from conceptstain.errors import InputError
from pictures import noise, write_picture


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        write_picture(tmp_path / "pictures" / name, noise(8, 12))
    return tmp_path


def test_by_name_by_bare_name_and_with_mask_behind_it(folder):
    painted = np.zeros((8, 12), dtype=np.uint8)
    painted[2:4] = 9
    write_picture(folder / "masks" / "a.png", painted)
    write_picture(folder / "masks" / "b_mask.tif", np.stack([painted, 0 * painted, painted], axis=-1))
    pictures = cs.open(folder / "pictures")
    found = named_masks(pictures.view(frame=8), folder / "masks")
    assert len(found) == 2
    for item in (0, 1):
        np.testing.assert_array_equal(found.at(item), painted > 0)
    assert found.at(2) is None
    assert not named_masks(pictures, folder / "masks", above=9).at(0).any()


def test_masks_of_nothing_and_of_other_sizes_are_refused(folder):
    pictures = cs.open(folder / "pictures")
    write_picture(folder / "others" / "d.png", noise(8, 12))
    with pytest.raises(InputError, match=r"called as the pictures.*d\.png, which no picture"):
        named_masks(pictures, folder / "others")
    write_picture(folder / "small" / "b.png", noise(4, 12))
    with pytest.raises(InputError, match=r"b\.png is not of the picture b\.png.*4 x 12 for 8 x 12"):
        named_masks(pictures, folder / "small")


def test_a_mask_that_two_pictures_could_be_called_by_is_refused(folder):
    write_picture(folder / "pictures" / "a.tif", noise(8, 12, seed=3))
    write_picture(folder / "masks" / "a.png", noise(8, 12))
    pictures = cs.open(folder / "pictures")
    with pytest.raises(InputError, match=r"a\.png is of more than one picture.*a\.png and a\.tif"):
        named_masks(pictures, folder / "masks")
    write_picture(folder / "masks" / "a.tif", noise(8, 12, seed=1))
    assert len(named_masks(pictures, folder / "masks")) == 2
