"""Above which value a place deviates: a slider below the colours of a deviation."""

from __future__ import annotations

import math

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QAbstractSpinBox, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

__all__ = ["ThresholdRow"]

TIP = "Places above this value stay lit, the others are hidden; nothing is computed again"


class ThresholdRow(QWidget):
    """Emits the threshold that is wanted; says what it begins at, and how much lies above it."""

    changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._begin = 0.0
        self.slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Threshold of the deviation")
        self.slider.setToolTip(TIP)
        for typed in (*self.slider.findChildren(QAbstractSpinBox), *self.slider.findChildren(QLineEdit)):
            typed.setAccessibleName("Threshold of the deviation, typed")
            typed.setToolTip(TIP)
        self.reset_button = QPushButton("Reset")
        self.reset_button.setToolTip("Back to where the normal ends")
        self.told = QLabel()
        self.told.setWordWrap(True)
        row = QHBoxLayout()
        row.addWidget(QLabel("Deviates above"))
        row.addWidget(self.slider, 1)
        row.addWidget(self.reset_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.told)
        self.slider.valueChanged.connect(self.changed)
        self.reset_button.clicked.connect(lambda: self.slider.setValue(self._begin))
        self.hide()

    def show_threshold(self, value: float, highest: float, *, begin: float, origin: str) -> None:
        """Offer thresholds from 0 to the highest value; ``begin`` is where the normal ends, and ``origin`` says why."""
        self._begin = begin
        with QSignalBlocker(self.slider):
            top = max(highest, begin, value) or 1.0
            digits = 2 - math.floor(math.log10(begin if begin > 0 else top))  # three of them that count
            self.slider.setDecimals(min(max(digits, 0), 6))
            self.slider.setRange(0.0, top)
            self.slider.setSingleStep(top / 100)
            self.slider.setValue(value)
        self.reset_button.setToolTip(f"Back to where the normal ends: {origin}")
        self.show()

    def show_count(self, sentence: str) -> None:
        """Say how much lies above."""
        self.told.setText(sentence)
