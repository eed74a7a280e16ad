"""The sliders of the What if card: concepts of the study, and units of a classifier that is linked."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from conceptstain._qt.move_row import Move, MoveRow

__all__ = ["WhatIfPage"]

SEEN = 5  # rows that are seen without scrolling
ROW = 28  # pixels


class WhatIfPage(QWidget):
    """Emits what is to be moved how far; shows what can be moved."""

    moved = Signal(object)  # {key: how far}
    link_wanted = Signal()
    unit_wanted = Signal(int)
    unit_removed = Signal(str)
    live_toggled = Signal(bool)
    keep_wanted = Signal()
    table_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: dict[str, MoveRow] = {}
        self._units: tuple[str, ...] = ()
        self.none = QLabel("Make a concept in the Concepts card, or link a classifier, to have something to move.")
        self.none.setWordWrap(True)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._column.addStretch()
        self.scroll = QScrollArea()
        self.scroll.setWidgetResizable(True)
        self.scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setWidget(inside)
        self._build_units()
        self.live = QCheckBox("Paint in the viewer, too")
        self.live.setToolTip("The difference follows the sliders on the tissue; it is not kept")
        self.reset_button = QPushButton("Reset")
        self.reset_button.setToolTip("Move everything back to where it began")
        self.keep_button = QPushButton("Keep as a map")
        self.table_button = QPushButton("Table…")
        self.table_button.setToolTip("Write what is decoded, what it was, and the difference (.csv)")
        buttons = QHBoxLayout()
        for button in (self.reset_button, self.keep_button, self.table_button):
            buttons.addWidget(button)
        self._may_keep = self._may_write = False
        column = QVBoxLayout(self)
        for part in (self.none, self.scroll, self.unit_row):
            column.addWidget(part)
        column.addWidget(self.live)
        column.addLayout(buttons)
        self.reset_button.clicked.connect(self.reset)
        self.live.toggled.connect(self.live_toggled)
        self.keep_button.clicked.connect(self.keep_wanted)
        self.table_button.clicked.connect(self.table_wanted)
        self.show_moves(())
        self.offer_units((), "")
        self.offer_keeping(map_=False, table=False)
        self.offer_live(possible=False)

    def _build_units(self) -> None:
        self.unit_row = QWidget()
        row = QHBoxLayout(self.unit_row)
        row.setContentsMargins(0, 0, 0, 0)
        self.unit = QComboBox()
        self.unit.setEditable(True)
        self.unit.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.unit.setAccessibleName("Unit of the classifier to move")
        self.unit.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        completer = QCompleter(self.unit.model(), self.unit)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.unit.setCompleter(completer)
        self.add_button = QPushButton("Add unit")
        self.link_button = QPushButton("Link its units")
        self.link_button.setToolTip(
            "Learn where the penultimate layer of the classifier lies in this latent space, so that its units have "
            "sliders"
        )
        row.addWidget(self.unit, 1)
        row.addWidget(self.add_button)
        row.addWidget(self.link_button, 1)
        self.add_button.clicked.connect(self._add)
        self.unit.lineEdit().returnPressed.connect(self._add)
        self.link_button.clicked.connect(self.link_wanted)

    # -- what can be moved -----------------------------------------------------------------------------------------

    def show_moves(self, moves: Sequence[Move]) -> None:
        """Offer these; what was moved and is still offered stays where it is."""
        before = {key: row.moved for key, row in self.rows.items()}
        for row in self.rows.values():
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = {}
        for number, move in enumerate(moves):
            row = MoveRow(move)
            if before.get(move.key) and not move.refusal:
                row.set_value(move.start + before[move.key])
            row.changed.connect(self._tell)
            row.remove_wanted.connect(self.unit_removed)
            self._column.insertWidget(number, row)
            self.rows[move.key] = row
        self.none.setVisible(not moves)
        self.scroll.setVisible(bool(moves))
        self.scroll.setFixedHeight(min(len(moves), SEEN) * ROW)
        self._show_whether_moved()
        self.updateGeometry()

    def offer_units(self, names: Sequence[str], sentence: str, *, can_link: bool = False) -> None:
        """Offer units of a classifier that is linked, or to link it; without both, none."""
        self._units = tuple(names)
        self.unit.clear()
        self.unit.addItems(list(names))
        self.unit.setToolTip(sentence or "Units of a classifier that is linked")
        self.unit.setVisible(bool(names))
        self.add_button.setVisible(bool(names))
        self.add_button.setToolTip(f"A slider for this unit. {sentence}")
        self.link_button.setVisible(can_link and not names)
        self.unit_row.setVisible(bool(names) or can_link)
        self.updateGeometry()

    def offer_live(self, *, possible: bool) -> None:
        """Offer to paint the difference in the viewer, where it has a layer for that."""
        self.live.setVisible(possible)
        if not possible:
            self.live.setChecked(False)

    def offer_keeping(self, *, map_: bool, table: bool, reason: str = "") -> None:
        """Offer to keep what is seen; a reason says why there is no map."""
        self._may_keep, self._may_write = map_, table
        tip = "Keep the difference as a map: a layer of the viewer, for figures, tables, the study and its recipe"
        self.keep_button.setToolTip(reason or tip)
        self._show_whether_moved()

    @property
    def amounts(self) -> dict[str, float]:
        """How far everything stands from where it began; what does not is left out."""
        return {key: row.moved for key, row in self.rows.items() if row.moved}

    def reset(self) -> None:
        """Move everything back to where it began."""
        for row in self.rows.values():
            row.reset()
        self._tell()

    def _tell(self) -> None:
        self._show_whether_moved()
        self.moved.emit(self.amounts)

    def _show_whether_moved(self) -> None:
        moved = bool(self.amounts)
        self.reset_button.setEnabled(moved)
        self.keep_button.setEnabled(moved and self._may_keep)
        self.table_button.setEnabled(moved and self._may_write)

    def _add(self) -> None:
        wanted = self.unit.currentText()
        if wanted in self._units:
            self.unit_wanted.emit(self._units.index(wanted))
