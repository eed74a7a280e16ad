from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

import conceptstain as cs
from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError
from conceptstain.methods.maps import DEVIATIONS, KEYS
from conceptstain.nets.encoder import Encoder
from conceptstain.recipe import Recipe
from conceptstain.study import Study
from conceptstain.study.saving import open_study
from factories import tiny_profile_encoders, tiny_section
from picture_studies import image_encoder, opened_pictures, opened_slide, picture_folder, slide_file
from studies import empty_study, opened_section

INNER = Definition("normal", region=cs.Region.from_obs("layer", "inner"))


def far(canvas: Any, encoder: Encoder, normal: list[int]) -> np.ndarray:
    """Distances one by one, each item's to a normal without its fifth of the normal ones."""
    latents = encoder.latents(canvas).astype(np.float64)
    distances = np.empty(len(canvas))
    for item in range(len(canvas)):
        learned = list(normal)
        if item in normal:
            fold = normal.index(item) % min(5, len(normal))
            learned = [other for place, other in enumerate(normal) if place % min(5, len(normal)) != fold]
        of = latents[learned]
        difference = latents[item] - of.mean(axis=0)
        distances[item] = np.sqrt(difference @ np.linalg.solve(LedoitWolf().fit(of).covariance_, difference))
    return distances


def test_spots_deviate_by_the_mean_over_the_encoders_of_what_the_twin_finds() -> None:
    canvas = tiny_section(8, 9).view("spots")
    encoders = tiny_profile_encoders(canvas.features)
    found = cs.spot_deviation(INNER, canvas, encoders)
    normal = np.flatnonzero(canvas.section.adata.obs["layer"] == "inner").tolist()
    expected = np.mean([far(canvas, each, normal) for each in encoders], axis=0)
    np.testing.assert_allclose(found.values, expected, rtol=1e-4)
    assert (found.title, found.signed) == ("normal - deviation of spots", False)
    assert found.settings["threshold"] == pytest.approx(np.quantile(expected[normal], 0.99), rel=1e-4)
    assert found.settings["learned from"] == len(normal)


def test_pictures_deviate_from_those_that_raise_a_concept(tmp_path: Path) -> None:
    canvas, encoder = opened_pictures(picture_folder(tmp_path)), image_encoder()
    names = tuple(canvas.item_names[[0, 2, 5, 6, 9]])
    concept = cs.concept("plain", canvas, encoder, items=names, against=(canvas.item_names[1],), form="contrast")
    found = cs.item_deviation(canvas, encoder, concept)
    np.testing.assert_allclose(found.values, far(canvas, encoder, [0, 2, 5, 6, 9]), rtol=1e-4)
    assert found.title == "plain - deviation score"


def test_two_normal_items_do_not_say_how_they_vary_and_three_are_the_least(tmp_path: Path) -> None:
    canvas, encoder = opened_pictures(picture_folder(tmp_path)), image_encoder()
    two = cs.concept("two", canvas, encoder, items=tuple(canvas.item_names[:2]))
    with pytest.raises(InputError, match="'two' cannot be learned without some of its pictures"):
        cs.item_deviation(canvas, encoder, two)
    three = cs.concept("three", canvas, encoder, items=tuple(canvas.item_names[:3]))
    assert np.isfinite(cs.item_deviation(canvas, encoder, three).values).all()


def test_genes_say_nothing_of_which_spots_are_normal() -> None:
    canvas = tiny_section(8, 9).view("spots")
    encoders = tiny_profile_encoders(canvas.features)
    with pytest.raises(InputError, match="'Penk' was not made from spots, so none are normal"):
        cs.spot_deviation(Definition("Penk", items=("Gene1",)), canvas, encoders)
    with pytest.raises(InputError, match="one encoder or more"):
        cs.spot_deviation(INNER, canvas, ())


@pytest.mark.parametrize("of", ["section", "pictures", "slide"])
def test_a_study_keeps_deviations_and_a_recipe_makes_them_again(of: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    if of == "section":
        study = empty_study(opened_section(data))
        profiles = study.need_section().view("spots")
        study.use_for_spots(profiles, tiny_profile_encoders(profiles.features))
        study.add(INNER)
        study.keep(study.spot_deviation("normal"))
        with pytest.raises(InputError, match="Deviation score is of pictures and patches"):
            study.item_deviation("normal")
    else:
        study = Study()
        study.show(opened_pictures(picture_folder(data)) if of == "pictures" else opened_slide(slide_file(data)))
        study.use(image_encoder())
        study.add(Definition("normal", items=tuple(study.need_canvas().item_names[:6])))
        study.keep(study.item_deviation("normal"))
    (made,) = study.findings
    study.rename("normal", "usual")
    (renamed,) = study.findings
    assert renamed.title == made.title.replace("normal", "usual")
    assert KEYS[made.method] in DEVIATIONS

    opened = open_study(study.save(tmp_path / "study.h5ad"))
    (again,) = opened.findings
    assert (again.title, again.signed, again.settings) == (renamed.title, made.signed, made.settings)
    np.testing.assert_array_equal(again.values, made.values)

    encoders = [each for each in (study.encoder, *study.spot_encoders) if each is not None]
    Recipe.of(opened if of == "section" else study).write(tmp_path / "recipe.yaml", encoders=encoders)
    recipe = Recipe.read(tmp_path / "recipe.yaml")
    replayed = recipe.run(data if of != "pictures" else data / "cells", tmp_path / "again", weights=tmp_path)
    assert replayed.equal == {renamed.title: True}
    assert "taken as normal (Mahalanobis)" in recipe.methods_paragraph()


def test_encoders_of_spots_alone_decide_whether_deviations_of_spots_still_hold(tmp_path: Path) -> None:
    study = empty_study(opened_section(tmp_path))
    profiles = study.need_section().view("spots")
    study.use_for_spots(profiles, tiny_profile_encoders(profiles.features))
    study.add(INNER)
    study.keep(study.spot_deviation("normal"))
    study.use(Encoder("other", image_encoder().network, study.need_canvas().shape, "z-score", 3))
    assert len(study.findings) == 1
    study.use_for_spots(profiles, tiny_profile_encoders(profiles.features, 1))
    assert study.findings == ()
