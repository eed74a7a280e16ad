"""``explain``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commanding import one_line, run
from factories import tiny_section
from pictures import noise, write_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in folders of their classes, with label images, and classifiers of both."""
    home, random = tmp_path_factory.mktemp("explain"), np.random.default_rng(0)
    for number in range(10):
        kind = "bright" if number % 2 else "dim"
        pixels, mask = noise(16, 16, 3, seed=number) // 4, np.zeros((16, 16), dtype=np.uint8)
        row, column = random.integers(0, 10, 2)
        pixels[row : row + 6, column : column + 6] += np.uint8(180 if kind == "bright" else 40)
        mask[row : row + 6, column : column + 6] = 1 + (kind == "bright")
        write_picture(home / "images" / kind / f"{number}.png", pixels)
        write_picture(home / "flat" / f"{number}.png", pixels)
        write_picture(home / "masks" / f"{number}.png", mask)
    short = ("--frame", 16, "--epochs", 1)
    for name, words in (
        ("kinds", (home / "images" / "*" / "*.png", "--labels", "folders")),
        ("parts", (home / "flat", "--parts", home / "masks", "--names", "dim, bright")),
    ):
        made = run("fit-classifier", *words, *short, "--out", home / f"{name}.safetensors")
        assert made.exit_code == 0, made.output
    return home


def test_a_wrong_part_is_explained_with_a_table_and_a_figure(folder: Path, tmp_path: Path) -> None:
    words = ("--weights", folder / "parts.safetensors", "--masks", folder / "masks", "--names", "dim, bright")
    result = run("explain", folder / "flat", *words, "--item", "3.png", "--quantile", 0.1, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "3.png is taken for" in result.stdout
    units = pd.read_csv(tmp_path / "out" / "flat-explained-3.png-units.csv", index_col="unit")
    assert units["contribution"].is_monotonic_decreasing
    assert set(units["label"]) <= {"dim", "bright"}
    for ending in (".svg", ".png"):
        assert (tmp_path / "out" / f"flat-explained-3.png{ending}").stat().st_size > 1000


def test_the_picture_taken_most_wrongly_is_found_by_what_they_are(folder: Path, tmp_path: Path) -> None:
    words = ("--weights", folder / "kinds.safetensors", "--colours", "--truth", "folders", "--quantile", 0.1)
    result = run("explain", folder / "images" / "*" / "*.png", *words, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "the labels say" in result.stdout
    assert " against " in result.stdout


def test_a_spot_of_a_section_is_explained_by_its_layers(tmp_path: Path) -> None:
    tiny_section(8, 8).adata.write_h5ad(tmp_path / "tiny.h5ad")
    weights = tmp_path / "layers.safetensors"
    made = run("fit-classifier", tmp_path / "tiny.h5ad", "--labels", "layer", "--epochs", 1, "--out", weights)
    assert made.exit_code == 0, made.output
    words = ("--weights", weights, "--item", "2x3", "--truth", "layer", "--class", "inner", "--against", "outer")
    result = run("explain", tmp_path / "tiny.h5ad", *words, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "The score of inner against outer is" in result.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--weights", "parts.safetensors", "--masks", "masks"), "Which item is explained"),
        (("--weights", "parts.safetensors", "--masks", "masks", "--truth", "folders"), "masks say what they are"),
        (("--weights", "kinds.safetensors", "--colours", "--item", "nobody.png"), "nobody.png"),
    ],
)
def test_what_cannot_be_explained_is_told(folder: Path, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    placed = [folder / word if word.endswith(("safetensors", "masks")) and word[0] != "-" else word for word in words]
    result = run("explain", folder / "flat", *placed, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert told in one_line(result)
    assert not (tmp_path / "out").exists()
