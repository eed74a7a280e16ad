"""Where latents look, from the command line."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest
import tifffile

import conceptstain as cs
from commanding import one_line, run
from conceptstain.nets.checkpoint import load_encoder, save_encoder
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from factories import tiny_section
from pictures import noise, write_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A section, pictures and a slide, with weights of gene pictures and of pictures."""
    folder = tmp_path_factory.mktemp("attention")
    adata = tiny_section().adata.copy()
    factors = {"microns_per_pixel": 1.0, "spot_diameter_fullres": 100.0}
    adata.uns["spatial"] = {"tiny": {"images": {}, "scalefactors": factors}}
    adata.write_h5ad(folder / "tiny.h5ad")
    for number in range(5):
        write_picture(folder / "faces" / f"f{number}.png", noise(16, 16, seed=number))
    write_picture(folder / "slide.tif", noise(48, 64, seed=9))
    (folder / "genes.txt").write_text("Gene3\nGene1\n")
    (folder / "at.txt").write_text("f1\nf3\n")
    genes = PictureVAE((1, 32, 32), PictureVAESettings(latent=5, widths=(2, 3, 4), hidden=(6,)), seed=0)
    save_encoder(Encoder("genes", genes, (1, 32, 32), "z-score", 5), folder / "genes.safetensors")
    pictures = ImageVAE((1, 16, 16), ImageVAESettings(latent=4, widths=(2, 3), hidden=(6,)), seed=0)
    save_encoder(Encoder("pictures", pictures, (1, 16, 16), "unit", 4), folder / "pictures.safetensors")
    return folder


@pytest.fixture
def attend(folder, tmp_path):
    def run_with(source, *words, weights="pictures"):
        where = ("--out", tmp_path / "out", "--weights", folder / f"{weights}.safetensors")
        return run("attention", folder / source, *where, *words)

    return run_with


def test_the_most_informative_latents_are_painted_on_a_section_beside_a_table_of_all(attend, folder, tmp_path):
    result = attend("tiny.h5ad", weights="genes")
    assert result.exit_code == 0, result.stderr
    out = tmp_path / "out"
    endings = {".h5ad", "-spots.csv", "-latents.csv", ".svg", ".pdf", ".png"}
    assert {path.name for path in out.iterdir()} == {f"tiny-attention{ending}" for ending in endings}
    canvas = cs.open(folder / "tiny.h5ad").view("genes", frame=(32, 32))
    encoder = load_encoder(folder / "genes.safetensors")
    table = pd.read_csv(out / "tiny-attention-latents.csv", index_col="latent")
    information = cs.latent_information(canvas, encoder)
    np.testing.assert_allclose(table["information, nats"], np.sort(information)[::-1], rtol=1e-6)
    np.testing.assert_array_equal(table.index, np.argsort(-information, kind="stable"))
    assert list(table["painted"]) == [True] * 4 + [False]
    spots = pd.read_csv(out / "tiny-attention-spots.csv", index_col="spot")
    first = cs.attention(canvas, encoder, dimension=int(table.index[0]))
    np.testing.assert_allclose(spots[first.title], canvas.place(first.values[0]), rtol=1e-5, atol=1e-7)
    assert first.title in anndata.read_h5ad(out / "tiny-attention.h5ad").obs


def test_latents_layer_genes_and_variant_can_be_chosen(attend, folder, tmp_path):
    words = ("--dimension", 3, "--dimension", "all", "--layer", "conv2", "--attention", "released")
    result = attend("tiny.h5ad", *words, "--at", folder / "genes.txt", weights="genes")
    assert result.exit_code == 0, result.stderr
    assert "Layer encoder.conv2: latent 3, all latents." in result.stdout
    canvas = cs.open(folder / "tiny.h5ad").view("genes", frame=(32, 32))
    encoder = load_encoder(folder / "genes.safetensors")
    items = [canvas.item("Gene1"), canvas.item("Gene3")]
    made = cs.attention(canvas, encoder, layer="encoder.conv2", items=items, variant="released")
    spots = pd.read_csv(tmp_path / "out" / "tiny-attention-spots.csv", index_col="spot")
    np.testing.assert_allclose(spots[made.title], canvas.place(made.mean()), rtol=1e-5, atol=1e-7)


def test_pictures_become_a_stack_for_every_latent(attend, folder, tmp_path):
    result = attend("faces", "--dimension", "all", "--dimension", 2, "--at", folder / "at.txt")
    assert result.exit_code == 0, result.stderr
    endings = {"-all.tif", "-latent2.tif", "-latents.csv", ".svg", ".pdf", ".png"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"faces-attention{each}" for each in endings}
    canvas, encoder = cs.open(folder / "faces").view(frame=16), load_encoder(folder / "pictures.safetensors")
    expected = cs.attention(canvas, encoder, items=[1, 3]).values[:, 0]
    with tifffile.TiffFile(tmp_path / "out" / "faces-attention-all.tif") as file:
        assert [page.description for page in file.pages] == ["f1.png", "f3.png"]
        np.testing.assert_allclose([page.asarray() for page in file.pages], expected, rtol=1e-5, atol=1e-7)


def test_a_slide_becomes_a_raster_for_every_latent(attend, tmp_path):
    result = attend("slide.tif", "--dimension", 1)
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "out" / "slide-attention-latent1.ome.tif").is_file()


@pytest.mark.parametrize(
    ("source", "words", "said"),
    [
        ("faces", ("--dimension", "many"), "Give a number from 0, or all"),
        ("faces", ("--dimension", "9"), "9 for 4 latents"),
        ("faces", ("--layer", "conv9"), "no such layer"),
        ("faces", ("--image", "a.png"), "--image"),
        ("tiny.h5ad", ("--stride", "4"), "--stride"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(attend, tmp_path, source, words, said):
    result = attend(source, *words, weights="genes" if source == "tiny.h5ad" else "pictures")
    assert result.exit_code == 2
    assert said in one_line(result)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
