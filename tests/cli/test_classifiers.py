from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classes import squares
from commanding import one_line, run
from conceptstain.nets.classifier_checkpoint import load_classifier
from factories import tiny_section
from pictures import noise, write_picture


def section_file(folder: Path) -> Path:
    path = folder / "tiny.h5ad"
    section = tiny_section(8, 8)
    section.adata.write_h5ad(path)
    return path


def picture_files(folder: Path) -> str:
    """Squares in a folder for each kind, and their masks."""
    canvas, labels, masks = squares(18)
    for number, (code, mask) in enumerate(zip(labels.codes, masks, strict=True)):
        pixels = (255 * canvas.images.raw(number)).astype(np.uint8)
        write_picture(folder / labels.classes[code] / f"{number}.png", pixels)
        write_picture(folder / "masks" / f"{number}.png", mask.astype(np.uint8))
    return str(folder / "[bd]*" / "*.png")


def test_layers_are_learned_from_spots_and_said_beside_what_they_have_to_beat(tmp_path: Path) -> None:
    out = tmp_path / "layers.safetensors"
    result = run(
        "fit-classifier", section_file(tmp_path), "--labels", "layer", "--out", out, "--epochs", 3, "--folds", 2
    )
    assert result.exit_code == 0, result.output
    assert "Cross-validated by 2 folds" in result.stdout
    assert "guessing 50.0%" in result.stdout
    assert "1 inner" in result.stdout
    assert load_classifier(out).classes == ("inner", "outer")


def test_pictures_are_learned_by_their_folders(tmp_path: Path) -> None:
    out = tmp_path / "squares.safetensors"
    words = ("--labels", "folders", "--frame", 16, "--epochs", 2, "--out", out)
    result = run("fit-classifier", picture_files(tmp_path), *words)
    assert result.exit_code == 0, result.output
    assert "Held out, which also chose the epoch" in result.stdout
    assert load_classifier(out).encoder.shape == (1, 16, 16)


def test_parts_are_learned_from_label_images(tmp_path: Path) -> None:
    out = tmp_path / "parts.safetensors"
    words = ("--parts", tmp_path / "masks", "--names", "bright, dark", "--frame", 32, "--epochs", 1, "--out", out)
    pictures = picture_files(tmp_path)
    result = run("fit-classifier", pictures, *words)
    assert result.exit_code == 0, result.output
    assert "in % of each" in result.stdout
    classifier = load_classifier(out)
    assert (classifier.classes, classifier.parts) == (("background", "bright", "dark"), True)
    assert classifier.card["training"]["batch_norm"]
    result = run("fit-classifier", pictures, *words, "--no-batch-norm", "--overwrite")
    assert result.exit_code == 0, result.output
    assert not load_classifier(out).card["training"]["batch_norm"]


def test_a_table_names_its_column(tmp_path: Path) -> None:
    source = section_file(tmp_path)
    names = tiny_section(8, 8).adata.obs_names
    table = tmp_path / "layers.csv"
    table.write_text("spot,kind\n" + "\n".join(f"{name},{'ab'[index % 2]}" for index, name in enumerate(names)))
    out = tmp_path / "kinds.safetensors"
    result = run("fit-classifier", source, "--table", f"{table}:kind", "--out", out, "--epochs", 1)
    assert result.exit_code == 0, result.output
    assert load_classifier(out).classes == ("a", "b")
    assert "no column" in one_line(
        run("fit-classifier", source, "--table", f"{table}:no", "--out", tmp_path / "x.safetensors")
    )


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "come from one place"),
        (("--labels", "layer", "--table", "x.csv"), "come from one place"),
        (("--labels", "layer", "--names", "a"), "a setting of parts"),
        (("--labels", "layer", "--frame", "32"), "Spots have no frame"),
        (("--parts", "masks"), "Parts are painted on pictures"),
        (("--labels", "no such"), "no annotation of that name"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, words: tuple[str, ...], what: str) -> None:
    result = run("fit-classifier", section_file(tmp_path), "--out", tmp_path / "x.safetensors", *words)
    assert what in one_line(result)


def test_the_name_of_the_file_says_what_it_is(tmp_path: Path) -> None:
    assert "saved as .safetensors" in one_line(run("fit-classifier", "x.h5ad", "--labels", "layer", "--out", "x.pt"))


def test_several_classes_are_told_in_a_line(tmp_path: Path) -> None:
    for number in range(13 * 4):
        write_picture(tmp_path / f"kind{number % 13:02}" / f"{number}.png", noise(16, 16, seed=number))
    out = tmp_path / "many.safetensors"
    words = ("--labels", "folders", "--frame", 16, "--epochs", 1, "--out", out)
    result = run("fit-classifier", tmp_path / "kind*" / "*.png", *words)
    assert result.exit_code == 0, result.output
    assert "Recognised of each: kind00" in result.stdout


def test_parts_of_a_slide_are_learned_from_its_label_image(tmp_path: Path) -> None:
    painted = np.zeros((64, 96), dtype=np.uint8)
    painted[:, 48:] = 1
    slide = write_picture(tmp_path / "slide.png", noise(64, 96, 3) // 2 + painted[..., None] * np.uint8(120))
    labels = write_picture(tmp_path / "labels.png", painted)
    out = tmp_path / "glands.safetensors"
    words = ("--parts", labels, "--names", "gland", "--frame", 32, "--epochs", 1, "--out", out)
    result = run("fit-classifier", slide, *words)
    assert result.exit_code == 0, result.output
    assert load_classifier(out).classes == ("background", "gland")


def test_checkpoints_are_saved_beside_the_classifier(tmp_path: Path) -> None:
    out = tmp_path / "squares.safetensors"
    words = ("--labels", "folders", "--frame", 16, "--epochs", 2, "--out", out)
    result = run("fit-classifier", picture_files(tmp_path), *words, "--checkpoints", "0, 1")
    assert result.exit_code == 0, result.output
    kept = [load_classifier(tmp_path / f"squares-epoch-00{epoch}.safetensors") for epoch in (0, 1)]
    assert len({each.fingerprint for each in (*kept, load_classifier(out))}) >= 2
    assert kept[1].card["history"]["epoch"] == 1
    words = (*words, "--overwrite", "--checkpoints")
    assert "whole numbers" in one_line(run("fit-classifier", picture_files(tmp_path), *words, "first"))
    assert "epoch 9 of 2" in one_line(run("fit-classifier", picture_files(tmp_path), *words, "9"))
