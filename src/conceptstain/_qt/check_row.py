"""Check this map: one row of the Maps card until it is used; then a plot and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from conceptstain._qt.check_plot import CheckPlot
from conceptstain.methods.checks import CHECKS

if TYPE_CHECKING:
    from conceptstain.methods.checks import Checked
    from conceptstain.progress import Step

__all__ = ["CheckRow"]

BUTTON = "Find out whether the map shows what the network learned, and whether its pixels matter; takes seconds"


class CheckRow(QWidget):
    """Emits which check is wanted; shows how far it is and what it found."""

    wanted = Signal(str)  # key of the check
    cancel_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._refusals: dict[str, str | None] = {}
        self.choice = QComboBox()
        self.choice.setAccessibleName("How the map is checked")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for kind in CHECKS:
            self.choice.addItem(kind.label, kind.key)
        self.button = QPushButton("Check this map")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop the check")
        self.progress = QProgressBar()
        self.progress.setAccessibleName("Progress of the check")
        self.progress.setToolTip("How far the check is; the viewer stays live")
        self.plot = CheckPlot()
        self.sentence = QLabel()
        self.sentence.setWordWrap(True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row, running, column = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        row.addWidget(self.button)
        row.addWidget(self.choice, 1)
        running.addWidget(self.progress, 1)
        running.addWidget(self.cancel_button)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addLayout(running)
        column.addWidget(self.plot)
        column.addWidget(self.sentence)
        self.button.clicked.connect(lambda: self.wanted.emit(str(self.choice.currentData())))
        self.cancel_button.clicked.connect(self.cancel_wanted)
        self.choice.currentIndexChanged.connect(self._show_refusal)
        self.show_refusals({})
        self.clear()

    def show_refusals(self, refusals: Mapping[str, str | None]) -> None:
        """Grey out checks that the map cannot be put to, with the reason as tooltip; choose one that it can."""
        self._refusals = dict(refusals)
        for row, kind in enumerate(CHECKS):
            reason = refusals.get(kind.key)
            item = self.choice.model().item(row)
            item.setEnabled(reason is None)
            item.setToolTip(kind.explanation if reason is None else f"Not for this map: {reason}")
        allowed = [row for row, kind in enumerate(CHECKS) if refusals.get(kind.key) is None]
        if allowed and self.choice.currentIndex() not in allowed:
            self.choice.setCurrentIndex(allowed[0])
        self._show_refusal()

    def show_step(self, step: Step) -> None:
        """Show how far the check is."""
        self.plot.hide()
        self.sentence.hide()
        self.progress.setRange(0, step.total)
        self.progress.setValue(step.done)
        self.progress.setFormat(step.message)
        for each in (self.progress, self.cancel_button):
            each.show()
        for each in (self.button, self.choice):
            each.setEnabled(False)

    def show_check(self, checked: Checked, colour: str) -> None:
        """Show what was found."""
        self.clear()
        self.plot.draw_check(checked, colour)
        self.plot.show()
        self.say(checked.sentence)

    def say(self, sentence: str) -> None:
        """Say something in place of what was found."""
        self.sentence.setText(sentence)
        self.sentence.setVisible(bool(sentence))

    def clear(self) -> None:
        """Show nothing but the row."""
        for each in (self.progress, self.cancel_button, self.plot):
            each.hide()
        self.say("")
        self.choice.setEnabled(True)
        self._show_refusal()

    def _show_refusal(self) -> None:
        kind = CHECKS[self.choice.currentIndex()]
        reason = self._refusals.get(kind.key)
        self.choice.setToolTip(kind.explanation if reason is None else f"Not for this map: {reason}")
        self.button.setEnabled(reason is None and self.progress.isHidden())
        self.button.setToolTip(BUTTON if reason is None else f"Not for this map: {reason}")
