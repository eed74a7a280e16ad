"""``sweep``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from classes import fitted_to_parts
from commanding import one_line, run
from conceptstain.methods.link_file import save_link
from conceptstain.methods.linking import link
from conceptstain.nets.checkpoint import save_encoder
from conceptstain.nets.classifier_checkpoint import save_classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from pictures import write_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of squares, a classifier of their parts, an untrained VAE, and the link between both."""
    folder = tmp_path_factory.mktemp("swept")
    classifier, canvas, _ = fitted_to_parts(2)
    for item in range(len(canvas)):
        write_picture(folder / "images" / f"{item:02}.png", (255 * canvas.inputs([item])[0, 0]).astype(np.uint8))
    network = ImageVAE((1, 16, 16), ImageVAESettings(latent=3, widths=(4, 4), hidden=(5,)))
    encoder = Encoder("tiny", network, (1, 16, 16), "unit", 3)
    save_encoder(encoder, folder / "vae.safetensors")
    save_classifier(classifier, folder / "parts.safetensors")
    save_link(link(classifier, encoder, canvas, method="ridge", alpha=1.0), folder / "link.safetensors")
    return folder


def words(folder: Path, *more: object, out: Path) -> tuple[object, ...]:
    given = [("--classifier", "parts"), ("--encoder", "vae"), ("--link", "link")]
    files = [each for option, name in given for each in (option, folder / f"{name}.safetensors")]
    return ("sweep", folder / "images", *files, *more, "--draws", 4, "--out", out)


def test_all_units_are_swept_and_their_parts_measured(folder: Path, tmp_path: Path) -> None:
    result = run(*words(folder, "--threshold", "0.3,0.5", "--items", "00.png, 03.png", out=tmp_path))
    assert result.exit_code == 0, result.output
    assert "Swept 6 units of encoder.relu2 from 2 items, and 4 random directions" in result.stdout
    table = pd.read_csv(tmp_path / "images-swept-units.csv")
    assert len(table) == 6 * 2
    assert {"d_area", "d_share_low", "d_angle_high", "visible"} <= set(table.columns)
    assert list(pd.read_csv(tmp_path / "images-swept-selective.csv")["part"]) == ["above 0.3", "above 0.5"]
    assert (tmp_path / "images-swept.svg").read_text().startswith("<?xml")


def test_some_units_are_swept_and_classes_read(folder: Path, tmp_path: Path) -> None:
    result = run(*words(folder, "--units", "4, 1", out=tmp_path))
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "images-swept-units.csv")
    assert table["unit"].unique().tolist() == [4, 1]
    assert table["part"].unique().tolist() == ["none", "bright", "dark"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--units", "one"), "known by their numbers"),
        (("--units", "77"), "not units of the linked layer"),
        (("--threshold", "low"), "Levels are numbers"),
        (("--threshold", "0.5", "--layers", "layer"), "told in one way"),
        (("--layers", "layer"), "Layers lie on gene pictures"),
        (("--items", "nobody.png"), "nobody.png"),
    ],
)
def test_what_cannot_be_swept_is_said(more: tuple[str, ...], told: str, folder: Path, tmp_path: Path) -> None:
    result = run(*words(folder, *more, out=tmp_path / "none"))
    assert result.exit_code == 2
    assert told in one_line(result)
    assert not (tmp_path / "none").exists()
