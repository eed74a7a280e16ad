from __future__ import annotations

import numpy as np
import pytest
import tifffile

import conceptstain as cs
from pictures import noise, pyramid, write_ome_zarr, write_pyramid

levels = pyramid(noise(64, 96))


def opened(path):
    slide = cs.open(path)
    return slide.unit, slide.to_world


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize(("unit", "size"), [("micrometer", 0.5), ("nanometer", 500.0), ("millimeter", 0.0005)])
def test_ome_zarr_tells_scale_and_place(tmp_path, version, unit, size):
    path = write_ome_zarr(tmp_path / "a.zarr", levels, version=version, pixel_size=size, shift=(3, 4), unit=unit)
    told, matrix = opened(path)
    assert told == "µm"
    np.testing.assert_allclose(matrix, [[0.5, 0, 1.5 * 2 * 0.5 / size], [0, 0.5, 2 * 2 * 0.5 / size], [0, 0, 1]])


def test_without_a_unit_lengths_are_pixels_and_that_is_said(tmp_path):
    slide = cs.open(write_ome_zarr(tmp_path / "a.zarr", levels, pixel_size=None))
    assert slide.unit == "px"
    assert "The size of a pixel is not told; lengths are in pixels." in slide.notes


@pytest.mark.parametrize(("unit", "factor"), [("µm", 1), ("nm", 1000), ("mm", 1e-3)])
def test_ome_tiff_tells_the_size_of_a_pixel(tmp_path, unit, factor):
    told = {"PhysicalSizeX": 0.25 * factor, "PhysicalSizeY": 0.5 * factor}
    units = {"PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit}
    assert_size(write_pyramid(tmp_path / "a.ome.tif", levels, **told, **units), 0.5, 0.25)


def test_imagej_tells_the_size_of_a_pixel(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", levels[0], imagej=True, resolution=(4, 2), metadata={"unit": "um"})
    assert_size(tmp_path / "a.tif", 0.5, 0.25)


def test_aperio_tells_the_size_of_a_pixel(tmp_path):
    told = "Aperio Image Library\r\n96x64|AppMag = 20|MPP = 0.4990"
    tifffile.imwrite(tmp_path / "a.tif", levels[0], description=told, metadata=None, photometric="minisblack")
    assert_size(tmp_path / "a.tif", 0.499, 0.499)


def test_the_resolution_of_a_microscope_is_used_and_that_of_paper_is_not(tmp_path):
    for name, per_cm in (("fine.tif", 20_000), ("paper.tif", 118)):
        options = {"photometric": "minisblack", "resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
        tifffile.imwrite(tmp_path / name, levels[0], metadata=None, **options)
    assert_size(tmp_path / "fine.tif", 0.5, 0.5)
    assert any("0.5 µm wide by the resolution" in note for note in cs.open(tmp_path / "fine.tif").notes)
    assert opened(tmp_path / "paper.tif")[0] == "px"


def assert_size(path, down, across):
    unit, matrix = opened(path)
    assert unit == "µm"
    np.testing.assert_allclose(matrix, np.diag([down, across, 1]))
