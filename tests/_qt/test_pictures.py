"""Sets of pictures in the dock: looked through, ticked, painted as stacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from conceptstain._qt.picture_browser import Side
from conceptstain.canvas.images import Images
from pictures import noise, write_picture
from walking import Walk, saving_as

pytestmark = pytest.mark.gui

SPACE, RIGHT = Qt.Key.Key_Space, Qt.Key.Key_Right


@pytest.fixture
def on_pictures(walk: Walk, tmp_path: Path) -> Walk:
    """24 pictures, of which every second one is dark in its middle."""
    for number in range(24):
        pixels = noise(40, 40, 3, seed=number)
        if number % 2:
            pixels[10:30, 10:30] //= 4
        write_picture(tmp_path / "set" / f"picture{number}.png", pixels)
    walk.settled(lambda: walk.dock.opening.open(tmp_path / "set"))
    assert walk.told == []
    return walk


def dark(of: int = 24) -> list[str]:
    return [f"picture{number}.png" for number in range(1, of, 2)]


def test_ticked_pictures_become_a_concept_that_is_painted_on_all_of_them(on_pictures: Walk) -> None:
    walk, dock = on_pictures, on_pictures.dock
    assert isinstance(dock.study.source, Images)
    assert [type(layer) for layer in walk.viewer.layers] == [Image]
    assert walk.viewer.dims.nsteps[0] == 24
    page = dock.concepts.maker.ticked_page
    assert dock.concepts.maker.tabs.currentWidget() is page
    assert not dock.concepts.maker.make_button.isEnabled()
    assert "Tick" in dock.concepts.maker.make_button.toolTip()
    page.browser.view.setFocus()
    for _ in dark():
        walk.qtbot.keyClick(page.browser.view, RIGHT)
        walk.qtbot.keyClick(page.browser.view, SPACE)
        walk.qtbot.keyClick(page.browser.view, RIGHT)
    assert list(page.browser.positives) == dark()
    walk.qtbot.keyClicks(dock.concepts.maker.name, "dark")
    walk.click(dock.concepts.maker.make_button)
    assert walk.concept_names == ["dark"]
    assert dock.study.entry("dark").definition.items == tuple(dark())
    name = "dark - gradient by regions"
    seen = walk.dock.painter.tissue.looked_at
    assert np.isfinite(np.asarray(walk.viewer.layers[name].data[seen])).all()
    walk.rest()
    painted = np.asarray(walk.viewer.layers[name].data)
    assert painted.shape == (24, 40, 40)
    assert np.isfinite(painted).all()
    assert "12 named pictures" in dock.concepts.origin.text()
    assert "fewer than 20" in dock.concepts.notes.text()
    assert walk.told == []


def test_pictures_are_sorted_by_the_score_of_a_concept_and_looked_at_from_the_table(on_pictures: Walk) -> None:
    walk, dock = on_pictures, on_pictures.dock
    browser = dock.concepts.maker.ticked_page.browser
    browser.mark(dark(), Side.SHOWS)
    walk.click(dock.concepts.maker.make_button)
    scores = dock.study.item_scores("ticked")
    browser.order.setCurrentIndex(1)
    best = int(np.argmax(scores))
    assert browser.list.picture(0) == best
    table = dock.maps.table
    walk.qtbot.mouseClick(
        table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(table.model().index(0, 0)).center()
    )
    assert dock.painter.tissue.looked_at == best


def test_a_table_of_attributes_makes_concepts(
    on_pictures: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_pictures, on_pictures.dock
    table = tmp_path / "table.csv"
    table.write_text("picture,dark\n" + "".join(f"picture{n}.png,{n % 2}\n" for n in range(24)))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_arguments, **_options: (str(table), ""))
    page = dock.concepts.maker.table_page
    dock.concepts.maker.tabs.setCurrentWidget(page)
    walk.click(page.table_button)
    assert page.attribute.currentText() == "dark · 12 yes · 12 no"
    walk.click(dock.concepts.maker.make_button)
    definition = dock.study.entry("dark").definition
    assert list(definition.items or ()) == dark()
    assert len(definition.against or ()) == 12


def test_what_is_painted_on_pictures_becomes_a_concept(on_pictures: Walk) -> None:
    walk, dock = on_pictures, on_pictures.dock
    page = dock.concepts.maker.painted_page
    dock.concepts.maker.tabs.setCurrentWidget(page)
    walk.click(page.new_button)
    layer = walk.viewer.layers["painted"]
    assert isinstance(layer, Labels)
    assert layer.mode == "paint"
    assert layer.data.shape == (24, 40, 40)
    for number in range(1, 24, 2):
        layer.paint((number, 20, 20), 1)
    with walk.qtbot.waitSignal(page.ready_changed, check_params_cb=lambda ready: ready, timeout=20_000):
        pass
    assert page.value.currentText() == "label 1 · 12 pictures"
    walk.click(dock.concepts.maker.make_button)
    assert list(dock.study.entry("painted").definition.items or ()) == dark()
    walk.viewer.layers.remove(layer)
    assert not dock.concepts.maker.make_button.isEnabled()
    assert walk.told == []


def test_a_picture_that_the_slider_moves_to_is_painted_at_once(on_pictures: Walk) -> None:
    walk, dock = on_pictures, on_pictures.dock
    dock.staining.pictures.whole = False
    browser = dock.concepts.maker.ticked_page.browser
    browser.mark(dark(), Side.SHOWS)
    walk.click(dock.concepts.maker.make_button)
    layer = walk.viewer.layers["ticked - gradient by regions"]
    assert np.isnan(np.asarray(layer.data[7])).all()
    with walk.qtbot.waitSignal(dock.jobs.idle, timeout=20_000):
        dock.painter.tissue.look_at(7)
    assert np.isfinite(np.asarray(layer.data[7])).all()
    dock.maps.choose("input-gradient")
    dock.painter.tissue.look_at(9)  # while another picture is painted
    name = "ticked - input x gradient"
    walk.qtbot.waitUntil(
        lambda: name in walk.names and np.isfinite(np.asarray(walk.viewer.layers[name].data[9])).all(), timeout=20_000
    )
    walk.viewer.layers.remove(dock.painter.tissue.base)
    dock.painter.tissue.look_at(3)
    assert dock.painter.tissue.base is walk.viewer.layers[0]  # put back, where it hides no map
    assert dock.painter.tissue.looked_at == 3


def test_the_walk_from_a_folder_to_a_saved_study_and_back(
    on_pictures: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_pictures, on_pictures.dock
    page = dock.concepts.maker.ticked_page
    page.browser.mark(dark(), Side.SHOWS)
    walk.qtbot.keyClicks(dock.concepts.maker.name, "dark")
    walk.click(dock.concepts.maker.make_button)
    walk.rest()
    dock.export.unfold()
    for button, name in (
        (dock.export.figure_button, "dark.svg"),
        (dock.export.spots_button, "pictures.csv"),
        (dock.export.recipe_button, "recipe.yaml"),
    ):
        saving_as(monkeypatch, tmp_path / name)
        walk.click(button)
        assert (tmp_path / name).stat().st_size > 100
    saving_as(monkeypatch, tmp_path / "dark.h5ad")
    walk.click(dock.data.save_as_button)
    assert walk.told == []
    painted = dock.study.findings[0].values
    walk.settled(lambda: dock.opening.open(tmp_path / "set"))
    walk.settled(dock.study.undo)
    walk.settled(lambda: dock.opening.open(tmp_path / "dark.h5ad"))
    assert walk.told == []
    assert walk.concept_names == ["dark"]
    np.testing.assert_array_equal(dock.study.findings[0].values, painted)
    assert "dark - gradient by regions" in walk.names
    assert dock.data.state.startswith("set · 24 pictures")


def test_pictures_that_were_moved_are_asked_for(
    on_pictures: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_pictures, on_pictures.dock
    saving_as(monkeypatch, tmp_path / "kept" / "dark.h5ad")
    (tmp_path / "kept").mkdir()
    walk.click(dock.data.save_as_button)
    (tmp_path / "set").rename(tmp_path / "elsewhere")
    walk.settled(lambda: dock.opening.open(tmp_path / "kept" / "dark.h5ad"))
    assert "where" in walk.told.pop()
    walk.qtbot.waitUntil(lambda: not dock.data.finding.isHidden())
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_arguments: str(tmp_path / "elsewhere"))
    walk.click(dock.data.find_folder_button)
    assert walk.told == []
    assert dock.data.finding.isHidden()
    assert dock.study.path == tmp_path / "kept" / "dark.h5ad"


def test_maps_of_pictures_stand_beside_their_controls_and_concepts_beside_their_evidence(on_pictures: Walk) -> None:
    walk, dock = on_pictures, on_pictures.dock
    walk.judge()
    dock.concepts.maker.ticked_page.browser.mark(dark(), Side.SHOWS)
    walk.click(dock.concepts.maker.make_button)
    walk.rest()
    assert dock.study.known_evidence("ticked") is not None
    assert dock.concepts.histogram.isVisibleTo(dock.concepts)
    assert "choose" not in dock.concepts.histogram.toolTip()  # spots alone are chosen by a range
    assert dock.maps.controls_plot.isVisibleTo(dock.maps)
    assert "pictures" in dock.maps.controls_plot.toolTip()
    dock.study.duplicate("ticked")
    dock.concepts.compare_button.click()
    walk.rest()
    assert dock.concepts.cosines.item(0, 1).text() == "1.00"
    assert "made at random" in dock.concepts.cosines.toolTip()
    assert walk.told == []
