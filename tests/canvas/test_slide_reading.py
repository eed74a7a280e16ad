from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import conceptstain as cs
from conceptstain.errors import InputError, ReadingError
from pictures import claimed, noise, pyramid, unit, whole, write_ome_zarr, write_picture, write_pyramid


@pytest.mark.parametrize("shape", [(96, 130), (96, 130, 3)])
@pytest.mark.parametrize("kind", ["a.tif", "a.ome.tif", "v0.4", "v0.5"])
def test_every_level_of_a_pyramid_is_read(tmp_path, shape, kind):
    levels = pyramid(noise(*shape))
    if kind.startswith("v"):
        path = write_ome_zarr(tmp_path / "a.zarr", levels, version=kind[1:])
    else:
        path = write_pyramid(tmp_path / kind, levels)
    slide = cs.open(path)
    assert slide.name == "a"
    for level, pixels in enumerate(levels):
        np.testing.assert_array_equal(whole(slide, level), unit(pixels))


@pytest.mark.parametrize("ending", [".png", ".tif", ".bmp"])
def test_a_plain_file_is_read(tmp_path, ending):
    pixels = noise(96, 130, 3)
    np.testing.assert_array_equal(whole(cs.open(write_picture(tmp_path / f"a{ending}", pixels))), unit(pixels))


def test_what_needs_conversion_is_converted_and_said(tmp_path):
    slide = cs.open(write_picture(tmp_path / "a.jpg", noise(96, 130, 3), "CMYK"))
    assert any("CMYK colours are taken as RGB" in note for note in slide.notes)
    Image.fromarray(noise(96, 130)).convert("P").save(tmp_path / "b.tif")
    assert any("palette" in note for note in cs.open(tmp_path / "b.tif").notes)


def test_a_file_that_claims_more_than_can_be_read_as_a_whole_is_refused(tmp_path):
    with pytest.raises(ReadingError, match=r"too large to be read as a whole.*200,000 x 200,000"):
        cs.open(claimed(tmp_path / "a.png", 200_000, 200_000))


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_broken_files_are_told(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ReadingError, match="is empty"):
        cs.open(tmp_path / name)
    (tmp_path / name).write_bytes(bytes(range(256)) * 9)
    with pytest.raises(ReadingError, match="cannot be read"):
        cs.open(tmp_path / name)


def test_a_picture_without_room_for_patches_is_told(tmp_path):
    for shape in ((1, 1), (4, 90)):
        with pytest.raises(ReadingError, match=r'too small for patches.*as_="images"|too small to show'):
            cs.open(write_picture(tmp_path / "a.png", noise(*shape)))
    with pytest.raises(ReadingError, match="holds no numbers"):
        cs.open(np.full((60, 80), np.nan))


def test_levels_of_several_pictures_are_no_pyramid():
    with pytest.raises(ReadingError, match=r"not those of a pyramid"):
        cs.open([noise(32, 32), noise(64, 64)], as_="slide")
    with pytest.raises(InputError, match="not levels of one picture"):
        cs.open([noise(64, 64, 3), noise(32, 32)], as_="slide")
