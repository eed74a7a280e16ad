"""The units of a layer as a Qt table model: what each sees, searched, sorted, and ticked off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QImage

__all__ = ["BOUND", "IOU", "LABEL", "PICTURES", "TICK", "TOP", "UNIT", "UnitRow", "UnitTable"]

TICK, UNIT, TOP, LABEL, IOU, BOUND = range(6)
PICTURES = int(Qt.ItemDataRole.UserRole)  # the thumbnails of a unit

TITLES = ("", "Unit", "Active", "Label", "IoU", "At most")
TIPS = (
    "Take the tick off to put a unit out",
    "Number of the unit, or name of the gene",
    "What the unit is most active on, dark where it is not; of spots, those where it is active",
    "The label that the unit overlaps with most, and its category; bold: a detector",
    "Intersection over union of the unit with its label, over all items",
    "No unit that is active on as many pixels can overlap more with a label on as few, or as many, as this one",
)

Accessible = Qt.ItemDataRole.AccessibleTextRole
Alignment = Qt.ItemDataRole.TextAlignmentRole
Check = Qt.ItemDataRole.CheckStateRole
Display = Qt.ItemDataRole.DisplayRole
ToolTip = Qt.ItemDataRole.ToolTipRole


class UnitRow(NamedTuple):
    """What is said of a unit.

    Attributes
    ----------
    unit, name
        Its number, and what it is called.
    label, category, iou
        What it overlaps with most, and how much.
    bound
        The highest IoU that is possible with this label.
    second, second_iou
        The runner-up; empty of a single label.
    """

    unit: int
    name: str
    label: str
    category: str
    iou: float
    bound: float
    second: str
    second_iou: float


class UnitTable(QAbstractTableModel):
    """Units by number; rows are those that are searched for, sorted. What is ticked off belongs to units, not rows."""

    ticked_off_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[int, UnitRow] = {}
        self._order: list[int] = []
        self._pictures: dict[int, Sequence[QImage]] = {}
        self._told: dict[int, str] = {}
        self._off: set[int] = set()
        self._least = 0.0
        self._text, self._detectors_only = "", False
        self._column, self._descending = IOU, True
        self._can_tick = False

    # -- what is shown ---------------------------------------------------------------------------------------------

    def show_units(self, rows: Iterable[UnitRow], *, can_tick: bool) -> None:
        """Show units; none is ticked off, none has a picture yet."""
        self._rows = {row.unit: row for row in rows}
        self._pictures, self._told, self._off, self._can_tick = {}, {}, set(), can_tick
        self._arrange()
        self.ticked_off_changed.emit()

    def show_pictures(self, pictures: Mapping[int, Sequence[QImage]], told: Mapping[int, str]) -> None:
        """Show what units are most active on, and say it."""
        self._pictures |= dict(pictures)
        self._told |= dict(told)
        if self._order:
            self.dataChanged.emit(self.index(0, TOP), self.index(len(self._order) - 1, TOP))

    def search(self, text: str, *, detectors_only: bool, least: float) -> None:
        """List the units whose name, label or category holds this; ``least``: IoU above which one is a detector."""
        self._text, self._detectors_only, self._least = text.strip().casefold(), detectors_only, least
        self._arrange()

    # -- units and rows --------------------------------------------------------------------------------------------

    @property
    def listed(self) -> tuple[int, ...]:
        """Numbers of the units that are listed, in order."""
        return tuple(self._order)

    @property
    def n_units(self) -> int:
        """How many units there are, listed or not."""
        return len(self._rows)

    @property
    def ticked_off(self) -> tuple[int, ...]:
        """Numbers of the units that are put out, listed or not."""
        return tuple(sorted(self._off))

    def unit(self, row: int) -> UnitRow:
        """What is said of the unit in a row."""
        return self._rows[self._order[row]]

    def row_of(self, unit: int | None) -> int | None:
        """Row of a unit; None where it is not listed."""
        return self._order.index(unit) if unit in self._order else None

    def tick(self, units: Iterable[int], *, on: bool) -> None:
        """Put units out, or leave them in the network."""
        chosen = set(units) & set(self._rows)
        self._off = self._off - chosen if on else self._off | chosen
        if self._order:
            self.dataChanged.emit(self.index(0, TICK), self.index(len(self._order) - 1, TICK))
        self.ticked_off_changed.emit()

    def _arrange(self) -> None:
        self.beginResetModel()
        found = [row for row in self._rows.values() if self._is_listed(row)]
        self._order = [row.unit for row in sorted(found, key=self._key, reverse=self._descending)]
        self.endResetModel()

    def _is_listed(self, row: UnitRow) -> bool:
        if self._detectors_only and row.iou <= self._least:
            return False
        return self._text in f"{row.name} {row.label} {row.category}".casefold()

    def _key(self, row: UnitRow) -> Any:
        if self._column == TICK:
            return (row.unit in self._off, row.iou)
        if self._column == UNIT:
            return (row.unit,)
        if self._column == LABEL:
            return (row.category.casefold(), row.label.casefold(), row.iou if self._descending else -row.iou)
        return (row.bound, row.iou) if self._column == BOUND else (row.iou, -row.unit)

    # -- Qt's side -------------------------------------------------------------------------------------------------

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; labels are sorted within their category."""
        if column != TOP:
            self._column, self._descending = column, order == Qt.SortOrder.DescendingOrder
            self._arrange()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Number of units that are listed."""
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Number of columns."""
        return 0 if parent is not None and parent.isValid() else len(TITLES)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """The tick can be taken off."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.column() == TICK and self._can_tick else flags

    def setData(self, index: QModelIndex, value: Any, role: int = Display) -> bool:
        """Take a tick off, or set it."""
        if role != Check or not index.isValid():
            return False
        self.tick([self._order[index.row()]], on=Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def data(self, index: QModelIndex, role: int = Display) -> Any:
        """Words, ticks and pictures of a cell."""
        if not 0 <= index.row() < len(self._order):
            return None
        row, column = self.unit(index.row()), index.column()
        if role == Display:
            words = ("", row.name, "", f"{row.label}\n{row.category}", f"{row.iou:.3f}", f"{row.bound:.2f}")
            return words[column]
        if role == Check and column == TICK and self._can_tick:
            return Qt.CheckState.Unchecked if row.unit in self._off else Qt.CheckState.Checked
        if role == PICTURES:
            return self._pictures.get(row.unit, ())
        if role == Alignment and column in {IOU, BOUND}:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.FontRole and column == LABEL and row.iou > self._least:
            return _bold()
        if role == ToolTip:
            return f"<p>{escape(self._words(row))}</p>"
        return self._words(row) if role == Accessible and column == UNIT else None

    def _words(self, row: UnitRow) -> str:
        what = "detector of" if row.iou > self._least else "overlaps most with"
        words = f"{row.name}: {what} {row.label} ({row.category}), IoU {row.iou:.3f} of at most {row.bound:.2f}"
        words += f"; then {row.second}, {row.second_iou:.3f}" if row.second else ""
        return ". ".join(each for each in (words, self._told.get(row.unit, "")) if each)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Display) -> Any:
        """Titles of the columns and their explanations."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        return TITLES[section] if role == Display else TIPS[section] if role == ToolTip else None


def _bold() -> Any:
    from qtpy.QtGui import QFont

    font = QFont()
    font.setBold(True)
    return font
