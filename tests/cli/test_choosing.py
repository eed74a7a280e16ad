"""From options to what they name."""

from __future__ import annotations

import json

import anndata
import pytest

from conceptstain.canvas.region import ObsValue
from conceptstain.cli.choosing import DrawnOn, alike, definition_from, opened_all, region_from
from conceptstain.errors import InputError
from factories import tiny_section


def test_a_concept_without_a_name_is_called_by_what_it_is_made_of():
    assert definition_from("Penk", None, None).name == "Penk"
    assert definition_from(None, "Penk, Nrgn", None).name == "Penk, Nrgn"
    assert definition_from(None, None, "obs:layer=GCL").name == "GCL"
    assert definition_from("Penk", None, None, name="granule").name == "granule"


def test_a_region_may_hold_spaces_and_signs():
    region = definition_from(None, None, "obs:cell type=T cell = CD4+").region
    assert region.selector == ObsValue("cell type", "T cell = CD4+")


def test_canvases_get_the_smallest_frame_that_fits_all():
    canvases = [tiny_section().view("genes"), tiny_section(3, 40).view("genes"), tiny_section(35, 3).view("genes")]
    assert {canvas.grid.frame for canvas in alike(canvases)} == {(40, 40)}


def test_an_outline_is_named_by_its_file_and_its_name(tmp_path):
    triangle = [[0, 0], [4, 0], [4, 4], [0, 0]]
    geometry = {"type": "Polygon", "coordinates": [triangle]}
    content = {"type": "Feature", "geometry": geometry, "properties": {"name": "GCL"}}
    (tmp_path / "areas.geojson").write_text(json.dumps(content))
    region = region_from(f"{tmp_path / 'areas.geojson'}#GCL", DrawnOn(tiny_section, 2.0))
    assert region.name == "GCL"
    assert region.selector.outlines[0].tolist() == [[0, 0], [0, 8], [8, 8]]
    with pytest.raises(InputError, match="need a scale"):
        region_from(f"{tmp_path / 'areas.geojson'}#GCL", DrawnOn(tiny_section, None))


def test_sections_are_named_in_one_file_alone(tmp_path):
    first, second = tiny_section(seed=1).adata, tiny_section(5, 5, seed=2).adata
    joined = anndata.concat({"A": first, "B": second}, label="library_id", index_unique="-")
    joined.write_h5ad(tmp_path / "two.h5ad")
    first.write_h5ad(tmp_path / "one.h5ad")
    assert [each.n_spots for each in opened_all([tmp_path / "two.h5ad"], ["B", "A"])] == [25, 42]
    assert [each.n_spots for each in opened_all([tmp_path / "one.h5ad"] * 2, [])] == [42, 42]
    with pytest.raises(InputError, match="named in one file"):
        opened_all([tmp_path / "one.h5ad"] * 2, ["A"])
