"""The table of units: searched, sorted, filtered, and ticked off."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QModelIndex, Qt

from conceptstain._qt.unit_table import BOUND, IOU, LABEL, TICK, UNIT, UnitRow, UnitTable
from conceptstain._qt.unit_view import UnitView
from walking import LEFT

pytestmark = pytest.mark.gui

ROWS = (
    UnitRow(3, "3", "nose", "part", 0.41, 0.9, "skin", 0.2),
    UnitRow(0, "0", "red", "colour", 0.03, 0.1, "skin", 0.02),
    UnitRow(1, "1", "Skin", "part", 0.05, 0.02, "red", 0.01),
    UnitRow(2, "2", "blue", "colour", 0.2, 0.5, "nose", 0.1),
)


def shown(*, can_tick: bool = True) -> UnitTable:
    table = UnitTable()
    table.show_units(ROWS, can_tick=can_tick)
    table.search("", detectors_only=False, least=0.04)
    return table


def cell(table: UnitTable, row: int, column: int, role: int = Qt.ItemDataRole.DisplayRole) -> object:
    return table.data(table.index(row, column, QModelIndex()), role)


def test_the_units_that_overlap_most_come_first() -> None:
    table = shown()
    assert table.listed == (3, 2, 1, 0)
    assert cell(table, 0, LABEL) == "nose\npart"
    assert cell(table, 0, IOU) == "0.410"
    assert cell(table, 0, BOUND) == "0.90"


def test_units_are_searched_by_label_and_by_category() -> None:
    table = shown()
    table.search(" SKIN", detectors_only=False, least=0.04)
    assert table.listed == (1,)
    table.search("colour", detectors_only=False, least=0.04)
    assert table.listed == (2, 0)
    table.search("colour", detectors_only=True, least=0.04)
    assert table.listed == (2,)
    table.search("", detectors_only=True, least=0.3)
    assert table.listed == (3,)


def test_a_column_sorts_either_way_and_labels_are_sorted_within_their_category() -> None:
    table = shown()
    table.sort(UNIT, Qt.SortOrder.AscendingOrder)
    assert table.listed == (0, 1, 2, 3)
    table.sort(LABEL, Qt.SortOrder.AscendingOrder)
    assert [table.unit(row).label for row in range(4)] == ["blue", "red", "nose", "Skin"]
    table.sort(LABEL, Qt.SortOrder.DescendingOrder)
    assert [table.unit(row).label for row in range(4)] == ["Skin", "nose", "red", "blue"]
    table.sort(BOUND, Qt.SortOrder.AscendingOrder)
    assert table.listed == (1, 0, 2, 3)


def test_what_is_ticked_off_belongs_to_the_unit_whatever_is_listed(qtbot: QtBot) -> None:
    table = shown()
    with qtbot.waitSignal(table.ticked_off_changed):
        assert table.setData(table.index(0, TICK), Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    table.search("red", detectors_only=False, least=0.04)
    assert table.ticked_off == (3,)
    table.search("", detectors_only=False, least=0.04)
    table.sort(TICK, Qt.SortOrder.DescendingOrder)
    assert table.listed[0] == 3
    assert cell(table, 0, TICK, Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Unchecked
    table.tick([3], on=True)
    assert table.ticked_off == ()


def test_inputs_have_no_ticks() -> None:
    table = shown(can_tick=False)
    assert cell(table, 0, TICK, Qt.ItemDataRole.CheckStateRole) is None
    assert not table.flags(table.index(0, TICK)) & Qt.ItemFlag.ItemIsUserCheckable


def test_a_detector_says_so_to_those_who_listen() -> None:
    table = shown()
    accessible = Qt.ItemDataRole.AccessibleTextRole
    assert "3: detector of nose (part), IoU 0.410 of at most 0.90" in str(cell(table, 0, UNIT, accessible))
    assert "0: overlaps most with red" in str(cell(table, 3, UNIT, accessible))
    assert "<p>" in str(cell(table, 0, LABEL, Qt.ItemDataRole.ToolTipRole))


def test_a_click_on_a_tick_takes_it_off_and_shows_no_unit_and_a_click_beside_it_does(qtbot: QtBot) -> None:
    view = UnitView()
    qtbot.addWidget(view)
    view.resize(370, 300)
    view.show_kind(named=False, can_tick=True)
    view.table.show_units(ROWS, can_tick=True)
    view.show()
    asked: list[int] = []
    view.unit_wanted.connect(asked.append)
    box = view.visualRect(view.table.index(1, TICK)).center()
    qtbot.mouseClick(view.viewport(), LEFT, pos=box)
    assert (view.table.ticked_off, asked) == ((2,), [])
    label = view.visualRect(view.table.index(0, LABEL)).center()
    qtbot.mouseClick(view.viewport(), LEFT, pos=label)
    qtbot.mouseClick(view.viewport(), LEFT, pos=label)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert asked == [3, 3, 2]
    head = view.horizontalHeader()
    qtbot.mouseClick(
        head.viewport(), LEFT, pos=head.viewport().rect().center().__class__(head.sectionPosition(UNIT) + 9, 9)
    )
    assert view.table.listed[0] in {0, 3}
