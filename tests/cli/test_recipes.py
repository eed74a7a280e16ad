"""Recipes from the command line: what stain writes, run replays."""

from __future__ import annotations

import pandas as pd
import pytest

from commanding import one_line, run
from conceptstain.nets.checkpoint import save_encoder
from conceptstain.recipe import Recipe
from studies import picture_encoder, tiny_file


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    tiny_file(folder)
    save_encoder(picture_encoder(), tmp_path / "mine.safetensors")
    return folder


@pytest.fixture
def stain(data, tmp_path):
    def stain_with(*words):
        known = ["--weights", tmp_path / "mine.safetensors", "--out", tmp_path / "out", "--nulls", 5]
        return run("stain", data / "tiny.h5ad", "--region", "obs:layer=inner", "--neighbours", 4, *known, *words)

    return stain_with


def test_what_stain_wrote_is_replayed_to_equal_numbers(stain, data, tmp_path):
    result = stain("--map", "decoded", "--map", "rectified", "--recipe", tmp_path / "stain.yaml")
    assert result.exit_code == 0, result.stderr
    fingerprint = picture_encoder().fingerprint
    assert "stain.yaml" in result.stdout
    assert (tmp_path / f"{fingerprint}.safetensors").exists()
    again = run("run", tmp_path / "stain.yaml", "--data", data, "--out", tmp_path / "again")
    assert again.exit_code == 0, again.stderr
    assert "All 2 results equal the recipe's to the last bit." in again.stdout
    one = pd.read_csv(tmp_path / "out" / "tiny-inner-spots.csv", index_col=0)
    other = pd.read_csv(tmp_path / "again" / "spots.csv", index_col=0)
    pd.testing.assert_frame_equal(one, other)
    one = pd.read_csv(tmp_path / "out" / "tiny-inner-controls.csv", index_col=0)
    pd.testing.assert_frame_equal(one, pd.read_csv(tmp_path / "again" / "controls.csv", index_col=0))
    assert "rectified gradient (q = 95" in (tmp_path / "again" / "methods.txt").read_text(encoding="utf-8")


def test_mistakes_are_one_line(stain, data, tmp_path):
    assert "written as YAML" in one_line(stain("--recipe", tmp_path / "stain.txt"))
    assert "cannot be replayed" in one_line(stain("--recipe", tmp_path / "s.yaml", "--sampled-latents"))
    assert not (tmp_path / "out").exists()
    (tmp_path / "bad.yaml").write_text("recipe: 1\nsection: nothing\n", encoding="utf-8")
    line = one_line(run("run", tmp_path / "bad.yaml", "--data", data, "--out", tmp_path / "again"))
    assert "bad.yaml is no recipe" in line
    assert "There is no file" in one_line(run("run", tmp_path / "no.yaml", "--data", data, "--out", tmp_path / "x"))


def test_the_recipe_of_a_stain_without_evidence_asks_for_none(stain, tmp_path):
    result = stain("--nulls", 0, "--recipe", tmp_path / "stain.yaml")
    assert result.exit_code == 0, result.stderr
    recipe = Recipe.read(tmp_path / "stain.yaml")
    assert recipe.evidence == ()
    assert len(recipe.maps) == len(recipe.controls) == 2
