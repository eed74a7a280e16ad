"""One slider of the What if card: how far to go along a concept, or what a unit is to put out."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QWidget
from superqt import QElidingLabel

from conceptstain._qt.concept_list import swatch

__all__ = ["Move", "MoveRow"]

STEPS = 120  # of a slider from end to end
NAME, VALUE = 100, 72  # pixels


class Move(NamedTuple):
    """What can be moved.

    Attributes
    ----------
    key
        Tells it from all others.
    name, explanation
        To show, and its tooltip.
    colour
        ``#rrggbb``; empty where it has none.
    low, high, start
        Where the slider ends and begins.
    suffix
        What the numbers are.
    refusal
        Why it cannot be moved; empty where it can.
    removable
        Whether it can be taken off the list here.
    """

    key: str
    name: str
    explanation: str = ""
    colour: str = ""
    low: float = -3.0
    high: float = 3.0
    start: float = 0.0
    suffix: str = ""
    refusal: str = ""
    removable: bool = False


class MoveRow(QWidget):
    """Emits that its value is another."""

    changed = Signal()
    remove_wanted = Signal(str)

    def __init__(self, move: Move, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.move_ = move
        told = escape(f"{move.name}: {move.refusal or move.explanation}")  # the name may be cut short
        name = QElidingLabel(move.name)
        name.setFixedWidth(NAME)
        name.setTextFormat(Qt.TextFormat.PlainText)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(STEPS // 12)
        self.slider.setAccessibleName(f"How far along {move.name}")
        self.slider.setMinimumWidth(60)
        self.told = QLabel()
        self.told.setFixedWidth(VALUE)
        self.told.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        if move.colour:
            dot = QLabel()
            dot.setPixmap(swatch(move.colour).pixmap(10, 10))
            row.addWidget(dot)
        row.addWidget(name)
        row.addWidget(self.slider, 1)
        row.addWidget(self.told)
        self.remove_button = QToolButton()
        self.remove_button.setText("×")
        self.remove_button.setAutoRaise(True)
        self.remove_button.setToolTip(escape(f"Take {move.name} off this list"))
        self.remove_button.setAccessibleName(f"Take {move.name} off this list")
        self.remove_button.setVisible(move.removable)
        row.addWidget(self.remove_button)
        for part in (name, self.slider, self.told):
            part.setToolTip(told)
        self.slider.setEnabled(not move.refusal)
        self.reset()
        self.slider.valueChanged.connect(lambda _place: self._change())
        self.remove_button.clicked.connect(lambda: self.remove_wanted.emit(move.key))

    @property
    def value(self) -> float:
        """Where it stands."""
        place = self.slider.value()
        move = self.move_
        return move.start if place == self._place_of(move.start) else self._value_at(place)

    @property
    def moved(self) -> float:
        """How far it stands from where it began."""
        return self.value - self.move_.start

    def set_value(self, value: float) -> None:
        """Go there, or as near as the slider can."""
        self.slider.setValue(self._place_of(value))

    def begin_at(self, move: Move) -> None:
        """Begin at another place, where the slider goes; nothing is emitted."""
        self.move_ = move
        self.reset()

    def reset(self) -> None:
        """Go back to where it began; nothing is emitted."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(self._place_of(self.move_.start))
        self._tell()

    def _place_of(self, value: float) -> int:
        move = self.move_
        span = (move.high - move.low) or 1.0
        return min(max(round(STEPS * (value - move.low) / span), 0), STEPS)

    def _value_at(self, place: int) -> float:
        return self.move_.low + place * (self.move_.high - self.move_.low) / STEPS

    def _change(self) -> None:
        self._tell()
        self.changed.emit()

    def _tell(self) -> None:
        signed = "+" if self.move_.low < 0 else ""
        number = f"{self.value:{signed}.2f}" if self.value else "0"
        self.told.setText("" if self.move_.refusal else f"{number}{self.move_.suffix}")
