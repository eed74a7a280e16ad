"""Maps card: how the chosen concept is painted, its colour limits, and its ranked genes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QTableView,
    QWidget,
)

from conceptstain._qt.card import Card
from conceptstain._qt.gene_table import GeneTable, SearchedGenes
from conceptstain._qt.plots import ColourBar
from conceptstain.methods.maps import MAPS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MapsPanel"]


class MapsPanel(Card):
    """Emits which map is wanted; shows its limits and the genes behind it."""

    map_wanted = Signal(str, int)  # key, latent dimension
    limits_wanted = Signal(float, float)
    limits_reset = Signal()
    gene_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("4  Maps", parent)
        self._build_choice()
        self._build_limits()
        self._build_genes()
        self.set_ready(ready=False, reason="make a concept first")

    def _build_choice(self) -> None:
        self.map = QComboBox()
        self.map.setAccessibleName("Map")
        for kind in MAPS:
            self.map.addItem(kind.label, kind.key)
        self.map.setToolTip("How the concept is painted")
        self.latent = QSpinBox()
        self.latent.setAccessibleName("Latent dimension")
        self.latent.setPrefix("latent ")
        self.latent.setToolTip("Which latent dimension's attention is painted")
        self.latent.hide()
        row = QHBoxLayout()
        row.addWidget(self.map, 1)
        row.addWidget(self.latent)
        self.form.addLayout(row)
        self.explanation = QLabel(MAPS[0].explanation)
        self.explanation.setWordWrap(True)
        self.form.addWidget(self.explanation)
        self.map.currentIndexChanged.connect(self._want_map)
        self.latent.valueChanged.connect(self._want_map)

    def _build_limits(self) -> None:
        self.bar = ColourBar()
        self.form.addWidget(self.bar)
        self.low, self.high = QDoubleSpinBox(), QDoubleSpinBox()
        for spin, which in ((self.low, "lower"), (self.high, "upper")):
            spin.setRange(-1e9, 1e9)
            spin.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
            spin.setKeyboardTracking(False)
            spin.setAccessibleName(f"{which.capitalize()} colour limit")
            spin.setToolTip(f"Value at the {which} end of the colours")
        self.reset_button = QPushButton("Reset")
        self.reset_button.setToolTip("Limits by the 99th percentile of the values")
        limits = QHBoxLayout()
        limits.addWidget(self.low, 1)
        limits.addWidget(self.high, 1)
        limits.addWidget(self.reset_button)
        self.form.addLayout(limits)
        self.low.valueChanged.connect(self._want_limits)
        self.high.valueChanged.connect(self._want_limits)
        self.reset_button.clicked.connect(self.limits_reset)

    def _build_genes(self) -> None:
        self.search = QLineEdit()
        self.search.setAccessibleName("Search genes")
        self.search.setPlaceholderText("search genes")
        self.search.setClearButtonEnabled(True)
        self.search.setToolTip("Show only genes whose name holds this text")
        self.form.addWidget(self.search)
        self.table_model = GeneTable()
        self.searched = SearchedGenes(self.table_model)
        self.table = QTableView()
        self.table.setModel(self.searched)
        self.table.setFixedHeight(210)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setToolTip("Genes by concept score. Click one: paint its expression")
        self.table.setAccessibleName("Ranked genes")
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().setDefaultSectionSize(22)
        self.form.addWidget(self.table)
        self.search.textChanged.connect(self.searched.setFilterFixedString)
        self.table.clicked.connect(self._want_gene)
        self.table.activated.connect(self._want_gene)

    @property
    def chosen(self) -> tuple[str, int]:
        """Key of the chosen map, and the latent dimension."""
        return str(self.map.currentData()), self.latent.value()

    def set_ready(self, *, ready: bool, reason: str = "") -> None:
        """Enable the card, or say what it waits for."""
        self.setEnabled(ready)
        if not ready:
            self.set_state(reason)
            self.table_model.clear()
            self.bar.clear()

    def show_refusals(self, refusals: Mapping[str, str | None], latents: int) -> None:
        """Grey out maps that the encoder does not support, with the reason as tooltip."""
        for row, kind in enumerate(MAPS):
            reason = refusals.get(kind.key)
            item = self.map.model().item(row)
            item.setEnabled(reason is None)
            item.setToolTip(kind.explanation if reason is None else f"Not with this encoder: {reason}")
        self.latent.setRange(0, max(latents - 1, 0))
        if refusals.get(str(self.map.currentData())) is not None:
            self.map.setCurrentIndex(0)

    def show_map(self, title: str, low: float, high: float, colormap: str) -> None:
        """Show the title and the colours of the painted map."""
        self.set_state(title)
        largest = max(abs(low), abs(high))
        decimals = max(0, 3 - math.floor(math.log10(largest))) if largest > 0 else 2  # four digits that count
        for spin, value in ((self.low, low), (self.high, high)):
            spin.blockSignals(True)
            spin.setDecimals(decimals)
            spin.setValue(value)
            spin.blockSignals(False)
        self.bar.draw_bar(colormap, low, high)

    def show_genes(self, names: list[str], scores: Any, made: frozenset[str]) -> None:
        """Rank genes by their concept score."""
        self.table_model.show(names, scores, made)

    def _want_map(self) -> None:
        kind = MAPS[self.map.currentIndex()]
        self.latent.setVisible(kind.key == "attention")
        self.explanation.setText(kind.explanation)
        self.map_wanted.emit(*self.chosen)

    def _want_limits(self) -> None:
        self.limits_wanted.emit(self.low.value(), self.high.value())

    def _want_gene(self, index: QModelIndex) -> None:
        self.gene_wanted.emit(self.searched.gene(index))
