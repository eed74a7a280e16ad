"""The ranked genes of a concept as a Qt table model."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt

__all__ = ["GeneTable", "SearchedGenes"]

COLUMNS = ("Gene", "Score", "Made it")
TOOLTIPS = (
    "Gene symbol",
    "Concept score: inner product of the gene's latent and the concept",
    "Whether the gene is one of those that made the concept",
)


class GeneTable(QAbstractTableModel):
    """Genes by concept score, highest first."""

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._scores: Float[np.ndarray, " genes"] = np.empty(0)
        self._made: frozenset[str] = frozenset()

    def show(self, names: list[str], scores: Float[np.ndarray, " genes"], made: frozenset[str]) -> None:
        """Rank these genes."""
        self.beginResetModel()
        order = np.argsort(-scores, kind="stable")
        self._names = [names[index] for index in order]
        self._scores = scores[order]
        self._made = made
        self.endResetModel()

    def clear(self) -> None:
        """Show no gene."""
        self.show([], np.empty(0), frozenset())

    def gene(self, row: int) -> str:
        """Name of the gene in a row."""
        return self._names[row]

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Number of genes."""
        return 0 if parent is not None and parent.isValid() else len(self._names)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Number of columns."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text and alignment of a cell."""
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == 1:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        name = self._names[index.row()]
        return (name, f"{self._scores[index.row()]:+.2f}", "●" if name in self._made else "")[index.column()]

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Column titles and their explanations; rank as row title."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return COLUMNS[section]
            return TOOLTIPS[section] if role == Qt.ItemDataRole.ToolTipRole else None
        return str(section + 1) if role == Qt.ItemDataRole.DisplayRole else None


class SearchedGenes(QSortFilterProxyModel):
    """The genes whose name holds the searched text, in the order of their rank."""

    def __init__(self, table: GeneTable) -> None:
        super().__init__()
        self._table = table
        self.setSourceModel(table)
        self.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setFilterKeyColumn(0)

    def gene(self, index: QModelIndex) -> str:
        """Name of the gene in a row of the searched table."""
        return self._table.gene(self.mapToSource(index).row())

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Row titles stay the rank among all genes, not the row on screen."""
        if orientation == Qt.Orientation.Vertical:
            section = self.mapToSource(self.index(section, 0)).row()
        return self._table.headerData(section, orientation, role)
