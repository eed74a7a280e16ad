"""What we write opens in spatialdata, and in ours again."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from napari.layers import Image, Points

from conceptstain.canvas.layer_section import open_layer
from conceptstain.canvas.reading import open_section
from conceptstain.concepts.concept import concept
from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError
from conceptstain.methods.decoded import decoded
from conceptstain.painting import painting
from conceptstain.spatialdata_file import write_spatialdata
from conceptstain.study import Study
from conceptstain.study.saving import open_study
from factories import tiny_encoder, tiny_section

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def made():
    canvas = tiny_section(with_image=True).view("genes")
    encoder = tiny_encoder(canvas.shape)
    inner = concept("inner: ring", canvas, encoder, like="Gene1")
    return canvas, [decoded(canvas, encoder, inner)], encoder


def test_results_open_in_spatialdata(made, tmp_path):
    spatialdata = pytest.importorskip("spatialdata", reason="the extra spatialdata is not installed")
    canvas, maps, encoder = made
    read = spatialdata.read_zarr(write_spatialdata(tmp_path / "tiny.zarr", *made))
    assert set(read.coordinate_systems) == {"global", "micrometers"}
    centres = spatialdata.get_centroids(read["spots"], coordinate_system="micrometers").compute()
    np.testing.assert_allclose(centres[["y", "x"]], canvas.section.spots)
    table = read["table"]
    (column,) = [name for name in table.obs if name not in {"layer", "region", "instance_id"}]
    np.testing.assert_allclose(table.obs[column], painting(maps[0], canvas).values)
    assert table.uns["conceptstain"]["encoder"]["fingerprint"] == encoder.fingerprint


def test_results_open_in_ours_again(made, tmp_path):
    pytest.importorskip("spatialdata", reason="the extra spatialdata is not installed")
    section = made[0].section
    again = open_section(write_spatialdata(tmp_path / "tiny.zarr", *made))
    assert again.unit == "µm"
    np.testing.assert_allclose(again.spots, section.spots)
    np.testing.assert_array_equal(again.matrix.toarray(), section.matrix.toarray())
    np.testing.assert_array_equal(again.image.pixels, section.image.pixels)
    np.testing.assert_allclose(again.image.to_world, section.image.to_world)


def test_a_section_of_a_layer_lies_where_it_lay(made, tmp_path):
    pytest.importorskip("spatialdata", reason="the extra spatialdata is not installed")
    section = made[0].section
    points = Points(section.spots, features=section.adata.to_df(), units=("um", "um"))
    picture = Image(section.image.pixels, scale=(20, 20), translate=(-300, 200), units=("um", "um"))
    taken = open_layer(points, image=picture)
    again = open_section(write_spatialdata(tmp_path / "layer.zarr", taken.view("genes"), []))
    np.testing.assert_allclose(again.spots, taken.spots)
    np.testing.assert_allclose(again.image.to_world, taken.image.to_world)


def test_a_zarr_folder_is_replaced_only_when_asked_and_no_other_folder_ever(made, tmp_path):
    pytest.importorskip("spatialdata", reason="the extra spatialdata is not installed")
    path = write_spatialdata(tmp_path / "tiny.zarr", *made)
    with pytest.raises(InputError, match="exists already"):
        write_spatialdata(path, *made)
    write_spatialdata(path, *made, overwrite=True)
    (tmp_path / "photos.zarr").mkdir()
    (tmp_path / "photos.zarr/cat.jpg").touch()
    with pytest.raises(InputError, match="another kind"):
        write_spatialdata(tmp_path / "photos.zarr", *made, overwrite=True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["photos.zarr", "tiny.zarr"]


def test_a_study_or_a_picture_in_zarr_is_no_spatialdata_and_is_never_replaced(made, tmp_path):
    pytest.importorskip("spatialdata", reason="the extra spatialdata is not installed")
    study = Study()
    study.show(made[0])
    study.add(Definition("mine", like="Gene1"))
    study.save(tmp_path / "study.zarr")
    zarr.open_group(tmp_path / "picture.zarr", mode="w").create_array("0", shape=(4, 4), dtype="u1")
    for name in ("study.zarr", "picture.zarr"):
        with pytest.raises(InputError, match="another kind"):
            write_spatialdata(tmp_path / name, *made, overwrite=True)
    assert open_study(tmp_path / "study.zarr").entries[0].name == "mine"
    assert zarr.open_group(tmp_path / "picture.zarr", mode="r")["0"].shape == (4, 4)


def test_another_ending_is_refused(made, tmp_path):
    with pytest.raises(InputError, match=r"End the name in \.zarr"):
        write_spatialdata(tmp_path / "tiny.h5ad", *made)
