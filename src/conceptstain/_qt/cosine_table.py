"""How alike concepts are, as a small table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CosineTable"]

ROW = 22
EXPLAINED = "Cosine between the directions of every two concepts: 1 the same way, -1 opposite"
BOLD = "Bold: more than 95 of 100 pairs of concepts made at random reach"
MOST_ROWS = 8  # more are scrolled to


class CosineTable(QTableWidget):
    """Cosines between concepts; bold where they are beyond what random ones reach."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Cosines between concepts")
        self.setToolTip(f"{EXPLAINED}. {BOLD}")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.hide()

    def show_cosines(self, cosines: pd.DataFrame, chance: pd.DataFrame | None) -> None:
        """Show the table, against what chance gives where that is known."""
        self.setToolTip(EXPLAINED if chance is None else f"{EXPLAINED}. {BOLD}")
        names = [str(name) for name in cosines.index]
        self.setRowCount(len(names))
        self.setColumnCount(len(names))
        self.setHorizontalHeaderLabels(names)
        self.setVerticalHeaderLabels(names)
        for row, one in enumerate(names):
            for column, other in enumerate(names):
                value = float(cosines.iloc[row, column])
                item = QTableWidgetItem("" if row == column else f"{value:.2f}")
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                if row != column:
                    item.setToolTip(f"{one} and {other}: {value:.3f}")
                if row != column and chance is not None:
                    reached = float(chance.iloc[row, column])
                    item.setToolTip(f"{one} and {other}: {value:.3f}. At random: up to {reached:.3f} in 95 of 100")
                    font = item.font()
                    font.setBold(value > reached)
                    item.setFont(font)
                self.setItem(row, column, item)
        self.setFixedHeight(ROW * min(len(names), MOST_ROWS) + self.horizontalHeader().sizeHint().height() + 4)
        self.show()
