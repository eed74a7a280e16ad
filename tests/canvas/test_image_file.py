"""Image files of every kind: what is converted is said, what cannot be used is refused in words."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from conceptstain.canvas.image_file import MOST_PIXELS, axes_of, plain, read_page
from conceptstain.errors import ReadingError
from pictures import claimed, noise, pyramid, write_picture, write_pyramid


@pytest.mark.parametrize("ending", [".png", ".tif", ".bmp"])
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
def test_what_is_stored_is_read(tmp_path, ending, shape):
    pixels = noise(*shape)
    raw = read_page(write_picture(tmp_path / f"a{ending}", pixels))
    np.testing.assert_array_equal(raw.pixels, pixels)
    assert raw.pixels.dtype == np.uint8
    assert not raw.conversions


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.uint32, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
def test_a_tiff_keeps_its_numbers(tmp_path, dtype, shape):
    pixels = noise(*shape, dtype=dtype)
    raw = read_page(write_picture(tmp_path / "a.tif", pixels))
    np.testing.assert_array_equal(raw.pixels, pixels)
    assert raw.pixels.dtype == dtype


def test_a_grey_png_of_16_bits_keeps_them(tmp_path):
    pixels = noise(20, 30, dtype=np.uint16)
    raw = read_page(write_picture(tmp_path / "a.png", pixels))
    np.testing.assert_array_equal(raw.pixels, pixels)


def test_channels_that_lie_one_after_the_other_are_read_as_colours(tmp_path):
    pixels = noise(20, 30, 3)
    path = write_picture(tmp_path / "a.tif", np.moveaxis(pixels, -1, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_page(path).pixels, pixels)


def test_every_page_is_read_by_its_number(tmp_path):
    pages = noise(5, 20, 30)
    path = write_picture(tmp_path / "a.tif", pages, photometric="minisblack", compression="zlib")
    assert axes_of(path) in ({"Q": 5}, {"I": 5}, {"Z": 5})
    for number, page in enumerate(pages):
        np.testing.assert_array_equal(read_page(path, number).pixels, page)


def test_planes_of_several_axes_are_counted_in_their_order(tmp_path):
    planes = noise(2, 3, 20, 30, dtype=np.uint16)
    path = write_picture(tmp_path / "a.ome.tif", planes, metadata={"axes": "ZCYX"}, photometric="minisblack")
    assert axes_of(path) == {"Z": 2, "C": 3}
    np.testing.assert_array_equal(read_page(path, 4).pixels, planes[1, 1])


def test_a_pyramid_is_one_picture(tmp_path):
    levels = pyramid(noise(128, 160, 3))
    path = write_pyramid(tmp_path / "a.tif", levels)
    assert axes_of(path) == {}
    np.testing.assert_array_equal(read_page(path).pixels, levels[0])


@pytest.mark.parametrize(
    ("name", "mode", "says"),
    [
        ("a.jpg", "CMYK", "CMYK colours are taken as RGB"),
        ("a.tif", "CMYK", "CMYK colours are taken as RGB"),
        ("a.tif", "LAB", "LAB colours are taken as RGB"),
        ("a.png", "P", "a palette is taken as its colours"),
        ("a.gif", "P", "a palette is taken as its colours"),
        ("a.tif", "P", "a palette is taken as its colours"),
        ("a.png", "1", "black and white of 1 bit is taken as grey"),
        ("a.tif", "1", "black and white of 1 bit is taken as grey"),
    ],
)
def test_a_conversion_is_said(tmp_path, name, mode, says):
    pixels = np.repeat(np.repeat(noise(5, 6, 3), 8, axis=0), 8, axis=1)
    raw = read_page(write_picture(tmp_path / name, pixels, mode))
    assert raw.pixels.dtype == np.uint8
    assert raw.pixels.shape == ((40, 48) if mode == "1" else (40, 48, 3))
    assert any(says in each for each in raw.conversions)
    with Image.fromarray(pixels).convert(mode) as converted:
        expected = np.asarray(converted.convert("L" if mode == "1" else "RGB"))
    np.testing.assert_allclose(raw.pixels.astype(int), expected, atol=8)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_on_white_and_said(tmp_path, mode):
    colours = noise(20, 30, 3 if mode == "RGBA" else 1)
    alpha = noise(20, 30, 1, seed=1)
    stored = np.concatenate([colours, alpha], axis=-1)
    raw = read_page(write_picture(tmp_path / "a.png", stored, mode))
    expected = (colours * (alpha / 255) + 255 * (1 - alpha / 255)).squeeze()
    np.testing.assert_allclose(raw.pixels, expected, atol=1)
    assert "transparency was laid on white" in raw.conversions


def test_a_transparent_colour_of_a_palette_is_laid_on_white(tmp_path):
    image = Image.fromarray(noise(20, 30) % 4).convert("P")
    image.save(tmp_path / "a.png", transparency=0)
    raw = read_page(tmp_path / "a.png")
    hidden = np.asarray(image) == 0
    assert (raw.pixels[hidden] == 255).all()
    assert len(raw.conversions) == 2


def test_an_alpha_channel_without_transparency_is_left_out_silently(tmp_path):
    stored = np.concatenate([noise(20, 30, 3), np.full((20, 30, 1), 255, np.uint8)], axis=-1)
    raw = read_page(write_picture(tmp_path / "a.png", stored, "RGBA"))
    np.testing.assert_array_equal(raw.pixels, stored[..., :3])
    assert not raw.conversions


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_transparency_of_arrays_is_laid_on_the_white_of_their_type(dtype):
    white = np.iinfo(dtype).max if dtype == np.uint16 else 1.0
    stored = noise(20, 30, 4, dtype=dtype)
    stored[0, 0, 3] = 0
    raw = plain(stored, "a")
    assert (raw.pixels[0, 0] == white).all()
    assert raw.pixels.dtype == dtype


def test_white_as_zero_is_turned(tmp_path):
    pixels = noise(20, 30, dtype=np.uint16)
    path = write_picture(tmp_path / "a.tif", pixels, photometric="miniswhite")
    np.testing.assert_array_equal(read_page(path).pixels, 65535 - pixels)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg"])
def test_an_empty_file_is_told(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ReadingError, match=r"is empty.*0 bytes"):
        read_page(tmp_path / name)
    with pytest.raises(ReadingError, match="is empty"):
        axes_of(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.gif", "a.webp"])
def test_noise_is_no_image(tmp_path, name):
    (tmp_path / name).write_bytes(bytes(range(256)) * 20)
    with pytest.raises(ReadingError, match=rf"{name} cannot be read as an image.*Export it again"):
        read_page(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg"])
def test_half_a_file_is_no_image(tmp_path, name):
    path = write_picture(tmp_path / name, noise(200, 200, 3))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ReadingError, match="cannot be read as an image"):
        read_page(path)


@pytest.mark.parametrize(("width", "height"), [(200_000, 200_000), (12_000, 8_000)])
def test_a_size_that_is_claimed_is_refused_before_memory_is_taken(tmp_path, width, height):
    with pytest.raises(ReadingError, match=r"too large for one picture|cannot be read as an image"):
        read_page(claimed(tmp_path / "a.png", width, height))


def test_a_tiff_that_claims_too_much_is_refused(tmp_path):
    import tifffile

    path = tmp_path / "a.tif"
    side = int(MOST_PIXELS**0.5) + 1
    # the tiles are all the same few bytes, as a bomb has them
    empty = np.zeros((256, 256), np.uint8)
    tiles = (empty for _ in range((-(-side // 256)) ** 2))
    tifffile.imwrite(path, tiles, shape=(side, side), dtype=np.uint8, tile=(256, 256), compression="zlib")
    with pytest.raises(ReadingError, match="too large for one picture"):
        read_page(path)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (1, 1, 3)])
def test_a_pixel_or_a_line_is_too_small(tmp_path, shape):
    with pytest.raises(ReadingError, match="too small to show anything"):
        read_page(write_picture(tmp_path / "a.png", noise(*shape)))


def test_values_that_are_not_finite_are_counted(tmp_path):
    pixels = noise(20, 30, dtype=np.float32)
    pixels[3, 4], pixels[5, 6] = np.nan, np.inf
    with pytest.raises(ReadingError, match=r"not finite.*2 of 600"):
        read_page(write_picture(tmp_path / "a.tif", pixels))


def test_frames_after_the_first_are_left_out_and_that_is_said(tmp_path):
    frames = [Image.fromarray(noise(20, 30, seed=seed)).convert("P") for seed in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert "only the first of several frames is read" in read_page(tmp_path / "a.gif").conversions


def test_a_picture_of_seven_channels_is_none():
    with pytest.raises(ReadingError, match="not a picture"):
        plain(noise(20, 30, 7), "a")


def test_a_tile_that_claims_too_much_is_refused(tmp_path):
    import tifffile

    path = write_picture(tmp_path / "a.tif", noise(40, 40), tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(path, mode="r+") as file:
        for name in ("TileWidth", "TileLength"):
            file.pages.first.tags[name].overwrite(2**16 - 16)
    with pytest.raises(ReadingError, match=r"pieces that are too large|cannot be read"):
        read_page(path)
