"""Units in the dock: networks and labels are chosen, units are held against them, and beside controls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from napari.layers import Labels, Points
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QFileDialog

import conceptstain as cs
from classes import SIDE, fitted_to_squares, squares
from conceptstain._qt.unit_table import LABEL, PICTURES, TICK, TOP, UNIT
from conceptstain.nets.tap import convolutional_layers
from factories import tiny_encoder
from picture_studies import slide_file
from pictures import write_picture
from walking import LEFT, Walk, saving_as, write_section

pytestmark = pytest.mark.gui


def unfold(walk: Walk) -> None:
    for card in walk.dock.cards:
        card.fold()
    walk.settled(walk.dock.units.unfold)
    QApplication.processEvents()


def click(walk: Walk, row: int, column: int = LABEL) -> None:
    walk.rest()
    view = walk.dock.units.view
    place = view.visualRect(view.table.index(row, column)).center()
    walk.settled(lambda: walk.qtbot.mouseClick(view.viewport(), LEFT, pos=place))


def seen(walk: Walk) -> None:
    """Wait for the thumbnails of what is seen."""
    walk.qtbot.waitUntil(lambda: bool(walk.dock.units.table.index(0, TOP).data(PICTURES)), timeout=20_000)


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


@pytest.fixture
def on_section(walk: Walk, tmp_path: Path) -> Walk:
    """A small section with a tiny encoder."""
    path = write_section(tmp_path / "section.h5ad", side=8, genes=20)
    walk.settled(lambda: walk.dock.opening.open(path))
    walk.settled(lambda: walk.dock.study.use(tiny_encoder(walk.dock.study.need_canvas().shape)))
    return walk


def test_units_of_a_section_are_held_against_its_annotation_beside_controls(on_section: Walk) -> None:
    walk, dock = on_section, on_section.dock
    card, canvas, encoder = dock.units, dock.study.need_genes(), dock.study.need_encoder()
    assert offered(card.layer) == [], "nothing is computed while the card is folded"
    unfold(walk)
    assert offered(card.network) == [f"{encoder.name} · in use", "the genes themselves"]
    assert offered(card.layer) == list(cs.layers_with_places(encoder))
    layer = card.layer.currentText()
    assert layer == convolutional_layers(encoder)[-1]
    dock.uniting.draws = 2
    QTimer.singleShot(0, card.cancel_button.click)
    walk.click(card.dissect_button)
    assert card.table.n_units == 0, "it was stopped"
    walk.click(card.dissect_button)
    assert f"{card.table.n_units} units over {len(canvas.trainable)} genes" in card.told.text()
    assert card.controls.text() == "Comparing with controls…"
    walk.rest()
    found = cs.dissect(encoder, layer, canvas, cs.section_labels(canvas, "half"))
    table = found.table()
    assert list(card.table.listed) == table.index.tolist()
    first = card.table.unit(0)
    assert (first.label, first.iou) == (table["label"].iloc[0], table["IoU"].iloc[0])
    shown = card.plot.axes.get_legend_handles_labels()[1]
    assert shown == ["this network", "rotated", "untrained"], "on gene pictures all items have the same labels"
    assert "a unit of their own" in card.controls.text()
    detectors, labels = int(found.detectors().sum()), int(found.unique_detectors().sum())
    assert card.state.startswith(f"{layer.rpartition('.')[2]} · {detectors} detector")
    card.least.setValue(0.99)
    walk.rest()
    assert "0 detectors · 0 labels" in card.state
    assert labels > 0
    assert walk.told == []


def test_a_clicked_unit_is_painted_with_rings_where_it_counts_as_active(on_section: Walk) -> None:
    walk, dock = on_section, on_section.dock
    card, canvas, encoder = dock.units, dock.study.need_genes(), dock.study.need_encoder()
    dock.uniting.enabled = False
    unfold(walk)
    walk.click(card.dissect_button)
    layer = card.layer.currentText()
    seen(walk)
    assert len(card.table.index(0, TOP).data(PICTURES)) == 3
    click(walk, 0)
    unit = card.table.unit(0).unit
    peaks = cs.unit_peaks(encoder, layer, canvas, canvas.trainable)
    gene = int(canvas.trainable[peaks[:, unit].argmax()])
    (kept,) = dock.study.findings
    assert kept.method == "activation"
    np.testing.assert_allclose(kept.values, cs.unit_map(encoder, layer, canvas, unit, items=[gene]).values)
    painted, rings = walk.viewer.layers[kept.title], walk.viewer.layers[f"unit {unit} - active"]
    assert isinstance(painted, Points)
    assert walk.viewer.layers.selection.active is painted
    found = cs.dissect(encoder, layer, canvas, cs.section_labels(canvas, "half"))
    mask = cs.unit_mask(found, encoder, canvas, unit, [gene])[0]
    active = canvas.place(mask[None].astype(np.float32), gene) > 0.5
    np.testing.assert_allclose(rings.data, canvas.section.spots[active])
    assert str(canvas.item_names[gene]) in card.seen.text()
    walk.click(card.concept_button)
    concept = dock.study.concept(dock.concepts.chosen_name)
    assert (concept.definition.unit, concept.space) == (unit, layer)
    walk.viewer.layers.selection.active = painted

    view = card.view
    place = view.cell.places(view.visualRect(view.table.index(1, TOP)))[1].center()
    walk.settled(lambda: walk.qtbot.mouseClick(view.viewport(), LEFT, pos=place))
    other = card.table.unit(1).unit
    second = canvas.trainable[np.argsort(-peaks[:, other], kind="stable")[1]]
    assert next(each for each in dock.study.findings if each.name == f"unit {other}").items == (int(second),)
    assert view.chosen_unit == other
    walk.viewer.layers.selection.active = painted
    assert view.chosen_unit == unit
    assert not walk.viewer.layers[f"unit {other} - active"].visible, "rings are of the map that is seen"
    walk.viewer.layers.selection.active = walk.viewer.layers[dock.study.findings[-1].title]
    assert view.chosen_unit == other
    assert walk.viewer.layers[f"unit {other} - active"].visible
    assert walk.told == []


def test_units_that_are_ticked_off_change_what_the_network_does(on_section: Walk) -> None:
    walk, dock = on_section, on_section.dock
    card, canvas, encoder = dock.units, dock.study.need_genes(), dock.study.need_encoder()
    dock.uniting.enabled = False
    walk.make_by_gene("Gene3")
    unfold(walk)
    walk.click(card.dissect_button)
    assert not card.effect.button.isEnabled()
    view = card.view
    for row in (0, 2):
        walk.qtbot.mouseClick(view.viewport(), LEFT, pos=view.visualRect(view.table.index(row, TICK)).center())
    units = card.table.ticked_off
    assert set(units) == {card.table.unit(0).unit, card.table.unit(2).unit}
    walk.click(card.effect.button)
    concept = dock.study.concept("Gene3")
    table = cs.effect_of_units(encoder, card.layer.currentText(), canvas, units, concepts=[concept]).table
    shown = {
        card.effect.table.item(row, 0).text(): float(card.effect.table.item(row, 3).text())
        for row in range(card.effect.table.rowCount())
    }
    assert set(shown) == {"Gene3: concept score", "mean: reconstruction error"}
    change = table.loc[("reconstruction error", "mean"), "change"]
    assert shown["mean: reconstruction error"] == pytest.approx(change, abs=5e-4)
    assert card.effect.sentence.text().startswith("2 units of")
    walk.click(card.effect.all_button)
    assert card.table.ticked_off == ()
    assert card.effect.table.isHidden(), "what was measured was of other units"
    walk.qtbot.keyClicks(card.search, "left")
    walk.click(card.effect.listed_button)
    assert card.table.ticked_off == tuple(sorted(card.table.listed))
    assert walk.told == []


def test_genes_are_units_too_and_go_by_their_names(on_section: Walk) -> None:
    walk, dock = on_section, on_section.dock
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
    walk.qtbot.keyClicks(card.search, "gene7")
    assert [card.table.unit(row).name for row in range(card.table.rowCount())] == ["Gene7"]
    click(walk, 0)
    assert walk.names[-1].startswith("Gene7")
    assert walk.told == []


def test_a_classifier_of_parts_is_opened_and_its_units_are_held_against_masks(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, masks = written(tmp_path)
    classifier = fitted_to_squares(1)[0]
    weights = cs.save_classifier(classifier, tmp_path / "squares.safetensors")
    dock, card = walk.dock, walk.dock.units
    walk.settled(lambda: dock.opening.open(pictures))
    walk.rest()  # napari silences a warning when it makes labels, which a thread that reads pictures would undo
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
    saving_as(monkeypatch, tmp_path / "detectors.svg")
    walk.click(card.figure_button)
    assert "unique detectors" in (tmp_path / "detectors.svg").read_text()
    seen(walk)
    first = int(
        np.argmax(cs.unit_peaks(classifier.encoder, card.layer.currentText(), canvas)[:, card.table.unit(0).unit])
    )
    click(walk, 0)
    assert dock.painter.tissue.looked_at == first, "the viewer goes where the unit rises highest"
    assert "Not kept" in card.seen.text(), "the study sees another frame"
    unit = card.table.unit(0).unit
    mask = np.asarray(walk.viewer.layers[f"unit {unit} - active"].data[first])
    np.testing.assert_array_equal(mask > 0, cs.unit_mask(found, classifier.encoder, canvas, unit, [first])[0])
    walk.click(card.effect.listed_button)
    walk.click(card.effect.button)
    shown = {card.effect.table.item(row, 0).text() for row in range(card.effect.table.rowCount())}
    assert {"bright: class score", "dark: class score"} <= shown
    assert walk.told == []


def test_what_is_painted_in_a_layer_of_the_viewer_is_a_label(walk: Walk, tmp_path: Path) -> None:
    pictures, _ = written(tmp_path)
    dock, card = walk.dock, walk.dock.units
    walk.settled(lambda: dock.opening.open(pictures))
    walk.rest()  # napari silences a warning when it makes labels, which a thread that reads pictures would undo
    dock.uniting.enabled = False
    masks = squares()[2]
    base = dock.painter.tissue.need_base()
    walk.viewer.add_layer(Labels(masks, name="drawn", affine=base.affine.affine_matrix, units=base.units))
    assert [card.labels.list.item(row).text() for row in range(card.labels.list.count())] == ["layer drawn"]
    walk.viewer.layers["drawn"].name = "painted"
    assert card.labels.list.item(0).text() == "layer painted"
    card.labels.list.item(0).setCheckState(Qt.CheckState.Checked)
    classifier = fitted_to_squares(1)[0]
    path = cs.save_classifier(classifier, tmp_path / "squares.safetensors")
    unfold(walk)
    walk.settled(lambda: card.file_wanted.emit(path))
    walk.click(card.dissect_button)
    assert card.table.n_units == classifier.encoder.latent
    assert {card.table.unit(row).label for row in range(card.table.rowCount())} <= {"1", "2"}
    assert walk.told == []


def test_another_encoder_in_use_takes_what_was_found_with_it(on_section: Walk) -> None:
    walk, dock = on_section, on_section.dock
    card = dock.units
    dock.uniting.enabled = False
    unfold(walk)
    walk.click(card.dissect_button)
    assert card.table.n_units
    walk.rest()  # the window asks networks what they can, which no job must be using
    encoder = dock.study.need_encoder()
    walk.settled(lambda: dock.study.use(encoder))
    assert card.table.n_units, "the same encoder over again changes nothing"
    walk.settled(lambda: dock.study.use(tiny_encoder(dock.study.need_canvas().shape, seed=1)))
    assert card.table.n_units == 0
    assert card.state == "not dissected yet"
    assert walk.told == []


def test_a_unit_of_pictures_follows_the_slider(walk: Walk, tmp_path: Path) -> None:
    pictures, masks = written(tmp_path)
    dock, card = walk.dock, walk.dock.units
    walk.settled(lambda: dock.opening.open(pictures))
    walk.rest()  # napari silences a warning when it makes labels, which a thread that reads pictures would undo
    walk.settled(lambda: dock.study.use(tiny_encoder(dock.study.need_canvas().shape, scaling="unit")))
    dock.uniting.enabled = False
    unfold(walk)
    card.labels.masks_wanted.emit(masks)
    walk.click(card.dissect_button)
    click(walk, 0)
    (kept,) = dock.study.findings
    beside = next(item for item in range(24) if item not in kept.items)
    dock.painter.tissue.look_at(beside)
    walk.qtbot.waitUntil(lambda: beside in dock.study.findings[0].items, timeout=20_000)
    assert walk.told == []


def test_a_unit_of_a_slide_is_painted_around_the_patch_that_it_rises_highest_on(walk: Walk, tmp_path: Path) -> None:
    dock, card = walk.dock, walk.dock.units
    walk.settled(lambda: dock.opening.open(slide_file(tmp_path)))
    walk.settled(lambda: dock.data.view_wanted.emit(SIDE))
    canvas = dock.study.need_canvas()
    encoder = tiny_encoder(canvas.shape, scaling="unit")
    walk.settled(lambda: dock.study.use(encoder))
    dock.uniting.enabled = False
    unfold(walk)
    painted = np.zeros((72, 72), dtype=np.uint8)
    painted[20:50, 20:50] = 1
    base = dock.painter.tissue.need_base()
    walk.rest()
    walk.viewer.add_layer(Labels(painted, name="drawn", affine=base.affine.affine_matrix, units=base.units))
    row = [card.labels.list.item(row).text() for row in range(card.labels.list.count())].index("layer drawn")
    card.labels.list.item(row).setCheckState(Qt.CheckState.Checked)
    walk.click(card.dissect_button)
    click(walk, 0)
    unit, layer = card.table.unit(0).unit, card.layer.currentText()
    best = int(cs.unit_peaks(encoder, layer, canvas)[:, unit].argmax())
    (kept,) = dock.study.findings
    assert best in kept.items
    outlines = next(each for each in walk.viewer.layers if each.name == f"unit {unit} - active")
    assert outlines.data.any(), "it is active where it rises highest"
    assert walk.told == []


def test_a_dissection_of_an_encoder_that_is_in_use_no_more_is_stopped(on_section: Walk) -> None:
    walk, dock = on_section, on_section.dock
    card = dock.units
    dock.uniting.enabled = False
    unfold(walk)
    card.dissect_button.click()
    dock.study.use(tiny_encoder(dock.study.need_canvas().shape, seed=1))
    walk.settled(lambda: None)
    assert card.table.n_units == 0
    assert card.state == "not dissected yet"


def test_cancelling_leaves_what_was_found_before_to_be_compared(on_section: Walk) -> None:
    walk, dock = on_section, on_section.dock
    card = dock.units
    dock.uniting.draws = 1
    unfold(walk)
    walk.click(card.dissect_button)
    QTimer.singleShot(0, card.cancel_button.click)
    walk.click(card.dissect_button)
    walk.rest()
    assert card.table.n_units
    assert "a unit of their own" in card.controls.text()


def test_a_chosen_unit_stays_chosen_while_units_are_sorted_and_searched(on_section: Walk) -> None:
    walk, card = on_section, on_section.dock.units
    on_section.dock.uniting.enabled = False
    unfold(walk)
    walk.click(card.dissect_button)
    click(walk, 1)
    chosen = card.view.chosen_unit
    assert chosen == card.table.unit(1).unit
    card.view.sortByColumn(UNIT, Qt.SortOrder.AscendingOrder)
    assert card.view.chosen_unit == chosen
    assert card.concept_button.isEnabled()
    card.search.setText("nothing is called so")
    assert card.view.chosen_unit is None
    assert not card.concept_button.isEnabled()


def test_where_a_unit_is_active_goes_with_its_map_when_that_is_deleted(on_section: Walk) -> None:
    walk, card = on_section, on_section.dock.units
    on_section.dock.uniting.enabled = False
    unfold(walk)
    walk.click(card.dissect_button)
    click(walk, 0)
    (rings,) = [each for each in walk.viewer.layers if each.name.endswith("- active")]
    assert rings.visible
    walk.settled(lambda: walk.viewer.layers.remove(walk.viewer.layers.selection.active))
    assert not rings.visible
    assert not card.seen.isVisible()
    assert walk.told == []
