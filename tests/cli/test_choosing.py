"""From options to what they name."""

from __future__ import annotations

from conceptstain.canvas.region import ObsValue
from conceptstain.cli.choosing import alike, definition_from
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
