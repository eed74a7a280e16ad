"""Studies of pictures and of slides: concepts, evidence and maps, as of a section."""

from __future__ import annotations

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError
from conceptstain.methods.maps import ITEM_SCORE, map_kind, refusal_on
from conceptstain.study import Study
from factories import tiny_encoder, tiny_section
from pictures import noise

SQUARE = np.array([[4.0, 4.0], [4.0, 20.0], [20.0, 20.0], [20.0, 4.0]])


@pytest.fixture(scope="module")
def encoder():
    return tiny_encoder((1, 8, 8), scaling="unit")


def pictures(n=12, seed=0):
    return cs.open(noise(n, 8, 8, seed=seed), as_="images").view(frame=8)


def slide(seed=1, **view):
    opened = cs.open(noise(72, 64, seed=seed), as_="slide", pixel_size=0.5)
    return opened.view(**{"size": 8, "stride": 8, "background": "keep"} | view)


def study_of(canvas, encoder):
    study = Study()
    study.show(canvas)
    study.use(encoder)
    return study


def test_ticked_pictures_become_a_concept_with_evidence_scores_and_maps(encoder):
    canvas = pictures()
    study = study_of(canvas, encoder)
    study.add(Definition("it", items=("1", "4", "7"), against=("2", "3", "5", "8"), form="contrast"))
    assert study.section is None
    assert study.source is canvas.source
    assert study.evidence("it", n_null=19).counted == "pictures"
    concept = study.concept("it")
    np.testing.assert_allclose(study.item_scores("it"), encoder.latents(canvas) @ concept.direction)
    made = map_kind("gradient").make(canvas, encoder, concept, items=[0, 5])
    study.keep(made)
    assert study.findings[0].items == (0, 5)


@pytest.mark.parametrize("open_some", [pictures, slide])
def test_concepts_of_pictures_and_patches_are_compared_with_each_other_and_with_chance(encoder, open_some):
    canvas = open_some()
    study = study_of(canvas, encoder)
    names = [str(name) for name in canvas.item_names]
    study.add(Definition("one", items=tuple(names[:3]), against=tuple(names[5:8]), form="contrast"))
    study.add(Definition("two", items=tuple(names[3:5]), form="contrast"))
    study.add(Definition("three", items=tuple(names[2:5]), form="whitened"))
    study.combine("one", "two")
    table, chance = study.cosines(), study.random_cosines()
    assert list(table.index) == list(chance.index) == ["one", "two", "three", "one - two"]
    assert np.isfinite(chance).all(axis=None)
    assert (np.abs(table) <= 1 + 1e-9).all(axis=None)


def test_an_outline_on_a_slide_becomes_a_concept_that_can_be_redrawn(encoder):
    study = study_of(slide(), encoder)
    study.add(Definition("it", region=cs.Region.from_polygon("it", SQUARE), form="contrast"))
    before = study.concept("it").items
    *_, whole = study.item_score_runs("it")
    study.keep(whole)
    study.redraw("it", cs.Region.from_polygon("it", SQUARE + 8))
    assert study.findings == ()
    assert study.concept("it").items != before
    with pytest.raises(InputError, match="No patch lies in the outline of 'it'"):
        study.redraw("it", cs.Region.from_polygon("it", SQUARE + 1000))


def test_outlines_stay_with_their_slide_however_it_is_cut_and_go_with_it(encoder):
    study = study_of(slide(), encoder)
    study.add(Definition("drawn", region=cs.Region.from_polygon("drawn", SQUARE), form="contrast"))
    study.add(Definition("named", items=("row 0, column 0",)))
    assert [entry.name for entry in study.show(slide(stride=4))] == ["named"]
    assert [entry.name for entry in study.show(slide(seed=2))] == ["drawn"]


def test_pictures_are_known_again_by_name(encoder):
    study = study_of(pictures(), encoder)
    study.add(Definition("both", items=("1", "4"), against=("2",), form="contrast"))
    study.add(Definition("gone", items=("1", "11")))
    study.add(Definition("against gone", items=("1",), against=("11",), form="contrast"))
    assert [entry.name for entry in study.show(pictures(8))] == ["gone", "against gone"]


def test_what_is_of_a_section_alone_is_refused_in_words(encoder):
    study = study_of(pictures(), encoder)
    for ask in (study.need_section, study.need_genes):
        with pytest.raises(InputError, match="No section is open"):
            ask()
    genes = Study()
    genes.show(tiny_section().view("genes", frame=(8, 8)))
    genes.use(tiny_encoder((1, 8, 8)))
    genes.add(Definition("it", items=("Gene1", "Gene2")))
    with pytest.raises(InputError, match="of pictures and patches"):
        genes.item_score_runs("it")


def test_one_picture_for_a_whole_concept_lies_nowhere_on_a_slide(encoder):
    assert "nowhere on the slide" in (refusal_on(map_kind("decoded"), slide()) or "")
    assert refusal_on(map_kind("decoded"), pictures()) is None
    assert refusal_on(map_kind("gradient"), slide()) is None


def test_the_score_of_what_is_being_drawn_is_kept_nowhere(encoder):
    study = study_of(slide(), encoder)
    drawn = Definition("drawn", region=cs.Region.from_polygon("drawn", SQUARE), form="contrast")
    found = study.preview(drawn, ITEM_SCORE.key)
    assert np.isfinite(found.values).all()
    assert study.findings == ()
    assert study.entries == ()
