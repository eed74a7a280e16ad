"""Units in the dock: networks and labels are chosen, units are held against them, and beside controls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog

import conceptstain as cs
from classes import fitted_to_squares, squares
from conceptstain._qt.unit_table import LABEL
from factories import tiny_encoder
from pictures import write_picture
from walking import LEFT, Walk, saving_as

pytestmark = pytest.mark.gui


def unfold(walk: Walk) -> None:
    for card in walk.dock.cards:
        card.fold()
    walk.settled(walk.dock.units.unfold)
    QApplication.processEvents()


def click(walk: Walk, row: int, column: int = LABEL) -> None:
    view = walk.dock.units.view
    place = view.visualRect(view.table.index(row, column)).center()
    walk.settled(lambda: walk.qtbot.mouseClick(view.viewport(), LEFT, pos=place))


def offered(choice: object) -> list[str]:
    return [choice.itemText(row) for row in range(choice.count())]  # type: ignore[attr-defined]


def written(folder: Path) -> tuple[Path, Path]:
    """Pictures of squares, and their masks."""
    canvas, _, masks = squares()
    for number, name in enumerate(canvas.item_names):
        pixels = np.rint(canvas.inputs([number])[0, 0] * 255).astype(np.uint8)
        write_picture(folder / "set" / f"{name}.png", pixels)
        write_picture(folder / "masks" / f"{name}.png", masks[number].astype(np.uint8))
    return folder / "set", folder / "masks"


def test_units_of_a_section_are_held_against_its_layers_beside_controls(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    card, canvas, encoder = dock.units, dock.study.need_genes(), dock.study.need_encoder()
    assert offered(card.layer) == [], "nothing is computed while the card is folded"
    unfold(walk)
    assert offered(card.network) == [f"{encoder.name} · in use", "the genes themselves"]
    assert offered(card.layer) == list(cs.layers_with_places(encoder))
    assert card.layer.currentText() == "encoder.conv3"
    dock.uniting.draws = 1
    walk.click(card.dissect_button)
    assert "64 units" in card.told.text()
    assert card.controls.text() == "Comparing with controls…"
    walk.rest()
    found = cs.dissect(encoder, "encoder.conv3", canvas, cs.section_labels(canvas, "layer"))
    table = found.table()
    assert list(card.table.listed) == table.index.tolist()
    first = card.table.unit(0)
    assert (first.label, first.iou) == (table["label"].iloc[0], table["IoU"].iloc[0])
    assert card.plot.axes.get_legend_handles_labels()[1] == ["this network", "rotated", "untrained"]
    assert "labels have a unit of their own" in card.controls.text()
    assert card.state == f"conv3 · {int(found.detectors().sum())} detectors · {found.unique_detectors().sum()} labels"
    assert walk.told == []


def test_genes_are_units_too_and_go_by_their_names(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    card = dock.units
    dock.uniting.enabled = False
    unfold(walk)
    walk.settled(lambda: card.network.setCurrentIndex(1))
    assert offered(card.layer) == ["input"]
    walk.click(card.dissect_button)
    profiles = dock.study.need_section().view("spots")
    found = cs.dissect_inputs(profiles, cs.section_labels(profiles))
    assert card.table.n_units == len(profiles.features)
    assert card.table.unit(0).name == profiles.features[int(found.table().index[0])]
    walk.qtbot.keyClicks(card.search, "penk")
    assert [card.table.unit(row).name for row in range(card.table.rowCount())] == ["Penk"]
    assert walk.told == []


def test_a_classifier_of_parts_is_opened_and_its_units_are_held_against_masks(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, masks = written(tmp_path)
    classifier = fitted_to_squares(1)[0]
    weights = cs.save_classifier(classifier, tmp_path / "squares.safetensors")
    dock, card = walk.dock, walk.dock.units
    walk.settled(lambda: dock.opening.open(pictures))
    dock.uniting.enabled = False
    unfold(walk)
    assert not card.dissect_button.isEnabled()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_words, **_options: (str(weights), ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_words, **_options: str(masks))
    walk.click(card.open_button)
    assert offered(card.network) == ["squares.safetensors · classifier"]
    assert card.layer.count() > 1
    assert "Tick" in card.dissect_button.toolTip()
    walk.click(card.labels.masks_button)
    walk.qtbot.keyClicks(card.labels.names, "bright, dark")
    walk.click(card.dissect_button)
    canvas = dock.study.need_canvas().images.view("images", frame=classifier.encoder.shape[1])
    labels = cs.painted_labels(canvas, masks, names=["", "bright", "dark"])
    found = cs.dissect(classifier.encoder, card.layer.currentText(), canvas, labels)
    assert {card.table.unit(row).label for row in range(card.table.rowCount())} <= {"bright", "dark"}
    assert [card.table.unit(row).iou for row in range(card.table.rowCount())] == found.table()["IoU"].tolist()
    target = tmp_path / "units.csv"
    saving_as(monkeypatch, target)
    walk.click(card.table_button)
    assert pd.read_csv(target, index_col="unit")["label"].tolist() == found.table()["label"].tolist()
    assert walk.told == []


def test_what_is_painted_in_a_layer_of_the_viewer_is_a_label(walk: Walk, tmp_path: Path) -> None:
    pictures, _ = written(tmp_path)
    dock, card = walk.dock, walk.dock.units
    walk.settled(lambda: dock.opening.open(pictures))
    dock.uniting.enabled = False
    masks = squares()[2]
    base = dock.painter.tissue.need_base()
    walk.viewer.add_layer(Labels(masks, name="drawn", affine=base.affine.affine_matrix, units=base.units))
    assert [card.labels.list.item(row).text() for row in range(card.labels.list.count())] == ["layer drawn"]
    card.labels.list.item(0).setCheckState(Qt.CheckState.Checked)
    classifier = fitted_to_squares(1)[0]
    path = cs.save_classifier(classifier, tmp_path / "squares.safetensors")
    unfold(walk)
    walk.settled(lambda: card.file_wanted.emit(path))
    walk.click(card.dissect_button)
    assert card.table.n_units == classifier.encoder.latent
    assert {card.table.unit(row).label for row in range(card.table.rowCount())} <= {"1", "2"}
    assert walk.told == []


def test_another_encoder_in_use_takes_what_was_found_with_it(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    card = dock.units
    dock.uniting.enabled = False
    unfold(walk)
    walk.click(card.dissect_button)
    assert card.table.n_units
    encoder = dock.study.need_encoder()
    walk.settled(lambda: dock.study.use(encoder))
    assert card.table.n_units, "the same encoder over again changes nothing"
    walk.settled(lambda: dock.study.use(tiny_encoder(dock.study.need_canvas().shape)))
    assert card.table.n_units == 0
    assert card.state == "not dissected yet"
    assert walk.told == []
