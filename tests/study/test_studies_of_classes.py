"""A class of a classifier in a study: its concept, map and encoder are there again, also by a recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import conceptstain as cs
from classes import quick
from conceptstain.methods.maps import map_kind
from conceptstain.recipe import Recipe
from conceptstain.study import Study
from conceptstain.study.saving import open_study, save_study
from pictures import noise, write_picture


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Study, Path]:
    """A study of dim and bright pictures, with the concept of a class, its scores and a map."""
    folder = tmp_path_factory.mktemp("data") / "cells"
    for number in range(16):
        write_picture(folder / f"{number}.png", noise(16, 16, seed=number) // 4 + np.uint8(120 * (number % 2)))
    canvas = cs.open(folder, as_="images").view("images", frame=16)
    kinds = {name: "bright" if int(str(name).partition(".")[0]) % 2 else "dim" for name in canvas.item_names}
    classifier = cs.fit_classifier(canvas, cs.class_labels(canvas, values=kinds), quick(3))
    study = Study()
    study.show(canvas)
    study.use(classifier.encoder)
    study.add(cs.class_concept(classifier, canvas, "bright").definition)
    *_, whole = study.item_score_runs("bright")
    study.keep(whole)
    study.keep(map_kind("gradient").make(canvas, classifier.encoder, study.concept("bright"), items=[0, 1]))
    return study, folder


def test_what_is_saved_opens_with_the_class_its_map_and_its_encoder(made, tmp_path):
    study, _ = made
    again = open_study(save_study(study, tmp_path / "study.zarr"))
    assert again.need_encoder().fingerprint == study.need_encoder().fingerprint
    np.testing.assert_array_equal(again.concept("bright").direction, study.concept("bright").direction)
    for one, other in zip(study.findings, again.findings, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


def test_a_recipe_takes_the_encoder_from_a_file_and_replays_to_equal_numbers(made, tmp_path):
    study, folder = made
    recipe = Recipe.of(study)
    assert "the class bright of values" in recipe.methods_paragraph()
    recipe.write(tmp_path / "recipe.yaml", encoders=[study.need_encoder()])
    assert all(Recipe.read(tmp_path / "recipe.yaml").run(folder, weights=tmp_path).equal.values())
