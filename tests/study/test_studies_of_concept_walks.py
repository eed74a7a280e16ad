"""Concept walks in a study: saved, opened and replayed to equal numbers, called and dropped as their concept is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.concepts.definition import Definition
from conceptstain.painting import map_label
from conceptstain.recipe import Recipe
from conceptstain.study import Study
from conceptstain.study.saving import open_study, save_study
from picture_studies import opened_pictures, picture_folder, study_of
from studies import empty_study, opened_section


def of_pictures(folder: Path) -> tuple[Study, Path]:
    canvas = opened_pictures(picture_folder(folder / "data"))
    study = study_of(canvas)
    study.add(Definition("ticked", items=("cell 0.png", "cell 1.png"), form="contrast"))
    return study, canvas.source.path


def of_tissue(folder: Path) -> tuple[Study, Path]:
    study = empty_study(opened_section(folder))
    study.add(Definition("ticked", items=("Gene1", "Gene5"), form="contrast"))
    return study, folder


@pytest.fixture(params=[of_pictures, of_tissue])
def made(request, tmp_path) -> tuple[Study, Path]:
    study, data = request.param(tmp_path)
    canvas, encoder, ticked = study.need_canvas(), study.need_encoder(), study.concept("ticked")
    lowest = np.argsort(ticked.scores(encoder.latents(canvas)))[:3]
    walk = cs.concept_walk(encoder, canvas, lowest, ticked, frames=3)
    far = cs.concept_walk(encoder, canvas, lowest[2:], ticked, to=float(walk.scores[2, 0]) + 0.5)
    assert far.asked.all()
    study.keep(cs.concept_walk_map(walk, canvas))
    study.keep(cs.concept_walk_map(walk, canvas, lowest[1:2]))
    study.keep(cs.concept_walk_map(far, canvas))
    return study, data


def test_walks_are_saved_and_replayed_from_a_recipe_to_equal_numbers(made, tmp_path):
    study, data = made
    opened = open_study(save_study(study, tmp_path / "study.zarr"))
    Recipe.of(study, figures=("maps.png",)).write(tmp_path / "recipe.yaml", encoders=[study.need_encoder()])
    recipe = Recipe.read(tmp_path / "recipe.yaml")
    replayed = recipe.run(data, tmp_path / "again", weights=tmp_path)
    for other in (opened, replayed.study):
        for mine, theirs in zip(study.findings, other.findings, strict=True):
            assert (theirs.title, theirs.items, theirs.signed) == (mine.title, mine.items, mine.signed)
            np.testing.assert_array_equal(theirs.values, mine.values)
    assert list(replayed.equal.values()) == [True, True, True]
    told = recipe.methods_paragraph()
    assert "walk along the concept (until what is decoded, encoded again, has the mean score of its own items)" in told
    assert "encoded again, has a score of" in told


def test_a_walk_is_called_as_its_concept_is_and_leaves_with_it(made):
    study, _ = made
    study.rename("ticked", "chosen")
    assert {each.name for each in study.findings} == {"chosen"}
    assert map_label(study.findings[0], study.need_canvas().scaling) == "change of what is decoded"
    study.remove("chosen")
    assert not study.findings
