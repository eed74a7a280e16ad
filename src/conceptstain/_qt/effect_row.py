"""Units that are ticked off: what the network does without them, or with them forced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from conceptstain.canvas.expression import counted

__all__ = ["EffectRow", "Measured"]

ROW = 22
MOST_ROWS = 6  # more are scrolled to
MOST_TOLD = 8  # units by number
NOTHING = "Take the tick off units to see what the network does without them."

Value: TypeAlias = Literal["out", "peak"]


class Measured(NamedTuple):
    """A measure before and after; ``low`` and ``high`` are the ends of the 95 % interval of its change."""

    name: str
    before: float
    after: float
    change: float
    low: float
    high: float


class EffectRow(QWidget):
    """Emits that the effect is to be seen, and which units are to be ticked; shows the effect."""

    wanted = Signal(str)  # "out" or "peak"
    listed_off_wanted = Signal()
    all_on_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.told, self.sentence = QLabel(), QLabel()
        for line in (self.told, self.sentence):
            line.setWordWrap(True)
            line.setTextFormat(Qt.TextFormat.PlainText)
        self.listed_button = QPushButton("Tick off listed")
        self.listed_button.setToolTip("Take the ticks off all units that are listed: search first, such as for a label")
        self.all_button = QPushButton("Tick all")
        self.all_button.setToolTip("Leave all units in the network")
        self.value = QComboBox()
        self.value.setAccessibleName("What becomes of the units")
        self.value.setToolTip(
            "Put out: they put out 0 at all places. Forced: the 99.5 % quantile of each one's activations, everywhere"
        )
        self.value.addItem("put out", "out")
        self.value.addItem("forced", "peak")
        self.button = QPushButton("See the effect")
        self.button.setToolTip("Measure classes, concepts and reconstructions as the network is, and then")
        self.table = QTableWidget()
        self.table.setAccessibleName("Effect of the units")
        self.table.setToolTip("Before, after, and the change with its 95 % interval over groups of items")
        self.table.setColumnCount(4)
        self.table.setHorizontalHeaderLabels(["Measure", "Before", "After", "Change"])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        ticks, asked = QHBoxLayout(), QHBoxLayout()
        for button in (self.listed_button, self.all_button):
            ticks.addWidget(button)
        for part in (self.value, self.button):
            asked.addWidget(part, 1)
        column.addWidget(self.told)
        column.addLayout(ticks)
        column.addLayout(asked)
        column.addWidget(self.sentence)
        column.addWidget(self.table)
        self.button.clicked.connect(lambda: self.wanted.emit(str(self.value.currentData())))
        self.listed_button.clicked.connect(self.listed_off_wanted)
        self.all_button.clicked.connect(self.all_on_wanted)
        self.show_ticked_off(())
        self.clear()

    def show_ticked_off(self, units: Sequence[int]) -> None:
        """Say how many units are ticked off."""
        shown = ", ".join(map(str, units[:MOST_TOLD])) + (" and others" if len(units) > MOST_TOLD else "")
        self.told.setText(f"{counted(len(units), 'unit')} ticked off: {shown}." if units else NOTHING)
        self.button.setEnabled(bool(units))
        self.all_button.setEnabled(bool(units))

    def show_effect(self, sentence: str, measures: Sequence[Measured]) -> None:
        """Show what changed, in the order given."""
        self.sentence.setText(sentence)
        self.sentence.show()
        self.table.setRowCount(len(measures))
        for row, each in enumerate(measures):
            interval = f"{each.low:+.3f} to {each.high:+.3f}" if each.low == each.low else "no interval"
            words = (each.name, f"{each.before:.3f}", f"{each.after:.3f}", f"{each.change:+.3f}")
            for place, text in enumerate(words):
                item: Any = QTableWidgetItem(text)
                item.setToolTip(f"{each.name}: {each.change:+.3f} ({interval})")
                if place:
                    item.setTextAlignment(int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
                self.table.setItem(row, place, item)
        head = self.table.horizontalHeader().sizeHint().height()
        self.table.setFixedHeight(ROW * min(len(measures), MOST_ROWS) + head + 2 * self.table.frameWidth() + 2)
        self.table.setVisible(bool(measures))

    def clear(self) -> None:
        """Show no effect."""
        self.sentence.hide()
        self.table.hide()
