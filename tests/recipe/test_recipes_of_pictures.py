"""Recipes of pictures and slides: done over again from the files alone, to equal numbers."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile

import conceptstain as cs
from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError, ReadingError
from conceptstain.fitting import FitSettings, fit
from conceptstain.methods.item_score import ItemScore
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import map_kind
from conceptstain.nets.augmentation import Augmentation
from conceptstain.nets.image_vae import ImageVAESettings
from conceptstain.nets.objectives import Objective
from conceptstain.nets.training_settings import TrainingSettings
from conceptstain.recipe import Recipe
from conceptstain.study import Study
from conceptstain.study.saving import open_study, save_study
from picture_studies import full_study, opened_pictures, opened_slide, picture_folder, slide_file, study_of
from pictures import noise, write_picture


@pytest.fixture(scope="module", params=["pictures", "slide"])
def made(request, tmp_path_factory):
    """A study, its recipe with the weights, and the study that was made of that."""
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    canvas = opened_pictures(picture_folder(data)) if request.param == "pictures" else opened_slide(slide_file(data))
    study = full_study(canvas)
    Recipe.of(study, figures=("maps.png",)).write(out / "recipe.yaml", encoders=[study.need_encoder()])
    recipe = Recipe.read(out / "recipe.yaml")
    where = canvas.source.path if request.param == "pictures" else data
    return study, recipe, recipe.run(where, out / "again", weights=out), where, out


def test_every_score_map_and_test_is_made_again_with_equal_numbers(made):
    study, _, replayed, *_ = made
    assert replayed.told == (f"All {len(replayed.equal)} results equal the recipe's to the last bit.",)
    assert len(replayed.equal) == sum(map(len, (study.findings, study.snapshot().evidence, study.snapshot().controls)))
    for one, other in zip(study.findings, replayed.study.findings, strict=True):
        assert type(one) is type(other)
        assert (one.title, one.colour_limits) == (other.title, other.colour_limits)
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.concept.direction, other.concept.direction)


def test_the_list_its_colours_and_the_evidence_are_there_again(made):
    study, _, replayed, *_ = made
    assert [(each.name, each.colour) for each in study.entries] == [
        (each.name, each.colour) for each in replayed.study.entries
    ]
    one, other = study.known_evidence("ticked"), replayed.study.known_evidence("ticked")
    assert (one.sentence, one.p, one.items) == (other.sentence, other.p, other.items)


def test_what_is_written_opens_and_holds_the_scores(made):
    study, _, replayed, _, out = made
    again = open_study(out / "again" / "study.h5ad")
    assert [finding.title for finding in again.findings] == [finding.title for finding in study.findings]
    table = pd.read_csv(out / "again" / "scores.csv", index_col=0)
    assert list(table.index) == list(study.canvas.item_names)
    scores = next(each for each in study.findings if isinstance(each, ItemScore))
    np.testing.assert_allclose(table[scores.title], scores.values, rtol=1e-8)
    rasters = [path for path in replayed.written if path.name.endswith(".ome.tif")]
    assert len(rasters) == (sum(isinstance(each, ItemScore) for each in study.findings) - 1) * (
        study.canvas.noun == "patch"
    ) + (study.canvas.noun == "patch")
    for path in rasters[:1]:
        assert tifffile.imread(path).dtype == np.float32
    assert (out / "again" / "maps.png").stat().st_size > 1000


def test_the_paragraph_says_what_was_done_in_plain_words(made):
    study, recipe, *_ = made
    told = recipe.methods_paragraph()
    if study.canvas.noun == "picture":
        assert "The 13 pictures of cells (content" in told
        assert "1 more could not be read" in told
        assert "stretched to it" in told
        assert "ticked (4 named pictures against 4 named others)" in told
    else:
        assert "The slide slide (content" in told
        assert f"cut into {len(study.canvas)} patches of 8 x 8 pixels, every 4 pixels." in told
        assert "drawn (the patches of which 50% or more lie in a drawn outline against all other patches)" in told
        assert "painted (the patches of which 75% or more lie in a painted label against" in told
    assert "weighed by how latents vary" in told
    assert "2 concepts were tested" in told or "1 concept was tested" in told
    assert "gene" not in told.partition("References")[0].replace("generat", "")


def test_the_text_names_no_folder_and_comes_back_as_it_was(made, tmp_path):
    _, recipe, _, where, _ = made
    path, *_ = recipe.write(tmp_path / "again.yaml")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("recipe: 2\n")
    assert str(where.parent) not in text
    assert Recipe.read(path) == recipe


def test_pictures_are_found_by_their_pixels_under_any_name(made, tmp_path):
    study, recipe, _, where, out = made
    if study.canvas.noun == "picture":
        for number, file in enumerate(sorted(where.glob("c*.png"))):
            shutil.copy(file, tmp_path / f"{99 - number}.png")
        data = tmp_path
    else:
        data = shutil.copy(study.source.path, tmp_path / "renamed.ome.tif")
    again = recipe.model_copy(update={"maps": recipe.maps[:1], "evidence": (), "controls": (), "figures": ()})
    assert all(again.run(data, weights=out).equal.values())


def test_other_pictures_are_told(made, tmp_path):
    study, recipe, _, where, out = made
    if study.canvas.noun == "picture":
        shutil.copytree(where, tmp_path / "cells")
        write_picture(tmp_path / "cells" / "cell 3.png", noise(9, 9, seed=77))
        data, told = tmp_path / "cells", "1 of the 13 pictures of cells is gone, or changed since"
    else:
        data, told = slide_file(tmp_path, side=80), "The slide slide is another than it was"
    with pytest.raises(ReadingError, match=told):
        recipe.run(data, weights=out)


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path):
    home = picture_folder(tmp_path / "data")
    study = study_of(opened_pictures(home))
    (home / "cell 3.png").rename(tmp_path / "outside.png")
    (home / "cell 3.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(InputError, match="reads only from the folders it is given"):
        Recipe.of(study).run(home)


@pytest.mark.parametrize("kind", ["pictures", "slide"])
def test_an_encoder_fitted_to_the_pictures_is_fitted_again_to_the_same_weights(kind, tmp_path):
    canvas = opened_pictures(picture_folder(tmp_path)) if kind == "pictures" else opened_slide(slide_file(tmp_path))
    training = TrainingSettings(
        epochs=2,
        batch_size=4,
        augmentation=Augmentation("all", shift=1, light=0.05),
        items_per_epoch=12,
        objective=Objective("ad-factor-vae", gamma=3.0, discriminator=(6, 6), attention_layer="conv1"),
    )
    study = Study()
    study.show(canvas)
    study.use(fit(canvas, FitSettings(ImageVAESettings(latent=2, widths=(2,), hidden=(4,)), training)))
    study.add(Definition("it", items=tuple(canvas.item_names[:3]), form="contrast"))
    *_, whole = study.item_score_runs("it")
    study.keep(whole)
    recipe = Recipe.of(study)
    replayed = recipe.run(canvas.source.path)
    assert "to the same weights" in replayed.told[0]
    assert all(replayed.equal.values())
    told = recipe.methods_paragraph()
    what = "these pictures" if kind == "pictures" else "this slide"
    assert f"fitted to {what} without labels, turned and reflected, shifted by up to 1 pixels" in told
    assert "as an AD-FactorVAE (Liu et al. 2020, arXiv:1911.07389; gamma 3, attention weight 1)" in told


def test_pictures_of_no_file_are_replayed_from_files_of_the_same_pixels(tmp_path):
    pixels = noise(6, 9, 8)
    study = study_of(cs.open(pixels, as_="images", name="layer").view(frame=8))
    study.add(Definition("it", items=("1", "2"), form="contrast"))
    *_, whole = study.item_score_runs("it")
    study.keep(whole)
    recipe = Recipe.of(study)
    for number, each in enumerate(pixels):
        write_picture(tmp_path / "saved" / f"{number}.png", each)
    recipe.write(tmp_path / "recipe.yaml", encoders=[study.need_encoder()])
    assert all(recipe.run(tmp_path / "saved", weights=tmp_path).equal.values())


def test_a_recipe_of_a_section_and_of_pictures_at_once_is_refused(tmp_path):
    study = study_of(opened_pictures(picture_folder(tmp_path)))
    path, *_ = Recipe.of(study).write(tmp_path / "recipe.yaml")
    text = path.read_text(encoding="utf-8")
    (tmp_path / "none.yaml").write_text(text[: text.index("shown:")] + "tables: {}\n", encoding="utf-8")
    with pytest.raises(ReadingError, match="of a section, of pictures or of a slide"):
        Recipe.read(tmp_path / "none.yaml")


def test_deviations_and_attention_of_all_latents_are_saved_and_made_again(tmp_path):
    canvas = opened_pictures(picture_folder(tmp_path / "data"))
    study = study_of(canvas)
    names = [str(name) for name in canvas.item_names]
    study.add(Definition("ticked", items=tuple(names[:4]), against=tuple(names[4:8]), form="contrast"))
    concept, encoder = study.concept("ticked"), study.need_encoder()
    asked = [("deviation", MapSettings(anomaly=method)) for method in ("reconstruction", "attention-sampled")]
    asked += [("attention", MapSettings(dimension=None, attention=variant)) for variant in ("paper", "released")]
    for key, settings in asked:
        study.keep(map_kind(key).make(canvas, encoder, concept, items=[0, 5, 9], settings=settings))
    study.controls("ticked", "attention", settings=asked[-1][1])
    Recipe.of(study).write(tmp_path / "recipe.yaml", encoders=[encoder])
    replayed = Recipe.read(tmp_path / "recipe.yaml").run(canvas.source.path, tmp_path / "again", weights=tmp_path)
    assert all(replayed.equal.values())
    assert len(replayed.equal) == len(asked) + 1
    saved = save_study(study, tmp_path / "study.h5ad")
    for again in (replayed.study, open_study(saved)):
        assert [finding.title for finding in again.findings] == [finding.title for finding in study.findings]
        for one, other in zip(study.findings, again.findings, strict=True):
            np.testing.assert_array_equal(one.values, other.values)
        (kept,) = again.snapshot().controls
        assert dict(kept.heard) == {"dimension": None, "attention": "released"}
