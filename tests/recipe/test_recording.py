"""Recording: what is in a study is what its recipe says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.maps import map_kind
from conceptstain.recipe import Recipe
from conceptstain.recipe.recording import sum_of, versions
from conceptstain.study.concept_list import ListState
from conceptstain.study.hashing import section_fingerprint, sha256_of
from studies import empty_study, full_study, opened_section


@pytest.fixture
def section(tmp_path):
    return opened_section(tmp_path)


def test_it_says_what_was_opened_by_content(section):
    recipe = Recipe.of(empty_study(section))
    told = recipe.section
    assert told.source.file.name == "tiny.h5ad"
    assert told.source.file.sha256 == sha256_of(section.path)
    assert told.fingerprint == section_fingerprint(section)
    assert (told.spots, told.genes, told.unit) == (42, 12, "µm")
    assert recipe.made_with == versions()
    assert recipe.figures == ()


def test_what_was_said_on_opening_is_kept(section, tmp_path):
    from PIL import Image

    Image.new("RGB", (90, 80), "white").save(tmp_path / "he.png")
    given = replace(section, opened_with={"image": str(tmp_path / "he.png"), "image_scale": 0.5, "pixel_size": 2.0})
    source = Recipe.of(empty_study(given)).section.source
    assert (source.image.name, source.image_scale, source.pixel_size) == ("he.png", 0.5, 2.0)
    assert source.image.sha256 == sha256_of(tmp_path / "he.png")


def test_regions_are_told_by_how_they_were_chosen_and_by_their_barcodes(section):
    study = full_study(section)
    regions = Recipe.of(study).tables.regions
    assert [regions[name].chosen.kind for name in ("inner", "drawn", "picked")] == ["obs", "polygon", "picked"]
    for entry in study.entries:
        if entry.definition.region is not None:
            chosen = entry.definition.region.choose(section)
            record = regions[entry.definition.region.name]
            assert record.barcodes == tuple(section.adata.obs_names[chosen])


def test_only_equal_arrays_have_equal_sums():
    values = np.arange(6.0)
    others = [values.astype(np.float32), values.reshape(2, 3), values + 1e-12, values[::-1]]
    assert len({sum_of(each) for each in (values, *others)}) == 5
    assert sum_of(values[::-1][::-1]) == sum_of(values)


def test_a_map_that_does_not_say_how_it_was_made_is_refused(section):
    study = empty_study(section)
    study.add(Definition("like", like="Gene3", neighbours=4))
    strange = Attribution("gradient saliency", "like", np.zeros((1, 1, 8, 8)), (), True, study.concept("like"))
    study.keep(strange)
    with pytest.raises(InputError, match="does not say how it was made"):
        Recipe.of(study)


def test_a_score_beside_a_concept_that_is_gone_is_refused(section):
    from conceptstain.canvas.region import Region
    from conceptstain.concepts.spot_concepts import SpotConceptSettings

    study = full_study(section)
    study.add(Definition("outer", region=Region.from_obs("layer", "outer")))
    study.spot_settings = SpotConceptSettings("plain")
    study.keep(study.spot_score("layer"))
    snapshot = study.snapshot()
    left = tuple(entry for entry in snapshot.concepts.entries if entry.name != "outer")
    with pytest.raises(InputError, match=r"not in the list any more\. Got outer"):
        Recipe.of(replace(snapshot, concepts=ListState(left)))


def test_the_same_map_at_other_genes_is_told_from_that_at_its_own(section):
    study = empty_study(section)
    study.add(Definition("like", like="Gene3", neighbours=4))
    own = map_kind("gradient").make(study.need_canvas(), study.need_encoder(), study.concept("like"))
    study.keep(own)
    study.keep(replace(own, items=own.items[:2], values=own.values[:2], detail="two"))
    first, second = Recipe.of(study).maps
    assert first.at == "own"
    assert second.at == tuple(study.need_canvas().item_names[list(own.items[:2])])
