"""A layer that something else put into the viewer is taken as the section, with real clicks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Layer, Points
from napari.viewer import Viewer
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from conceptstain.canvas.samples import open_sample
from conceptstain.study import autosave
from conceptstain.study.autosave import restorable
from conceptstain.study.saving import open_study
from walking import Walk

pytestmark = pytest.mark.gui


@pytest.fixture
def walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_napari_viewer: Callable[..., Viewer], qtbot: QtBot
) -> Iterator[Walk]:
    monkeypatch.setattr(autosave, "autosave_folder", lambda: tmp_path / "autosave")
    walk = Walk(make_napari_viewer(show=True), qtbot)
    yield walk
    walk.close()


def add_circles(viewer: Viewer, seed: int = 0) -> Points:
    """The simulated bulb as napari-spatialdata shows circles: turned, and its table in another order."""
    section = open_sample()
    adata = section.adata.copy()
    instances = np.arange(section.n_spots) + 1000
    adata.obs["instance_id"], adata.obs["region"] = instances, "circles"
    adata = adata[np.random.default_rng(seed).permutation(section.n_spots)].copy()
    adata.uns = {
        "spatialdata_attrs": {"region": "circles", "region_key": "region", "instance_key": "instance_id"},
    }
    return viewer.add_points(
        section.spots,
        name="circles",
        size=section.spot_diameter,
        scale=(0.5, 0.5),
        rotate=20,
        translate=(-900.0, 300.0),
        border_width=0,
        metadata={"sdata": None, "adata": adata, "name": "circles", "indices": instances.tolist()},
    )


def add_tissue(viewer: Viewer, circles: Points) -> Layer:
    low, high = np.array(circles.extent.world)
    rng = np.random.default_rng(0)
    shape = tuple(np.ceil((high - low) / 4).astype(int) + 20)
    pixels = np.full((*shape, 3), 235, dtype=np.uint8) - rng.integers(0, 25, (*shape, 1), dtype=np.uint8)
    return viewer.add_image(pixels, name="H&E", rgb=True, scale=(4, 4), translate=low - 40)


def chosen_row(walk: Walk, name: str) -> None:
    layers = walk.dock.data.layer_choice.layers
    (item,) = layers.findItems(name, Qt.MatchFlag.MatchExactly)
    walk.qtbot.mouseClick(layers.viewport(), Qt.MouseButton.LeftButton, pos=layers.visualItemRect(item).center())


def state_of(layer: Layer) -> tuple[object, ...]:
    return (layer.name, layer.visible, np.asarray(layer.data).tobytes(), layer.opacity, tuple(layer.metadata))


def test_a_layer_is_taken_stained_and_saved_whole(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    circles = add_circles(walk.viewer)
    tissue = add_tissue(walk.viewer, circles)
    walk.viewer.add_points(np.zeros((3, 2)), name="landmarks", size=1)
    before = [state_of(layer) for layer in (circles, tissue)]
    data = walk.dock.data
    walk.click(data.layer_button)
    choice = data.layer_choice
    assert [choice.layers.item(row).text() for row in range(choice.layers.count())] == ["landmarks", "H&E", "circles"]
    landmarks = choice.layers.item(0)
    assert landmarks.flags() == Qt.ItemFlag.NoItemFlags
    assert "holds no genes" in landmarks.toolTip()
    assert "a slide" in choice.layers.item(1).toolTip()
    assert choice.picture.currentText() == "Picture: H&E"
    chosen_row(walk, "circles")
    walk.click(choice.take_button)

    section = walk.dock.study.need_canvas().section
    assert section.path is None
    assert section.name == "circles"
    assert choice.isHidden()
    assert [state_of(layer) for layer in (circles, tissue)] == before
    assert walk.names[:2] == ["circles", "H&E"]
    there = {
        str(name): circles.data_to_world(at) for name, at in zip(circles.metadata["indices"], circles.data, strict=True)
    }
    walk.make_by_gene("Penk")
    (painted,) = [layer for layer in walk.viewer.layers if layer.name.startswith("Penk")]
    source = np.array([there[str(name)] for name in section.adata.obs["instance_id"]])
    np.testing.assert_allclose(painted.data, source, atol=1e-6)
    np.testing.assert_allclose([painted.data_to_world(at) for at in painted.data], source, atol=1e-6)
    shown = walk.viewer.layers["circles - tissue"]
    assert np.asarray(shown.extent.world) == pytest.approx(np.asarray(tissue.extent.world))

    # the layers may go; what was made of them stays
    walk.viewer.layers.remove(circles)
    walk.viewer.layers.remove(tissue)
    walk.make_by_layer("MCL")
    assert walk.concept_names == ["Penk", "MCL"]

    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_o: (str(tmp_path / "recipe.yaml"), ""))
    walk.click(walk.dock.export.recipe_button)
    assert "read from no file" in walk.told[-1]
    assert "Save the study first" in walk.told[-1]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_o: (str(tmp_path / "mine.h5ad"), ""))
    walk.click(data.save_button)
    again = open_study(tmp_path / "mine.h5ad")
    opened = again.need_canvas().section
    np.testing.assert_array_equal(opened.spots, section.spots)
    assert (opened.matrix != section.matrix).nnz == 0
    assert len(walk.told) == 1


def test_a_study_of_a_layer_is_autosaved_and_restored(
    walk: Walk, tmp_path: Path, make_napari_viewer: Callable[..., Viewer], qtbot: QtBot
) -> None:
    add_circles(walk.viewer)
    walk.click(walk.dock.data.layer_button)
    walk.click(walk.dock.data.layer_choice.take_button)
    walk.make_by_gene("Penk")
    walk.dock.keeping.autosave()
    walk.rest()
    section = walk.dock.study.need_canvas().section
    walk.dock.keeping.timer.stop()
    walk.dock.keeping.close()
    assert len(restorable(tmp_path / "autosave")) == 1
    other = Walk(make_napari_viewer(show=True), qtbot)
    other.rest()
    other.click(other.dock.data.restore_button)
    other.rest()
    assert other.concept_names == ["Penk"]
    np.testing.assert_array_equal(other.dock.study.need_canvas().section.spots, section.spots)
    assert walk.told == other.told == []
    other.close()


def test_the_offered_layers_follow_the_viewer(walk: Walk) -> None:
    choice = walk.dock.data.layer_choice
    walk.click(walk.dock.data.layer_button)
    assert "no layers" in choice.told.text()
    assert not choice.take_button.isEnabled()
    circles = add_circles(walk.viewer)
    assert choice.layers.count() == 1
    assert choice.take_button.isEnabled()
    other = add_circles(walk.viewer)
    assert choice.layers.selectedItems()[0].text() == "circles"  # what was chosen stays chosen
    walk.viewer.layers.remove(other)
    walk.viewer.layers.remove(circles)
    assert choice.layers.count() == 0
    walk.click(choice.cancel_button)
    assert choice.isHidden()


def test_what_a_layer_says_when_it_is_taken_counts(walk: Walk) -> None:
    circles = add_circles(walk.viewer)
    walk.click(walk.dock.data.layer_button)
    circles.translate = (0, 0)
    walk.click(walk.dock.data.layer_choice.take_button)
    spots = walk.dock.study.need_canvas().section.spots
    order = [circles.metadata["indices"].index(name) for name in circles.metadata["adata"].obs["instance_id"]]
    np.testing.assert_allclose(spots, [circles.data_to_world(circles.data[row]) for row in order])
    walk.click(walk.dock.data.layer_button)
    circles.metadata["indices"] = [1]
    walk.click(walk.dock.data.layer_choice.take_button)
    assert "does not say which points are which" in walk.told[-1]
    assert walk.dock.study.need_canvas().section.spots is spots
    assert walk.dock.data.state.endswith("genes")


def test_another_layer_is_another_section_and_forgets_the_encoder_of_the_one_before(walk: Walk) -> None:
    for seed in (0, 1):
        add_circles(walk.viewer, seed).name = f"circles {seed}"
    used = []
    for name in ("circles 0", "circles 1"):
        walk.click(walk.dock.data.layer_button)
        chosen_row(walk, name)
        walk.click(walk.dock.data.layer_choice.take_button)
        used.append(walk.dock.study.encoder)
        assert walk.dock.study.need_canvas().section.name == name
    assert used[0] is not used[1]
    assert walk.told == []
