"""The walk: what a biologist clicks, from an opened section to an exported figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from napari.layers import Image, Points, Shapes
from napari.utils.notifications import Notification, NotificationSeverity, notification_manager
from napari.viewer import Viewer
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QFileDialog, QPushButton

from conceptstain._qt.main_panel import MainPanel
from conceptstain.nets.checkpoint import load_encoder

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton
LONG = 60_000  # milliseconds; a signal ends every wait long before


class Walk:
    """A viewer with the dock, and hands to click with."""

    def __init__(self, viewer: Viewer, qtbot: QtBot) -> None:
        self.viewer = viewer
        self.qtbot = qtbot
        viewer.window._qt_window.resize(1280, 800)
        self.dock = MainPanel(viewer)
        viewer.window.add_dock_widget(self.dock, name="Concept Stain", area="right")
        self.told: list[str] = []
        notification_manager.notification_ready.connect(self._hear)

    def _hear(self, notification: Notification) -> None:
        if notification.severity != NotificationSeverity.INFO:
            self.told.append(str(notification))

    def click(self, button: QPushButton) -> None:
        """Click, and wait until the queue is empty again where the click started a job."""
        self.settled(lambda: self.qtbot.mouseClick(button, LEFT))

    def settled(self, act: Callable[[], object]) -> None:
        act()
        if self.dock.jobs.busy:
            with self.qtbot.waitSignal(self.dock.jobs.idle, timeout=LONG):
                pass
        assert not self.dock.jobs.busy

    def make_by_gene(self, text: str) -> None:
        self.dock.concepts.tabs.setCurrentIndex(0)
        self.qtbot.keyClicks(self.dock.concepts.genes, text)
        self.click(self.dock.concepts.make_button)

    def draw_lasso(self, centre: tuple[float, float], radius: float) -> None:
        """Draw a circle on the tissue with the mouse; centre and radius in world units."""
        self.dock.concepts.tabs.setCurrentIndex(1)
        self.click(self.dock.concepts.tools["lasso"])
        canvas = self.viewer.window._qt_viewer.canvas.native
        zoom = self.viewer.scene.camera.zoom
        middle = np.array(self.viewer.scene.camera.center[-2:])
        size = np.array([canvas.height(), canvas.width()])
        angles = np.linspace(0, 2 * np.pi, 24)
        world = np.array(centre) + radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)
        path = [QPoint(round(x), round(y)) for y, x in (world - middle) * zoom + size / 2]
        self.qtbot.mouseMove(canvas, path[0])
        QApplication.processEvents()
        self.qtbot.mousePress(canvas, LEFT, pos=path[0])
        for point in path[1:]:
            self.qtbot.mouseMove(canvas, point)
            QApplication.processEvents()  # or the moves are merged into one
        self.qtbot.mouseRelease(canvas, LEFT, pos=path[-1])
        QApplication.processEvents()

    @property
    def names(self) -> list[str]:
        return [layer.name for layer in self.viewer.layers]

    @property
    def concept_names(self) -> list[str]:
        items = self.dock.concepts.list
        return [items.item(row).text() for row in range(items.count())]


@pytest.fixture
def walk(make_napari_viewer: Callable[..., Viewer], qtbot: QtBot) -> Iterator[Walk]:
    walk = Walk(make_napari_viewer(show=True), qtbot)
    yield walk
    walk.dock.jobs.close()
    notification_manager.notification_ready.disconnect(walk._hear)


@pytest.fixture
def on_sample(walk: Walk) -> Walk:
    walk.click(walk.dock.data.sample_button)
    assert walk.told == []
    return walk


def saving_as(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_arguments, **_options: (str(path), ""))


def test_the_walk_from_the_sample_to_an_exported_figure(
    on_sample: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_sample, on_sample.dock
    assert walk.names == ["simulated bulb - tissue", "simulated bulb - spots", "regions"]
    assert dock.study.encoder is not None
    assert dock.study.encoder.name == "gene-pictures"

    walk.make_by_gene("Penk")
    assert walk.names[-1] == "Penk - decoded"
    painted = walk.viewer.layers["Penk - decoded"]
    section = dock.study.need_canvas().section
    np.testing.assert_allclose(painted.data, section.spots)
    finding = dock.study.findings[-1]
    np.testing.assert_allclose(painted.features["value"], dock.study.need_canvas().place(finding.mean()))
    assert not walk.viewer.layers["simulated bulb - spots"].visible
    assert dock.maps.state == "Penk - decoded"

    centre = section.spots.mean(axis=0)
    walk.draw_lasso((float(centre[0]), float(centre[1])), 900.0)
    inside = int((np.linalg.norm(section.spots - centre, axis=1) < 900).sum())
    assert dock.concepts.selected.text() == f"{inside} spots chosen."
    walk.qtbot.keyClicks(dock.concepts.name, "middle")
    walk.click(dock.concepts.make_button)
    assert walk.concept_names == ["Penk", "middle"]
    assert walk.names[-1] == "middle - decoded"
    assert f"enriched in {inside} of {section.n_spots} spots (drawn outline)" in dock.concepts.origin.text()
    assert dock.concepts.selected.text() == "No spots chosen: draw around some."

    walk.settled(lambda: dock.maps.map.setCurrentIndex(dock.maps.map.findData("gradient")))
    assert walk.names[-1] == "middle - gradient saliency"

    top = dock.maps.searched.index(0, 0)
    walk.qtbot.mouseClick(dock.maps.table.viewport(), LEFT, pos=dock.maps.table.visualRect(top).center())
    assert walk.names[-1] == f"{dock.maps.searched.gene(top)} - expression"

    for ending in ("svg", "pdf", "png"):
        saving_as(monkeypatch, tmp_path / f"figure.{ending}")
        walk.click(dock.export.figure_button)
    assert "<text" in (tmp_path / "figure.svg").read_text(encoding="utf-8")
    assert (tmp_path / "figure.pdf").stat().st_size > 1000
    saving_as(monkeypatch, tmp_path / "genes.csv")
    walk.click(dock.export.genes_button)
    assert len(pd.read_csv(tmp_path / "genes.csv")) == section.n_genes
    saving_as(monkeypatch, tmp_path / "spots.csv")
    walk.click(dock.export.spots_button)
    table = pd.read_csv(tmp_path / "spots.csv")
    assert len(table) == section.n_spots
    assert {"Penk - decoded", "middle - decoded", "middle - gradient saliency"} <= set(table.columns)
    saving_as(monkeypatch, tmp_path / "stained.h5ad")
    walk.click(dock.export.section_button)
    assert "conceptstain" in anndata.read_h5ad(tmp_path / "stained.h5ad").uns
    assert walk.told == []


def test_concepts_are_renamed_deleted_and_brought_back(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    walk.make_by_gene("Doc2g")
    dock.concepts.list.item(0).setText("granule")
    assert walk.concept_names == ["granule", "Doc2g"]
    assert "granule - decoded" in walk.names
    walk.settled(lambda: dock.concepts.choose("granule"))
    walk.click(dock.concepts.remove_button)
    assert walk.concept_names == ["Doc2g"]
    assert "granule - decoded" not in walk.names
    walk.click(dock.concepts.undo_button)
    assert walk.concept_names == ["granule", "Doc2g"]
    walk.click(dock.concepts.undo_button)
    assert walk.concept_names == ["Penk", "Doc2g"]
    walk.click(dock.concepts.redo_button)
    assert walk.concept_names == ["granule", "Doc2g"]


def test_a_map_is_updated_in_place(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    walk.make_by_gene("Doc2g")
    count = len(walk.viewer.layers)
    before = walk.viewer.layers["Penk - decoded"]
    walk.settled(lambda: dock.concepts.choose("Penk"))
    assert len(walk.viewer.layers) == count
    assert walk.viewer.layers["Penk - decoded"] is before
    assert before.visible
    assert not walk.viewer.layers["Doc2g - decoded"].visible


def test_a_fit_shows_its_progress_and_its_encoder_is_used(on_sample: Walk, tmp_path: Path) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    dock.model.unfold()
    dock.model.network.setCurrentText("mlp")
    dock.model.epochs.setValue(1)
    walk.click(dock.model.fit_button)
    assert dock.study.encoder is not None
    assert "fitted to simulated bulb" in dock.model.state
    assert dock.concepts.chosen_name == "Penk"
    assert [finding.encoder for finding in dock.study.findings] == [dock.study.encoder.fingerprint]
    walk.settled(lambda: dock.model.save_wanted.emit(tmp_path / "mine.safetensors"))
    assert load_encoder(tmp_path / "mine.safetensors").fingerprint == dock.study.encoder.fingerprint
    row = dock.maps.map.findData("attention")
    assert not dock.maps.map.model().item(row).isEnabled()
    assert "no convolution" in dock.maps.map.model().item(row).toolTip()


def test_a_cancelled_fit_keeps_the_encoder_in_use(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    before = dock.study.encoder
    dock.model.unfold()
    dock.model.epochs.setValue(500)
    walk.qtbot.mouseClick(dock.model.fit_button, LEFT)
    walk.qtbot.waitUntil(lambda: dock.model.progress.value() > 0, timeout=LONG)
    with walk.qtbot.waitSignal(dock.jobs.idle, timeout=LONG):
        walk.qtbot.mouseClick(dock.model.cancel_button, LEFT)
    assert dock.study.encoder is before
    assert dock.model.fit_button.isEnabled()
    assert walk.told == []


def test_picked_spots_and_annotations_make_concepts_too(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    layer = dock.study.need_canvas().section.adata.obs["layer"].astype(str)
    dock.concepts.tabs.setCurrentIndex(1)
    walk.click(dock.concepts.tools["pick"])
    spots = walk.viewer.layers["simulated bulb - spots"]
    spots.selected_data = set(np.flatnonzero(layer == "GCL")[:12])
    assert dock.concepts.selected.text() == "12 spots chosen."
    walk.click(dock.concepts.make_button)
    dock.concepts.tabs.setCurrentIndex(2)
    dock.concepts.column.setCurrentText("layer")
    dock.concepts.value.setCurrentText("ONL")
    walk.click(dock.concepts.make_button)
    assert walk.concept_names == ["region", "ONL"]
    assert walk.told == []


@pytest.mark.parametrize(
    ("text", "told"),
    [("Pennk", "no gene of that name. Got 'Pennk'. Did you mean"), ("", "has no genes"), ("Penk, Nope1", "'Nope1'")],
)
def test_what_cannot_be_made_is_told_and_never_listed(on_sample: Walk, text: str, told: str) -> None:
    on_sample.make_by_gene(text)
    assert len(on_sample.told) == 1
    assert told in on_sample.told[0]
    assert on_sample.concept_names == []


def test_making_a_concept_of_nothing_drawn_is_told(on_sample: Walk) -> None:
    on_sample.dock.concepts.tabs.setCurrentIndex(1)
    on_sample.click(on_sample.dock.concepts.make_button)
    assert "No spots are chosen" in on_sample.told[0]


def test_layers_that_the_user_deletes_come_back_when_needed(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.viewer.layers.clear()
    walk.make_by_gene("Penk")
    assert "Penk - decoded" in walk.names
    dock.concepts.tabs.setCurrentIndex(1)
    walk.click(dock.concepts.tools["lasso"])
    assert isinstance(walk.viewer.layers["regions"], Shapes)
    assert walk.told == []


def test_limits_typed_in_the_card_are_those_of_the_layer(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    painted = walk.viewer.layers["Penk - decoded"]
    assert isinstance(painted, Points)
    suggested = painted.face_contrast_limits
    dock.maps.high.setValue(0.5 * suggested[1])
    assert painted.face_contrast_limits[1] == pytest.approx(0.5 * suggested[1], rel=1e-2)
    assert dock.study.findings[0].colour_limits == pytest.approx(painted.face_contrast_limits)
    walk.click(dock.maps.reset_button)
    assert painted.face_contrast_limits == pytest.approx(suggested)
    assert dock.study.findings[0].colour_limits is None


def test_limits_in_the_wrong_order_are_told_and_change_nothing(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    painted = walk.viewer.layers["Penk - decoded"]
    before = painted.face_contrast_limits
    dock.maps.high.setValue(dock.maps.low.value() - 1)
    assert "lower colour limit" in walk.told[0]
    assert painted.face_contrast_limits == before


def test_a_dropped_section_is_taken_over(walk: Walk) -> None:
    from conceptstain.canvas.samples import sample_path

    walk.settled(lambda: walk.viewer.open(sample_path(), plugin="napari-conceptstain"))
    assert walk.dock.study.need_canvas().section.name == "simulated bulb"
    assert [type(layer) for layer in walk.viewer.layers] == [Image, Points, Shapes]
    assert walk.dock.study.encoder is not None


def test_a_broken_file_is_told_and_what_was_open_stays(on_sample: Walk, tmp_path: Path) -> None:
    (tmp_path / "broken.tsv").write_bytes(b"")
    on_sample.settled(lambda: on_sample.dock.opening.open(tmp_path / "broken.tsv"))
    assert len(on_sample.told) == 1
    assert "broken.tsv" in on_sample.told[0]
    assert on_sample.dock.data.state.startswith("simulated bulb")


def test_two_viewers_are_two_studies(on_sample: Walk, make_napari_viewer: Callable[..., Viewer]) -> None:
    other = Walk(make_napari_viewer(show=True), on_sample.qtbot)
    on_sample.make_by_gene("Penk")
    assert other.dock.study.canvas is None
    assert other.names == []
    other.dock.jobs.close()


def test_no_control_is_without_a_tooltip_or_wider_than_the_dock(on_sample: Walk) -> None:
    dock = on_sample.dock
    for card in dock.cards:
        card.unfold()
        assert card.minimumSizeHint().width() <= 380, card.state
    for button in dock.findChildren(QPushButton):
        assert button.toolTip(), button.text()


@pytest.mark.real_data
def test_the_walk_on_a_published_section(walk: Walk, real_data: Path) -> None:
    found = [folder for folder in (real_data / "mob", real_data) if any(folder.glob("Rep1_MOB_count_matrix-1.tsv*"))]
    walk.settled(lambda: walk.dock.opening.open(next(found[0].glob("Rep1_MOB_count_matrix-1.tsv*"))))
    walk.make_by_gene("Penk")
    assert walk.names == ["Rep1 - tissue", "Rep1 - spots", "regions", "Penk - decoded"]
    image = walk.viewer.layers["Rep1 - tissue"]
    spots = walk.viewer.layers["Penk - decoded"]
    for axis in (0, 1):
        assert image.extent.world[0, axis] <= spots.data[:, axis].min()
        assert spots.data[:, axis].max() <= image.extent.world[1, axis]
    assert walk.told == []
