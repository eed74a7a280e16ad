"""The list of concepts: a colour, a name that can be edited in place, and a remark on what the concept is worth."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from qtpy.QtWidgets import (
    QApplication,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

if TYPE_CHECKING:
    from conceptstain.study import Entry

__all__ = ["ConceptList", "swatch"]

SWATCH = 14
GAP = 8  # pixels between name and remark
NAME = Qt.ItemDataRole.UserRole
REMARK = int(Qt.ItemDataRole.UserRole) + 1


class ConceptList(QListWidget):
    """Emits which concept is chosen and how one is to be called; shows the list."""

    chosen = Signal(str)
    rename_wanted = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(92)
        self.setToolTip("Your concepts. Click: show its map. Double-click: rename")
        self.setAccessibleName("Concepts")
        self.setItemDelegate(_WithRemark(self))
        self._remarks: dict[str, tuple[str, str]] = {}
        self.currentItemChanged.connect(lambda item, _before: self._choose(item))
        self.itemClicked.connect(self._choose)
        self.itemChanged.connect(self._renamed)

    @property
    def chosen_name(self) -> str:
        """Name of the chosen concept; empty where none is."""
        item = self.currentItem()
        return str(item.data(NAME)) if item is not None else ""

    @property
    def names(self) -> list[str]:
        """Names of the listed concepts."""
        return [str(self.item(row).data(NAME)) for row in range(self.count())]

    def choose(self, name: str) -> None:
        """Choose a concept."""
        if name in self.names:
            self.setCurrentRow(self.names.index(name))

    def show_chosen(self, name: str) -> None:
        """Show a concept as the chosen one; nothing is emitted."""
        self.blockSignals(True)
        self.choose(name)
        self.blockSignals(False)

    def show_entries(self, entries: Sequence[Entry]) -> str:
        """Show the concepts; chosen is what came or came back, else what was, else its neighbour. Gives its name."""
        before, row, listed = self.chosen_name, self.currentRow(), self.names
        names = [entry.name for entry in entries]
        new = [name for name in names if name not in listed]
        chosen = new[-1] if new else before
        if chosen not in names:
            chosen = names[min(row, len(names) - 1)] if names and row >= 0 else ""
        self.blockSignals(True)
        self.clear()
        for entry in entries:
            item = QListWidgetItem(swatch(entry.colour), entry.name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            item.setData(NAME, entry.name)
            self.addItem(item)
            if entry.name == chosen:
                self.setCurrentItem(item)
        self.blockSignals(False)
        self._show_remarks()
        return chosen

    def show_remark(self, name: str, remark: str, explanation: str = "") -> None:
        """Say what a concept is worth, in a few words at the right of its name and in full in its tooltip."""
        self._remarks[name] = (remark, explanation)
        self._show_remarks()

    def forget_remarks(self) -> None:
        """Say nothing of what concepts are worth."""
        self._remarks.clear()
        self._show_remarks()

    def remark(self, name: str) -> str:
        """The few words on a concept."""
        return self._remarks.get(name, ("", ""))[0]

    def _show_remarks(self) -> None:
        self.blockSignals(True)
        for row in range(self.count()):
            item = self.item(row)
            remark, explanation = self._remarks.get(str(item.data(NAME)), ("", ""))
            item.setData(REMARK, remark)
            item.setToolTip(escape(explanation))
        self.blockSignals(False)
        self.viewport().update()

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(str(item.data(NAME)))

    def _renamed(self, item: QListWidgetItem) -> None:
        before, after = str(item.data(NAME)), item.text()
        if after != before:
            self.blockSignals(True)
            item.setText(before)  # the study decides; a refused name leaves the old one
            self.blockSignals(False)
            self.rename_wanted.emit(before, after)


class _WithRemark(QStyledItemDelegate):
    """Draws a remark at the right end of a row; a name too long for what is left is shortened."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        remark = str(index.data(REMARK) or "")
        room = option.fontMetrics.horizontalAdvance(remark) + GAP if remark else 0
        named = QStyleOptionViewItem(option)
        named.rect = option.rect.adjusted(0, 0, -room, 0)
        style = option.widget.style() if option.widget is not None else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        super().paint(painter, named, index)
        if remark:
            painter.save()
            painter.setPen(option.palette.color(QPalette.ColorRole.WindowText))
            painter.setFont(option.font)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(option.rect.adjusted(0, 0, -4, 0), int(right), remark)
            painter.restore()


def swatch(colour: str) -> QIcon:
    """A square of a colour."""
    pixmap = QPixmap(SWATCH, SWATCH)
    pixmap.fill(QColor(colour))
    return QIcon(pixmap)
