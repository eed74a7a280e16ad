"""A card: one step of the work, folded to a title and one line that says where it stands."""

from __future__ import annotations

from html import escape
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QMessageBox,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

__all__ = ["Card", "asked_where"]

ROOM = 12  # pixels that the style keeps free at the sides of a label


class Card(QWidget):
    """A foldable box with a numbered title at the left of its head and a one-line state at the right."""

    unfolded = Signal(bool)  # whether the body is shown from now on

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._toggle = QToolButton()
        self._toggle.setText(title)
        self._toggle.setCheckable(True)
        self._toggle.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._toggle.setStyleSheet("QToolButton { border: none; font-weight: bold; padding: 4px 2px; }")
        self._toggle.setToolTip(f"Show or hide {title.split(' ', 1)[-1]}")
        self._toggle.setAccessibleName(title)
        self._state = QElidingLabel()
        self._state.setTextFormat(Qt.TextFormat.PlainText)  # names come from files
        self._state.setEllipsesWidth(ROOM)
        self._state.setElideMode(Qt.TextElideMode.ElideRight)
        self._state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 4, 0)
        head.addWidget(self._toggle)
        head.addWidget(self._state, 1)
        self._body = QWidget()
        self.form = QVBoxLayout(self._body)
        self.form.setContentsMargins(10, 2, 4, 8)
        self.form.setSpacing(6)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(head)
        whole.addWidget(self._body)
        self._toggle.toggled.connect(self._set_unfolded)
        self._set_unfolded(unfolded=False)

    def set_state(self, text: str, explanation: str = "") -> None:
        """Say in one line where this step stands; the explanation is added to its tooltip."""
        self._state.setText(text)
        self._state.setToolTip(escape(f"{text}. {explanation}" if explanation else text))

    @property
    def state(self) -> str:
        """The line that says where this step stands."""
        return self._state.text()

    def unfold(self) -> None:
        """Show the body."""
        self._toggle.setChecked(True)

    def fold(self) -> None:
        """Hide the body; the head goes on telling where this step stands."""
        self._toggle.setChecked(False)

    @property
    def is_unfolded(self) -> bool:
        """Whether the body is shown."""
        return self._toggle.isChecked()

    def _set_unfolded(self, unfolded: bool) -> None:
        self._toggle.setArrowType(Qt.ArrowType.DownArrow if unfolded else Qt.ArrowType.RightArrow)
        self._body.setVisible(unfolded)
        self.unfolded.emit(unfolded)


def asked_where(parent: QWidget, title: str, name: str, kinds: str, ending: str) -> Path | None:
    """Ask where to write, proposing a name; None where the user changed their mind.

    The ending is added where none was typed, as not every dialog does. A dialog that did not has asked about another
    file than the one that would be replaced.
    """
    typed, _ = QFileDialog.getSaveFileName(parent, title, name, kinds)
    if not typed or Path(typed).suffix:
        return Path(typed) if typed else None
    path = Path(typed + ending)
    asked = f"{path.name} exists already. Replace it?"
    if path.exists() and QMessageBox.question(parent, title, asked) != QMessageBox.StandardButton.Yes:
        return None
    return path
