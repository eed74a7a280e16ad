"""What deviates from the normal: learned in the Concepts card, painted with a threshold, ranked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image, Points

import conceptstain as cs
from conceptstain._qt.picture_browser import Side
from factories import tiny_encoder, tiny_profile_encoders
from pictures import noise, pyramid, write_picture, write_pyramid
from walking import Walk, saving_as

pytestmark = pytest.mark.gui


def test_spots_that_deviate_from_a_region_are_painted_above_a_threshold(
    on_sample: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_sample, on_sample.dock
    maker, row = dock.concepts.maker, dock.maps.threshold
    assert not maker.normal_button.isVisible(), "genes are no region"
    canvas = dock.study.need_section().view("spots", n_genes=20)
    dock.study.use_for_spots(canvas, tiny_profile_encoders(canvas.features, 2))
    maker.tabs.setCurrentWidget(maker.annotation_page)
    maker.column.setCurrentText("layer")
    maker.value.setCurrentText("GCL")
    assert maker.normal_button.text() == "Learn normal from this region"
    walk.click(maker.normal_button)
    walk.rest()
    assert walk.told == []
    assert walk.concept_names == ["normal GCL"]
    layer = walk.viewer.layers["normal GCL - deviation of spots"]
    assert isinstance(layer, Points)
    (made,) = dock.study.findings
    expected = cs.spot_deviation(dock.study.entry("normal GCL").definition, canvas, dock.study.spot_encoders)
    np.testing.assert_allclose(made.values, expected.values)

    assert row.isVisible()
    assert row.slider.value() == pytest.approx(made.settings["threshold"], rel=1e-2)
    begin = np.count_nonzero(layer.size)
    np.testing.assert_array_equal(layer.size > 0, made.values > row.slider.value())
    low = float(np.quantile(made.values, 0.2))
    row.slider.setValue(low)
    assert begin < np.count_nonzero(layer.size)
    assert row.told.text() == f"{np.count_nonzero(layer.size)} of {len(made.values)} spots lie above it."
    walk.click(row.reset_button)
    assert np.count_nonzero(layer.size) == begin

    walk.make_by_layer("MCL")
    assert walk.names[-1] == "MCL - spot score, against normal GCL", "an ordinary concept is painted as ever"
    assert not row.isVisible()
    walk.settled(lambda: dock.concepts.choose("normal GCL"))
    assert dock.maps.chosen[0] == "spot-deviation"
    assert np.count_nonzero(layer.size) == begin
    saving_as(monkeypatch, tmp_path / "normal.h5ad")
    walk.click(dock.data.save_as_button)
    walk.settled(lambda: dock.opening.open(tmp_path / "normal.h5ad"))
    kept = dock.study.findings[0]
    assert (kept.method, kept.signed, kept.settings["threshold"]) == (made.method, False, made.settings["threshold"])
    np.testing.assert_array_equal(kept.values, made.values)
    assert walk.told == []


def test_pictures_are_ranked_by_how_far_they_deviate_from_those_that_are_normal(walk: Walk, tmp_path: Path) -> None:
    for number in range(10):
        pixels = noise(32, 32, 3, seed=number) // 8 + 100
        if number >= 8:
            pixels[8:20, 8:20] = 255
        write_picture(tmp_path / "set" / f"{number}.png", pixels)
    dock = walk.dock
    walk.settled(lambda: dock.opening.open(tmp_path / "set"))
    canvas = dock.study.need_canvas()
    walk.settled(lambda: dock.study.use(tiny_encoder(canvas.shape, scaling="unit")))
    maker = dock.concepts.maker
    browser = maker.ticked_page.browser
    dock.maps.anomaly.setCurrentIndex(dock.maps.anomaly.findData("reconstruction"))
    assert not maker.normal_button.isEnabled()
    browser.mark([f"{number}.png" for number in range(8)], Side.SHOWS)
    assert maker.normal_button.text() == "Learn normal from these pictures"
    walk.click(maker.normal_button)
    walk.rest()
    assert walk.told == []
    layer = walk.viewer.layers["normal - deviation, reconstruction"]
    assert isinstance(layer, Image)
    browser.order.setCurrentIndex(1)
    assert browser.order.currentText() == "highest deviation from normal"
    assert {browser.list.picture(0), browser.list.picture(1)} == {8, 9}
    row = dock.maps.threshold
    assert row.isVisible()
    assert layer.contrast_limits[0] == pytest.approx(row.slider.value())
    assert layer.colormap.map(np.array([-0.1]))[0, 3] == 0, "what lies below is transparent"
    assert [made.title for made in dock.study.findings] == ["normal - deviation score", layer.name]
    values = np.asarray(dock.study.findings[1].values)
    row.slider.setValue(float(np.sort(values.max(axis=(1, 2, 3)))[-3]))
    assert row.told.text() == "2 of 10 pictures have a place above it."
    assert dock.maps.bar.isVisible()
    assert walk.told == []
    dock.study.use(tiny_encoder(canvas.shape, scaling="unit", seed=5))
    assert not row.isVisible(), "where the normal ended was found with another encoder"
    walk.rest()


def test_patches_of_a_slide_deviate_from_a_drawn_part(walk: Walk, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = np.clip(rng.normal(150, 20, (512, 512, 3)), 0, 255).astype(np.uint8)
    pixels[:, 256:] //= 3
    path = write_pyramid(tmp_path / "slide.ome.tif", pyramid(pixels), PhysicalSizeX=0.5, PhysicalSizeY=0.5)
    dock = walk.dock
    walk.settled(lambda: dock.opening.open(path))
    canvas = dock.study.need_canvas()
    walk.settled(lambda: dock.study.use(tiny_encoder(canvas.shape, scaling="unit")))
    angles = np.linspace(0, 2 * np.pi, 24)
    dock.painter.outlines.layer().add_polygons([(128, 60) + 50 * np.stack([np.sin(angles), np.cos(angles)], axis=1)])
    walk.click(dock.concepts.maker.normal_button)
    walk.rest()
    layer = walk.viewer.layers["normal - deviation score"]
    raster = np.asarray(layer.data)
    left, right = np.split(raster[:, : raster.shape[1] // 2 * 2], 2, axis=1)
    assert np.nanmean(left) < np.nanmean(right)
    assert dock.maps.threshold.isVisible()
    assert "patches lie above it" in dock.maps.threshold.told.text()
    assert walk.told == []
