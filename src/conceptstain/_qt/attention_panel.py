"""Attention card: the latents of the encoder, sorted by what they say, each with its map and what it draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from conceptstain._qt.card import Card
from conceptstain._qt.latent_view import LatentView

if TYPE_CHECKING:
    from conceptstain.progress import Step

__all__ = ["AttentionPanel"]

CAPTIONS = ("\N{MINUS SIGN}2 sd", "\N{MINUS SIGN}1 sd", "mean", "+1 sd", "+2 sd")


class AttentionPanel(Card):
    """Emits whose attention is to be painted; shows the latents."""

    latent_wanted = Signal(object)  # its number; None: all of them
    cancel_wanted = Signal()
    sort_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("5  Attention", parent)
        self.view = LatentView(CAPTIONS)
        self.list = self.view.list
        self.told, self.without = QLabel(), QLabel()
        for line in (self.told, self.without):
            line.setWordWrap(True)
        self._build_progress()
        self.sort_button = QPushButton("Sort the latents")
        self.sort_button.setToolTip("Find out how much each latent says of the data, where it looks and what it draws")
        for part in (self.told, self.view, self._working, self.sort_button, self.without):
            self.form.addWidget(part)
        self.view.latent_wanted.connect(self.latent_wanted)
        self.sort_button.clicked.connect(self.sort_wanted)
        self.set_ready(ready=False, reason="waits for an encoder")

    def _build_progress(self) -> None:
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setAccessibleName("Looking at latents")
        self.progress.setToolTip("How far looking at the latents is; the viewer stays live")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Look at no more latents; what is shown stays")
        self._working = QWidget()
        row = QHBoxLayout(self._working)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.progress, 1)
        row.addWidget(self.cancel_button)
        self._working.hide()
        self._shown = QTimer(self)  # what takes no time shows no progress
        self._shown.setSingleShot(True)
        self._shown.setInterval(300)
        self._shown.timeout.connect(self._working.show)
        self.cancel_button.clicked.connect(self.cancel_wanted)

    # -- showing ---------------------------------------------------------------------------------------------------

    def set_ready(self, *, ready: bool, reason: str = "") -> None:
        """Enable the card with nothing sorted yet, or say what it waits for."""
        self.setEnabled(ready)
        self.set_state(reason)
        self.list.show_latents((), {}, "")
        self.end_progress(done=True)
        self.view.hide()
        for line in (self.told, self.without):
            line.hide()

    def show_latents(self, order: tuple[int, ...], says: dict[int | None, str], about: str) -> None:
        """Show the latents in their order, with what each says."""
        self.list.show_latents(order, says, about)
        self.view.show()

    def show_told(self, sentence: str) -> None:
        """Say what a click does."""
        self.told.setText(sentence)
        self.told.setVisible(bool(sentence))

    def show_without(self, *reasons: str) -> None:
        """Say what there is not of this network, and why."""
        self.without.setText(" ".join(reason for reason in reasons if reason))
        self.without.setVisible(bool(self.without.text()))

    def show_painted(self, latent: int | None) -> None:
        """Choose the row of the latent whose attention is painted; nothing is asked for."""
        self.view.show_chosen(self.list.row_of(latent))

    def show_nothing_painted(self) -> None:
        """Choose no row: the viewer shows no attention."""
        self.view.show_chosen(None)

    def start_progress(self) -> None:
        """Show before long how far it is."""
        self.sort_button.hide()
        if self._working.isHidden() and not self._shown.isActive():
            self.progress.setValue(0)
            self._shown.start()

    def show_progress(self, step: Step) -> None:
        """Show how far it is."""
        self.progress.setValue(int(1000 * step.fraction))
        self.progress.setFormat(f"{step.message or 'Looking at latents'} · %p %")

    def end_progress(self, *, done: bool) -> None:
        """Show that nothing is looked at any more; where something is left to do, offer to go on."""
        self._shown.stop()
        self._working.hide()
        self.sort_button.setVisible(not done)
