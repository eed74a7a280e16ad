"""The methods paragraph says what was done, cites whom it should, and claims no more."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from conceptstain.concepts.definition import Definition
from conceptstain.methods.maps import MAPS, map_kind
from conceptstain.methods.saliency import saliency
from conceptstain.nets.bundled import bundled
from conceptstain.nets.rules import rectified
from conceptstain.recipe import Recipe
from conceptstain.recipe.paragraph import CITATIONS
from conceptstain.study import Study
from studies import empty_study, full_study, opened_section


@pytest.fixture(scope="module")
def section(tmp_path_factory):
    return opened_section(tmp_path_factory.mktemp("data"))


def painted(section, *keys):
    study = empty_study(section)
    study.add(Definition("like", like="Gene3", neighbours=4))
    for key in keys:
        study.keep(map_kind(key).make(study.need_canvas(), study.need_encoder(), study.concept("like")))
    return study


def cited(paragraph):
    return {word for word, citation in CITATIONS.items() if citation in paragraph.partition("References: ")[2]}


@pytest.mark.parametrize("key", [kind.key for kind in MAPS])
def test_each_map_is_cited_where_it_was_used_and_only_there(section, key):
    told = Recipe.of(painted(section, key)).methods_paragraph()
    maps = {kind.key for kind in MAPS} & set(CITATIONS)
    assert cited(told) & maps == {key} & maps
    assert {"concepts", "vae", "torch", "anndata"} <= cited(told)


def test_whatever_is_cited_in_the_text_is_in_the_references(section):
    text, _, references = Recipe.of(full_study(section)).methods_paragraph().partition("References: ")
    for year in re.findall(r"[A-Z]\w+(?: et al\.| & \w+)? (?:19|20)\d\d", text):
        assert year in references


def test_it_names_data_encoder_map_rule_evidence_and_versions(section):
    study = full_study(section)
    study.controls("layer", "decoded")
    told = Recipe.of(study).methods_paragraph()
    for words in (
        "tiny.h5ad (42 spots, 12 genes",
        "napari-conceptstain 0.1.0",
        study.need_encoder().fingerprint,
        *(each.fingerprint for each in study.spot_encoders),
        "the 4 genes nearest to Gene3 in latent space",
        "annotated layer = inner",
        "inside a drawn outline",
        "picked one by one",
        "in the layer encoder.conv2",
        "the combination +1 like -1 layer",
        "q = 95",
        "latent attention of latent 2 at encoder.conv3",
        "against 5 random selections",
        "the decoded concept: a map without a network",
        "Colour limits were chosen by hand for 1 of 18 maps",
        "torch ",
    ):
        assert words in told


def test_it_does_not_hide_what_was_not_done(section):
    told = Recipe.of(painted(section, "decoded")).methods_paragraph()
    assert "No concept was tested: the maps are descriptions." in told
    assert "Maps were not compared with controls." in told
    assert "No map was painted." in Recipe.of(painted(section)).methods_paragraph()


def test_the_settings_of_a_rule_are_told(section):
    study = painted(section)
    rule = rectified(80.0, variant="modified", padding=True)
    made = saliency(study.need_canvas(), study.need_encoder(), study.concept("like"), rule=rule, times_input=True)
    study.keep(made)
    study.keep(replace(made, colour_limits=None))
    told = Recipe.of(study).methods_paragraph()
    assert "the rectified gradient (q = 80, modified, border rule, times input, Kim et al. 2019" in told


def test_the_bundled_encoder_says_what_it_was_trained_on(section):
    study = Study()
    study.show(section.view("genes"))
    study.use(bundled())
    told = Recipe.of(study).methods_paragraph()
    assert "that comes with the package and was trained on" in told
    assert all(name in told for name in bundled().sections)
