"""What a user sees of a study comes back, of every kind of definition by every map and after any changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conceptstain.canvas.region import Region
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.sentences import evidence_words
from conceptstain.concepts.spot_concepts import SpotConceptSettings
from conceptstain.errors import ConceptStainError
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import MAPS, SPOT_SCORE
from conceptstain.painting import painting
from conceptstain.study import Study
from conceptstain.study.packing import packed
from conceptstain.study.unpacking import unpacked
from factories import tiny_profile_encoders, tiny_section
from studies import empty_study, same_findings, same_list, triangle

SECTION = tiny_section()
LAYER = "encoder.relu1"
SETTINGS = MapSettings(
    dimension=2,
    percentile=80.0,
    variant="modified",
    padding=True,
    baseline="mean",
    steps=3,
    samples=3,
    window=3,
    layer=LAYER,
)
CONTROLLED = {"decoded", "gene-mean", "rectified", "smoothgrad"}  # of every kind; of a gene all maps are
INNER = Region.from_obs("layer", "inner")
A, B = Definition("a", like="Gene3", neighbours=4), Definition("b", items=("Gene1", "Gene8"))

KINDS = {
    "a gene": A,
    "genes": Definition("list / µ", items=("Gene1", "Gene5"), form="contrast"),
    "an annotation": Definition("layer", region=INNER, neighbours=4),
    "an outline": Definition("outline", region=triangle(SECTION), neighbours=4),
    "picked spots": Definition("picked", region=Region.from_mask("picked", np.arange(42) % 5 == 0), neighbours=4),
    "a latent": Definition("unit", unit=1),
    "a gene in a layer": Definition("conv", like="Gene3", neighbours=3, space="encoder.conv2"),
    "a unit of a layer": Definition("channel", unit=0, space="encoder.conv2"),
    "a difference": A - B,
    "a sum with weights": 0.5 * A + 2 * Definition("layer", region=INNER, neighbours=4),
}


def with_definitions(*definitions):
    study = empty_study(SECTION)
    profiles = SECTION.view("spots")
    study.use_for_spots(profiles, tiny_profile_encoders(profiles.features))
    study.spot_settings = SpotConceptSettings("plain")
    for definition in definitions:
        study.add(definition)
    return study


def again(study):
    """The study, packed and unpacked."""
    record, arrays = packed(study.snapshot())
    return Study.of(unpacked(type(record).model_validate_json(record.model_dump_json()), arrays, study.section))


def asked(study, name):
    """All that can be asked of a concept, where it can be: maps, evidence, controls."""
    definition, found = study.entry(name).definition, []
    for kind in MAPS:
        if not kind.refusal_of(definition):
            concept = study.concept(name)
            made = kind.make(study.need_canvas(), study.need_encoder(), concept, settings=SETTINGS)
            study.keep(replace(made, colour_limits=(-0.25, 1 / 3)))
            has_genes = all(part.unit is None for _, part in definition.terms)
            if has_genes and (definition is A or kind.key in CONTROLLED):
                study.controls(name, kind.key, settings=SETTINGS)
                found.append(kind.key)
    if definition.region is not None:
        study.keep(study.spot_score(name))
        study.controls(name, SPOT_SCORE.key)
        found.append(SPOT_SCORE.key)
    try:
        study.evidence(name, n_null=5)
    except ConceptStainError:
        assert study.known_evidence(name) is None
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_concept_comes_back_with_its_maps_evidence_and_controls_and_nothing_is_computed(kind, monkeypatch):
    study = with_definitions(KINDS[kind], Definition("other", region=Region.from_obs("layer", "outer"), neighbours=4))
    name = KINDS[kind].name
    controlled = asked(study, name)
    study.recolour(name, "#123456")
    other = again(study)
    for place in ("methods.controls.controls", "concepts.evidence.evidence", "concepts.concept.make"):
        monkeypatch.setattr(f"conceptstain.{place}", lambda *_given, **_words: pytest.fail("computed again"))
    same_list(study, other)
    same_findings(study, other)
    canvases = study.need_canvas(), other.need_canvas()
    for pair in zip(study.findings, other.findings, strict=True):
        one, two = (painting(made, canvas) for made, canvas in zip(pair, canvases, strict=True))
        assert (one.title, one.label, one.limits) == (two.title, two.label, two.limits)
        np.testing.assert_array_equal(one.values, two.values)
    assert (study.known_evidence(name) is None) == (other.known_evidence(name) is None)
    if study.known_evidence(name) is not None:
        one, two = study.known_evidence(name), other.known_evidence(name)
        assert (evidence_words(one), one.sentence, one.notes) == (evidence_words(two), two.sentence, two.notes)
    for key in controlled:
        one, two = (each.controls(name, key, settings=SETTINGS) for each in (study, other))
        same_controls(one, two)
    assert other.spot_settings == study.spot_settings
    assert len(other.snapshot().controls) == len(study.snapshot().controls) == len(controlled)


def same_controls(one, other):
    assert (one.name, one.method, one.judged, one.auroc, one.encoder, one.n_inside) == (
        other.name, other.method, other.judged, other.auroc, other.encoder, other.n_inside
    )  # fmt: skip
    assert dict(one.settings) == dict(other.settings)
    assert one.sentences == other.sentences
    np.testing.assert_array_equal(one.values, other.values)
    pd.testing.assert_frame_equal(one.table(), other.table())
    for mine, theirs in zip(one.controls, other.controls, strict=True):
        assert (mine.name, mine.explanation) == (theirs.name, theirs.explanation)
        np.testing.assert_array_equal(mine.values, theirs.values)


CHANGES = ("add", "rename", "recolour", "remove", "duplicate", "combine", "undo", "redo")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 9)), max_size=12))
def test_the_list_comes_back_in_its_order_with_all_that_can_be_taken_back(changes):
    study = with_definitions()
    for change, number in changes:
        names = [entry.name for entry in study.entries]
        chosen = names[number % len(names)] if names else None
        try:
            if change == "add":
                wanted = list(KINDS.values())[number]
                study.add(wanted.renamed(study.free_name(wanted.name)))
            elif change in {"undo", "redo"}:
                getattr(study, change)()
            elif change == "combine" and names:
                study.add(study.combination(chosen, names[0]))
            elif chosen is not None:
                words = {"rename": (f"{chosen}'",), "recolour": (f"#00000{number}",)}.get(change, ())
                getattr(study, change)(chosen, *words)
        except ConceptStainError:
            continue  # such as undo where nothing was done
    other = again(study)
    same_list(study, other)
    for way in ("undo", "redo"):
        while getattr(study, f"can_{way}"):
            assert getattr(other, f"can_{way}")
            getattr(study, way)()
            getattr(other, way)()
            same_list(study, other)
        assert not getattr(other, f"can_{way}")


def test_controls_follow_a_concept_under_another_name_and_back():
    study = with_definitions(KINDS["an annotation"], Definition("other", region=Region.from_obs("layer", "outer")))
    keys = ("gene-mean", SPOT_SCORE.key)
    before = {key: study.controls("layer", key) for key in keys}
    of_other = study.controls("other", SPOT_SCORE.key)
    study.rename("layer", "inner layer")
    for key in keys:
        found = study.controls("inner layer", key)
        assert found.name == "inner layer"
        assert found.values is before[key].values
    assert study.controls("other", SPOT_SCORE.key) is of_other
    study.undo()
    assert study.controls("layer", SPOT_SCORE.key) is before[SPOT_SCORE.key]


def test_controls_of_a_concept_that_was_given_up_are_not_kept():
    study = with_definitions()
    study.add(A)
    study.controls("a", "gene-mean")
    assert len(study.snapshot().controls) == 1
    study.remove("a")
    assert len(study.snapshot().controls) == 1  # undo brings it back
    study.undo()
    study.undo()
    study.add(B)
    assert len(study.snapshot().controls) == 0
