from __future__ import annotations

import gc

import numpy as np
import pytest
import tifffile
from PIL import Image

import conceptstain as cs
from conceptstain.errors import ReadingError
from pictures import noise, pyramid, unit, whole, write_pyramid


@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "zlib"}, {"tile": (32, 32)}, {"rowsperstrip": 10, "compression": "zlib"}, {"byteorder": ">"}],
)
def test_tiffs_are_read_however_they_are_laid_out(tmp_path, options):
    pixels = noise(96, 130, dtype=np.uint16)
    byteorder = options.pop("byteorder", "<")
    tifffile.imwrite(tmp_path / "a.tif", pixels, byteorder=byteorder, photometric="minisblack", **options)
    slide = cs.open(tmp_path / "a.tif")
    np.testing.assert_allclose(whole(slide)[0], pixels / 65535, rtol=1e-6)


def test_planes_of_colours_are_read_as_colours(tmp_path):
    pixels = noise(96, 130, 3)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.moveaxis(pixels, -1, 0), photometric="rgb", planarconfig="separate", tile=(32, 32))
    np.testing.assert_array_equal(whole(cs.open(path)), unit(pixels))


def test_a_file_is_closed_when_its_slide_is_gone(tmp_path):
    slide = cs.open(write_pyramid(tmp_path / "a.tif", pyramid(noise(64, 64))))
    closing = slide.levels[0].array._keeper._close
    assert closing.alive
    del slide
    gc.collect()
    assert not closing.alive


@pytest.mark.parametrize("packing", ["tiff_lzw", "jpeg", "packbits"])
def test_what_pillow_unpacks_is_read_as_a_whole(tmp_path, packing):
    pixels = np.repeat(np.repeat(noise(12, 16, 3), 8, axis=0), 8, axis=1)
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression=packing)
    found = whole(cs.open(tmp_path / "a.tif"))
    np.testing.assert_allclose(found, unit(pixels), atol=0.2 if packing == "jpeg" else 0)


def test_a_pyramid_that_needs_another_package_says_which(tmp_path, monkeypatch):
    def missing(*_):
        raise ValueError("<COMPRESSION.JPEG: 7> requires the 'imagecodecs' package")

    path = write_pyramid(tmp_path / "a.tif", pyramid(noise(64, 64)))
    monkeypatch.setattr("conceptstain.canvas.slide_tiff._level", missing)
    with pytest.raises(ReadingError, match=r"needs another package.*napari-conceptstain\[slides\]"):
        cs.open(path)


def test_tiles_that_claim_too_much_are_refused_before_they_are_read(tmp_path):
    path = write_pyramid(tmp_path / "a.tif", pyramid(noise(64, 64)))
    with tifffile.TiffFile(path, mode="r+") as file:
        for name in ("TileWidth", "TileLength"):
            file.pages.first.tags[name].overwrite(2**16 - 16)
    with pytest.raises(ReadingError, match=r"pieces that are too large|cannot be read"):
        cs.open(path)
