"""What-ifs in a study: saved, opened and replayed to equal numbers, called and dropped as their concepts are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.concepts.definition import Definition
from conceptstain.exporting import annotated
from conceptstain.painting import painting
from conceptstain.recipe import Recipe
from conceptstain.study import Study
from conceptstain.study.saving import open_study, save_study
from picture_studies import opened_pictures, picture_folder, study_of
from studies import empty_study, opened_section


def of_pictures(folder: Path) -> tuple[Study, Path]:
    canvas = opened_pictures(picture_folder(folder))
    study = study_of(canvas)
    study.add(Definition("ticked", items=("cell 0.png", "cell 1.png"), form="contrast"))
    study.add(Definition("one", items=("cell 2.png",)))
    return study, canvas.source.path


def of_tissue(folder: Path) -> tuple[Study, Path]:
    study = empty_study(opened_section(folder))
    study.add(Definition("ticked", items=("Gene1", "Gene5"), form="contrast"))
    study.add(Definition("one", like="Gene3", neighbours=4))
    return study, folder


@pytest.fixture(params=[of_pictures, of_tissue])
def made(request, tmp_path) -> tuple[Study, Path]:
    study, data = request.param(tmp_path / "data" if request.param is of_pictures else tmp_path)
    canvas, encoder = study.need_canvas(), study.need_encoder()
    ticked, one = study.concept("ticked"), study.concept("one")
    study.keep(cs.what_if(encoder, canvas, [2], [(ticked, 2.0), (one, -0.5)]))
    study.keep(cs.what_if(encoder, canvas, [2, 0], [(ticked, 2.0)]))
    return study, data


def test_what_ifs_are_saved_and_replayed_from_a_recipe_to_equal_numbers(made, tmp_path):
    study, data = made
    opened = open_study(save_study(study, tmp_path / "study.h5ad"))
    Recipe.of(study, figures=("maps.png",)).write(tmp_path / "recipe.yaml", encoders=[study.need_encoder()])
    recipe = Recipe.read(tmp_path / "recipe.yaml")
    replayed = recipe.run(data, tmp_path / "again", weights=tmp_path)
    for other in (opened, replayed.study):
        for mine, theirs in zip(study.findings, other.findings, strict=True):
            assert (theirs.title, theirs.items, theirs.signed) == (mine.title, mine.items, mine.signed)
            assert [(of.name, far) for of, far in theirs.moves] == [(of.name, far) for of, far in mine.moves]
            np.testing.assert_array_equal(theirs.values, mine.values)
    assert list(replayed.equal.values()) == [True, True]
    assert "ticked by +2 and one by -0.5 standard deviations of the score" in recipe.methods_paragraph()


def test_a_what_if_is_called_as_its_concepts_are_and_leaves_with_any_of_them(made):
    study, _ = made
    study.rename("ticked", "chosen")
    assert [each.name for each in study.findings] == ["chosen +2 SD, one -0.5 SD", "chosen +2 SD"]
    study.remove("one")
    assert [each.name for each in study.findings] == ["chosen +2 SD"]


def test_a_what_if_of_genes_is_painted_on_the_tissue_and_exported_under_its_title(tmp_path):
    study, _ = of_tissue(tmp_path)
    canvas = study.need_genes()
    found = cs.what_if(study.need_encoder(), canvas, [3], [(study.concept("one"), 1.0)])
    shown = painting(found, canvas)
    assert (shown.title, shown.label) == (f"one +1 SD - what if, {canvas.item_names[3]}", "change of what is decoded")
    np.testing.assert_array_equal(shown.values, canvas.place(found.values[0]))
    adata = annotated(canvas, [found])
    np.testing.assert_array_equal(adata.obs[shown.title], shown.values)
    assert list(adata.uns["conceptstain"]["concepts"]) == ["one"]
