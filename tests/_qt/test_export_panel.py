"""The Export card: what it offers, what it says of what it cannot write, and the files that are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QFileDialog

from conceptstain._qt import export_panel, work
from conceptstain._qt.export_panel import ExportPanel
from conceptstain.concepts.definition import Definition
from conceptstain.progress import silent
from factories import tiny_encoder, tiny_section
from walking import Walk, saving_as

pytestmark = pytest.mark.gui


def test_a_name_typed_without_an_ending_gets_one(
    on_sample: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    for button in (dock.export.figure_button, dock.export.genes_button, dock.export.section_button):
        saving_as(monkeypatch, tmp_path / "granule")
        walk.click(button)
    saving_as(monkeypatch, tmp_path / "granule")
    walk.click(dock.model.save_button)
    assert {path.name for path in tmp_path.iterdir()} == {f"granule.{e}" for e in ("svg", "csv", "h5ad", "safetensors")}
    assert walk.told == []


def test_spatialdata_is_grey_without_its_package_and_says_what_to_install(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_panel, "find_spec", lambda _name: None)
    card = ExportPanel()
    qtbot.addWidget(card)
    card.show_maps(["Penk - decoded"])
    assert card.section_button.isEnabled()
    assert not card.spatialdata_button.isEnabled()
    assert "pip install" in card.spatialdata_button.toolTip()


def test_with_its_package_a_folder_is_asked_for(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(export_panel, "find_spec", lambda _name: object())
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_given: (str(tmp_path / "stained"), ""))
    card = ExportPanel()
    qtbot.addWidget(card)
    card.show_maps(["Penk - decoded"])
    with qtbot.waitSignal(card.results_wanted) as wanted:
        card.spatialdata_button.click()
    assert wanted.args == [tmp_path / "stained.zarr", "spots"]


@pytest.mark.filterwarnings("ignore")
def test_a_name_in_zarr_is_written_as_spatialdata(tmp_path: Path) -> None:
    spatialdata = pytest.importorskip("spatialdata", reason="the extra spatialdata is not installed")
    canvas = tiny_section().view("genes")
    made = (Definition("Gene3", like="Gene3", neighbours=3),)
    encoder = tiny_encoder(canvas.shape)
    path = work.export_results(canvas, encoder, made, (), path=tmp_path / "s.zarr", table="spots", report=silent)
    assert "Gene3" in spatialdata.read_zarr(path)["table"].varm["concept_scores"]
