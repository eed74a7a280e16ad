"""Concepts of spots from the command line."""

from __future__ import annotations

import re
from dataclasses import replace

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

import conceptstain as cs
from commanding import one_line, run
from conceptstain.nets import training
from conceptstain.nets.checkpoint import load_encoder, save_encoder
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from conceptstain.nets.profile_vae import ProfileVAE
from factories import tiny_profile_encoders, tiny_section

SCORES = (".h5ad", "-spots.csv", ".svg", ".pdf", ".png")
RESULTS = (*SCORES, "-genes.csv", "-evidence.csv", "-controls.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two sections, one of them without its first gene, and encoders for both."""
    folder = tmp_path_factory.mktemp("spots")
    here, there = (tiny_section(8, 9, seed=seed).adata for seed in (0, 5))
    here.obs["half"] = np.where(np.arange(72) < 36, "inner", "rest")
    here.obs["third"] = np.repeat(["left", "middle", "right"], 24)
    here.write_h5ad(folder / "here.h5ad")
    there[:, 1:].copy().write_h5ad(folder / "there.h5ad")
    for number, encoder in enumerate(tiny_profile_encoders(tiny_section(8, 9).view("spots").features)):
        save_encoder(encoder, folder / f"w-{number}.safetensors")
    network = PictureVAE((1, 32, 32), PictureVAESettings("mlp", latent=4, widths=(), hidden=(8,)), seed=0)
    save_encoder(Encoder("pictures", network, (1, 32, 32), "z-score", 4), folder / "pictures.safetensors")
    return folder


@pytest.fixture
def spots(folder, tmp_path):
    def run_with(*words, weights=("w-0", "w-1"), out=tmp_path / "out"):
        given = [word for name in weights for word in ("--weights", folder / f"{name}.safetensors")]
        return run("spots", folder / "here.h5ad", "--out", out, "--nulls", 19, *given, *words)

    return run_with


def test_spots_writes_every_format_and_says_where(spots, tmp_path):
    result = spots("--region", "obs:layer=inner", "--region", "obs:layer=outer")
    assert result.exit_code == 0, result.stderr
    names = {f"here-inner+outer{ending}" for ending in RESULTS}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert all(name in result.stdout for name in names)


def test_the_scores_are_those_of_the_library(spots, folder, tmp_path):
    assert spots("--region", "obs:layer=inner").exit_code == 0
    found = pd.read_csv(tmp_path / "out" / "here-inner-spots.csv", index_col="spot")
    section = cs.open(folder / "here.h5ad")
    encoders = [load_encoder(folder / f"w-{number}.safetensors") for number in (0, 1)]
    drawn = cs.spot_concepts(cs.Region.from_obs("layer", "inner"), section.view("spots"), encoders)
    np.testing.assert_allclose(found["inner - spot score"], drawn.score().table["inner"], atol=1e-6)
    np.testing.assert_allclose(found.iloc[:, :2], section.spots[:, ::-1], rtol=1e-6)
    written = anndata.read_h5ad(tmp_path / "out" / "here-inner.h5ad")
    np.testing.assert_allclose(written.obs["inner - spot score"], drawn.score().table["inner"], atol=1e-6)
    genes = pd.read_csv(tmp_path / "out" / "here-inner-genes.csv", index_col="gene")
    assert list(genes.index) == list(cs.concept_genes(drawn, "inner").index)
    assert list(genes.columns) == ["concept", "decoded", "sign", "agreeing", "read"]


def test_evidence_and_controls_are_said_and_written_for_every_concept(spots, tmp_path):
    result = spots("--region", "obs:layer=inner", "--region", "obs:layer=outer")
    assert re.search(r"Evidence for inner: \d+ spots; by their profiles, others like them are found", result.stdout)
    assert "with 2 concepts tried, 19 regions without meaning are too few to tell; use more." in result.stdout
    assert result.stdout.count("The painted scores contrast the concepts with each other") == 1
    assert "Controls of outer: " in result.stdout
    evidence = pd.read_csv(tmp_path / "out" / "here-inner+outer-evidence.csv", index_col="spot")
    assert list(evidence.columns) == ["concept", "fold", "inside", "cross-fitted score"]
    assert list(evidence["concept"].value_counts()) == [72, 72]
    controls = pd.read_csv(tmp_path / "out" / "here-inner+outer-controls.csv")
    assert list(controls["concept"].unique()) == ["inner", "outer"]
    assert "no model, principal components" in set(controls["control"])


def test_another_section_is_scored_and_its_missing_genes_are_said(spots, folder, tmp_path):
    result = spots("--region", "obs:layer=inner", "--on", folder / "there.h5ad")
    assert result.exit_code == 0, result.stderr
    assert "there lacks 1 of 12 genes, which is taken as average: Gene0." in result.stdout
    names = {f"there-inner{ending}" for ending in SCORES}
    assert {path.name for path in (tmp_path / "out").iterdir() if path.name.startswith("there")} == names
    scores = pd.read_csv(tmp_path / "out" / "there-inner-spots.csv", index_col="spot")
    inside = (cs.open(folder / "there.h5ad").adata.obs["layer"] == "inner").to_numpy()
    n = inside.sum()
    auroc = (rankdata(scores["inner - spot score"])[inside].sum() - n * (n + 1) / 2) / (n * (~inside).sum())
    (told,) = re.findall(r"inner of there itself is found with AUROC (\.\d+|1\.00)\.", result.stdout)
    assert float(told) == pytest.approx(auroc, abs=0.006)


def test_without_nulls_nothing_is_tested_and_without_contrast_nothing_is_contrasted(spots, tmp_path):
    result = spots("--region", "obs:layer=inner", "--region", "obs:layer=outer", "--no-contrast", "--nulls", 0)
    assert result.exit_code == 0, result.stderr
    assert "Evidence" not in result.stdout
    assert "against the other spots" in result.stdout
    assert not (tmp_path / "out" / "here-inner+outer-evidence.csv").exists()


def test_the_settings_of_the_scores_are_those_of_the_library(spots, folder, tmp_path):
    words = ["--singly", "--no-rest", "--no-neighbours", "--direction", "plain"]
    result = spots("--region", "obs:third=left", "--region", "obs:third=middle", *words, "--nulls", 0)
    assert result.exit_code == 0, result.stderr
    found = pd.read_csv(tmp_path / "out" / "here-left+middle-spots.csv", index_col="spot")
    canvas = cs.open(folder / "here.h5ad").view("spots")
    encoders = [load_encoder(folder / f"w-{number}.safetensors") for number in (0, 1)]
    regions = [cs.Region.from_obs("third", name) for name in ("left", "middle")]

    def left(settings):
        return cs.spot_concepts(regions, canvas, encoders, settings).score().table["left"]

    asked = cs.SpotConceptSettings("plain", rest=False, context=0.0, singly=True)
    np.testing.assert_allclose(found["left - spot score, against middle"], left(asked), atol=1e-6)
    for other in ({"direction": "auto"}, {"rest": True}, {"singly": False}, {"contrast": False}):
        assert not np.allclose(left(replace(asked, **other)), left(asked), atol=1e-3), other


def test_values_of_two_columns_are_told_apart(spots, tmp_path):
    result = spots("--region", "obs:layer=inner", "--region", "obs:half=inner", "--nulls", 0)
    assert result.exit_code == 0, result.stderr
    (scores,) = (tmp_path / "out").glob("*-spots.csv")
    columns = [
        f"{name} = inner - spot score, against {other} = inner"
        for name, other in (("layer", "half"), ("half", "layer"))
    ]
    assert list(pd.read_csv(scores).columns[3:]) == columns


def test_encoders_are_fitted_where_none_are_given(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "ENOUGH_STEPS", 1)
    monkeypatch.setattr(training, "LEAST_EPOCHS", 1)
    words = ["--region", "obs:layer=inner", "--seeds", 2, "--nulls", 0, "--out", tmp_path / "out"]
    result = run("spots", folder / "here.h5ad", *words)
    assert result.exit_code == 0, result.stderr
    assert "Encoders: 2, fitted to here in" in result.stdout


def test_fit_saves_encoders_of_spots_that_spots_uses(folder, tmp_path):
    words = ["--canvas", "spots", "--seeds", 2, "--latent", 3, "--epochs", 1, "--seed", 5]
    result = run("fit", folder / "here.h5ad", folder / "there.h5ad", *words, "--out", tmp_path / "w.safetensors")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w-0.safetensors", "w-1.safetensors"]
    encoders = [load_encoder(path) for path in sorted(tmp_path.iterdir())]
    assert [encoder.card["training"]["seed"] for encoder in encoders] == [5, 6]
    assert all(isinstance(encoder.network, ProfileVAE) and encoder.latent == 3 for encoder in encoders)
    assert "there lacks 1 of 12 genes" in result.stdout
    words = ["--region", "obs:layer=inner", "--nulls", 0, "--out", tmp_path / "out"]
    assert run("spots", folder / "here.h5ad", "--weights", tmp_path / "w-1.safetensors", *words).exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--region", "layer=inner"], "obs:COLUMN=VALUE"),
        (["--region", "obs:colour=red"], "layer"),
        (["--region", "obs:layer=middle"], "inner"),
        (["--region", "obs:layer=inner", "--singly", "--no-contrast"], "--singly and --no-contrast"),
        (["--region", "obs:layer=inner", "--no-rest", "--no-contrast"], "--no-rest and --no-contrast"),
        (["--region", "obs:layer=inner", "--on", "missing.h5ad"], "missing.h5ad"),
        (["--region", "obs:layer=inner", "--weights", "missing.safetensors"], "missing.safetensors"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(spots, tmp_path, words, said):
    assert said in one_line(spots(*words))
    assert not (tmp_path / "out").exists()


def test_weights_of_gene_pictures_and_sections_of_one_name_are_refused(spots, folder, tmp_path):
    assert "of gene pictures" in one_line(spots("--region", "obs:layer=inner", weights=["pictures"]))
    told = one_line(spots("--region", "obs:layer=inner", "--on", folder / "here.h5ad"))
    assert "Two sections of one name" in told
    assert not (tmp_path / "out").exists()


def test_sections_with_one_library_id_are_called_by_their_files(folder, tmp_path):
    for name, seed in (("one", 0), ("two", 5)):
        adata = tiny_section(8, 9, seed=seed).adata
        adata.uns["spatial"] = {"the library": {"scalefactors": {"spot_diameter_fullres": 100.0}}}
        adata.write_h5ad(tmp_path / f"{name}.h5ad")
    assert cs.open(tmp_path / "two.h5ad").name == "the library"
    words = ["--weights", folder / "w-0.safetensors", "--region", "obs:layer=inner", "--nulls", 0]
    result = run("spots", tmp_path / "one.h5ad", "--on", tmp_path / "two.h5ad", *words, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "one.h5ad, two.h5ad all hold a section named the library; each is called by its file here." in result.stdout
    assert "inner of two itself is found" in result.stdout
    names = {f"{name}-inner-spots.csv" for name in ("one", "two")}
    assert {path.name for path in (tmp_path / "out").glob("*-spots.csv")} == names


def test_another_section_is_named_in_its_file(spots, folder, tmp_path):
    first, second = (tiny_section(8, 9, seed=seed).adata for seed in (5, 6))
    joined = anndata.concat({"A": first, "B": second}, label="library_id", index_unique="-")
    joined.write_h5ad(tmp_path / "slides #1.h5ad")
    words = ["--region", "obs:layer=inner", "--nulls", 0]
    assert "holds several sections" in one_line(spots(*words, "--on", tmp_path / "slides #1.h5ad"))
    assert "Choose one of: A, B" in one_line(spots(*words, "--on", tmp_path / "slides #1.h5ad#C"))
    named = [word for name in "AB" for word in ("--on", tmp_path / f"slides #1.h5ad#{name}")]
    result = spots(*words, *named)
    assert result.exit_code == 0, result.stderr
    for name, adata in (("A", first), ("B", second)):
        assert len(pd.read_csv(tmp_path / "out" / f"{name}-inner-spots.csv")) == adata.n_obs
        assert f"inner of {name} itself is found" in result.stdout


def test_existing_tables_are_replaced_only_when_asked(spots):
    words = ["--region", "obs:layer=inner", "--nulls", 0]
    assert spots(*words).exit_code == 0
    assert "exists already" in one_line(spots(*words))
    assert spots(*words, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--canvas", "spots", "--network", "mlp"], "--network"),
        (["--canvas", "spots", "--preset", "paper"], "--preset"),
        (["--canvas", "spots", "--seeds", "0"], "seeds=0"),
        (["--seeds", "2"], "Add --canvas spots"),
    ],
)
def test_a_mistake_in_fitting_is_one_line(folder, tmp_path, words, said):
    assert said in one_line(run("fit", folder / "here.h5ad", "--out", tmp_path / "w.safetensors", *words))
    assert not list(tmp_path.iterdir())
