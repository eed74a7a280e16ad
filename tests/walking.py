"""A viewer with the dock, and hands to click with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from napari.utils.notifications import Notification, NotificationSeverity, notification_manager
from napari.viewer import Viewer
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QFileDialog, QPushButton

from conceptstain._qt.main_panel import MainPanel

LEFT = Qt.MouseButton.LeftButton
LONG = 60_000  # milliseconds; a signal ends every wait long before


class Walk:
    """A viewer with the dock, and hands to click with."""

    def __init__(self, viewer: Viewer, qtbot: QtBot) -> None:
        self.viewer = viewer
        self.qtbot = qtbot
        viewer.window._qt_window.resize(1280, 800)
        self.dock = MainPanel(viewer)
        self.dock.staining.judging.n_null = 99
        self.dock.staining.judging.enabled = False  # the tests that ask for it switch it on
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
        while self.dock.jobs.busy:  # one job's end may start another
            with self.qtbot.waitSignal(self.dock.jobs.idle, timeout=LONG):
                pass

    def judge(self) -> None:
        """Let concepts be tested and maps be compared with controls from now on."""
        self.dock.staining.judging.enabled = True

    def rest(self) -> None:
        """Wait until the patient jobs are done, too."""
        self.settled(lambda: None)
        while not self.dock.jobs.at_rest:
            with self.qtbot.waitSignal(self.dock.jobs.quiet, timeout=LONG):
                pass

    def make_by_layer(self, value: str) -> None:
        self.dock.concepts.maker.tabs.setCurrentIndex(2)
        self.dock.concepts.maker.column.setCurrentText("layer")
        self.dock.concepts.maker.value.setCurrentText(value)
        self.click(self.dock.concepts.maker.make_button)

    def drop(self, *files: Path) -> None:
        """Drop files on the viewer."""
        with self.qtbot.waitSignal(self.dock.jobs.idle, timeout=LONG):
            self.viewer.open(list(files), stack=len(files) > 1, plugin="napari-conceptstain")
        self.settled(lambda: None)

    def make_by_gene(self, text: str) -> None:
        self.dock.concepts.maker.tabs.setCurrentIndex(0)
        self.qtbot.keyClicks(self.dock.concepts.maker.genes, text)
        self.click(self.dock.concepts.maker.make_button)

    def drag(self, *world: tuple[float, float]) -> None:
        """Press the mouse at the first of these places, move over the others, and let go at the last."""
        canvas = self.viewer.window._qt_viewer.canvas.native
        zoom = self.viewer.scene.camera.zoom
        middle = np.array(self.viewer.scene.camera.center[-2:])
        size = np.array([canvas.height(), canvas.width()])
        path = [QPoint(round(x), round(y)) for y, x in (np.array(world) - middle) * zoom + size / 2]
        self.qtbot.mouseMove(canvas, path[0])
        QApplication.processEvents()
        self.qtbot.mousePress(canvas, LEFT, pos=path[0])
        for point in path[1:]:
            self.qtbot.mouseMove(canvas, point)
            QApplication.processEvents()  # or the moves are merged into one
        self.qtbot.mouseRelease(canvas, LEFT, pos=path[-1])
        QApplication.processEvents()

    def draw_lasso(self, centre: tuple[float, float], radius: float) -> None:
        """Draw a circle on the tissue with the mouse; centre and radius in world units."""
        self.dock.concepts.maker.tabs.setCurrentIndex(1)
        if not self.dock.concepts.maker.tools["lasso"].isChecked():
            self.click(self.dock.concepts.maker.tools["lasso"])
        angles = np.linspace(0, 2 * np.pi, 24)
        world = np.array(centre) + radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)
        self.drag(*world)

    @property
    def names(self) -> list[str]:
        return [layer.name for layer in self.viewer.layers]

    @property
    def concept_names(self) -> list[str]:
        items = self.dock.concepts.list
        return [items.item(row).text() for row in range(items.count())]

    def close(self) -> None:
        """End the session."""
        self.dock.keeping.timer.stop()  # nothing is autosaved any more
        self.dock.jobs.close()
        self.dock.keeping.close()
        notification_manager.notification_ready.disconnect(self._hear)


def saving_as(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Let the next file dialogs answer with this path."""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_arguments, **_options: (str(path), ""))


def write_section(path: Path, *, side: int = 12, genes: int = 30, group: str = "half") -> Path:
    """A square section in pixels, with an annotation of two values."""
    rows, columns = np.mgrid[:side, :side].reshape(2, -1)
    counts = np.random.default_rng(0).poisson(3, (side * side, genes)).astype(np.float32)
    section = anndata.AnnData(counts, var=pd.DataFrame(index=[f"Gene{each}" for each in range(genes)]))
    section.obs[group] = np.where(columns < side / 2, "<b>left</b>", "right")
    section.obsm["spatial"] = np.stack([columns, rows], axis=1) * 100.0
    path.parent.mkdir(exist_ok=True)
    section.write_h5ad(path)
    return path
