"""How far something is, with a button that stops it; what takes no time shows none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

if TYPE_CHECKING:
    from conceptstain.progress import Step

__all__ = ["ProgressRow"]

PATIENCE = 300  # milliseconds before it is shown


class ProgressRow(QWidget):
    """Emits that it is to be stopped."""

    cancel_wanted = Signal()

    def __init__(self, name: str, *, told: str, stops: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName(name)
        self.bar.setToolTip(told)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip(stops)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel_button)
        self.hide()
        self._shown = QTimer(self)
        self._shown.setSingleShot(True)
        self._shown.setInterval(PATIENCE)
        self._shown.timeout.connect(self.show)
        self.cancel_button.clicked.connect(self.cancel_wanted)

    def start(self) -> None:
        """Show before long how far it is."""
        if self.isHidden() and not self._shown.isActive():
            self.bar.setValue(0)
            self.bar.setFormat("starting")
            self._shown.start()

    def show_step(self, step: Step) -> None:
        """Show how far it is."""
        self.bar.setValue(int(1000 * step.fraction))
        self.bar.setFormat(f"{step.message or self._name} · %p %")

    def end(self) -> None:
        """Show that nothing is waited for."""
        self._shown.stop()
        self.hide()
