"""``link``."""

from __future__ import annotations

from pathlib import Path

import pytest

import conceptstain as cs
from commanding import one_line, run
from factories import tiny_section
from pictures import noise, write_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A section with a classifier and an encoder of its spots, and one of pictures."""
    home = tmp_path_factory.mktemp("link")
    tiny_section(8, 8).adata.write_h5ad(home / "tiny.h5ad")
    made = [
        run(
            "fit-classifier",
            home / "tiny.h5ad",
            "--labels",
            "layer",
            "--epochs",
            2,
            "--out",
            home / "layers.safetensors",
        ),
        run("fit", home / "tiny.h5ad", "--canvas", "spots", "--epochs", 2, "--out", home / "spots.safetensors"),
    ]
    for number in range(6):
        write_picture(home / "images" / f"{number}.png", noise(16, 16, 3, seed=number))
    words = ("--canvas", "images", "--frame", 16, "--epochs", 1, "--latent", 3)
    made.append(run("fit", home / "images", *words, "--out", home / "images.safetensors"))
    for each in made:
        assert each.exit_code == 0, each.output
    return home


@pytest.mark.parametrize("pairs", ["encoded", "sampled"])
def test_spots_are_linked_and_it_is_said_how_well(folder: Path, tmp_path: Path, pairs: str) -> None:
    words = ("--classifier", folder / "layers.safetensors", "--encoder", folder / "spots-0.safetensors")
    out = (tmp_path / "link.safetensors", tmp_path / "link.svg")
    known = ("--labels", "layer") if pairs == "encoded" else ()  # what is hardly trained agrees on no layer
    how = (*known, "--method", "ridge", "--pairs", pairs, "--n-pairs", 40)
    result = run("link", folder / "tiny.h5ad", *words, *how, "--out", out[0], "--figure", out[1])
    assert result.exit_code == 0, result.output
    found = cs.load_link(out[0])
    assert found.method == "ridge"
    assert found.card["pairs"] == pairs
    assert f"Linked {found.units} units of encoder.relu1 to {found.latent} latent dimensions by ridge" in result.stdout
    assert ("cycle accuracy, balanced" in result.stdout) == (pairs == "encoded")
    assert (" samples kept." in result.stdout) == (pairs == "sampled")
    assert out[1].stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--classifier", "spots-0.safetensors", "--encoder", "spots-0.safetensors"), "no classifier"),
        (("--classifier", "layers.safetensors", "--encoder", "layers.safetensors"), "cannot decode"),
        (("--classifier", "layers.safetensors", "--encoder", "spots-0.safetensors", "--held-out", "2"), "held out"),
        (
            ("--classifier", "layers.safetensors", "--encoder", "spots-0.safetensors", "--figure", "a.gif"),
            "that format",
        ),
    ],
)
def test_what_cannot_be_linked_is_told(folder: Path, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    placed = [folder / word if word.endswith("safetensors") else word for word in words]
    result = run("link", folder / "tiny.h5ad", *placed, "--out", tmp_path / "link.safetensors")
    assert told in one_line(result)
    assert not list(tmp_path.iterdir())


def test_pictures_that_a_classifier_of_spots_cannot_read_are_told(folder: Path, tmp_path: Path) -> None:
    words = ("--classifier", folder / "layers.safetensors", "--encoder", folder / "images.safetensors")
    result = run("link", folder / "images", *words, "--out", tmp_path / "link.safetensors")
    assert "another scaling" in one_line(result)
