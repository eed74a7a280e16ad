"""``ablate``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from classes import squares
from commanding import one_line, run
from conceptstain.nets.checkpoint import save_encoder
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from factories import tiny_section
from pictures import write_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ablated")
    canvas, _, masks = squares(16)
    for item in range(len(canvas)):
        pixels = (255 * canvas.inputs([item])[0, 0]).astype(np.uint8)
        write_picture(folder / "images" / f"{item:02}.png", pixels)
        write_picture(folder / "masks" / f"{item:02}.png", masks[item].astype(np.uint8))
    network = ImageVAE((1, 16, 16), ImageVAESettings(latent=2, widths=(4, 4), hidden=(3,)))
    save_encoder(Encoder("tiny", network, (1, 16, 16), "unit", 2), folder / "vae.safetensors")
    learned = ("--parts", folder / "masks", "--names", "bright, dark", "--frame", 16, "--epochs", 2)
    result = run("fit-classifier", folder / "images", *learned, "--out", folder / "parts.safetensors")
    assert result.exit_code == 0, result.output
    return folder


def test_units_that_parts_need_are_put_out_beside_others(folder: Path, tmp_path: Path) -> None:
    words = ("--weights", folder / "parts.safetensors", "--parts", folder / "masks", "--names", "bright, dark")
    result = run("ablate", folder / "images", *words, "--draws", 2, "--rotations", 1, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "most important units of encoder.relu" in result.stdout
    curves = pd.read_csv(tmp_path / "images-ablated-curves.csv")
    assert set(curves["chosen"]) == {"important", "overlapping", "rotated", "random"}
    assert set(curves["class"]) == {"mean", "bright", "dark"}
    importance = pd.read_csv(tmp_path / "images-ablated-importance.csv", index_col="unit")
    assert list(importance) == ["background", "bright", "dark"]
    assert (tmp_path / "images-ablated.svg").read_text().startswith("<?xml")
    assert run("ablate", folder / "images", *words, "--out", tmp_path).exit_code == 2  # they are there


def test_the_effect_of_given_units_is_written_for_an_encoder(folder: Path, tmp_path: Path) -> None:
    words = ("--weights", folder / "vae.safetensors", "--layer", "conv2", "--units", "0, 3", "--value", "peak")
    result = run("ablate", folder / "images", *words, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "2 units of encoder.conv2 forced: reconstruction error from" in result.stdout
    table = pd.read_csv(tmp_path / "images-ablated-effect.csv", index_col=["measure", "of"])
    assert list(table) == ["before", "after", "change", "low", "high"]
    assert table.index.tolist() == [("reconstruction error", "mean")]


def test_units_of_a_classifier_of_spots_are_put_out(tmp_path: Path) -> None:
    tiny_section(8, 8).adata.write_h5ad(tmp_path / "tiny.h5ad")
    weights = tmp_path / "layers.safetensors"
    learned = run("fit-classifier", tmp_path / "tiny.h5ad", "--labels", "layer", "--epochs", 2, "--out", weights)
    assert learned.exit_code == 0, learned.output
    words = ("--weights", weights, "--labels", "layer", "--units", "0,1,2")
    result = run("ablate", tmp_path / "tiny.h5ad", *words, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "balanced accuracy from" in result.stdout
    assert "64 items" in result.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--weights", "parts.safetensors"), "Give --labels, --table or --parts"),
        (("--weights", "vae.safetensors", "--layer", "conv1"), "the encoder tiny"),
        (("--weights", "vae.safetensors", "--units", "1"), "no --layer"),
        (("--weights", "vae.safetensors", "--layer", "conv1", "--units", "a"), "known by their numbers"),
        (("--weights", "vae.safetensors", "--layer", "conv1", "--units", "9"), "no such unit"),
        (("--weights", "vae.safetensors", "--layer", "conv1", "--units", "1", "--value", "high"), "set to a number"),
        (("--weights", "vae.safetensors", "--layer", "conv1", "--units", "1", "--value", "nan"), "set to a number"),
        (("--weights", "parts.safetensors", "--units", "1", "--names", "bright, dark"), "words for parts"),
        (("--weights", "parts.safetensors", "--value", "peak"), "a setting of --units"),
        (("--weights", "vae.safetensors", "--labels", "folders", "--units", "1"), "told by classifiers"),
    ],
)
def test_what_cannot_be_put_out_is_told_in_one_line(
    folder: Path, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    given = [folder / word if word.endswith(".safetensors") else word for word in words]
    result = run("ablate", folder / "images", *given, "--out", tmp_path / "out")
    assert told in one_line(result)
    assert not (tmp_path / "out").exists()
