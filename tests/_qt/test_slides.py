"""Slides in the dock: drawn on, scored from what is looked at, painted where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image, Shapes

from conceptstain.canvas.slide import Slide
from pictures import pyramid, write_pyramid
from walking import Walk

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
    walk.click(dock.concepts.maker.make_button)
    assert walk.told == []
    assert walk.concept_names == ["nuclei"]
    layer = walk.viewer.layers["nuclei - concept score"]
    canvas = dock.study.need_canvas()
    raster = np.asarray(layer.data)
    assert np.isfinite(raster).all()
    left, right = np.split(raster[:, : raster.shape[1] // 2 * 2], 2, axis=1)
    assert left.mean() > right.mean()
    np.testing.assert_allclose(layer.extent.world, walk.viewer.layers[0].extent.world, atol=canvas.settings.step * 0.5)
