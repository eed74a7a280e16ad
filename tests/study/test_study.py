from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conceptstain.canvas.region import Region
from conceptstain.canvas.section import Section
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.latents import latents_of
from conceptstain.concepts.spot_concepts import SpotConceptSettings
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.score_map import score_map
from conceptstain.painting import painting
from conceptstain.study import WONG, Study
from factories import tiny_encoder, tiny_profile_encoders, tiny_section
from scenes import scene


@pytest.fixture
def study() -> Study:
    at = scene()
    study = Study()
    study.show(at.canvas)
    study.use(at.encoder)
    return study


def names(study: Study) -> list[str]:
    return [entry.name for entry in study.entries]


def test_every_change_of_the_list_can_be_taken_back_and_made_again(study: Study) -> None:
    states = [names(study)]
    study.add(Definition("granule", like="Gene3"))
    states.append(names(study))
    study.add(Definition("mitral", like="Gene5"))
    states.append(names(study))
    study.rename("granule", "GCL")
    states.append(names(study))
    study.remove("mitral")
    states.append(names(study))
    for state in reversed(states[:-1]):
        study.undo()
        assert names(study) == state
    assert not study.can_undo
    for state in states[1:]:
        study.redo()
        assert names(study) == state
    assert not study.can_redo


def test_a_new_change_forgets_what_was_taken_back(study: Study) -> None:
    study.add(Definition("granule", like="Gene3"))
    study.undo()
    study.add(Definition("mitral", like="Gene5"))
    assert not study.can_redo
    assert names(study) == ["mitral"]


def test_undo_on_a_clean_slate_does_nothing(study: Study) -> None:
    study.undo()
    study.redo()
    assert study.entries == ()


def test_concepts_get_colours_that_are_told_apart(study: Study) -> None:
    for number in range(len(WONG) + 1):
        study.add(Definition(f"concept {number}", like="Gene3"))
    colours = [entry.colour for entry in study.entries]
    assert tuple(colours[: len(WONG)]) == WONG
    study.recolour("concept 2", "#000000")
    assert study.entry("concept 2").colour == "#000000"


@pytest.mark.parametrize("name", ["granule", " granule ", "", "  "])
def test_a_name_is_given_and_not_taken(study: Study, name: str) -> None:
    study.add(Definition("granule", like="Gene3"))
    with pytest.raises(InputError, match=r"already a concept of that name|needs a name"):
        study.add(Definition(name, like="Gene5"))
    study.add(Definition("mitral", like="Gene5"))
    with pytest.raises(InputError, match=r"already a concept of that name|needs a name"):
        study.rename("mitral", name)
    assert names(study) == ["granule", "mitral"]


def test_blanks_around_a_name_are_no_part_of_it(study: Study) -> None:
    assert study.add(Definition(" granule ", like="Gene3")).name == "granule"


def test_a_gene_typed_in_other_case_moves_on_to_another_section(study: Study) -> None:
    study.add(Definition("granule", like="gene3"))
    study.add(Definition("gone", like="Gene3"))
    assert study.show(tiny_section(n_genes=6, seed=5).view("genes")) == ()


def test_a_free_name_is_numbered(study: Study) -> None:
    assert study.free_name("region") == "region"
    study.add(Definition("region", like="Gene3"))
    study.add(Definition("region 2", like="Gene3"))
    assert study.free_name("region") == "region 3"


def test_a_concept_is_made_once_and_follows_its_new_name(study: Study) -> None:
    study.add(Definition("granule", like="Gene3"))
    made = study.concept("granule")
    assert study.concept("granule") is made
    study.rename("granule", "GCL")
    assert study.concept("GCL").name == "GCL"
    assert study.concept("GCL").direction is made.direction


def test_another_encoder_loses_no_concept(study: Study) -> None:
    study.add(Definition("granule", like="Gene3"))
    before = study.concept("granule")
    study.keep(score_map(study.need_canvas(), before))
    study.use(tiny_encoder(study.need_canvas().shape, seed=8))
    after = study.concept("granule")
    assert after.encoder != before.encoder
    assert not np.allclose(after.direction, before.direction)
    assert study.findings == ()


def test_a_later_map_of_the_same_title_takes_the_place_of_the_earlier(study: Study) -> None:
    study.add(Definition("granule", like="Gene3"))
    canvas, concept = study.need_canvas(), study.concept("granule")
    heard: list[object] = []
    study.finding_added.connect(heard.append)
    study.keep(score_map(canvas, concept))
    study.keep(score_map(canvas, concept))
    assert len(study.findings) == 1
    assert len(heard) == 2


def test_another_section_keeps_what_means_something_there(study: Study) -> None:
    layer = study.need_canvas().section.annotations["layer"][0]
    study.add(Definition("by gene", like="Gene3"))
    study.add(Definition("by layer", region=Region.from_obs("layer", layer)))
    study.add(Definition("by hand", region=Region.from_polygon("drawn", np.array([[0.0, 0], [0, 900], [900, 0]]))))
    left = study.show(tiny_section(seed=5).view("genes"))
    assert [entry.name for entry in left] == ["by hand"]
    assert names(study) == ["by gene", "by layer"]
    assert study.encoder is None


def test_a_misfitting_encoder_leaves_the_one_in_use(study: Study) -> None:
    before = study.encoder
    with pytest.raises(MismatchError):
        study.use(tiny_encoder((1, 16, 16)))
    assert study.encoder is before


def test_an_empty_study_says_what_it_waits_for() -> None:
    study = Study()
    with pytest.raises(InputError, match="Nothing is open"):
        study.use(tiny_encoder((1, 8, 8)))
    study.show(scene().canvas)
    with pytest.raises(InputError, match="No encoder is in use"):
        study.need_encoder()


def test_two_studies_do_not_hear_each_other() -> None:
    one, other = Study(), Study()
    heard: list[str] = []
    other.section_changed.connect(lambda: heard.append("section"))
    one.show(scene().canvas)
    assert heard == []


def test_chosen_colour_limits_are_kept_when_a_map_is_made_again(study: Study) -> None:
    study.add(Definition("granule", like="Gene3"))
    canvas, concept = study.need_canvas(), study.concept("granule")
    study.keep(score_map(canvas, concept))
    title = study.findings[0].title
    study.set_colour_limits(title, (-1.0, 2.0))
    study.keep(score_map(canvas, concept))
    assert painting(study.findings[0], canvas).limits == (-1.0, 2.0)
    study.set_colour_limits(title, None)
    assert painting(study.findings[0], canvas).limits != (-1.0, 2.0)
    for limits in ((2.0, -1.0), (1.0, 1.0)):
        with pytest.raises(InputError, match="below the upper"):
            study.set_colour_limits(title, limits)


def test_maps_follow_their_concept_through_renaming_deleting_and_undo(study: Study) -> None:
    study.add(Definition("granule", like="Gene3"))
    study.keep(score_map(study.need_canvas(), study.concept("granule")))
    study.rename("granule", "GCL")
    assert [finding.title for finding in study.findings] == ["GCL - gene mean"]
    study.undo()
    assert [finding.title for finding in study.findings] == ["granule - gene mean"]
    study.remove("granule")
    assert study.findings == ()


def test_evidence_is_made_once_and_follows_its_concept(study: Study) -> None:
    study.add(Definition("granule", like="Gene3"))
    assert study.known_evidence("granule") is None
    found = study.evidence("granule", n_null=5)
    assert study.evidence("granule", n_null=5).scores is found.scores
    assert study.evidence("granule", n_null=6).scores is not found.scores
    study.rename("granule", "GCL")
    known = study.known_evidence("GCL")
    assert known is not None
    assert known.name == "GCL"
    study.undo()
    assert study.known_evidence("granule") is not None
    study.use(tiny_encoder(study.need_encoder().shape, seed=5))
    assert study.known_evidence("granule") is None


def test_evidence_is_corrected_for_all_concepts_that_were_tried(study: Study) -> None:
    study.add(Definition("granule", like="Gene3"))
    alone = study.evidence("granule", n_null=9)
    assert alone.tried == 1
    study.add(Definition("outer", region=Region.from_obs("layer", "outer")))
    study.evidence("outer", n_null=9)
    study.rename("outer", "ONL")
    study.evidence("ONL", n_null=9)
    again = study.known_evidence("granule")
    assert again is not None
    assert again.tried == 2
    assert alone.p <= again.p
    study.remove("ONL")
    given_up = study.known_evidence("granule")
    assert given_up is not None
    assert given_up.tried == 2


def test_the_same_encoder_over_again_keeps_what_was_tried(study: Study) -> None:
    for name, gene in (("granule", "Gene3"), ("mitral", "Gene5")):
        study.add(Definition(name, like=gene))
        study.evidence(name, n_null=9)
    study.remove("mitral")
    again = replace(study.need_encoder(), name="loaded once more")
    study.use(again)
    assert study.need_encoder() is again
    known = study.known_evidence("granule")
    assert known is not None
    assert known.tried == 2


def test_evidence_is_made_anew_where_the_painted_rule_has_changed(with_spots: Study) -> None:
    with_spots.add(Definition("GCL", region=Region.from_obs("layer", "inner")))
    before = with_spots.evidence("GCL", n_null=9)
    other = "plain" if before.settings["direction"] == "whitened" else "whitened"
    with_spots.spot_settings = replace(with_spots.spot_settings, direction=other)
    assert with_spots.evidence("GCL", n_null=9).settings["direction"] == other


def test_controls_are_made_once_for_each_map(study: Study) -> None:
    study.add(Definition("outer", region=Region.from_obs("layer", "outer")))
    found = study.controls("outer", "gene-mean")
    assert study.controls("outer", "gene-mean") is found
    assert study.controls("outer", "decoded") is not found


def test_controls_are_made_again_only_for_settings_that_the_map_listens_to(study: Study) -> None:
    study.add(Definition("outer", region=Region.from_obs("layer", "outer")))
    found = study.controls("outer", "rectified")
    assert study.controls("outer", "rectified", settings=MapSettings(dimension=2)) is found
    fewer = study.controls("outer", "rectified", settings=MapSettings(percentile=50.0))
    assert fewer is not found
    assert not np.allclose(fewer.values, found.values)


def test_a_preview_is_painted_with_the_settings_of_its_map(study: Study) -> None:
    definition = Definition("outer", region=Region.from_obs("layer", "outer"))
    assert study.preview(definition, "attention", settings=MapSettings(dimension=2)).title.endswith("latent 2")


@pytest.fixture
def with_spots(study: Study) -> Study:
    canvas = study.need_canvas().section.view("spots")
    study.use_for_spots(canvas, tiny_profile_encoders(canvas.features))
    return study


def test_concepts_of_spots_are_read_together(with_spots: Study) -> None:
    with_spots.add(Definition("GCL", region=Region.from_obs("layer", "inner")))
    with_spots.add(Definition("Gene3", like="Gene3"))
    assert with_spots.spot_score("GCL").title == "GCL - spot score"
    with_spots.add(Definition("ONL", region=Region.from_obs("layer", "outer")))
    assert with_spots.spot_score("GCL").title == "GCL - spot score, against ONL"
    with_spots.spot_settings = SpotConceptSettings(contrast=False)
    assert with_spots.spot_score("GCL").title == "GCL - spot score"
    with pytest.raises(InputError, match="not made from spots"):
        with_spots.spot_score("Gene3")


def test_a_spot_score_follows_its_concept_and_outlives_another_picture_encoder(with_spots: Study) -> None:
    with_spots.add(Definition("GCL", region=Region.from_obs("layer", "inner")))
    with_spots.keep(with_spots.spot_score("GCL"))
    with_spots.use(tiny_encoder(with_spots.need_canvas().shape, seed=5))
    assert [made.title for made in with_spots.findings] == ["GCL - spot score"]
    with_spots.rename("GCL", "granule")
    assert [made.title for made in with_spots.findings] == ["granule - spot score"]
    canvas = with_spots.need_canvas().section.view("spots")
    with_spots.use_for_spots(canvas, tiny_profile_encoders(canvas.features, 1))
    assert with_spots.findings == ()


def test_spots_of_another_section_and_no_encoder_are_refused(study: Study) -> None:
    other = tiny_section(8, 9).view("spots")
    with pytest.raises(InputError, match="another section"):
        study.use_for_spots(other, tiny_profile_encoders(other.features))
    with pytest.raises(InputError, match="one encoder or more"):
        study.use_for_spots(study.need_canvas().section.view("spots"), ())
    study.add(Definition("GCL", region=Region.from_obs("layer", "inner")))
    with pytest.raises(InputError, match="No encoder of spot profiles"):
        study.spot_score("GCL")


def test_a_concept_is_told_from_those_that_share_no_spot_with_it(with_spots: Study) -> None:
    section = with_spots.need_canvas().section
    first = np.arange(section.n_spots) < 5
    with_spots.add(Definition("GCL", region=Region.from_obs("layer", "inner")))
    with_spots.add(Definition("all", region=Region.from_mask("all", np.ones(section.n_spots, dtype=bool) & ~first)))
    with_spots.add(Definition("first", region=Region.from_mask("first", first & ~inner(section))))
    assert with_spots.spot_score("GCL").title == "GCL - spot score, against first"
    assert with_spots.spot_score("all").title == "all - spot score, against first"


def inner(section: Section) -> np.ndarray:
    return np.asarray(section.adata.obs["layer"] == "inner")


def test_another_section_needs_spot_encoders_of_its_own(with_spots: Study) -> None:
    with_spots.show(tiny_section(8, 9).view("genes"))
    assert with_spots.spot_canvas is None
    assert with_spots.spot_encoders == ()


def test_concepts_of_spots_are_tested_by_their_profiles_where_encoders_are(with_spots: Study) -> None:
    with_spots.add(Definition("GCL", region=Region.from_obs("layer", "inner")))
    with_spots.add(Definition("Gene3", like="Gene3"))
    assert with_spots.evidence("GCL", n_null=9).by == "spot profiles"
    found = with_spots.evidence("Gene3", n_null=9)
    assert found.by == "genes"
    assert found.tried == 2
    with_spots.use(tiny_encoder(with_spots.need_canvas().shape, seed=5))
    assert with_spots.known_evidence("GCL") is not None
    assert with_spots.known_evidence("Gene3") is None


def test_a_spot_score_has_controls_of_its_own_which_follow_its_settings(with_spots: Study) -> None:
    with_spots.add(Definition("GCL", region=Region.from_obs("layer", "inner")))
    found = with_spots.controls("GCL", "spot-score")
    assert with_spots.controls("GCL", "spot-score") is found
    assert "random spots" in [control.name for control in found.controls]
    with_spots.spot_settings = SpotConceptSettings("plain")
    assert with_spots.controls("GCL", "spot-score") is not found


def test_a_duplicate_is_the_same_under_a_name_and_colour_of_its_own(study: Study) -> None:
    study.add(Definition("granule", like="Gene3"))
    made = study.concept("granule")
    entry = study.duplicate("granule")
    assert (entry.name, study.duplicate("granule").name) == ("granule 2", "granule 3")
    assert len({entry.colour for entry in study.entries}) == 3
    assert entry.definition.has_same_source(study.entry("granule").definition)
    assert study.concept("granule 2").direction is made.direction
    study.undo()
    study.undo()
    assert names(study) == ["granule"]


def test_concepts_are_combined_under_the_names_of_both(study: Study) -> None:
    study.add(Definition("granule", like="Gene3", neighbours=4))
    study.add(Definition("mitral", like="Gene5", neighbours=4))
    study.combine("granule", "mitral")
    study.combine("granule", "mitral", "+")
    study.combine("granule", "mitral")
    assert names(study) == ["granule", "mitral", "granule - mitral", "granule + mitral", "granule - mitral 2"]
    np.testing.assert_allclose(
        study.concept("granule - mitral").direction, (study.concept("granule") - study.concept("mitral")).direction
    )
    study.undo()
    study.undo()
    assert names(study) == ["granule", "mitral", "granule - mitral"]
    study.redo()
    assert names(study)[-1] == "granule + mitral"


def test_a_combination_outlives_its_parts_and_keeps_their_names(study: Study) -> None:
    study.add(Definition("granule", like="Gene3", neighbours=4))
    study.add(Definition("mitral", like="Gene5", neighbours=4))
    study.combine("granule", "mitral")
    before = study.concept("granule - mitral")
    study.rename("granule", "GCL")
    study.remove("mitral")
    study.use(study.need_encoder())  # forgets what was made
    after = study.concept("granule - mitral")
    np.testing.assert_allclose(after.direction, before.direction)
    assert after.origin == before.origin == "granule minus mitral, each brought to the same length"


def test_another_encoder_makes_a_combination_anew(study: Study) -> None:
    study.add(Definition("granule", like="Gene3", neighbours=4))
    study.add(Definition("mitral", like="Gene5", neighbours=4))
    study.combine("granule", "mitral")
    study.use(tiny_encoder(study.need_canvas().shape, seed=8))
    made = study.concept("granule - mitral")
    assert made.encoder == study.need_encoder().fingerprint
    np.testing.assert_allclose(made.direction, (study.concept("granule") - study.concept("mitral")).direction)


def test_what_cannot_be_combined_is_never_in_the_list(study: Study) -> None:
    study.add(Definition("granule", items=("Gene3", "Gene4")))
    study.add(Definition("same", items=("Gene4", "Gene3")))
    study.add(Definition("contrast", like="Gene3", form="contrast"))
    study.duplicate("granule")
    for second, told in (
        ("granule", "Nothing is left"),
        ("granule 2", "Nothing is left"),
        ("same", "point the same way"),
        ("contrast", "combined in one form"),
        ("nobody", "no concept of that name"),
    ):
        with pytest.raises(InputError, match=told):
            study.combine("granule", second)
    with pytest.raises(InputError, match=r"no such sign\. Got 'minus'"):
        study.combine("granule", "same", "minus")
    assert names(study) == ["granule", "same", "contrast", "granule 2"]


def test_without_an_encoder_concepts_are_combined_all_the_same() -> None:
    study = Study()
    study.show(scene().canvas)
    study.add(Definition("granule", like="Gene3"))
    study.add(Definition("mitral", like="Gene5"))
    assert study.combine("granule", "mitral", "+").name == "granule + mitral"


def test_a_combination_moves_on_to_another_section_with_all_its_parts_or_not_at_all(study: Study) -> None:
    study.add(Definition("gene", like="Gene3"))
    study.add(Definition("other", like="Gene5"))
    study.add(Definition("drawn", region=Region.from_polygon("drawn", np.array([[0.0, 0], [0, 900], [900, 0]]))))
    study.add(study.combination("gene", "other"))
    study.add(study.combination("gene", "drawn"))
    left = study.show(tiny_section(seed=5).view("genes"))
    assert [entry.name for entry in left] == ["drawn", "gene - drawn"]
    assert names(study) == ["gene", "other", "gene - other"]


def test_maps_of_a_combination_follow_it(study: Study) -> None:
    study.add(Definition("granule", like="Gene3", neighbours=4))
    study.add(Definition("mitral", like="Gene5", neighbours=4))
    study.combine("granule", "mitral")
    study.keep(score_map(study.need_canvas(), study.concept("granule - mitral")))
    study.rename("granule - mitral", "contrast")
    assert [finding.title for finding in study.findings] == ["contrast - gene mean"]


def test_the_cosine_table_is_of_all_concepts_or_of_those_named(study: Study) -> None:
    study.add(Definition("granule", like="Gene3", neighbours=4))
    study.add(Definition("mitral", like="Gene5", neighbours=4))
    study.combine("granule", "mitral")
    table = study.cosines()
    assert list(table.index) == names(study)
    np.testing.assert_allclose(np.diag(table), 1)
    assert study.cosines("granule", "mitral").shape == (2, 2)
    chance = study.random_cosines()
    assert list(chance.columns) == names(study)
    study.add(Definition("layer", like="Gene3", space="chain.conv2"))
    with pytest.raises(MismatchError, match="compared in one space"):
        study.cosines()


def test_genes_are_scored_in_the_concepts_own_space(study: Study) -> None:
    study.add(Definition("layer", like="Gene3", neighbours=4, space="chain.conv1"))
    channels = latents_of(study.need_canvas(), study.need_encoder(), space="chain.conv1")
    np.testing.assert_allclose(study.item_scores("layer"), study.concept("layer").scores(channels))


def test_evidence_by_a_rule_that_is_painted_no_more_is_not_known(with_spots: Study) -> None:
    number = np.arange(with_spots.need_canvas().section.n_spots)
    with_spots.add(Definition("few", region=Region.from_mask("few", number < 8)))
    assert with_spots.evidence("few", n_null=9).settings["direction"] == "plain"
    with_spots.add(Definition("many", region=Region.from_mask("many", (number >= 8) & (number < 33))))
    assert with_spots.known_evidence("few") is None
    assert with_spots.evidence("few", n_null=9).settings["direction"] == "whitened"
    assert with_spots.known_evidence("few") is not None


def test_the_same_encoders_of_spots_forget_nothing(with_spots: Study) -> None:
    with_spots.add(Definition("GCL", region=Region.from_obs("layer", "inner")))
    with_spots.evidence("GCL", n_null=9)
    canvas = with_spots.spot_canvas
    assert canvas is not None
    with_spots.use_for_spots(canvas, with_spots.spot_encoders)
    assert with_spots.known_evidence("GCL") is not None
