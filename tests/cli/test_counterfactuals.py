"""``counterfactual``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from commanding import one_line, run
from conceptstain.nets.checkpoint import save_encoder
from conceptstain.nets.classifier_checkpoint import save_classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from pictures import write_picture
from what_if import squares_with_models


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("what-if")
    canvas, _, one, other = squares_with_models()
    for item in range(len(canvas)):
        pixels = (255 * canvas.inputs([item])[0, 0]).astype(np.uint8)
        write_picture(folder / "images" / f"{item:02}.png", pixels)
    network = ImageVAE(canvas.shape, ImageVAESettings(latent=4, widths=(8,), hidden=(32,)))
    x = torch.as_tensor(canvas.inputs(np.arange(len(canvas))))
    adam = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        loss = (network.decode(network.encode(x).mean) - x).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    save_encoder(Encoder("tiny", network, canvas.shape, "unit", 4), folder / "vae.safetensors")
    save_classifier(one, folder / "one.safetensors")
    save_classifier(other, folder / "other.safetensors")
    return folder


def networks(folder: Path) -> tuple[object, ...]:
    return ("--classifier", folder / "one.safetensors", "--encoder", folder / "vae.safetensors")


def test_paths_are_written_as_a_table_and_drawn(folder: Path, tmp_path: Path) -> None:
    words = (*networks(folder), "--second", folder / "other.safetensors", "--probability", 0.6, "--target", "dark")
    result = run("counterfactual", folder / "images", *words, "--origin", "bright", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "items arrived" in result.stdout
    table = pd.read_csv(tmp_path / "images-to_dark.csv", index_col="item")
    assert (table["origin"] == "bright").all()
    assert (table["target"] == "dark").all()
    assert set(table) >= {"success", "confirmed", "probability", "change", "plausibility", "nearest change"}
    assert table["success"].any()
    for ending in ("-strips.svg", "-boundary.svg"):
        assert (tmp_path / f"images-to_dark{ending}").read_text().startswith("<?xml")
    again = run("counterfactual", folder / "images", *words, "--items", "00.png,01", "--out", tmp_path)
    assert again.exit_code == 2  # they are there


def test_what_cannot_be_found_is_refused_in_a_line(folder: Path, tmp_path: Path) -> None:
    words = (*networks(folder), "--out", tmp_path)
    result = run("counterfactual", folder / "images", *words, "--target", "grey")
    assert "no such class" in one_line(result)
    result = run("counterfactual", folder / "images", *words, "--target", "dark", "--items", "01", "--origin", "dark")
    assert "Items are named, or found by their class" in one_line(result)
    result = run("counterfactual", folder / "images", *words, "--target", "dark", "--method", "published")
    assert "through a link" in one_line(result)
