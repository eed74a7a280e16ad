"""Tables of pictures and patches, and results of them as files."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest
import tifffile

import conceptstain as cs
from conceptstain.canvas.anndata_file import items_held
from conceptstain.errors import InputError, MismatchError, ReadingError
from conceptstain.exporting import export
from conceptstain.methods.item_score import item_score
from conceptstain.methods.maps import map_kind
from conceptstain.picture_painting import patch_painting, picture_painting
from conceptstain.picture_tables import item_table, items_annotated, pixel_table
from picture_studies import image_encoder, labels, opened_pictures, opened_slide, picture_folder, slide_file

ENCODER = image_encoder()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return with_results(opened_pictures(picture_folder(tmp_path_factory.mktemp("pictures"))))


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    return with_results(opened_slide(slide_file(tmp_path_factory.mktemp("slide"))))


def with_results(canvas):
    """A canvas with a score and a map."""
    made = cs.concept("it / µ", canvas, ENCODER, like=str(canvas.item_names[1]), neighbours=4)
    return canvas, item_score(canvas, ENCODER, made), map_kind("gradient").make(canvas, ENCODER, made, items=[0, 5])


def test_a_table_of_pictures_has_their_sizes_and_every_score(pictures):
    canvas, score, a_map = pictures
    table = item_table(canvas, [score, a_map])
    assert list(table.columns) == ["height (px)", "width (px)", "it ∕ µ - concept score"]
    assert list(table.index) == list(canvas.images.names)
    assert [tuple(row) for row in table.iloc[:, :2].to_numpy()] == list(canvas.images.sizes)
    np.testing.assert_array_equal(table.iloc[:, 2], score.values)


def test_a_table_of_patches_says_where_their_centres_lie(slide):
    canvas, score, _ = slide
    table = item_table(canvas, [score])
    for item in (0, 17, len(canvas) - 1):
        y, x, _ = canvas.to_world(item) @ [3.5, 3.5, 1]
        np.testing.assert_allclose(table.iloc[item][["y (µm)", "x (µm)"]].astype(float), [y, x])
        assert canvas.item(f"row {table.iloc[item]['row']:.0f}, column {table.iloc[item]['column']:.0f}") == item


def test_scores_of_other_pictures_are_refused(pictures, slide):
    with pytest.raises(MismatchError, match="belongs to other data"):
        item_table(pictures[0], [slide[1]])


def test_what_is_exported_is_read_by_others_and_refused_where_spots_are_asked_for(pictures, tmp_path):
    canvas, score, a_map = pictures
    table = pd.read_csv(export(tmp_path / "scores.csv", canvas, [score, a_map]), index_col="picture")
    np.testing.assert_allclose(table["it ∕ µ - concept score"], score.values, rtol=1e-8)
    path = export(tmp_path / "scores.h5ad", canvas, [score, a_map], ENCODER)
    adata = anndata.read_h5ad(path)
    np.testing.assert_array_equal(adata.obs["it ∕ µ - concept score"], score.values)
    assert items_held(path) == "pictures"
    told = adata.uns["conceptstain"]
    np.testing.assert_array_equal(told["concepts"]["it ∕ µ"]["direction"], score.concept.direction)
    for look in (cs.open, cs.open_study):
        with pytest.raises(ReadingError, match="holds scores of pictures"):
            look(path)


def test_a_score_and_a_map_of_patches_become_rasters_of_floats(slide, tmp_path):
    canvas, score, a_map = slide
    for made, raster in ((score, score.raster(canvas)), (a_map, patch_painting(a_map, canvas))):
        path = export(tmp_path / f"{made.method}.ome.tif", canvas, [made])
        np.testing.assert_array_equal(tifffile.imread(path), raster.values)
    with pytest.raises(InputError, match="give one score or map"):
        export(tmp_path / "two.tif", canvas, [score, a_map])


def test_the_pixels_behind_a_figure_are_a_table(pictures, slide, tmp_path):
    canvas, score, a_map = pictures
    path = export(tmp_path / "pixels.csv", canvas, [a_map], table="pixels")
    table = pd.read_csv(path, index_col="picture").loc[str(canvas.item_names[5])]
    values = picture_painting(a_map, canvas).maps[5]
    np.testing.assert_allclose(table["value"], values[table["row"], table["column"]], rtol=1e-8)
    assert len(table) == np.isfinite(values).sum()
    canvas, score, a_map = slide
    table = pixel_table(canvas, a_map).reset_index()
    raster = patch_painting(a_map, canvas)
    y, x, _ = raster.to_world @ [2, 3, 1]
    (row,) = table[np.isclose(table["x (µm)"], x) & np.isclose(table["y (µm)"], y)].to_numpy()
    assert row[-1] == pytest.approx(raster.values[2, 3])
    with pytest.raises(InputError, match="of one map"):
        export(tmp_path / "score.csv", canvas, [score], table="pixels")


def test_a_slide_is_never_written_over(slide):
    canvas, score, _ = slide
    with pytest.raises(InputError, match="not written over"):
        export(canvas.slide.path, canvas, [score], overwrite=True)


def test_scanpy_finds_patches_where_they_lie(slide):
    canvas, score, _ = slide
    adata = items_annotated(canvas, [score])
    inside = labels(canvas).selector.covers
    assert inside(canvas.slide.to_world, canvas.slide.size).any()
    assert adata.obsm["spatial"].shape == (len(canvas), 2)
