"""Commands: what they write and say, and that every mistake is one line and exit code 2."""

from __future__ import annotations

import re
import subprocess
import sys

import anndata
import numpy as np
import pandas as pd
import pytest

import conceptstain as cs
from commanding import one_line, run
from conceptstain import __version__
from conceptstain.nets import training
from conceptstain.nets.checkpoint import load_encoder, save_encoder
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from factories import tiny_section

TABLES = ("-spots.csv", "-genes.csv", "-controls.csv", "-evidence.csv")
RESULTS = {"tiny-Gene1" + ending for ending in (".h5ad", *TABLES, ".svg", ".pdf", ".png")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A section of 42 spots, and weights for it."""
    folder = tmp_path_factory.mktemp("cli")
    section = tiny_section()
    adata = section.adata.copy()
    factors = {"microns_per_pixel": 1.0, "spot_diameter_fullres": 100.0}
    adata.uns["spatial"] = {"tiny": {"images": {}, "scalefactors": factors}}
    adata.write_h5ad(folder / "tiny.h5ad")
    for scaling in ("z-score", "paper"):
        network = PictureVAE((1, 32, 32), PictureVAESettings("mlp", latent=4, widths=(), hidden=(8,)), seed=0)
        save_encoder(Encoder("tiny", network, (1, 32, 32), scaling, 4), folder / f"{scaling}.safetensors")
    return folder


@pytest.fixture
def stain(folder, tmp_path):
    def stain_with(*words, weights="z-score", out=tmp_path / "out"):
        words = ["--weights", folder / f"{weights}.safetensors", "--out", out, "--nulls", 19, *words]
        return run("stain", folder / "tiny.h5ad", *words)

    return stain_with


def test_stain_writes_every_format_and_says_where(stain, tmp_path):
    result = stain("--like", "Gene1")
    assert result.exit_code == 0, result.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == RESULTS
    assert all(name in result.stdout for name in RESULTS)
    assert "42 spots x 12 genes" in result.stdout


def test_stain_like_a_gene_says_its_nearest_genes_with_r(stain, tmp_path):
    result = stain("--like", "gene1")
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("Nearest to Gene1")]
    told = {gene: float(r) for gene, r in re.findall(r"(Gene\d+) (-?[\d.]+)", line.partition(":")[2])}
    table = pd.read_csv(tmp_path / "out" / "tiny-gene1-genes.csv", index_col="gene")
    expected = table["gene1: r"].drop("Gene1").nlargest(10)
    assert list(told) == list(expected.index)
    np.testing.assert_allclose(list(told.values()), expected, atol=0.0006)


def test_stain_by_genes_and_by_region_makes_those_concepts(stain, tmp_path):
    assert stain("--genes", "Gene1, Gene2", "--name", "pair").exit_code == 0
    assert stain("--region", "obs:layer=inner", "--neighbours", 3).exit_code == 0
    pair = anndata.read_h5ad(tmp_path / "out" / "tiny-pair.h5ad").uns["conceptstain"]["concepts"]["pair"]
    assert list(pair["items"]) == ["Gene1", "Gene2"]
    inner = anndata.read_h5ad(tmp_path / "out" / "tiny-inner.h5ad").uns["conceptstain"]["concepts"]["inner"]
    assert set(inner["items"]) <= {f"Gene{index}" for index in range(4)}


def test_stain_paints_every_map_that_is_asked_for(stain, tmp_path):
    assert stain("--like", "Gene1", "--map", "gene-mean", "--map", "gradient", "--map", "rectified").exit_code == 0
    columns = list(pd.read_csv(tmp_path / "out" / "tiny-Gene1-spots.csv").columns)
    assert columns[3:] == ["Gene1 - gene mean", "Gene1 - gradient saliency", "Gene1 - rectified saliency"]


def test_stain_paints_the_rectified_map_and_its_controls_with_the_settings_asked_for(stain, folder, tmp_path):
    words = ["--percentile", 40, "--variant", "modified"]
    result = stain("--genes", "Gene1,Gene2", "--name", "pair", "--map", "rectified", "--seed", 3, *words)
    assert result.exit_code == 0, result.stderr
    found = pd.read_csv(tmp_path / "out" / "tiny-pair-spots.csv", index_col="spot")
    encoder = load_encoder(folder / "z-score.safetensors")
    canvas = cs.open(folder / "tiny.h5ad").view("genes", frame=(32, 32))
    pair = cs.concept("pair", canvas, encoder, items=["Gene1", "Gene2"])
    expected = cs.saliency(canvas, encoder, pair, rule=cs.rectified(40.0, variant="modified"))
    np.testing.assert_allclose(found[expected.title], canvas.place(expected.mean()), atol=1e-6)
    beside = cs.controls(
        canvas, encoder, pair, "rectified", settings=cs.MapSettings(percentile=40.0, variant="modified"), seed=3
    )
    told = pd.read_csv(tmp_path / "out" / "tiny-pair-controls.csv")
    np.testing.assert_allclose(told["rank correlation"], beside.table()["rank correlation"], atol=1e-6)


def test_stain_in_the_contrast_form_gives_another_direction(stain, tmp_path):
    for form in ("mean", "contrast"):
        assert stain("--genes", "Gene1,Gene4", "--name", form, "--form", form).exit_code == 0
    directions = [
        anndata.read_h5ad(tmp_path / "out" / f"tiny-{form}.h5ad").uns["conceptstain"]["concepts"][form]["direction"]
        for form in ("mean", "contrast")
    ]
    assert not np.allclose(*directions)


def test_stain_subtracts_one_concept_from_another(stain, tmp_path):
    result = stain("--like", "Gene1", "--minus-genes", "Gene5,Gene6", "--neighbours", 3, "--map", "gene-mean")
    assert result.exit_code == 0, result.stderr
    assert "Concept Gene1 - Gene5, Gene6: Gene1 minus Gene5, Gene6, each brought to the same length." in result.stdout
    assert "Nearest to Gene1 in latent space" in result.stdout
    assert "No evidence: A combination has no evidence of its own" in result.stdout
    (path,) = (tmp_path / "out").glob("*.h5ad")
    told = anndata.read_h5ad(path).uns["conceptstain"]["concepts"]["Gene1 - Gene5, Gene6"]
    assert list(told["items"])[-2:] == ["Gene5", "Gene6"]


def test_stain_makes_a_concept_in_a_layer(stain, tmp_path):
    result = stain("--like", "Gene1", "--space", "relu1", "--map", "gradient", "--map", "gene-mean")
    assert result.exit_code == 0, result.stderr
    assert "Nearest to Gene1 in the layer encoder.relu1" in result.stdout
    told = anndata.read_h5ad(tmp_path / "out" / "tiny-Gene1.h5ad").uns["conceptstain"]["concepts"]["Gene1"]
    assert told["space"] == "encoder.relu1"
    assert len(told["direction"]) == 8


def test_stain_is_repeated_to_the_byte_by_its_seed(stain, tmp_path):
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert stain("--like", "Gene1", "--sampled-latents", "--seed", seed, out=tmp_path / out).exit_code == 0
    a, b, c = ((tmp_path / out / "tiny-Gene1-genes.csv").read_bytes() for out in "abc")
    assert a == b
    assert a != c


def test_stain_says_the_evidence_and_the_controls_and_writes_them(stain, tmp_path):
    result = stain("--region", "obs:layer=inner", "--map", "decoded", "--map", "gradient")
    assert result.exit_code == 0, result.stderr
    assert re.search(r"Evidence: \d+ spots; others like them are found with AUROC \.?\d", result.stdout)
    assert "Controls of decoded: " in result.stdout
    table = pd.read_csv(tmp_path / "out" / "tiny-inner-controls.csv")
    assert list(table["map"].unique()) == ["decoded", "gradient"]
    assert set(table["control"].dropna()) == {"no model", "random concept", "untrained network", "sequencing depth"}
    assert table["auroc"].between(0, 1).all()
    scores = pd.read_csv(tmp_path / "out" / "tiny-inner-evidence.csv", index_col="spot")
    assert len(scores) == 42
    assert list(scores.columns) == ["fold", "inside", "cross-fitted score"]


def test_a_concept_that_cannot_be_tested_is_painted_and_it_is_said_why(stain, tmp_path):
    result = stain("--genes", "Gene1", "--name", "one")
    assert result.exit_code == 0, result.stderr
    assert "No evidence: The concept 'one' has one gene" in result.stdout
    assert not (tmp_path / "out" / "tiny-one-evidence.csv").exists()


def test_stain_without_nulls_tests_nothing(stain, tmp_path):
    result = stain("--like", "Gene1", "--nulls", 0)
    assert "Evidence" not in result.stdout
    assert not (tmp_path / "out" / "tiny-Gene1-evidence.csv").exists()


def test_weights_choose_the_scaling_they_were_trained_in(stain, tmp_path):
    assert stain("--like", "Gene1", weights="paper").exit_code == 0
    assert anndata.read_h5ad(tmp_path / "out" / "tiny-Gene1.h5ad").uns["conceptstain"]["scaling"] == "paper"


def test_existing_results_are_replaced_only_when_asked(stain, tmp_path):
    assert stain("--like", "Gene1").exit_code == 0
    kept = (tmp_path / "out" / "tiny-Gene1.svg").read_bytes()
    assert "exists already" in one_line(stain("--like", "Gene1", "--map", "gene-mean"))
    assert (tmp_path / "out" / "tiny-Gene1.svg").read_bytes() == kept
    assert stain("--like", "Gene1", "--map", "gene-mean", "--overwrite").exit_code == 0
    assert (tmp_path / "out" / "tiny-Gene1.svg").read_bytes() != kept


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--like", "Gene99"], "Gene9"),
        (["--genes", "Gene1,Nothing"], "Nothing"),
        (["--genes", ","], "made of nothing"),
        (["--like", "Gene1", "--genes", "Gene2"], "--like and --genes"),
        ([], "--region obs:layer=GCL"),
        (["--region", "layer=inner"], "obs:COLUMN=VALUE"),
        (["--region", "obs:colour=red"], "layer"),
        (["--region", "obs:layer=middle"], "inner"),
        (["--like", "Gene1", "--map", "magic"], "decoded, gene-mean"),
        (["--like", "Gene1", "--map", "attention"], "convolution"),
        (["--like", "Gene1", "--map", "rectified", "--percentile", "101"], "between 0 and 100"),
        (["--like", "Gene1", "--map", "rectified", "--variant", "proportional"], "without any MaxPool2d"),
        (["--like", "Gene1", "--map", "gradient", "--percentile", "90"], "--percentile. Add --map rectified"),
        (["--like", "Gene1", "--dimension", "2"], "Add --map attention"),
        (["--like", "Gene1", "--neighbours", "0"], "neighbours=0"),
        (["--like", "Gene1", "--fit"], "--weights and --fit"),
        (["--like", "Gene1", "--preset", "paper"], "--weights and --preset"),
        (["--like", "Gene1", "--image", "missing.jpg"], "missing.jpg"),
        (["--like", "Gene1", "--minus-like", "Gene1"], "Nothing is left"),
        (["--like", "Gene1", "--minus-like", "Gene2", "--minus-genes", "Gene3"], "--minus-like and --minus-genes"),
        (["--like", "Gene1", "--space", "relu1", "--map", "decoded"], "lives in the layer relu1"),
        (["--like", "Gene1", "--space", "conv9", "--map", "gradient"], "no such layer"),
        (["--like", "Gene1", "--whiten", "--stride", "4"], "a section does not listen to. Got --whiten, --stride"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(stain, tmp_path, words, said):
    assert said in one_line(stain(*words))
    assert not (tmp_path / "out").exists()


def test_a_file_that_cannot_be_read_is_one_line(folder, tmp_path):
    broken = tmp_path / "broken.h5ad"
    broken.write_bytes(b"nonsense")
    for command in (
        ["info"],
        ["fit", "--out", tmp_path / "w.safetensors"],
        ["stain", "--like", "A", "--out", tmp_path],
    ):
        assert "broken.h5ad" in one_line(run(command[0], broken, *command[1:]))
    assert "weights.safetensors" in one_line(
        run(
            "stain",
            folder / "tiny.h5ad",
            "--like",
            "Gene1",
            "--weights",
            "weights.safetensors",
            "--out",
            tmp_path / "o",
        )
    )


def test_a_file_in_the_place_of_the_folder_is_one_line(stain, folder):
    assert "tiny.h5ad" in one_line(stain("--like", "Gene1", out=folder / "tiny.h5ad"))


def test_the_section_itself_is_never_written_over(folder, tmp_path):
    source = tmp_path / "tiny-Gene1.h5ad"
    source.write_bytes((folder / "tiny.h5ad").read_bytes())
    before = source.read_bytes()
    weights = folder / "z-score.safetensors"
    result = run("stain", source, "--like", "Gene1", "--weights", weights, "--out", tmp_path, "--overwrite")
    assert "not written over" in one_line(result)
    assert source.read_bytes() == before


def test_a_failure_while_writing_leaves_nothing_half_written(stain, tmp_path, monkeypatch):
    def fail(*_args, **_settings):
        raise MemoryError

    assert stain("--like", "Gene1").exit_code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    monkeypatch.setattr("conceptstain.figures.save_figure", fail)
    result = stain("--like", "Gene1", "--map", "gene-mean", "--overwrite")
    assert isinstance(result.exception, MemoryError), "an unexpected error is not swallowed"
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_fit_saves_an_encoder_that_stain_uses(folder, tmp_path):
    weights = tmp_path / "w.safetensors"
    words = ["--network", "mlp", "--latent", 3, "--epochs", 2, "--seed", 5]
    result = run("fit", folder / "tiny.h5ad", "--out", weights, *words)
    assert result.exit_code == 0, result.stderr
    encoder = load_encoder(weights)
    assert (encoder.latent, encoder.card["training"]["seed"], encoder.card["training"]["epochs"]) == (3, 5, 2)
    assert encoder.fingerprint in result.stdout
    assert "Epoch 2 of 2" in result.stderr
    result = run("stain", folder / "tiny.h5ad", "--like", "Gene1", "--weights", weights, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr


def test_fit_by_the_preset_is_the_paper(folder, tmp_path):
    weights = tmp_path / "w.safetensors"
    assert run("fit", folder / "tiny.h5ad", "--out", weights, "--preset", "paper", "--epochs", 1).exit_code == 0
    encoder = load_encoder(weights)
    assert (encoder.scaling, encoder.card["network"]["network"], encoder.latent) == ("paper", "paper", 20)


def test_fit_learns_from_sections_of_two_sizes_together(folder, tmp_path):
    wide = tiny_section(n_rows=3, n_columns=40).adata
    wide.write_h5ad(tmp_path / "wide.h5ad")
    weights = tmp_path / "w.safetensors"
    words = ["--network", "mlp", "--epochs", 1, "--out", weights]
    result = run("fit", folder / "tiny.h5ad", tmp_path / "wide.h5ad", *words)
    assert result.exit_code == 0, result.stderr
    assert load_encoder(weights).shape == (1, 32, 40)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "w.pt"], ".safetensors"),
        (["--out", "w.safetensors", "--epochs", "0"], "epochs"),
        (["--out", "w.safetensors", "--preset", "paper", "--network", "mlp"], "--preset and --network"),
        (["--out", "w.safetensors", "--network", "places"], "learns pictures and patches"),
        (["--out", "no/such/w.safetensors"], "does not exist"),
    ],
)
def test_a_mistake_in_fitting_is_one_line(folder, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    assert said in one_line(run("fit", folder / "tiny.h5ad", *words))
    assert not list(tmp_path.iterdir())


def test_info_says_what_was_read(folder):
    result = run("info", folder / "tiny.h5ad")
    assert result.exit_code == 0, result.stderr
    for said in (
        "42 spots x 12 genes",
        "in µm",
        "1 µm per pixel",
        "32 x 32 cells of",
        "obs:layer: inner, outer",
    ):
        assert said in result.stdout
    assert re.search(r"Encoder gene-pictures: fits", result.stdout)


def test_demo_writes_the_figures_and_says_where(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("demo", "--quick", "--no-window")
    assert result.exit_code == 0, result.stderr
    written = sorted(path.name for path in (tmp_path / "conceptstain-demo").iterdir())
    assert written == ["demo-genes.csv", "demo-spots.csv", "demo.h5ad", "demo.pdf", "demo.png", "demo.svg"]
    assert "conceptstain-demo/demo.svg" in result.stdout.replace("\\", "/")
    assert "simulated" in result.stdout


def test_demo_fits_an_encoder_unless_it_has_to_be_quick(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "ENOUGH_STEPS", 1)
    monkeypatch.setattr(training, "LEAST_EPOCHS", 1)
    result = run("demo", "--no-window", "--out", tmp_path / "demo")
    assert "fitted to simulated bulb, 16 latent dimensions, fitted in" in result.stdout
    quick = run("demo", "--quick", "--no-window", "--out", tmp_path / "demo")
    assert "gene-pictures, 16 latent dimensions; it comes with the package" in quick.stdout


def test_demo_without_a_display_opens_no_window(tmp_path, monkeypatch):
    monkeypatch.setattr("conceptstain.cli.commands.has_display", lambda: False)
    result = run("demo", "--quick", "--out", tmp_path / "demo")
    assert result.exit_code == 0, result.stderr
    assert "No display" in result.stdout


def test_demo_opens_the_window_where_there_is_a_display(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("conceptstain.cli.commands.has_display", lambda: True)
    monkeypatch.setattr("conceptstain.cli.commands.open_window", opened.append)
    assert run("demo", "--quick", "--out", tmp_path / "demo").exit_code == 0
    assert [section.name for section in opened] == ["simulated bulb"]


def test_the_version_is_told():
    assert run("--version").stdout.strip() == f"conceptstain {__version__}"


@pytest.mark.parametrize("command", ["demo", "info", "fit", "stain", "spots"])
def test_every_command_explains_itself(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 5


def test_in_a_process_of_its_own_a_mistake_is_one_line_and_help_loads_no_torch():
    words = [sys.executable, "-c", "from conceptstain.cli import app; app()", "info", "missing.h5ad"]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("conceptstain: There is no file missing.h5ad.")
    assert result.stderr.count("\n") == 1
    code = (
        "import sys; from conceptstain.cli import app\n"
        "try: app(['stain', '--help'])\n"
        "finally: assert not {'torch', 'napari', 'anndata', 'matplotlib'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_a_section_of_several_is_chosen_by_name(tmp_path):
    first, second = tiny_section(seed=1).adata, tiny_section(5, 5, seed=2).adata
    joined = anndata.concat({"A": first, "B": second}, label="library_id", index_unique="-")
    joined.write_h5ad(tmp_path / "two.h5ad")
    assert "holds several sections. Got A, B" in one_line(run("info", tmp_path / "two.h5ad"))
    told = run("info", tmp_path / "two.h5ad", "--section", "B").stdout
    assert told.startswith("Section B: 25 spots")
    assert '--section "B"' in told
    assert "on a square lattice" in told


def test_spatialdata_is_written_too_where_it_is_asked_for(stain, tmp_path):
    spatialdata = pytest.importorskip("spatialdata", reason="the extra spatialdata is not installed")
    words = ["--like", "Gene1", "--spatialdata"]
    result = stain(*words)
    assert result.exit_code == 0, result.stderr
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == RESULTS | {"tiny-Gene1.zarr"}
    table = spatialdata.read_zarr(out / "tiny-Gene1.zarr")["table"]
    told = pd.read_csv(out / "tiny-Gene1-spots.csv")["Gene1 - decoded"]
    np.testing.assert_allclose(table.obs["Gene1_-_decoded"], told, rtol=1e-6)
    assert "exists already" in one_line(stain(*words))
    assert stain(*words, "--overwrite").exit_code == 0
    assert {path.name for path in out.iterdir()} == RESULTS | {"tiny-Gene1.zarr"}


def test_a_folder_of_another_kind_is_not_replaced_by_spatialdata(stain, tmp_path):
    pytest.importorskip("spatialdata", reason="the extra spatialdata is not installed")
    (tmp_path / "out/tiny-Gene1.zarr").mkdir(parents=True)
    (tmp_path / "out/tiny-Gene1.zarr/cat.jpg").touch()
    assert "another kind" in one_line(stain("--like", "Gene1", "--spatialdata", "--overwrite"))
    assert (tmp_path / "out/tiny-Gene1.zarr/cat.jpg").exists()


def test_without_its_package_spatialdata_is_refused_before_anything_is_made(stain, tmp_path, monkeypatch):
    monkeypatch.setattr("conceptstain.spatialdata_file.find_spec", lambda _name: None)
    assert 'pip install "napari-conceptstain[spatialdata]"' in one_line(stain("--like", "Gene1", "--spatialdata"))
    assert not (tmp_path / "out").exists()
