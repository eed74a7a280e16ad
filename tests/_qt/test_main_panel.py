"""The walk: what a biologist clicks, from an opened section to an exported figure; and the dock as a whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from napari.viewer import Viewer
from qtpy.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QTabBar,
)

from conceptstain.methods.maps import MAPS
from walking import LEFT, LONG, Walk, saving_as, write_section

pytestmark = pytest.mark.gui


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
    assert dock.concepts.maker.selected.text() == f"{inside} spots chosen."
    walk.qtbot.keyClicks(dock.concepts.maker.name, "middle")
    walk.click(dock.concepts.maker.make_button)
    assert walk.concept_names == ["Penk", "middle"]
    assert walk.names[-1] == "middle - decoded"
    assert f"enriched in {inside} of {section.n_spots} spots (drawn outline)" in dock.concepts.origin.text()
    assert dock.concepts.maker.selected.text() == "No spots chosen: draw around some."

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
    for kind in MAPS:
        dock.maps.choose(kind.key)
        assert dock.maps.minimumSizeHint().width() <= 380, kind.key
    for card in dock.cards:
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


def test_names_in_a_file_are_shown_as_they_are(walk: Walk, tmp_path: Path) -> None:
    dock = walk.dock
    walk.settled(lambda: dock.opening.open(write_section(tmp_path / "tagged.h5ad", group="a<i>b")))
    dock.concepts.maker.tabs.setCurrentIndex(2)
    dock.concepts.maker.value.setCurrentText("<b>left</b>")
    walk.click(dock.concepts.maker.make_button)
    assert "&lt;b&gt;left&lt;/b&gt;" in dock.concepts.origin.text()
    assert "&lt;b&gt;left&lt;/b&gt;" in dock.concepts.maker.value.toolTip()


def test_a_dock_taken_off_stops_its_jobs_and_takes_no_more_files(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    job = dock.opening.fit("mlp", 500)
    walk.qtbot.waitUntil(job.started.is_set, timeout=LONG)
    walk.viewer.window.remove_dock_widget(dock)
    assert job.is_cancelled
    walk.qtbot.waitUntil(lambda: not dock.jobs.busy, timeout=LONG)
    walk.viewer.open_sample("napari-conceptstain", "olfactory-bulb")
    assert not dock.jobs.busy


def test_no_control_is_without_a_name_that_is_read_aloud(on_sample: Walk) -> None:
    dock = on_sample.dock
    kinds = (QLineEdit, QComboBox, QAbstractSpinBox, QAbstractItemView, QProgressBar, QTabBar)
    own = [widget for kind in kinds for widget in dock.findChildren(kind) if not isinstance(widget, QHeaderView)]
    inner = (QComboBox, QAbstractSpinBox, QHeaderView)
    for widget in own:
        parents = (widget.parent(), widget.parent().parent())
        if not any(isinstance(parent, inner) for parent in parents):
            assert widget.accessibleName(), widget.toolTip()
            assert widget.toolTip(), widget.accessibleName()
