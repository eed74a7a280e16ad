"""``dissect``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commanding import one_line, run
from conceptstain.nets.checkpoint import save_encoder
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from factories import tiny_section
from pictures import noise, write_picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for number in range(8):
        pixels, mask = noise(16, 16, 3, seed=number) // 4, np.zeros((16, 16), dtype=np.uint8)
        for label in (1, 2):
            row, column = random.integers(0, 12, 2)
            pixels[row : row + 4, column : column + 4] += np.uint8(90 * label)
            mask[row : row + 4, column : column + 4] = label
        write_picture(tmp_path / "images" / f"{number}.png", pixels)
        write_picture(tmp_path / "masks" / f"{number}.png", mask)
    settings = ImageVAESettings(latent=2, widths=(4, 4), hidden=(3,))
    encoder = Encoder("tiny", ImageVAE((3, 16, 16), settings), (3, 16, 16), "unit", 2)
    save_encoder(encoder, tmp_path / "tiny.safetensors")
    return tmp_path


def test_units_of_a_network_are_written_with_their_labels_beside_controls(folder: Path) -> None:
    words = ("--weights", folder / "tiny.safetensors", "--layer", "conv1", "--layer", "conv2", "--quantile", 0.05)
    more = ("--masks", folder / "masks", "--names", "dim, bright", "--colours", "--controls", 1)
    result = run("dissect", folder / "images", "--out", folder / "out", *words, *more)
    assert result.exit_code == 0, result.output
    assert "encoder.conv1 of tiny: 4 units over 8 items" in result.stdout
    assert "control" in result.stdout or "do as well" in result.stdout or "does as well" in result.stdout
    for layer in ("conv1", "conv2"):
        units = pd.read_csv(folder / "out" / f"images-dissected-encoder.{layer}-units.csv", index_col="unit")
        assert sorted(units.index) == [0, 1, 2, 3]
        assert set(units["category"]) <= {"part", "colour"}
        assert units["IoU"].is_monotonic_decreasing
    detectors = pd.read_csv(
        folder / "out" / "images-dissected-detectors.csv", index_col=["layer", "category", "network"]
    )
    assert len(detectors) == 2 * 3 * 4
    assert run("dissect", folder / "images", "--out", folder / "out", *words, *more).exit_code == 2  # they are there


def test_genes_are_held_against_layers_without_a_network(tmp_path: Path) -> None:
    section = tiny_section(8, 8)
    section.adata.write_h5ad(tmp_path / "tiny.h5ad")
    result = run("dissect", tmp_path / "tiny.h5ad", "--annotation", "layer", "--out", tmp_path / "out", "--controls", 1)
    assert result.exit_code == 0, result.output
    assert "(layer), IoU" in result.stdout
    units = pd.read_csv(tmp_path / "out" / "tiny-dissected-input-units.csv")
    assert set(units["name"]) == {f"Gene{number}" for number in range(12)}
    assert set(units["label"]) == {"inner", "outer"}


def test_units_of_a_classifier_are_dissected_and_a_broken_one_is_told_as_such(folder: Path) -> None:
    weights = folder / "parts.safetensors"
    masks = ("--masks", folder / "masks")
    learned = run(
        "fit-classifier", folder / "images", "--parts", masks[1], "--frame", 16, "--epochs", 1, "--out", weights
    )
    assert learned.exit_code == 0, learned.output
    result = run("dissect", folder / "images", "--weights", weights, *masks, "--controls", 0, "--out", folder / "out")
    assert result.exit_code == 0, result.output
    assert "over 8 items" in result.stdout
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1  # a weight
    weights.write_bytes(content)
    result = run("dissect", folder / "images", "--weights", weights, *masks, "--out", folder / "again")
    assert result.exit_code == 2
    assert "are not those it was saved with" in one_line(result)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "Units are held against labels"),
        (("--names", "a,b"), "words for masks"),
        (("--masks", "masks", "--annotation", "layer"), "no columns of obs"),
        (("--masks", "masks", "--layer", "conv9"), "no such layer"),
        (("--masks", "masks", "--least", 2), "between 0 and 1"),
        (("--masks", "masks", "--names", "dim"), "number without a name"),
        (("--masks", "nowhere"), "nowhere"),
    ],
    ids=["none", "words", "obs", "layer", "least", "names", "missing"],
)
def test_what_cannot_be_dissected_is_told_in_one_line(folder: Path, words: tuple[object, ...], told: str) -> None:
    given = [folder / word if word in {"masks", "nowhere"} else word for word in words]
    weights = ("--weights", folder / "tiny.safetensors")
    result = run("dissect", folder / "images", "--out", folder / "out", "--controls", 0, *weights, *given)
    assert result.exit_code == 2
    assert told in one_line(result)
    assert not (folder / "out").exists()


def test_several_networks_are_compared_in_one_table_and_one_chart(folder: Path) -> None:
    settings = ImageVAESettings(latent=2, widths=(4, 4), hidden=(3,))
    other = Encoder("tiny", ImageVAE((3, 16, 16), settings, seed=1), (3, 16, 16), "unit", 2)
    save_encoder(other, folder / "other.safetensors")
    words = ("--masks", folder / "masks", "--quantile", 0.05, "--controls", 1, "--figures")
    both = ("--weights", folder / "tiny.safetensors", "--weights", folder / "other.safetensors")
    result = run("dissect", folder / "images", *both, *words, "--out", folder / "out")
    assert result.exit_code == 0, result.output
    detectors = pd.read_csv(folder / "out" / "images-dissected-detectors.csv", index_col=["layer", "category"])
    assert set(detectors.index.levels[0]) == {"tiny, encoder.conv2", "other, encoder.conv2"}  # type: ignore[attr-defined]
    assert set(detectors["network"]) == {"trained", "rotated", "shuffled", "untrained"}
    chart = (folder / "out" / "images-dissected-detectors.svg").read_text(encoding="utf-8")
    assert "other, encoder.conv2" in chart
    for name in ("tiny", "other"):
        assert (folder / "out" / f"images-dissected-{name}_encoder.conv2-units.csv").exists()
        units = (folder / "out" / f"images-dissected-{name}_encoder.conv2-units.svg").read_text(encoding="utf-8")
        assert "unit " in units
    wider = Encoder("wide", ImageVAE((3, 32, 32), settings), (3, 32, 32), "unit", 2)
    save_encoder(wider, folder / "wide.safetensors")
    more = (*both[:2], "--weights", folder / "wide.safetensors")
    refused = run("dissect", folder / "images", *more, *words, "--out", folder / "wide")
    assert refused.exit_code == 2
    assert "on one canvas" in one_line(refused)
    twice = run("dissect", folder / "images", *both[:2], *both[:2], *words, "--out", folder / "twice")
    assert "tiny twice" in one_line(twice)
