"""Anomalies from the command line: what is written, what is said, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

import conceptstain as cs
from commanding import one_line, run
from conceptstain.canvas.patch_coverage import covered_parts
from conceptstain.concepts.concept import MOST_PATCHES
from conceptstain.nets.checkpoint import save_encoder
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from factories import tiny_profile_encoders, tiny_section
from pictures import noise, write_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Grey pictures; others, of which two have a bright square with a mask; a slide, an area, a section, encoders."""
    folder = tmp_path_factory.mktemp("anomalies")
    for number in range(12):
        write_picture(folder / "good" / f"g{number:02}.png", 112 + noise(16, 16, seed=number) // 16)
    for number in range(6):
        pixels = 112 + noise(16, 16, seed=50 + number) // 16
        mask = np.zeros((16, 16), dtype=np.uint8)
        if number < 2:
            mask[4:8, 6:10] = 255
            pixels[mask > 0] = 250
            write_picture(folder / "masks" / f"t{number}_mask.png", mask)
        write_picture(folder / "test" / f"t{number}.png", pixels)
    write_picture(folder / "slide.tif", noise(64, 96, seed=9) // 2)
    ring = [[0, 0], [48, 0], [48, 64], [0, 64], [0, 0]]
    area = {"type": "Feature", "properties": {"name": "left"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (folder / "areas.geojson").write_text(json.dumps(area))
    section = tiny_section(9, 10, n_genes=30)
    section.adata.write_h5ad(folder / "section.h5ad")
    (profiles,) = tiny_profile_encoders(section.view("spots").features, 1)
    save_encoder(profiles, folder / "spots.safetensors")
    network = ImageVAE((1, 16, 16), ImageVAESettings(latent=4, widths=(2, 3), hidden=(6,)), seed=0)
    save_encoder(Encoder("pictures", network, (1, 16, 16), "unit", 4), folder / "w.safetensors")
    return folder


@pytest.fixture
def anomaly(folder, tmp_path):
    def run_with(test, *words, weights="w.safetensors"):
        given = ("--weights", folder / weights) if weights else ()
        return run("anomaly", "--test", folder / test, "--out", tmp_path / "out", *given, *words)

    return run_with


def test_pictures_are_mapped_ranked_and_judged_beside_the_baselines(folder, anomaly, tmp_path):
    said = anomaly("test", "--normal", folder / "good", "--masks", folder / "masks", "--method", "reconstruction")
    assert said.exit_code == 0, said.output
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    stem = "test-reconstruction"
    assert written == sorted(
        f"{stem}{each}" for each in (".tif", "-anomalies.csv", "-detection.csv", ".svg", ".pdf", ".png")
    )
    with tifffile.TiffFile(tmp_path / "out" / f"{stem}.tif") as file:
        pages = {page.description: page.asarray() for page in file.pages}
    assert list(pages) == [f"t{number}.png" for number in range(6)]
    ranked = pd.read_csv(tmp_path / "out" / f"{stem}-anomalies.csv", index_col=0)
    assert list(ranked.columns) == ["deviation", "score", "anomalous", "part_above", "painted"]
    assert ranked["score"].is_monotonic_decreasing
    assert set(ranked.index[:2]) == {"t0.png", "t1.png"}
    assert ranked.loc["t0.png", "score"] == pytest.approx(pages["t0.png"].max())
    assert ranked.loc["t0.png", "painted"] == 16 / 256
    assert ranked["anomalous"].tolist()[:2] == [True, True]
    judged = pd.read_csv(tmp_path / "out" / f"{stem}-detection.csv", index_col=0)
    assert list(judged.index) == ["reconstruction", "intensity", "contrast"]
    metrics = cs.DetectionMetrics()
    for number in range(6):
        mask = np.zeros((16, 16), dtype=bool)
        mask[4:8, 6:10] = number < 2
        metrics.update(pages[f"t{number}.png"], mask)
    assert judged.loc["reconstruction", "pixel_auroc"] == pytest.approx(metrics.result().pixel_auroc)
    assert judged.loc["intensity", "image_auroc"] == 1
    assert "best IoU" in said.output
    assert "(held out)" in said.output
    assert "by reconstruction" in said.output


def test_without_masks_nothing_is_judged_and_an_encoder_is_fitted(folder, anomaly, tmp_path):
    said = anomaly("test", "--normal", folder / "good", "--method", "features", "--epochs", 1, weights=None)
    assert said.exit_code == 0, said.output
    assert not (tmp_path / "out" / "test-features-detection.csv").exists()
    assert "AUROC" not in said.output
    assert "fitted to good" in said.output
    assert one_line(anomaly("test", "--normal", folder / "good", "--method", "features"))  # it exists already


def test_few_ordinary_pictures_set_the_threshold_themselves(folder, anomaly, tmp_path):
    for number in range(4):
        write_picture(tmp_path / "few" / f"{number}.png", noise(16, 16, seed=number) // 4)
    said = anomaly("test", "--normal", tmp_path / "few", "--method", "attention-density")
    assert said.exit_code == 0, said.output
    assert "(cross-fitted)" in said.output


def test_each_spot_of_a_section_is_held_against_a_layer(folder, anomaly, tmp_path):
    said = anomaly("section.h5ad", "--normal-region", "obs:layer=inner", weights="spots.safetensors")
    assert said.exit_code == 0, said.output
    (written,) = (tmp_path / "out").iterdir()
    table = pd.read_csv(written, index_col=0)
    assert len(table) == 90
    assert table["deviation"].is_monotonic_decreasing
    assert table["normal"].sum() == (tiny_section(9, 10, n_genes=30).adata.obs["layer"] == "inner").sum()
    assert "its own held out in five folds" in said.output


def test_each_patch_of_a_slide_is_held_against_an_area(folder, anomaly, tmp_path):
    said = anomaly("slide.tif", "--normal-region", f"{folder / 'areas.geojson'}#left")
    assert said.exit_code == 0, said.output
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["slide-left-deviations.csv", "slide-left-scores.ome.tif"]


def test_weights_that_learned_from_all_ordinary_pictures_have_seen_those_held_out(folder, anomaly, tmp_path):
    good = cs.open(folder / "good")
    network = ImageVAE((1, 16, 16), ImageVAESettings(latent=4, widths=(2, 3), hidden=(6,)), seed=0)
    card = {"images": [{"name": good.name, "content": good.content}]}
    weights = save_encoder(Encoder("seen", network, (1, 16, 16), "unit", 4, card=card), tmp_path / "seen.safetensors")
    told = "the encoder has learned from them"
    assert told in anomaly("test", "--normal", folder / "good", weights=weights).output
    assert told not in anomaly("test", "--normal", folder / "good", "--overwrite").output


def test_all_of_a_large_area_is_normal_and_not_only_what_was_learned_from(anomaly, folder, tmp_path):
    write_picture(folder / "wide.tif", noise(90, 110, seed=3) // 2)
    ring = [[0, 0], [80, 0], [80, 80], [0, 80], [0, 0]]
    area = {"type": "Feature", "properties": {"name": "large"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (tmp_path / "large.geojson").write_text(json.dumps(area))
    said = anomaly("wide.tif", "--normal-region", f"{tmp_path / 'large.geojson'}#large", "--stride", 1)
    assert said.exit_code == 0, said.output
    table = pd.read_csv(tmp_path / "out" / "wide-large-deviations.csv", index_col=0)
    patches = cs.open(folder / "wide.tif").view("patches", size=16, stride=1)
    covered = covered_parts(cs.Region.from_geojson(area, slide=patches.slide), patches)
    assert table["normal"].sum() == (covered >= 0.5).sum() > MOST_PATCHES


def test_where_all_is_normal_there_is_nothing_to_compare_it_with(anomaly, tmp_path):
    ring = [[0, 0], [96, 0], [96, 64], [0, 64], [0, 0]]
    area = {"type": "Feature", "properties": {"name": "all"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (tmp_path / "all.geojson").write_text(json.dumps(area))
    said = anomaly("slide.tif", "--normal-region", f"{tmp_path / 'all.geojson'}#all")
    assert said.exit_code == 0, said.output
    assert "nothing else here" in said.output
    assert "AUROC" not in said.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "What is ordinary is said in one way.*neither"),
        (("--normal", "good", "--normal-region", "obs:a=b"), "said in one way.*--normal and --normal-region"),
        (("--normal", "good", "--method", "magic"), "not looked for that way.*'magic'"),
        (("--normal", "good", "--quantile", "2"), "A quantile is a part"),
        (("--normal", "good", "--masks", "good"), "Masks are called as the pictures.*g00.png.*_mask behind"),
        (("--normal", "slide.tif", "--masks", "wrong"), "not of the picture t0.png.*8 x 16 for 16 x 16"),
        (("--normal-region", "obs:a=b", "--masks", "masks"), "does not listen to.*--masks"),
        (("--normal-region", "obs:a=b", "--method", "features", "--quantile", ".9"), "--method, --quantile"),
        (
            ("--normal", "good", "--stride", "4", "--pixel-size", "2"),
            "pictures does not.*--stride, --pixel-size",
        ),
        (("--normal", "good", "--mask-above", "127"), "without masks does not listen to.*--mask-above"),
        (("--normal", "good", "--weights", "w.safetensors", "--epochs", "3"), "fitted already does not.*--epochs"),
        (("--normal", "good", "--weights", "spots.safetensors"), "not of pictures or patches"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(folder, tmp_path, words, told):
    write_picture(folder / "wrong" / "t0.png", noise(8, 16))
    given = [folder / word if (folder / word).exists() else word for word in words]
    said = one_line(run("anomaly", "--test", folder / "test", "--out", tmp_path / "out", *given))
    assert pd.Series([said]).str.contains(told).all(), said
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
