"""Activations of units in a study: saved, opened and replayed to equal numbers, of the study's networks and others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.unit_maps import unit_map
from conceptstain.recipe import Recipe
from conceptstain.study import Study
from conceptstain.study.saving import open_study, save_study
from factories import tiny_encoder
from picture_studies import image_encoder, opened_pictures, picture_folder, study_of
from studies import full_study, opened_section


def of_pictures(folder: Path) -> tuple[Study, Path, list]:
    canvas = opened_pictures(picture_folder(folder))
    study, other = study_of(canvas), image_encoder(seed=5)
    layer = cs.layers_with_places(other)[-1]
    study.add(Definition("ticked", items=("cell 0.png", "cell 1.png"), form="contrast"))
    study.keep(unit_map(study.need_encoder(), layer, canvas, 1, items=[5, 0]))
    study.keep(unit_map(study.need_encoder(), layer, canvas, 1, alignment="bilinear"))
    study.keep(unit_map(other, layer, canvas, 1, items=[2]))
    return study, canvas.source.path, [study.need_encoder(), other]


def of_tissue(folder: Path) -> tuple[Study, Path, list]:
    study = full_study(opened_section(folder))
    encoder, of_spots = study.need_encoder(), study.spot_encoders[0]
    profiles = study.need_genes().section.view("spots", genes=of_spots.features)
    study.keep(unit_map(of_spots, "encoder.relu1", profiles, 0))
    study.keep(unit_map(encoder, cs.layers_with_places(encoder)[-1], study.need_genes(), 1))
    return study, folder, [encoder, *study.spot_encoders]


@pytest.fixture(scope="module", params=[of_pictures, of_tissue])
def made(request, tmp_path_factory) -> tuple[Study, Path, list]:
    return request.param(tmp_path_factory.mktemp("data"))


def same_findings(one: Study, other: Study) -> None:
    assert [made.title for made in one.findings] == [made.title for made in other.findings]
    for first, second in zip(one.findings, other.findings, strict=True):
        assert type(first) is type(second)
        assert (first.signed, first.encoder) == (second.signed, second.encoder)
        np.testing.assert_array_equal(first.values, second.values)


def test_what_is_saved_opens_with_the_activations(made, tmp_path):
    study, _, _ = made
    same_findings(study, open_study(save_study(study, tmp_path / "study.h5ad")))


def test_a_recipe_names_the_network_of_a_unit_and_replays_to_equal_numbers(made, tmp_path):
    study, data, encoders = made
    Recipe.of(study, figures=("maps.png",)).write(tmp_path / "recipe.yaml", encoders=encoders)
    recipe = Recipe.read(tmp_path / "recipe.yaml")
    replayed = recipe.run(data, tmp_path / "again", weights=tmp_path)
    assert all(replayed.equal.values())
    same_findings(study, replayed.study)
    assert "the activation of units" in recipe.methods_paragraph()
    assert "Bau, Zhou et al. 2017" in recipe.methods_paragraph()


def test_a_network_whose_weights_are_not_there_is_told(tmp_path):
    study, data, encoders = of_pictures(tmp_path / "data")
    Recipe.of(study).write(tmp_path / "recipe.yaml", encoders=encoders[:1])
    with pytest.raises(InputError, match=encoders[1].fingerprint):
        Recipe.read(tmp_path / "recipe.yaml").run(data, weights=tmp_path)


def test_activations_stay_when_the_list_of_concepts_changes(tmp_path):
    study, _, _ = of_pictures(tmp_path)
    titles = [made.title for made in study.findings]
    study.remove("ticked")
    assert [made.title for made in study.findings] == titles


def test_a_map_of_another_frame_is_not_kept(tmp_path):
    study, _, _ = of_pictures(tmp_path)
    canvas = opened_pictures(study.need_canvas().source.path, frame=16)
    other = tiny_encoder((1, 16, 16), scaling="unit")
    with pytest.raises(MismatchError, match="other pictures than the study's"):
        study.keep(unit_map(other, "conv1", canvas, 0, items=[0]))
