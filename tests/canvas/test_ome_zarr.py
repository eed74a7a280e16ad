from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

import conceptstain as cs
from conceptstain.canvas.ome_zarr import holds_slide
from conceptstain.errors import ReadingError
from pictures import noise, pyramid, unit, whole, write_ome_zarr


def test_other_axes_are_left_out_and_that_is_said(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    stored = noise(2, 1, 3, 64, 96)
    group.create_array("0", data=stored)
    axes = [{"name": name} for name in "tczyx"]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": [{"path": "0"}]}]
    slide = cs.open(tmp_path / "a.zarr")
    np.testing.assert_array_equal(whole(slide), unit(stored[0, 0, 0]))
    assert "Of the axes T (2), Z (3) the first plane is shown." in slide.notes


def test_a_folder_says_of_itself_that_it_is_a_slide(tmp_path):
    assert holds_slide(write_ome_zarr(tmp_path / "a", [noise(32, 32)]))
    assert holds_slide(write_ome_zarr(tmp_path / "b", [noise(32, 32)], version="0.5"))
    zarr.open_group(tmp_path / "c", mode="w").create_array("0", data=np.zeros((9, 9)))
    assert not holds_slide(tmp_path / "c")
    assert not holds_slide(tmp_path)


def test_the_first_image_of_a_collection_is_shown(tmp_path):
    write_ome_zarr(tmp_path / "a.zarr" / "0", [noise(64, 64)])
    (tmp_path / "a.zarr" / ".zattrs").write_text(json.dumps({"bioformats2raw.layout": 3}))
    (tmp_path / "a.zarr" / ".zgroup").write_text(json.dumps({"zarr_format": 2}))
    slide = cs.open(tmp_path / "a.zarr")
    np.testing.assert_array_equal(whole(slide), unit(noise(64, 64)))
    assert any("several images" in note for note in slide.notes)


def test_a_plate_is_told(tmp_path):
    zarr.open_group(tmp_path / "a.zarr", mode="w").attrs["plate"] = {"wells": []}
    with pytest.raises(ReadingError, match=r"no single image.*a plate"):
        cs.open(tmp_path / "a.zarr")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda told: told.clear(), "cannot be read as OME-Zarr"),
        (lambda told: told[0].pop("datasets"), "cannot be read as OME-Zarr"),
        (lambda told: told[0]["datasets"][0].update(path="9"), "cannot be read as OME-Zarr"),
        (lambda told: told[0]["axes"].pop(), "axes of the image contradict it"),
        (lambda told: told[0]["datasets"].reverse(), "not those of a pyramid"),
    ],
)
def test_metadata_that_contradicts_itself_is_told(tmp_path, change, says):
    write_ome_zarr(tmp_path / "a.zarr", pyramid(noise(64, 64)))
    content = json.loads((tmp_path / "a.zarr" / ".zattrs").read_text())
    change(content["multiscales"])
    (tmp_path / "a.zarr" / ".zattrs").write_text(json.dumps(content))
    with pytest.raises(ReadingError, match=says):
        cs.open(tmp_path / "a.zarr", as_="slide")


def test_a_piece_that_is_damaged_is_told_when_it_is_asked_for(tmp_path):
    path = write_ome_zarr(tmp_path / "a.zarr", [noise(64, 64)])
    (path / "0" / "1.1").write_bytes(b"no chunk")
    slide = cs.open(path)
    np.testing.assert_array_equal(slide.region(0, 0, 0, 32, 64), unit(noise(64, 64))[:, :32])
    with pytest.raises(ReadingError, match=r"A part of a cannot be read.*copy or export it again"):
        whole(slide)


def test_pieces_that_are_too_large_are_refused(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("0", shape=(100_000, 100_000), chunks=(50_000, 50_000), dtype="uint8")
    axes = [{"name": name} for name in "yx"]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": [{"path": "0"}]}]
    with pytest.raises(ReadingError, match=r"too large to be read.*2\.3 GiB"):
        cs.open(tmp_path / "a.zarr")
