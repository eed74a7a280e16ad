"""Attention card: the latents of the encoder, sorted by what they say, each with its map and what it draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QPushButton, QWidget

from conceptstain._qt.card import Card
from conceptstain._qt.latent_view import LatentView
from conceptstain._qt.progress_row import ProgressRow

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
        told = "How far looking at the latents is; the viewer stays live"
        self.working = ProgressRow(
            "Looking at latents", told=told, stops="Look at no more latents; what is shown stays"
        )
        self.cancel_button = self.working.cancel_button
        self.sort_button = QPushButton("Sort the latents")
        self.sort_button.setToolTip("Find out how much each latent says of the data, where it looks and what it draws")
        for part in (self.told, self.view, self.working, self.sort_button, self.without):
            self.form.addWidget(part)
        self.view.latent_wanted.connect(self.latent_wanted)
        self.sort_button.clicked.connect(self.sort_wanted)
        self.working.cancel_wanted.connect(self.cancel_wanted)
        self.set_ready(ready=False, reason="waits for an encoder")

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
        self.working.start()

    def show_progress(self, step: Step) -> None:
        """Show how far it is."""
        self.working.show_step(step)

    def end_progress(self, *, done: bool) -> None:
        """Show that nothing is looked at any more; where something is left to do, offer to go on."""
        self.working.end()
        self.sort_button.setVisible(not done)
