"""Counterfactuals in a study: of pictures and of genes, saved, opened and replayed with their classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import conceptstain as cs
from classes import quick
from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.counterfactual_maps import counterfactual_map, gene_changes
from conceptstain.methods.counterfactual_settings import CounterfactualSettings
from conceptstain.methods.link import Link
from conceptstain.nets.classifier import Classifier
from conceptstain.painting import painting
from conceptstain.recipe import Recipe
from conceptstain.study import Study
from conceptstain.study.saving import open_study, save_study
from factories import tiny_profile_encoders
from picture_studies import opened_pictures, picture_folder, study_of
from studies import empty_study, opened_section

SHORT = CounterfactualSettings(most_steps=4, frames=3)


def of_pictures(folder: Path) -> tuple[Study, Path, Classifier]:
    """Two maps: of all that were asked about, and of one of them."""
    canvas = opened_pictures(picture_folder(folder))
    study = study_of(canvas)
    kinds = {str(name): "even" if number % 2 else "odd" for number, name in enumerate(canvas.item_names)}
    classifier = cs.fit_classifier(canvas, cs.class_labels(canvas, values=kinds), quick(2))
    asked: dict[str, Any] = {"method": "gradient", "settings": SHORT, "known": [0, 1, 2, 5, 7]}
    found = cs.counterfactual(classifier, study.need_encoder(), canvas, [4, 1], ["odd", "even"], **asked)
    study.keep(counterfactual_map(found, canvas))
    study.keep(counterfactual_map(found, canvas, [1]))
    study.add(Definition("one", items=("cell 2.png",)))
    through = {"link": link_of(classifier, study), "classifier": classifier}
    moves = [(study.concept("one"), 1.0)]
    study.keep(cs.what_if(study.need_encoder(), canvas, [3], moves, units={1: 0.5, 0: 2.0}, **through))
    return study, canvas.source.path, classifier


def link_of(classifier: Classifier, study: Study) -> Link:
    """From the classifier to the network of the study; the same whenever it is asked for."""
    return cs.link(classifier, study.need_encoder(), study.need_canvas())


def of_tissue(folder: Path) -> tuple[Study, Path, Classifier]:
    """One gene at the spots that were asked about."""
    study = empty_study(opened_section(folder))
    canvas = study.need_section().view("spots")
    study.use_for_spots(canvas, tiny_profile_encoders(canvas.features, 1))
    training = quick(2).training
    classifier = cs.fit_classifier(
        canvas, cs.class_labels(canvas, obs="layer"), cs.ClassifierSettings(training=training)
    )
    found = cs.counterfactual(
        classifier, study.spot_encoders[0], canvas, [7, 3], "inner", method="gradient", settings=SHORT
    )
    study.keep(gene_changes(found, canvas, canvas.features[2]))
    return study, folder, classifier


@pytest.fixture(params=[of_pictures, of_tissue])
def made(request, tmp_path) -> tuple[Study, Path, Classifier]:
    return request.param(tmp_path / "data" if request.param is of_pictures else tmp_path)


def test_counterfactuals_are_saved_and_replayed_from_a_recipe_to_equal_numbers(made, tmp_path):
    study, data, classifier = made
    opened = open_study(save_study(study, tmp_path / "study.zarr"))
    links = [link_of(classifier, study)] if study.section is None else []
    beside = {"encoders": [study.need_encoder(), *study.spot_encoders], "classifiers": [classifier], "links": links}
    Recipe.of(study, figures=("maps.png",)).write(tmp_path / "r.yaml", **beside)
    recipe = Recipe.read(tmp_path / "r.yaml")
    replayed = recipe.run(data, tmp_path / "again", weights=tmp_path)
    assert all(replayed.equal.values())
    for other in (opened, replayed.study):
        for mine, theirs in zip(study.findings, other.findings, strict=True):
            assert (theirs.title, theirs.signed, theirs.encoder) == (mine.title, mine.signed, mine.encoder)
            np.testing.assert_array_equal(theirs.values, mine.values)
            assert np.nanmax(np.abs(mine.values)) > 0
    told = recipe.methods_paragraph()
    if links:
        assert "unit 0 at 2 and unit 1 at 0.5 of the classifier values through a link, Wehrheim et al. 2024" in told
    assert f"fingerprint {classifier.fingerprint}; by gradient; Wachter et al. 2017" in told


def test_a_classifier_that_is_not_there_is_told(tmp_path):
    study, data, classifier = of_pictures(tmp_path / "data")
    Recipe.of(study).write(tmp_path / "recipe.yaml", encoders=[study.need_encoder()])
    with pytest.raises(InputError, match=classifier.fingerprint):
        Recipe.read(tmp_path / "recipe.yaml").run(data, weights=tmp_path)


def test_spots_that_were_not_asked_about_have_no_value(tmp_path):
    study, _, _ = of_tissue(tmp_path)
    (kept,) = study.findings
    shown = painting(kept, study.need_genes())
    assert np.flatnonzero(np.isfinite(shown.values)).tolist() == [3, 7]
    assert shown.signed
    assert shown.label == "change of what is decoded"


def test_a_counterfactual_of_other_items_makes_no_map(tmp_path):
    study, _, classifier = of_pictures(tmp_path)
    canvas = study.need_canvas()
    found = cs.counterfactual(classifier, study.need_encoder(), canvas, [4], "odd", method="gradient", settings=SHORT)
    other = opened_pictures(picture_folder(tmp_path / "other", n=3))
    with pytest.raises(MismatchError, match="not of these pictures"):
        counterfactual_map(found, other)
    with pytest.raises(InputError, match="no counterfactual of that item"):
        counterfactual_map(found, canvas, [2])
