from __future__ import annotations

import numpy as np
import pytest
import tifffile

import conceptstain as cs
from conceptstain.canvas.score_raster import ScoreRaster
from conceptstain.errors import InputError
from conceptstain.raster_file import write_raster, write_stack


def raster(to_world, unit="µm"):
    values = np.random.default_rng(0).normal(size=(12, 17)).astype(np.float32)
    values[0, 0] = np.nan
    return ScoreRaster(values, np.asarray(to_world, dtype=float), unit, "glands")


def test_scores_come_back_as_they_were_with_the_size_of_their_cells(tmp_path):
    there = raster([[16, 0, 7.5], [0, 16, 107.5], [0, 0, 1]])
    path = write_raster(there, tmp_path / "it.ome.tif")
    np.testing.assert_array_equal(tifffile.imread(path), there.values)
    opened = cs.open(path)
    assert opened.unit == "µm"
    assert opened.pixel_size == pytest.approx(16)
    with tifffile.TiffFile(path) as file:
        assert 'PositionX="107.5"' in file.ome_metadata


def test_without_a_known_size_none_is_written(tmp_path):
    path = write_raster(raster(np.diag([32, 32, 1]), "px"), tmp_path / "it.tif")
    assert cs.open(path).unit == "px"


def test_what_a_tiff_cannot_say_is_refused(tmp_path):
    turned = raster([[0, 16, 0], [16, 0, 0], [0, 0, 1]])
    with pytest.raises(InputError, match="cannot say how this raster lies"):
        write_raster(turned, tmp_path / "it.tif")
    with pytest.raises(InputError, match="written as TIFF"):
        write_raster(raster(np.eye(3)), tmp_path / "it.png")
    path = write_raster(raster(np.eye(3)), tmp_path / "it.tif")
    with pytest.raises(InputError, match="exists"):
        write_raster(raster(np.eye(3)), path)


def test_values_of_pictures_of_any_size_are_pages_that_know_their_names(tmp_path):
    rng = np.random.default_rng(0)
    pages = {
        "a.png": rng.normal(size=(8, 9)),
        "Zelle µ.png": rng.normal(size=(11, 7)),
        "again.png": np.full((8, 9), np.nan),
    }
    path = write_stack(pages, tmp_path / "maps.tif")
    with tifffile.TiffFile(path) as file:
        for page, (name, values) in zip(file.pages, pages.items(), strict=True):
            assert page.description == name
            assert page.dtype == np.float32
            np.testing.assert_array_equal(page.asarray(), values.astype(np.float32))
    with pytest.raises(InputError, match="exists already"):
        write_stack(pages, path)
    with pytest.raises(InputError, match="written as TIFF"):
        write_stack(pages, tmp_path / "maps.png")
