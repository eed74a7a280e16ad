"""What a concept of pictures is made of: ticks, an attribute of a table, or a painted label."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFileDialog, QPushButton, QWidget

from conceptstain._qt.picture_browser import Side
from conceptstain._qt.picture_pages import AgainstChoice, PaintedPage, PaintedValue, TablePage, TickedPage
from conceptstain.canvas.annotations import Annotations
from conceptstain.concepts.concept import FEW

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton
NAMES = tuple(f"face{number}" for number in range(60))
WARNING = f"with fewer than {FEW}, maps follow chance features of these."


class Heard:
    """What a page asked for."""

    def __init__(self, page: TickedPage | TablePage | PaintedPage) -> None:
        self.wanted: list[tuple[object, ...]] = []
        self.ready: list[bool] = []
        page.wanted.connect(lambda *asked: self.wanted.append(asked))
        page.ready_changed.connect(self.ready.append)


def shown(qtbot: QtBot, page: QWidget) -> None:
    qtbot.addWidget(page)
    page.resize(360, 560)
    page.show()
    qtbot.waitExposed(page)


@pytest.fixture
def ticked(qtbot: QtBot) -> TickedPage:
    page = TickedPage()
    shown(qtbot, page)
    page.browser.show_pictures(NAMES)
    return page


@pytest.fixture
def table(qtbot: QtBot) -> TablePage:
    page = TablePage()
    shown(qtbot, page)
    return page


@pytest.fixture
def painted(qtbot: QtBot) -> PaintedPage:
    page = PaintedPage()
    shown(qtbot, page)
    return page


def attributes() -> Annotations:
    said = {
        "bald": [False] * 60,
        "eyeglasses": [True] * 12 + [False] * 40 + [None] * 8,
        "hat": [True] * 25 + [None] * 35,
        "<b>tie": [True] * 30 + [False] * 30,
    }
    table = pd.DataFrame({name: pd.array(column, dtype="boolean") for name, column in said.items()}, index=NAMES)
    return Annotations("faces.csv", table, ("2 of 62 names in faces.csv are of no picture: a, <b>.",))


def greyed(choice: QComboBox) -> list[bool]:
    return [not choice.model().item(row).isEnabled() for row in range(choice.count())]


# -- ticks ---------------------------------------------------------------------------------------------------------


def test_ticked_pictures_are_wanted_against_all_others(ticked: TickedPage) -> None:
    heard = Heard(ticked)
    ticked.make()
    assert heard.wanted == []
    assert ticked.told.text().startswith("Click the box")
    ticked.browser.mark(NAMES[:30], Side.SHOWS)
    assert heard.ready == [True]
    assert greyed(ticked.against) == [False, True]
    assert ticked.against.model().item(1).toolTip() == "Mark pictures that do not show it first"
    ticked.make()
    assert heard.wanted == [(NAMES[:30], None)]


def test_the_first_marks_against_choose_that_these_count(qtbot: QtBot, ticked: TickedPage) -> None:
    heard = Heard(ticked)
    ticked.browser.mark(NAMES[:30], Side.SHOWS)
    ticked.browser.mark(NAMES[50:], Side.SHOWS_NOT)
    assert greyed(ticked.against) == [False, False]
    assert ticked.against.those_alone
    ticked.make()
    ticked.against.setFocus()
    qtbot.keyClick(ticked.against, Qt.Key.Key_Up)
    ticked.browser.mark(NAMES[40:50], Side.SHOWS_NOT)
    assert not ticked.against.those_alone, "what the user chose stays"
    ticked.make()
    ticked.against.setCurrentIndex(1)
    ticked.browser.mark(NAMES[40:], Side.NEITHER)
    ticked.make()
    assert heard.wanted == [(NAMES[:30], NAMES[50:]), (NAMES[:30], None), (NAMES[:30], None)]
    assert greyed(ticked.against) == [False, True]


def test_few_ticked_pictures_come_with_a_warning(ticked: TickedPage) -> None:
    ticked.browser.mark(NAMES[:1], Side.SHOWS)
    assert ticked.told.text() == f"1 picture: {WARNING}"
    ticked.browser.mark(NAMES[: FEW - 1], Side.SHOWS)
    assert ticked.told.text() == f"{FEW - 1} pictures: {WARNING}"
    assert ticked.told.isVisible()
    ticked.browser.mark(NAMES[:FEW], Side.SHOWS)
    assert not ticked.told.isVisible()
    ticked.browser.clear_marks()
    assert ticked.told.isVisible()


def test_ticks_that_a_search_hides_are_made_a_concept_of(qtbot: QtBot, ticked: TickedPage) -> None:
    heard = Heard(ticked)
    ticked.browser.mark(NAMES[:25], Side.SHOWS)
    qtbot.keyClicks(ticked.browser.search, "face59")
    ticked.make()
    assert heard.wanted == [(NAMES[:25], None)]


# -- a table -------------------------------------------------------------------------------------------------------


def test_a_table_is_asked_for(qtbot: QtBot, table: TablePage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    table.table_wanted.connect(asked.append)
    for answer in ("", str(tmp_path / "faces.csv")):
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_a, answer=answer, **_k: (answer, ""))
        qtbot.mouseClick(table.table_button, LEFT)
    assert asked == [tmp_path / "faces.csv"]
    assert not table.attribute.isEnabled()
    assert table.told.text().startswith("Open a table")


def test_attributes_are_offered_with_their_counts(table: TablePage) -> None:
    heard = Heard(table)
    table.make()
    table.show_annotations(attributes())
    assert [table.attribute.itemText(row) for row in range(4)] == [
        "bald · 0 yes · 60 no",
        "eyeglasses · 12 yes · 40 no",
        "hat · 25 yes · 0 no",
        "<b>tie · 30 yes · 30 no",
    ]
    assert greyed(table.attribute) == [True, False, False, False]
    assert table.notes.text() == "2 of 62 names in faces.csv are of no picture: a, <b>."
    assert table.notes.isVisible()
    assert table.attribute.currentData() == "eyeglasses"
    assert table.chosen == (NAMES[:12], NAMES[12:52])
    assert table.told.text() == f"12 pictures: {WARNING}"
    table.attribute.setCurrentIndex(2)
    assert table.chosen == (NAMES[:25], None)
    assert greyed(table.against) == [False, True]
    assert not table.told.isVisible()
    table.make()
    table.attribute.setCurrentIndex(3)
    assert "&lt;b&gt;tie" in table.attribute.toolTip()
    table.against.setCurrentIndex(0)
    table.make()
    assert heard.wanted == [(NAMES[:25], None, "hat"), (NAMES[:30], None, "<b>tie")]


def test_another_table_keeps_the_attribute_where_it_has_it(table: TablePage) -> None:
    heard = Heard(table)
    table.show_annotations(attributes())
    table.attribute.setCurrentIndex(2)
    table.show_annotations(attributes())
    assert table.attribute.currentData() == "hat"
    nobody = Annotations("nobody.csv", attributes().table[["bald"]])
    table.show_annotations(nobody)
    assert table.chosen == ((), None)
    assert table.told.text() == "nobody.csv: no picture has any attribute."
    assert not table.notes.isVisible()
    table.make()
    table.show_annotations(None)
    table.make()
    assert heard.wanted == []
    assert heard.ready[-1] is False


# -- painting ------------------------------------------------------------------------------------------------------


def test_a_painted_label_is_wanted(qtbot: QtBot, painted: PaintedPage) -> None:
    heard = Heard(painted)
    asked: list[str] = []
    painted.layer_chosen.connect(asked.append)
    with qtbot.waitSignal(painted.new_labels_wanted):
        qtbot.mouseClick(painted.new_button, LEFT)
    assert painted.told.text().startswith("Make a labels layer")
    painted.make()
    painted.offer(["masks", "glasses"])
    assert asked == ["glasses"], "the layer that came last"
    assert painted.told.text() == "Nothing is painted in this layer yet."
    painted.show_values([PaintedValue(1, 7, "eyeglasses"), PaintedValue(2, 30)])
    assert [painted.value.itemText(row) for row in range(2)] == ["eyeglasses (1) · 7 pictures", "label 2 · 30 pictures"]
    assert painted.told.text() == f"7 pictures: {WARNING}"
    painted.make()
    painted.value.setFocus()
    qtbot.keyClick(painted.value, Qt.Key.Key_Down)
    assert not painted.told.isVisible()
    painted.make()
    assert heard.wanted == [("glasses", 1), ("glasses", 2)]


def test_what_was_chosen_stays_while_painting_goes_on(painted: PaintedPage) -> None:
    asked: list[str] = []
    painted.layer_chosen.connect(asked.append)
    painted.offer(["masks", "glasses"], chosen="masks")
    painted.show_values([PaintedValue(1, 3), PaintedValue(4, 3)])
    painted.value.setCurrentIndex(1)
    painted.show_values([PaintedValue(1, 3), PaintedValue(2, 1), PaintedValue(4, 5)])
    assert painted.value.currentText() == "label 4 · 5 pictures"
    painted.offer(["masks", "glasses", "more"])
    assert painted.value.currentText() == "label 4 · 5 pictures"
    assert asked == ["masks"]
    painted.offer(["glasses", "more"])
    assert asked == ["masks", "more"]
    assert painted.value.count() == 0
    painted.offer([])
    assert painted.layer_name == ""
    assert not painted.layer.isEnabled()


def test_on_a_slide_patches_are_counted(painted: PaintedPage) -> None:
    heard = Heard(painted)
    assert painted.rule.text() == "Pictures with at least 1 painted pixel show it; those without do not."
    painted.show_noun("patch")
    assert painted.rule.text().startswith("Patches at least half covered show it")
    painted.offer(["glands"])
    painted.show_values([PaintedValue(1, 0), PaintedValue(2, 1)])
    assert painted.value.itemText(1) == "label 2 · 1 patch"
    painted.make()
    assert heard.wanted == [], "a label that covers no patch by half makes no concept"
    assert heard.ready[-1] is False


# -- all -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [TickedPage, TablePage, PaintedPage])
def test_pages_fit_the_dock_and_every_control_explains_itself(
    qtbot: QtBot, kind: type[TickedPage | TablePage | PaintedPage]
) -> None:
    page = kind()
    shown(qtbot, page)
    if isinstance(page, TablePage):
        page.show_annotations(attributes())
    if isinstance(page, PaintedPage):
        page.offer(["a layer of labels with quite a long name, longer than the dock is wide"])
    assert page.minimumSizeHint().width() <= 360
    for button in page.findChildren(QPushButton):
        assert button.toolTip()
    for choice in page.findChildren(QComboBox):
        assert choice.toolTip()
        assert choice.accessibleName()
    assert all(choice.toolTip() for choice in page.findChildren(AgainstChoice))
