"""Concepts of pictures and slides from the command line."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

import conceptstain as cs
from commanding import one_line, run
from conceptstain.concepts.concept import concept
from conceptstain.nets.checkpoint import load_encoder, save_encoder
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from factories import tiny_profile_encoders
from pictures import noise, write_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twenty faces, of which the first eight wear something; a slide; tables, masks and outlines; an encoder."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(20):
        pixels = noise(16, 16, seed=number) // 2
        pixels[:6] += 100 * (number < 8)
        write_picture(folder / "faces" / f"f{number:02}.png", pixels)
        write_picture(folder / "masks" / f"f{number:02}.png", np.full((16, 16), 4 * (number < 8), dtype=np.uint8))
    rows = "".join(f"f{number:02}.jpg,{int(number < 8)},{number}\n" for number in range(20))
    (folder / "said.csv").write_text("name,hat,age\n" + rows)
    (folder / "hat.txt").write_text("\n".join(f"f{number:02}" for number in range(8)))
    (folder / "bare.txt").write_text("f10\nf11.png\nf12\n")
    slide = noise(96, 128, seed=40) // 2
    slide[16:64, 16:64] += 100
    write_picture(folder / "slide.tif", slide, resolution=(20000, 20000), resolutionunit="CENTIMETER")
    labels = np.zeros((48, 64), dtype=np.uint8)
    labels[8:32, 8:32] = 3
    write_picture(folder / "labels.tif", labels)
    ring = [[16, 16], [64, 16], [64, 64], [16, 64], [16, 16]]
    area = {"type": "Feature", "properties": {"name": "gland"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (folder / "areas.geojson").write_text(json.dumps(area))
    network = ImageVAE((1, 16, 16), ImageVAESettings(latent=4, widths=(2, 3), hidden=(6,)), seed=0)
    save_encoder(Encoder("pictures", network, (1, 16, 16), "unit", 4), folder / "w.safetensors")
    (profiles,) = tiny_profile_encoders(("A", "B"), 1)
    save_encoder(profiles, folder / "spots.safetensors")
    return folder


@pytest.fixture
def score(folder, tmp_path):
    def run_with(source, *words, nulls=19):
        weights = ("--weights", folder / "w.safetensors")
        return run("score", folder / source, "--out", tmp_path / "out", "--nulls", nulls, *weights, *words)

    return run_with


@pytest.mark.parametrize(
    ("words", "called"),
    [
        (["--annotations", "said.csv#hat"], "hat"),
        (["--masks", "masks#4"], "4"),
        (["--masks", "masks"], "4"),
        (["--positives", "hat.txt"], "hat"),
    ],
)
def test_pictures_are_scored_by_those_that_a_table_a_mask_or_a_list_names(folder, score, tmp_path, words, called):
    result = score("faces", words[0], folder / words[1])
    assert result.exit_code == 0, result.stderr
    names = {f"faces-{called}-scores.csv", f"faces-{called}-evidence.csv"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert "Evidence: 8 pictures" in result.stdout
    assert "made of 8 pictures; with fewer than 20" in result.stdout
    table = pd.read_csv(tmp_path / "out" / f"faces-{called}-scores.csv", index_col="picture")
    canvas, encoder = cs.open(folder / "faces").view(frame=16), load_encoder(folder / "w.safetensors")
    made = concept(called, canvas, encoder, items=[f"f{number:02}" for number in range(8)])
    expected = cs.scores(made, canvas, encoder).table()
    assert list(table.index) == list(expected.index)
    np.testing.assert_allclose(table["score"], expected["score"], rtol=1e-5)
    evidence = pd.read_csv(tmp_path / "out" / f"faces-{called}-evidence.csv", index_col="picture")
    assert evidence["inside"].sum() == 8


def test_negatives_latent_neighbours_and_other_pictures(folder, score, tmp_path):
    result = score("faces", "--positives", folder / "hat.txt", "--negatives", folder / "bare.txt", "--name", "h")
    assert "Concept h: 8 named pictures, against 3 named pictures." in result.stdout
    result = score("faces", "--like", "f03", "--neighbours", 5, "--on", folder / "masks", "--overwrite")
    assert result.exit_code == 0, result.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"faces-f03-scores.csv", "masks-f03-scores.csv"} <= written
    assert "faces-f03-evidence.csv" not in written


@pytest.mark.parametrize(("region", "called"), [("areas.geojson#gland", "gland"), ("labels.tif#3", "labels_3")])
def test_a_slide_is_painted_by_the_patches_that_a_region_covers(folder, score, tmp_path, region, called):
    result = score("slide.tif", "--region", folder / region)
    assert result.exit_code == 0, result.stderr
    out = tmp_path / "out"
    names = {f"slide-{called}{ending}" for ending in ("-scores.csv", "-evidence.csv", "-scores.ome.tif")}
    assert {path.name for path in out.iterdir()} == names
    assert "patches (" in result.stdout
    values = tifffile.imread(out / f"slide-{called}-scores.ome.tif")
    assert values.shape == (12, 16)
    inside, outside = values[3:7, 3:7].mean(), values[:, 9:].mean()
    assert inside > outside
    assert cs.open(out / f"slide-{called}-scores.ome.tif", as_="images").unit in {"µm", "px"}


def test_a_slide_in_colours_is_scored_by_the_bundled_encoder_of_tissue(tmp_path):
    slide = write_picture(tmp_path / "tissue.tif", noise(256, 256, 3) // 2 + 20)
    ring = [[0, 0], [128, 0], [128, 128], [0, 128], [0, 0]]
    area = {"type": "Feature", "properties": {"name": "gland"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (tmp_path / "area.geojson").write_text(json.dumps(area))
    words = ["--weights", "histology-patches", "--region", tmp_path / "area.geojson", "--nulls", 0]
    result = run("score", slide, "--out", tmp_path / "out", *words)
    assert result.exit_code == 0, result.stderr
    plain = tifffile.imread(tmp_path / "out" / "tissue-gland-scores.ome.tif")
    assert plain.shape == (8, 8)
    result = run("score", slide, "--out", tmp_path / "white", "--whiten", *words)
    assert result.exit_code == 0, result.stderr
    assert "whitened" in result.stdout
    assert not np.allclose(tifffile.imread(tmp_path / "white" / "tissue-gland-scores.ome.tif"), plain)


@pytest.mark.parametrize(
    ("source", "words", "told"),
    [
        ("faces", [], "A concept is made from one thing"),
        ("faces", ["--like", "f01", "--positives", "hat.txt"], "A concept is made from one thing"),
        ("faces", ["--annotations", "said.csv#cap"], "no attribute of that name"),
        ("faces", ["--region", "areas.geojson"], "--region is not for pictures"),
        ("slide.tif", ["--masks", "masks"], "--masks is not for a slide"),
        ("slide.tif", ["--region", "areas.geojson#no"], "no area of that name"),
        ("slide.tif", ["--region", "labels.tif#gland"], "are numbers"),
        ("slide.tif", ["--region", "faces/f01.png"], "over the whole slide"),
        ("faces", ["--like", "f01", "--weights", "spots.safetensors"], "not of pictures or patches"),
    ],
)
def test_what_cannot_be_scored_is_told(folder, score, source, words, told):
    files = {"--positives", "--annotations", "--region", "--masks", "--weights"}
    given = [folder / word if before in files else word for before, word in zip(["", *words], words, strict=False)]
    assert told in one_line(score(source, *given))


def test_files_are_not_replaced_unless_asked(folder, score):
    assert score("faces", "--like", "f01", "--neighbours", 4).exit_code == 0
    assert "exists already" in one_line(score("faces", "--like", "f01", "--neighbours", 4))


def test_encoders_of_pictures_and_of_patches_are_fitted(folder, tmp_path):
    for kind, source in (("images", "faces"), ("patches", "slide.tif")):
        path = tmp_path / f"{kind}.safetensors"
        words = ("--canvas", kind, "--frame", 16, "--epochs", 1, "--latent", 3, "--out", path)
        result = run("fit", folder / source, *words)
        assert result.exit_code == 0, result.stderr
        encoder = load_encoder(path)
        assert encoder.shape == (1, 16, 16)
        assert encoder.latent == 3
    assert "Add --canvas images" in one_line(
        run("fit", folder / "faces", "--frame", 16, "--out", tmp_path / "x.safetensors")
    )


def test_a_network_with_places_is_fitted_to_pictures_alone(folder, tmp_path):
    path = tmp_path / "places.safetensors"
    words = ("--network", "places", "--frame", 16, "--epochs", 1, "--out", path)
    result = run("fit", folder / "faces", "--canvas", "images", *words)
    assert result.exit_code == 0, result.stderr
    network = load_encoder(path).network
    assert (network.settings.network, network.settings.hidden) == ("places", ())
    words = ("--canvas", "images", "--network", "mlp", "--out", tmp_path / "other.safetensors")
    told = one_line(run("fit", folder / "faces", *words))
    assert "networks of their own" in told
