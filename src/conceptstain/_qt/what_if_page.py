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
LINK = "Learn where the penultimate layer of the classifier lies in this latent space, so that its units have sliders"
KEEP = "Keep the difference as a map: a layer of the viewer, for figures, tables, the study and its recipe"
TABLE = "Write what is decoded, what it was, and the difference (.csv)"
STILL = "Move a slider first"


class WhatIfPage(QWidget):
    """Emits what is to be moved how far; shows what can be moved."""

    moved = Signal(object)  # {key: how far}
    link_wanted = Signal()
    unit_wanted = Signal(int)
    unit_removed = Signal(str)
    refused = Signal(str)  # why what was typed is no unit
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
        self.keep_button = QPushButton("Keep as a map")
        self.table_button = QPushButton("Table…")
        buttons = QHBoxLayout()
        for button in (self.reset_button, self.keep_button, self.table_button):
            buttons.addWidget(button)
        self._no_map = self._no_table = ""  # why there is none
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
        self.offer_keeping()
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
        self.link_button.setToolTip(LINK)
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
        self.unit.lineEdit().setCursorPosition(0)
        self.unit.setToolTip(sentence or "Units of a classifier that is linked")
        self.unit.setVisible(bool(names))
        self.add_button.setVisible(bool(names))
        self.add_button.setToolTip(f"A slider for this unit. {sentence}")
        self.link_button.setVisible(can_link and not names)
        self.unit_row.setVisible(bool(names) or can_link)
        self.updateGeometry()

    def show_linking(self, *, linking: bool) -> None:
        """Show that units are being linked, or that they are not."""
        self.link_button.setEnabled(not linking)
        self.link_button.setToolTip("Linking: Cancel below stops it" if linking else LINK)

    def offer_live(self, *, possible: bool) -> None:
        """Offer to paint the difference in the viewer, where it has a layer for that."""
        self.live.setVisible(possible)
        if not possible:
            self.live.setChecked(False)

    def offer_keeping(self, *, no_map: str = "", no_table: str = "") -> None:
        """Offer to keep what is seen; a reason says why there is no map, or no table."""
        self._no_map, self._no_table = no_map, no_table
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
        still = "" if self.amounts else STILL
        for button, reason, tip in (
            (self.reset_button, still, "Move everything back to where it began"),
            (self.keep_button, self._no_map or still, KEEP),
            (self.table_button, self._no_table or still, TABLE),
        ):
            button.setEnabled(not reason)
            button.setToolTip(reason or tip)

    def _add(self) -> None:
        """Want the unit that is chosen, or the one that what was typed stands for."""
        wanted = self.unit.currentText().strip()
        rows = _rows_meant(wanted, self._units)
        if len(rows) == 1:
            self.unit.setCurrentIndex(rows[0])
            self.unit.lineEdit().setCursorPosition(0)
            self.unit_wanted.emit(rows[0])
        elif rows:
            self.refused.emit(f"{len(rows)} units are called like {wanted!r}: choose one of the list")
        else:
            self.refused.emit(f"No unit is called like {wanted!r}: type its number, or choose one of the list")


def _rows_meant(wanted: str, names: Sequence[str]) -> list[int]:
    """Where the names are that a number, a whole name or a part of it means; the first of these that means any."""
    meanings = (
        lambda name: name == wanted,
        lambda name: name.partition(" · ")[0].removeprefix("unit ") == wanted.removeprefix("unit "),
        lambda name: wanted.casefold() in name.casefold(),
    )
    found = ([row for row, name in enumerate(names) if meant(name)] for meant in meanings)
    return next((rows for rows in found if rows), [])
