"""Counterfactuals and units in the dock: a classifier is opened, linked and asked, and the path is looked through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from napari.utils.notifications import Notification, notification_manager
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QFileDialog

import conceptstain as cs
from classes import quick
from conceptstain._qt import what_if_work
from conceptstain.canvas.image_set import ImageSet
from conceptstain.concepts.definition import Definition
from conceptstain.recipe.schema import Recipe
from factories import tiny_profile_encoders
from pictures import write_picture
from walking import LEFT, Walk, saving_as, write_section
from what_if import squares_with_models

pytestmark = pytest.mark.gui


def unfold(walk: Walk) -> None:
    for card in walk.dock.cards:
        card.fold()
    walk.settled(walk.dock.what_if.unfold)
    QApplication.processEvents()
    walk.rest()


def canvas_files(canvas: ImageSet, folder: Path) -> Path:
    """The pictures of a canvas, in files."""
    for number, name in enumerate(canvas.item_names):
        write_picture(folder / f"{name}.png", np.rint(canvas.inputs([number])[0, 0] * 255).astype(np.uint8))
    return folder


@pytest.fixture
def on_squares(walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Walk:
    """Pictures of squares in the viewer, an encoder that redraws them, and two classifiers from files."""
    canvas, encoder, one, other = squares_with_models()
    dock, card = walk.dock, walk.dock.what_if
    walk.settled(lambda: dock.opening.open(canvas_files(canvas, tmp_path / "set")))
    walk.settled(lambda: dock.data.view_wanted.emit(canvas.shape[1]))
    walk.settled(lambda: dock.study.use(encoder))
    unfold(walk)
    for name, classifier in (("second", other), ("first", one)):
        weights = cs.save_classifier(classifier, tmp_path / f"{name}.safetensors")
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_words, to=weights, **_options: (str(to), ""))
        walk.click(card.open_button)
    assert card.classifier.currentText() == "first.safetensors"
    return walk


def test_an_item_becomes_another_class_along_a_path_that_is_looked_through(on_squares: Walk) -> None:
    walk, dock = on_squares, on_squares.dock
    card, page = dock.what_if, dock.what_if.counterfactual
    _, _, one, _ = squares_with_models()
    canvas, encoder = dock.study.need_canvas(), dock.study.need_encoder()
    item = dock.imagining.begun.items[0]
    origin = int(one.predictions(canvas, [item])[0])
    target = one.classes[1 - origin]
    walk.qtbot.mouseClick(card.tabs.tabBar(), LEFT, pos=card.tabs.tabBar().tabRect(1).center())
    page.target.setCurrentText(target)
    page.second.setCurrentText("second.safetensors")
    page.method.setCurrentText("line search")
    QTimer.singleShot(0, card.cancel_button.click)
    walk.click(page.find_button)
    assert dock.contrasting.found is None, "it was stopped"
    walk.click(page.find_button)
    found = dock.contrasting.found
    assert found is not None
    assert found.result.targets.tolist() == [1 - origin]
    assert len(page.strip.images) == found.result.path.shape[1]
    assert page.slider.value() == len(page.strip.images) - 1, "its end is what is seen first"
    assert f"Reaches {target}" in page.told.text()
    assert "the second classifier" in page.told.text()
    end = card.pictures.images[2]
    walk.qtbot.mouseClick(page.strip, LEFT, pos=page.strip.place(0).center())
    assert page.slider.value() == 0
    assert "Step 0" in page.frame_told.text()
    assert card.pictures.images[2] == card.pictures.images[1], "the path begins at what is decoded"
    walk.qtbot.keyClick(page.strip, Qt.Key.Key_Right)
    assert page.slider.value() == 1
    assert card.pictures.images[2] != end
    encoder.check(canvas)
    walk.click(page.nearest_button)
    assert dock.painter.tissue.looked_at == found.nearest
    walk.qtbot.waitUntil(lambda: dock.contrasting.found is None, timeout=20_000)
    assert not page.strip.isVisible(), "the path was of another picture"
    assert walk.told == []


def test_a_classifier_opened_in_the_units_card_is_offered_here(
    on_squares: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_squares, on_squares.dock
    card = dock.what_if
    third = tmp_path / "third.safetensors"
    third.write_bytes((tmp_path / "second.safetensors").read_bytes())
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_words, **_options: (str(third), ""))
    walk.settled(dock.units.unfold)
    for _ in range(2):
        walk.click(dock.units.open_button)
    offered = [card.classifier.itemText(row) for row in range(card.classifier.count())]
    assert offered == ["none", "second.safetensors", "first.safetensors", "third.safetensors"]
    assert card.classifier.currentText() == "first.safetensors", "what was chosen stays chosen"
    confirming = card.counterfactual.second
    assert confirming.findText("third.safetensors") > 0
    card.classifier.setCurrentText("third.safetensors")
    walk.rest()
    assert confirming.findText("first.safetensors") > 0
    assert card.counterfactual.chosen in dock.unit_moving.chosen.classifier.classes
    assert walk.told == []


def test_a_classifier_of_parts_is_refused(on_squares: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk, card = on_squares, on_squares.dock.what_if
    _, _, one, _ = squares_with_models()
    parts = cs.save_classifier(replace(one, parts=True), tmp_path / "parts.safetensors")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_words, **_options: (str(parts), ""))
    walk.click(card.open_button)
    assert any("tells parts" in told for told in walk.told)
    assert card.classifier.findText("parts.safetensors") < 0


def test_a_link_is_known_again_when_its_network_is_offered_anew(on_squares: Walk) -> None:
    walk, dock = on_squares, on_squares.dock
    walk.click(dock.what_if.page.link_button)
    made = dock.unit_moving.linked
    assert made is not None
    now = dock.imagining.network
    dock.imagining._offered = [replace(now)]
    assert dock.imagining.network is not now
    assert dock.unit_moving.linked is made


def test_what_was_found_becomes_a_map_and_a_table(
    on_squares: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_squares, on_squares.dock
    card, page = dock.what_if, dock.what_if.counterfactual
    _, _, one, _ = squares_with_models()
    card.tabs.setCurrentIndex(1)
    item = dock.imagining.begun.items[0]
    target = one.classes[1 - int(one.predictions(dock.study.need_canvas(), [item])[0])]
    page.target.setCurrentText(target)
    walk.click(page.find_button)
    saving_as(monkeypatch, tmp_path / "found.csv")
    walk.click(page.table_button)
    assert pd.read_csv(tmp_path / "found.csv")["target"].tolist() == [target]
    saving_as(monkeypatch, tmp_path / "found.svg")
    walk.click(page.figure_button)
    assert f"to {target}" in (tmp_path / "found.svg").read_text()
    walk.click(page.keep_button)
    (kept,) = dock.study.findings
    assert kept.method == "counterfactual"
    np.testing.assert_allclose(kept.values[0], dock.contrasting.found.result.difference(item), atol=1e-6)
    assert walk.viewer.layers.selection.active.name == kept.title
    page.target.setCurrentText(one.classes[1 - one.number(target)])
    walk.click(page.find_button)
    assert "taken for" in page.told.text()
    assert "nothing has to change" in page.told.text()
    assert walk.told == []


def test_an_item_gets_more_of_a_concept_without_a_classifier(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, card, page = walk.dock, walk.dock.what_if, walk.dock.what_if.counterfactual
    canvas, encoder, _, _ = squares_with_models()
    walk.settled(lambda: dock.opening.open(canvas_files(canvas, tmp_path / "set")))
    walk.settled(lambda: dock.data.view_wanted.emit(canvas.shape[1]))
    walk.settled(lambda: dock.study.use(encoder))
    unfold(walk)
    card.tabs.setCurrentIndex(1)
    assert not page.find_button.isEnabled()
    assert "make a concept" in page.find_button.toolTip()
    for name, items, space in (("dark", ("0", "3", "6"), "latent"), ("early", ("1",), "chain.relu1")):
        named = tuple(f"{item}.png" for item in items)
        dock.study.add(Definition(name, items=named, form="contrast", space=space))
    walk.rest()
    offered = [page.target.itemText(row) for row in range(page.target.count())]
    assert offered == ["more of dark", "more of early"]
    assert page.chosen_concept == "dark"
    assert not page.target.model().item(1).isEnabled()
    assert "the layer chain.relu1" in page.target.itemData(1, Qt.ItemDataRole.ToolTipRole)
    assert not page.method.isVisible()
    dock.imagining.take((1,))
    walk.rest()
    QTimer.singleShot(0, card.cancel_button.click)
    walk.click(page.find_button)
    assert dock.contrasting.found is None, "it was stopped"
    walk.click(page.find_button)
    found = dock.contrasting.found
    concept, opened = dock.study.concept("dark"), dock.study.need_canvas()
    result = cs.concept_walk(encoder, opened, [1], concept)
    np.testing.assert_array_equal(found.result.end, result.end)
    assert len(page.strip.images) == result.path.shape[1]
    assert page.told.text().startswith("Reaches the mean score of the pictures of dark, ")
    rises = (result.scores[0, -1] - result.scores[0, 0]) / concept.scores(encoder.latents(opened)).std()
    assert f"score {rises:+.2f} sd" in page.frame_told.text()
    assert not page.nearest_button.isEnabled()
    walk.qtbot.waitUntil(lambda: page.table_button.height() > 10)  # the card makes room for what was found
    saving_as(monkeypatch, tmp_path / "walk.csv")
    walk.click(page.table_button)
    assert pd.read_csv(tmp_path / "walk.csv")["success"].tolist() == [True]
    saving_as(monkeypatch, tmp_path / "walk.svg")
    walk.click(page.figure_button)
    assert "dark, concept walk" in (tmp_path / "walk.svg").read_text()
    walk.click(page.keep_button)
    kept = list(dock.study.findings)[-1]
    assert (kept.method, kept.concept.name) == ("concept walk", "dark")
    np.testing.assert_array_equal(kept.values[0], result.difference(1))
    walk.settled(lambda: dock.study.rename("dark", "darker"))
    walk.rest()
    assert page.target.itemText(0) == "more of darker"
    assert walk.told == []


def test_units_of_a_linked_classifier_get_sliders_that_begin_where_the_item_is(on_squares: Walk) -> None:
    walk, dock = on_squares, on_squares.dock
    card, page = dock.what_if, dock.what_if.page
    _, encoder, one, _ = squares_with_models()
    walk.click(page.link_button)
    linked = dock.unit_moving.linked
    assert linked is not None
    assert "the link explains" in page.unit.toolTip()
    assert page.unit.count() == one.encoder.latent
    walk.click(page.add_button)
    walk.rest()
    unit = linked.order[0]
    canvas = dock.study.need_canvas()
    item = dock.imagining.begun.items[0]
    row = page.rows[f"unit {unit}"]
    at = one.encoder.latents(canvas, [item])[0, unit]
    assert row.move_.start == pytest.approx(at, rel=1e-4)
    assert row.moved == 0
    before = dock.imagining.live.shown
    walk.qtbot.keyClick(row.slider, Qt.Key.Key_End)
    walk.qtbot.waitUntil(lambda: dock.imagining.live.shown > before and dock.jobs.at_rest, timeout=20_000)
    high = linked.link.ranges[unit, 1]
    moved = encoder.latents(canvas, [item])[0] + linked.link.weights[:, unit] * (high - at)
    begun = dock.imagining.begun
    expected = what_if_work.compared(begun, what_if_work.decoded_at(encoder, moved[None])[0]).changed.colours
    image = card.pictures.images[2]
    middle = (image.height() // 2, image.width() // 2)
    assert abs(image.pixelColor(middle[1], middle[0]).red() - int(expected[*middle, 0])) <= 2
    assert "The classifier, shown what is decoded. Decoded: " in card.says.text()
    walk.click(page.keep_button)
    (kept,) = dock.study.findings
    np.testing.assert_allclose(
        kept.values[0], what_if_work.decoded_at(encoder, moved[None])[0] - begun.decoded, atol=1e-5
    )
    walk.click(row.remove_button)
    walk.rest()
    assert f"unit {unit}" not in page.rows
    assert walk.told == []


def test_the_genes_that_make_spots_be_taken_for_others_are_told_and_found_again_by_a_recipe(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, card, page = walk.dock, walk.dock.what_if, walk.dock.what_if.counterfactual
    path = write_section(tmp_path / "data" / "section.h5ad", side=8, genes=20)
    walk.settled(lambda: dock.opening.open(path))
    study = dock.study
    profiles = study.need_section().view("spots")
    settings = cs.ClassifierSettings(training=quick(3).training)
    classifier = cs.fit_classifier(profiles, cs.class_labels(profiles, obs="half"), settings)
    weights = cs.save_classifier(classifier, tmp_path / "half.safetensors")
    walk.settled(lambda: study.use_for_spots(profiles, tiny_profile_encoders(profiles.features, 1)))
    unfold(walk)
    walk.settled(lambda: card.network.setCurrentIndex(card.network.count() - 1))
    assert (card.item.text(), card.state) == ("", ""), "the gene from before is no spot"
    dock.painter.tissue.pick([0, 1, 6])
    walk.click(card.viewer_button)
    walk.rest()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_words, **_options: (str(weights), ""))
    walk.click(card.open_button)
    card.tabs.setCurrentIndex(1)
    target = 1 - int(np.bincount(classifier.predictions(profiles, [0, 1, 6]), minlength=2).argmax())
    page.target.setCurrentIndex(target)
    page.method.setCurrentText("gradient")
    walk.click(page.find_button)
    found = dock.contrasting.found
    assert f"of 3 spots reach {classifier.classes[target]}" in page.told.text()
    assert page.strip.images == ()
    change = (found.result.end - found.result.start).mean(axis=0)
    assert card.genes.shown(0)[0] == profiles.features[int(change.argmax())]
    card.genes.setCurrentCell(1, 1)
    gene = card.genes.shown(0)[1]
    walk.click(page.keep_button)
    (kept,) = study.findings
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(kept.values)), [0, 1, 6])
    assert kept.settings["gene"] == gene
    dock.export.recipe_wanted.emit(tmp_path / "recipe.yaml")
    walk.rest()
    again = Recipe.read(tmp_path / "recipe.yaml").run(tmp_path / "data", weights=tmp_path)
    np.testing.assert_array_equal(again.study.findings[0].values, kept.values)
    assert walk.told == []


def test_a_search_can_be_stopped_after_a_link_that_ran_before_it_has_ended(on_squares: Walk) -> None:
    walk, dock = on_squares, on_squares.dock
    card, page = dock.what_if, dock.what_if.counterfactual
    walk.qtbot.mouseClick(card.page.link_button, LEFT)
    assert not card.page.link_button.isEnabled()
    assert "Cancel" in card.page.link_button.toolTip()
    card.tabs.setCurrentIndex(1)
    walk.qtbot.mouseClick(page.find_button, LEFT)
    assert "Cancel" in page.find_button.toolTip()
    awaited: list[bool] = []
    dock.unit_moving.link_ended.connect(lambda: awaited.append(card.is_waited_for))
    walk.rest()
    assert awaited == [True], "the search goes on, and Cancel with it"
    assert not card.is_waited_for
    assert card.page.link_button.isEnabled()
    assert dock.contrasting.found is not None


def test_a_path_goes_with_the_classifier_that_was_asked_and_a_search_for_it_says_so(on_squares: Walk) -> None:
    walk, dock = on_squares, on_squares.dock
    card, page = dock.what_if, dock.what_if.counterfactual
    card.tabs.setCurrentIndex(1)
    walk.click(page.find_button)
    assert dock.contrasting.found is not None
    card.classifier.setCurrentText("second.safetensors")
    walk.rest()
    assert dock.contrasting.found is None
    assert not page.strip.isVisible()
    notes: list[str] = []

    def hear(note: Notification) -> None:
        notes.append(str(note))

    notification_manager.notification_ready.connect(hear)
    walk.qtbot.mouseClick(page.find_button, LEFT)
    card.classifier.setCurrentText("none")
    walk.rest()
    assert dock.contrasting.found is None
    notification_manager.notification_ready.disconnect(hear)
    assert any("The search was stopped" in note for note in notes)
    assert walk.told == []


def test_units_are_found_by_number_and_class_and_what_is_none_is_said(on_squares: Walk) -> None:
    walk, dock = on_squares, on_squares.dock
    card, page = dock.what_if, dock.what_if.page
    walk.click(page.link_button)
    walk.rest()
    for typed in ("2", "unit 3"):
        page.unit.lineEdit().setText(typed)
        walk.qtbot.keyClick(page.unit.lineEdit(), Qt.Key.Key_Return)
        walk.rest()
    assert list(page.rows) == ["unit 2", "unit 3"]
    page.unit.lineEdit().setText("unit 99")
    walk.click(page.add_button)
    assert "No unit is called like 'unit 99'" in card.told.text()
    page.unit.lineEdit().setText("for")
    walk.click(page.add_button)
    assert "choose one" in card.told.text()
    assert list(page.rows) == ["unit 2", "unit 3"]
    assert not page.keep_button.isEnabled()
    assert "Move a slider" in page.keep_button.toolTip()
    assert "Tables are of genes and spots" in page.table_button.toolTip()


def test_a_search_from_nothing_and_one_where_no_spot_moves_say_so(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, card, page = walk.dock, walk.dock.what_if, walk.dock.what_if.counterfactual
    walk.settled(lambda: dock.opening.open(write_section(tmp_path / "section.h5ad", side=8, genes=20)))
    profiles = dock.study.need_section().view("spots")
    settings = cs.ClassifierSettings(training=quick(3).training)
    classifier = cs.fit_classifier(profiles, cs.class_labels(profiles, obs="half"), settings)
    weights = cs.save_classifier(classifier, tmp_path / "half.safetensors")
    walk.settled(lambda: dock.study.use_for_spots(profiles, tiny_profile_encoders(profiles.features, 1)))
    unfold(walk)
    walk.settled(lambda: card.network.setCurrentIndex(card.network.count() - 1))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_words, **_options: (str(weights), ""))
    walk.click(card.open_button)
    card.tabs.setCurrentIndex(1)
    walk.click(page.find_button)
    assert "nothing to begin from" in walk.told.pop()
    spot = 0
    page.target.setCurrentIndex(int(classifier.predictions(profiles, [spot])[0]))
    dock.painter.tissue.pick([spot])
    walk.click(card.viewer_button)
    walk.rest()
    page.method.setCurrentText("line search")
    walk.click(page.find_button)
    found = dock.contrasting.found
    assert found is not None
    saving_as(monkeypatch, tmp_path / "found.csv")
    walk.click(page.table_button)
    assert len(pd.read_csv(tmp_path / "found.csv")) == 1
    saving_as(monkeypatch, tmp_path / "found.svg")
    walk.click(page.figure_button)
    assert "No spot arrives from elsewhere" in walk.told.pop()
    assert walk.told == []
