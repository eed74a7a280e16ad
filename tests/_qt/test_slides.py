"""Slides in the dock: drawn on, scored from what is looked at, painted where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.layers import Image, Shapes
from qtpy.QtWidgets import QApplication

from conceptstain._qt import picture_staining
from conceptstain.canvas.slide import Slide
from factories import tiny_encoder
from pictures import pyramid, write_pyramid
from walking import Walk, saving_as

pytestmark = pytest.mark.gui


def stained_slide(seed: int = 0, *, side: int = 512) -> np.ndarray:
    """Two tissues, one of dark nuclei in its left half and one without, on a bright ground."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    pixels = np.full((side, side, 3), (236, 200, 222), dtype=np.float32) + rng.normal(0, 6, (side, side, 1))
    for row, column in rng.integers(6, side - 6, (700, 2)):
        if column < side / 2:
            pixels[(rows - row) ** 2 + (columns - column) ** 2 < 16] = (90, 60, 140)
    return np.clip(pixels, 0, 255).astype(np.uint8)


@pytest.fixture
def on_slide(walk: Walk, tmp_path: Path) -> Walk:
    path = write_pyramid(tmp_path / "slide.ome.tif", pyramid(stained_slide()), PhysicalSizeX=0.5, PhysicalSizeY=0.5)
    walk.settled(lambda: walk.dock.opening.open(path))
    assert walk.told == []
    return walk


def test_a_lasso_on_a_slide_becomes_a_concept_and_a_raster_of_scores(on_slide: Walk) -> None:
    walk, dock = on_slide, on_slide.dock
    assert isinstance(dock.study.source, Slide)
    assert dock.study.encoder is not None
    assert [type(layer) for layer in walk.viewer.layers] == [Image, Shapes]
    walk.draw_lasso((128, 60), 50)
    assert "patches chosen" in dock.concepts.maker.selected.text()
    walk.qtbot.keyClicks(dock.concepts.maker.name, "nuclei")
    assert dock.concepts.maker.tabs.sizeHint().height() < 200  # no room for the pages of pictures
    dock.concepts.maker.make_button.click()
    walk.click(dock.concepts.maker.cancel_button)
    assert walk.concept_names == []
    walk.click(dock.concepts.maker.make_button)
    assert dock.concepts.maker.cancel_button.isHidden()
    assert walk.told == []
    assert walk.concept_names == ["nuclei"]
    layer = walk.viewer.layers["nuclei - concept score"]
    canvas = dock.study.need_canvas()
    raster = np.asarray(layer.data)
    assert np.isfinite(raster).all()
    left, right = np.split(raster[:, : raster.shape[1] // 2 * 2], 2, axis=1)
    assert left.mean() > right.mean()
    np.testing.assert_allclose(layer.extent.world, walk.viewer.layers[0].extent.world, atol=canvas.settings.step * 0.5)
    assert dock.drawing.live.painted == 0  # nothing is encoded only to follow the mouse
    walk.draw_lasso((128, 190), 40)
    walk.rest()
    assert dock.drawing.live.painted >= 1
    assert "selection - concept score" in walk.names
    assert dock.study.findings[0].title == "nuclei - concept score"
    assert walk.told == []


def test_only_what_is_seen_is_asked_for_a_map_of_pixels_and_more_when_the_viewer_moves(
    on_slide: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_slide, on_slide.dock
    walk.draw_lasso((128, 60), 50)
    walk.click(dock.concepts.maker.make_button)
    camera = walk.viewer.scene.camera
    camera.zoom *= 4
    camera.center = (60.0, 60.0)
    QApplication.processEvents()
    monkeypatch.setattr(picture_staining, "FIRST_COSTLY", 1)
    dock.maps.choose("smoothgrad")
    walk.settled(lambda: None)
    assert len(dock.study.findings[-1].items) == 1
    dock.maps.choose("gradient")
    walk.settled(lambda: None)
    layer = walk.viewer.layers["region - gradient saliency"]
    (top, _), (bottom, _) = layer.extent.world
    assert bottom < 200
    with walk.qtbot.waitSignal(dock.jobs.idle, timeout=60_000):
        camera.center = (190.0, 190.0)
    assert layer.extent.world[0][0] > top
    assert walk.told == []


def test_what_is_painted_on_a_slide_becomes_a_concept(on_slide: Walk) -> None:
    walk, dock = on_slide, on_slide.dock
    page = dock.concepts.maker.painted_page
    dock.concepts.maker.tabs.setCurrentWidget(page)
    walk.click(page.new_button)
    layer = walk.viewer.layers["painted"]
    np.testing.assert_allclose(layer.extent.world, walk.viewer.layers[0].extent.world)
    layer.brush_size = 120
    layer.paint((256, 120), 1)
    with walk.qtbot.waitSignal(page.ready_changed, check_params_cb=lambda ready: ready, timeout=60_000):
        pass
    walk.click(dock.concepts.maker.make_button)
    concept = dock.study.concept("painted")
    assert 0 < len(concept.items) < 40
    assert "painted - concept score" in walk.names
    assert walk.told == []


def test_patches_of_another_size_are_cut_where_it_is_asked_for_and_outlines_stay(on_slide: Walk) -> None:
    walk, dock = on_slide, on_slide.dock
    walk.draw_lasso((128, 60), 50)
    walk.click(dock.concepts.maker.make_button)
    own = tiny_encoder(dock.study.need_canvas().shape, scaling="unit")
    walk.settled(lambda: dock.study.use(own))
    dock.data.unfold()
    dock.data.side.setCurrentIndex(dock.data.side.findData(32))
    walk.settled(lambda: dock.data.side.activated.emit(0))
    assert dock.study.need_canvas().shape == (3, 32, 32)
    assert walk.concept_names == ["region"]
    assert dock.study.encoder is None
    assert "32 × 32 pixels" in dock.model.summary.text()
    dock.data.side.setCurrentIndex(dock.data.side.findData(64))
    walk.settled(lambda: dock.data.side.activated.emit(0))
    assert dock.study.encoder is own  # the one that was used on patches of that size
    assert "region - concept score" in walk.names


def test_an_image_of_the_viewer_is_taken_as_a_slide_where_it_lies(walk: Walk) -> None:
    walk.viewer.add_image(stained_slide(side=256), name="mine", scale=(0.5, 0.5), translate=(10, 20), units="um")
    dock = walk.dock
    walk.click(dock.data.layer_button)
    assert "a slide" in dock.data.layer_choice.layers.item(0).toolTip()
    assert dock.data.layer_choice.picture.isHidden()
    walk.click(dock.data.layer_choice.take_button)
    assert isinstance(dock.study.source, Slide)
    assert dock.study.source.unit == "µm"
    ours = dock.painter.tissue.need_base()
    np.testing.assert_allclose(ours.extent.world, walk.viewer.layers["mine"].extent.world)
    assert walk.told == []


def test_the_walk_from_a_slide_to_a_raster_and_a_saved_study_and_back(
    on_slide: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_slide, on_slide.dock
    walk.draw_lasso((128, 60), 50)
    walk.qtbot.keyClicks(dock.concepts.maker.name, "nuclei")
    walk.click(dock.concepts.maker.make_button)
    dock.export.unfold()
    assert not dock.export.genes_button.isVisible()
    for button, name in (
        (dock.export.figure_button, "nuclei.svg"),
        (dock.export.raster_button, "nuclei.tif"),
        (dock.export.spots_button, "patches.csv"),
    ):
        saving_as(monkeypatch, tmp_path / name)
        walk.click(button)
    with tifffile.TiffFile(tmp_path / "nuclei.tif") as written:
        np.testing.assert_array_equal(written.asarray(), walk.viewer.layers["nuclei - concept score"].data)
    assert len((tmp_path / "patches.csv").read_text().splitlines()) == len(dock.study.need_canvas()) + 1
    saving_as(monkeypatch, tmp_path / "nuclei.zarr")
    walk.click(dock.data.save_as_button)
    scores = dock.study.findings[0].values
    walk.settled(lambda: dock.study.remove("nuclei"))
    walk.settled(lambda: dock.opening.open(tmp_path / "nuclei.zarr"))
    assert walk.told == []
    assert walk.concept_names == ["nuclei"]
    np.testing.assert_array_equal(dock.study.findings[0].values, scores)
    assert "nuclei - concept score" in walk.names
