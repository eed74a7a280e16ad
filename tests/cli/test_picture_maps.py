"""Maps of concepts of pictures and slides from the command line."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

import conceptstain as cs
from commanding import one_line, run
from conceptstain.concepts.concept import concept
from conceptstain.methods.maps import map_kind
from conceptstain.nets.checkpoint import load_encoder, save_encoder
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.picture_painting import patch_painting, picture_painting
from own_networks import Plain, exported
from pictures import noise, write_picture

WORN = [f"f{number:02}" for number in range(8)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twenty faces, of which the first eight wear something; a slide with a bright square; lists, outlines, weights."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(20):
        pixels = noise(16, 16, seed=number) // 2
        pixels[:6] += 100 * (number < 8)
        write_picture(folder / "faces" / f"f{number:02}.png", pixels)
    (folder / "hat.txt").write_text("\n".join(WORN))
    (folder / "at.txt").write_text("f03\nf15\n")
    (folder / "nobody.txt").write_text("\n")
    slide = noise(96, 128, seed=40) // 2
    slide[16:64, 16:64] += 100
    write_picture(folder / "slide.tif", slide)
    ring = [[16, 16], [64, 16], [64, 64], [16, 64], [16, 16]]
    area = {"type": "Feature", "properties": {"name": "gland"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (folder / "areas.geojson").write_text(json.dumps(area))
    network = ImageVAE((1, 16, 16), ImageVAESettings(latent=4, widths=(2, 3), hidden=(6,)), seed=0)
    save_encoder(Encoder("pictures", network, (1, 16, 16), "unit", 4), folder / "w.safetensors")
    return folder


@pytest.fixture
def stain(folder, tmp_path):
    def run_with(source, *words, nulls=0, weights="w.safetensors"):
        where = ("--out", tmp_path / "out", "--nulls", nulls, "--weights", folder / weights)
        return run("stain", folder / source, *where, *words)

    return run_with


def test_maps_of_pictures_are_drawn_and_written_as_a_stack_beside_what_they_are_worth(folder, stain, tmp_path):
    words = ["--positives", folder / "hat.txt", "--map", "gradient", "--map", "gene-mean", "--controls"]
    result = stain("faces", *words, nulls=19)
    assert result.exit_code == 0, result.stderr
    assert "Evidence: 8 pictures" in result.stdout
    assert "Controls of gradient" in result.stdout
    endings = {
        ".svg",
        ".pdf",
        ".png",
        "-gradient.tif",
        "-gene-mean.tif",
        "-scores.csv",
        "-evidence.csv",
        "-controls.csv",
    }
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {f"faces-hat{ending}" for ending in endings}
    canvas, encoder = cs.open(folder / "faces").view(frame=16), load_encoder(folder / "w.safetensors")
    made = concept("hat", canvas, encoder, items=WORN)
    expected = picture_painting(map_kind("gradient").make(canvas, encoder, made), canvas).maps
    with tifffile.TiffFile(out / "faces-hat-gradient.tif") as file:
        assert [page.description for page in file.pages] == [str(canvas.item_names[item]) for item in expected]
        for page, values in zip(file.pages, expected.values(), strict=True):
            np.testing.assert_allclose(page.asarray(), values, rtol=1e-4, atol=1e-6)
    assert tifffile.imread(out / "faces-hat-gene-mean.tif").shape == (16, 16)
    scores = pd.read_csv(out / "faces-hat-scores.csv", index_col="picture")
    assert list(scores.index) == list(cs.scores(made, canvas, encoder).table().index)
    assert {"gradient", "gene-mean"} == set(pd.read_csv(out / "faces-hat-controls.csv")["map"])


def test_maps_are_drawn_at_the_pictures_that_are_named(folder, stain, tmp_path):
    result = stain("faces", "--like", "f01", "--neighbours", 4, "--at", folder / "at.txt")
    assert result.exit_code == 0, result.stderr
    with tifffile.TiffFile(tmp_path / "out" / "faces-f01-gradient.tif") as file:
        assert [page.description[:3] for page in file.pages] == ["f03", "f15"]
    assert "exists already" in one_line(stain("faces", "--like", "f01", "--neighbours", 4))


def test_maps_of_a_slide_are_rasters_of_its_patches(folder, stain, tmp_path):
    words = ["--region", f"{folder / 'areas.geojson'}#gland", "--whiten", "--name", "it"]
    result = stain("slide.tif", *words)
    assert result.exit_code == 0, result.stderr
    assert "whitened" in result.stdout
    out = tmp_path / "out"
    endings = {".svg", ".pdf", ".png", "-gradient.ome.tif", "-scores.csv", "-scores.ome.tif"}
    assert {path.name for path in out.iterdir()} == {f"slide-it{ending}" for ending in endings}
    canvas, encoder = cs.open(folder / "slide.tif").view(size=16), load_encoder(folder / "w.safetensors")
    region = cs.Region.from_geojson(folder / "areas.geojson", "gland", slide=canvas.slide)
    made = concept("it", canvas, encoder, region=region, form="whitened")
    items = [canvas.item(name) for name in made.items]
    expected = patch_painting(map_kind("gradient").make(canvas, encoder, made, items=items), canvas)
    np.testing.assert_allclose(
        tifffile.imread(out / "slide-it-gradient.ome.tif"), expected.values, rtol=1e-3, atol=1e-6
    )
    assert tifffile.imread(out / "slide-it-scores.ome.tif").shape == (12, 16)


def test_an_exported_network_is_asked_for_maps_in_one_of_its_layers(folder, stain, tmp_path):
    exported(Plain(), folder / "own.pt2")
    result = stain("faces", "--positives", folder / "hat.txt", "--space", "conv2", weights="own.pt2")
    assert result.exit_code == 0, result.stderr
    assert "in the layer" in result.stdout
    assert tifffile.imread(tmp_path / "out" / "faces-hat-gradient.tif").shape == (8, 16, 16)


@pytest.mark.parametrize(
    ("source", "words", "told"),
    [
        ("faces", ["--genes", "Penk"], "pictures or a slide does not listen to. Got --genes"),
        ("faces", ["--like", "f01", "--fit"], "two encoders to choose from"),
        ("faces", ["--like", "f01", "--at", "hats.txt"], "hats.txt"),
        ("faces", ["--like", "f01", "--at", "nobody.txt"], "names no pictures"),
        ("faces", [], "A concept is made from one thing"),
        ("slide.tif", ["--like", "row 0, column 0", "--map", "decoded"], "lies nowhere on the slide"),
        ("nowhere", ["--like", "f01"], "nowhere"),
    ],
)
def test_what_cannot_be_stained_is_told(folder, stain, source, words, told):
    given = [folder / word if word.endswith(".txt") else word for word in words]
    assert told in one_line(stain(source, *given))
