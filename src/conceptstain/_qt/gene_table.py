"""The ranked genes of a concept as a Qt table model."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt

__all__ = ["GeneTable", "RankedGenes", "SearchedGenes"]


@final
@dataclass(frozen=True, eq=False)
class RankedGenes:
    """What a gene table shows.

    Attributes
    ----------
    names
        Of the genes.
    scores
        What they are ranked by, highest first.
    beside
        What stands in the last column.
    columns
        Titles of the columns: gene, score, and the last one.
    tooltips
        Their explanations.
    noun
        What one of them is called.
    """

    names: Sequence[str] | pd.Index[str]
    scores: Float[np.ndarray, " genes"]
    beside: Sequence[str]
    columns: tuple[str, str, str]
    tooltips: tuple[str, str, str]
    noun: str = "gene"

    @property
    def ranks(self) -> NDArray[np.integer]:
        """The ranks that are listed, from 0: all, but of many pictures or patches those at both ends."""
        every = np.arange(len(self.scores))
        if self.noun == "gene" or len(every) <= MOST:
            return every
        return np.concatenate([every[:ENDS], every[-ENDS:]])

    @classmethod
    def by_concept_score(
        cls,
        names: Sequence[str] | pd.Index[str],
        scores: Float[np.ndarray, " genes"],
        made: Container[str],
        noun: str = "gene",
    ) -> RankedGenes:
        """Genes, pictures or patches by their concept score; those that made the concept are marked."""
        return cls(
            names=names,
            scores=scores,
            beside=["●" if name in made else "" for name in names],
            columns=(noun.capitalize(), "Score", "Made it"),
            tooltips=(
                "Gene symbol" if noun == "gene" else f"Name of the {noun}",
                f"Concept score: inner product of the {noun}'s latent and the concept",
                f"Whether the {noun} is one of those that made the concept",
            ),
            noun=noun,
        )

    @classmethod
    def by_decoded(cls, table: pd.DataFrame) -> RankedGenes:
        """Genes of a concept of spots, up and down; see :func:`conceptstain.concept_genes`."""
        return cls(
            names=[str(name) for name in table.index],
            scores=table["decoded"].to_numpy(),
            beside=[f"{value:+.2f}" for value in table["read"]],
            columns=("Gene", "Decoded", "Read"),
            tooltips=(
                "Gene symbol",
                "The decoded concept, in standard deviations of the gene: what the concept is, up (+) and down (-)",
                "What the encoder reads: it ranks genes differently from one training to the next",
            ),
        )


ENDS = 1000  # pictures or patches that are listed from either end
MOST = 10_000  # of them that are listed all: more would stop the window while the table is filled

NOTHING = RankedGenes.by_concept_score([], np.empty(0), ())


class GeneTable(QAbstractTableModel):
    """Ranked genes, highest first."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = NOTHING
        self._order = self._ranks = np.empty(0, dtype=int)

    def show(self, genes: RankedGenes) -> None:
        """Rank these genes."""
        self.beginResetModel()
        self._shown = genes
        self._ranks = genes.ranks
        self._order = np.argsort(-np.asarray(genes.scores), kind="stable")[self._ranks]
        self.endResetModel()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, 2)

    def clear(self) -> None:
        """Show no gene."""
        self.show(NOTHING)

    def gene(self, row: int) -> str:
        """Name of the gene in a row."""
        return str(self._shown.names[self._order[row]])

    def score(self, row: int) -> float:
        """Score of the gene in a row."""
        return float(self._shown.scores[self._order[row]])

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Number of genes."""
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Number of columns."""
        return 0 if parent is not None and parent.isValid() else 3

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text and alignment of a cell."""
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 0:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        row = index.row()
        return (self.gene(row), f"{self.score(row):+.2f}", self._shown.beside[self._order[row]])[index.column()]

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Column titles and their explanations; rank as row title."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self._shown.columns[section]
            return self._shown.tooltips[section] if role == Qt.ItemDataRole.ToolTipRole else None
        return str(int(self._ranks[section]) + 1) if role == Qt.ItemDataRole.DisplayRole else None


class SearchedGenes(QSortFilterProxyModel):
    """The genes whose name holds the searched text and whose score has the wanted sign, in the order of their rank.

    Of genes with a score below 0, the lowest come first.
    """

    def __init__(self, table: GeneTable) -> None:
        super().__init__()
        self._table = table
        self.setSourceModel(table)
        self.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setFilterKeyColumn(0)
        self._sign = 0

    def show_sign(self, sign: int) -> None:
        """Show genes with scores above 0 (1), below 0 (-1), or all (0)."""
        self._sign = sign
        self.invalidateFilter()
        self.sort(0, Qt.SortOrder.AscendingOrder)

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        """Whether a gene is shown."""
        return self._table.score(row) * self._sign >= 0 and super().filterAcceptsRow(row, parent)

    def lessThan(self, left: QModelIndex, right: QModelIndex) -> bool:
        """By rank; from the other end where the lowest are wanted."""
        return left.row() > right.row() if self._sign < 0 else left.row() < right.row()

    def row_of(self, gene: str) -> int | None:
        """Row of a gene in the searched table; None where it is not shown."""
        for row in range(self.rowCount()):
            if self.gene(self.index(row, 0)) == gene:
                return row
        return None

    def gene(self, index: QModelIndex) -> str:
        """Name of the gene in a row of the searched table."""
        return self._table.gene(self.mapToSource(index).row())

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Row titles stay the rank among all genes, not the row on screen."""
        if orientation == Qt.Orientation.Vertical:
            section = self.mapToSource(self.index(section, 0)).row()
        return self._table.headerData(section, orientation, role)
