from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image

from conceptstain.canvas import tissue_image
from conceptstain.canvas.tissue_image import check_placing, placed, read_image, rgb
from conceptstain.errors import ReadingError
from written import write_image


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK", "1"])
def test_every_kind_of_image_becomes_rgb(tmp_path, mode):
    path = tmp_path / "he.tif"
    Image.new("RGB", (5, 3), "white").convert(mode).save(path)
    picture = read_image(path)
    assert picture.size == (3, 5)
    assert (picture.pixels == 255).all()
    assert picture.pixels.shape == (3, 5, 3)
    assert picture.notes == ()


def test_what_is_transparent_becomes_white(tmp_path):
    path = tmp_path / "he.png"
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(path)
    assert (read_image(path).pixels == 255).all()


@pytest.mark.parametrize("extension", ["png", "jpg", "tif"])
def test_a_very_large_image_is_shown_smaller_and_lies_where_it_lay(tmp_path, monkeypatch, extension):
    path = tmp_path / f"he.{extension}"
    pixels = np.full((90, 130, 3), 255, dtype=np.uint8)
    pixels[40:48, 80:88] = 0
    Image.fromarray(pixels).save(path, quality=95) if extension == "jpg" else Image.fromarray(pixels).save(path)
    monkeypatch.setattr(tissue_image, "LONGEST_SIDE", 40)
    picture = read_image(path)
    assert picture.reduction == 4
    assert picture.size == (90, 130)
    assert picture.pixels.shape == (23, 33, 3)
    dark = np.argwhere(picture.pixels.sum(axis=2) < 100)
    to_world = picture.placed(np.eye(3)).to_world
    centre = to_world @ [*dark.mean(axis=0), 1]
    np.testing.assert_allclose(centre[:2], [44, 84], atol=1e-9)
    assert "90" in picture.notes[0]
    assert "1/4" in picture.notes[0]


def test_slides_are_not_taken_for_an_attack(tmp_path, monkeypatch):
    path = write_image(tmp_path / "he.png", 100, 100)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(path).size == (100, 100)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_what_no_memory_holds_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = write_image(tmp_path / "he.png", 100, 100)
    monkeypatch.setattr(tissue_image, "MOST_PIXELS", 9_999)
    with pytest.raises(ReadingError, match=r"he\.png is too large.*100 x 100 pixels.*quarter"):
        read_image(path)


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(ReadingError, match=r"no image he\.png"):
        read_image(tmp_path / "he.png")


@pytest.mark.parametrize("extension", ["png", "jpg", "tif"])
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_a_truncated_image_is_named(tmp_path, extension, part):
    path = tmp_path / f"he.{extension}"
    noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(ReadingError, match=rf"he\.{extension} cannot be read.*whole jpg, png or tif"):
        read_image(path)


def test_a_file_that_is_no_image_is_named(tmp_path):
    path = tmp_path / "he.jpg"
    path.write_text("<html>not found</html>")
    with pytest.raises(ReadingError, match=r"he\.jpg cannot be read"):
        read_image(path)


def test_an_image_of_16_bit_grey_is_refused_with_the_cure(tmp_path):
    path = tmp_path / "he.png"
    Image.fromarray(np.full((4, 4), 3000, dtype=np.uint16)).save(path)
    with pytest.raises(ReadingError, match=r"no colours.*8-bit RGB"):
        read_image(path)


def test_arrays_become_rgb_where_they_are_pictures():
    assert rgb(np.full((2, 3), 7, dtype=np.uint8)).tolist() == np.full((2, 3, 3), 7).tolist()
    assert (rgb(np.full((2, 3, 4), 1.0)) == 255).all()
    assert (rgb(np.full((2, 3, 3), 200.0)) == 200).all()
    for not_a_picture in (np.zeros(3), np.zeros((2, 2, 2)), np.full((2, 2, 3), -1.0), np.full((2, 2, 3), np.nan)):
        assert rgb(not_a_picture) is None


def test_spots_beside_the_image_are_counted():
    image = placed(np.zeros((10, 20, 3), dtype=np.uint8), np.eye(3))
    inside = np.array([[0.0, 0.0], [9.9, 19.9]])
    assert check_placing(image, inside, "he.png", "") == ()
    told = check_placing(image, np.vstack([inside, [[-1.0, 5.0], [5.0, 21.0]]]), "he.png", "")
    assert told == ("2 spots of 4 lie outside the image.",)
    with pytest.raises(ReadingError, match=r"No spot lies on the image he\.png.*Look again"):
        check_placing(image, inside - 100, "he.png", "Look again")
