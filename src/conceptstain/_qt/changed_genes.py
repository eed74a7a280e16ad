"""The genes that change most: those that rise beside those that fall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

__all__ = ["ChangedGenes", "Genes"]

Genes: TypeAlias = Sequence[tuple[str, float]]

ROWS = 12
ROW = 20  # pixels
EDGE = 6  # that styles add below the header
COLUMNS = ("Rises", "by", "Falls", "by")


class ChangedGenes(QTableWidget):
    """A table of a fixed height, whose cells are written in place: it follows a slider."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(ROWS, len(COLUMNS), parent)
        self.setAccessibleName("Genes that change most")
        self.setToolTip("How much the decoded genes change, in standard deviations of each gene over the section")
        self.setHorizontalHeaderLabels(list(COLUMNS))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.horizontalHeader()
        for column in range(len(COLUMNS)):
            named = column % 2 == 0
            mode = QHeaderView.ResizeMode.Stretch if named else QHeaderView.ResizeMode.ResizeToContents
            header.setSectionResizeMode(column, mode)
            for row in range(ROWS):
                item = QTableWidgetItem("")
                if not named:
                    item.setTextAlignment(int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
                self.setItem(row, column, item)
        self.setFixedHeight(header.sizeHint().height() + ROWS * ROW + 2 * self.frameWidth() + EDGE)

    def show_genes(self, rising: Genes, falling: Genes) -> None:
        """Show the genes at both ends, each end with the largest change first."""
        for first, genes in ((0, rising), (2, falling)):
            for row in range(ROWS):
                name, by = (genes[row][0], f"{genes[row][1]:+.2f}") if row < len(genes) else ("", "")
                self.item(row, first).setText(name)
                self.item(row, first + 1).setText(by)

    @property
    def chosen(self) -> str:
        """The gene whose cell is selected; else the one that rises most, or falls, where none rises."""
        row, column = self.currentRow(), self.currentColumn()
        selected = self.item(row, column - column % 2).text() if row >= 0 and self.selectedItems() else ""
        return selected or next(iter((*self.shown(0), *self.shown(2))), "")

    def shown(self, first: int) -> list[str]:
        """Names in a column: 0 for those that rise, 2 for those that fall."""
        names = [self.item(row, first).text() for row in range(ROWS)]
        return [name for name in names if name]
