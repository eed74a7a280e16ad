"""Model card: which encoder is in use, and fitting one to what is open."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QWidget,
)

from conceptstain._qt.card import Card, asked_where
from conceptstain._qt.objective_form import ObjectiveForm
from conceptstain._qt.own_network import OwnNetwork
from conceptstain._qt.training_plot import TrainingPlot
from conceptstain.canvas.annotations import listed

if TYPE_CHECKING:
    from conceptstain.inputs import Source
    from conceptstain.nets.encoder import Encoder
    from conceptstain.progress import Step

__all__ = ["ModelPanel"]

WEIGHTS = "Weights (*.safetensors)"
ENCODERS = "Encoders (*.safetensors *.pt2)"
SPOTS = "spots"
WITHOUT_PLACES = {"mlp", SPOTS}


class Kind(NamedTuple):
    """What the card says of one kind of data.

    Attributes
    ----------
    this
        What is open.
    fit_tip
        What fitting does.
    seen
        What training sees in every epoch.
    cells
        What pictures are made of.
    networks
        Kinds of networks, each with its explanation.
    """

    this: str
    fit_tip: str
    seen: str
    cells: str
    networks: dict[str, str]


PICTURE_NETWORKS = {
    "average-pool": "Convolutions with average pooling: sharp maps, and latent attention",
    "places": "The same with latents that keep their places: found hats and glasses of faces best, and takes longer",
    "paper": "Five strided convolutions with batch normalisation, as in the paper, for pictures of 128 pixels: slow",
    "factor-vae": "Four strided convolutions and ten latents, with the training of the disentangling literature: for "
    "drawings and shapes in black and white",
}
KINDS = {
    "gene": Kind(
        "this section",
        "Train an encoder on the genes of this section: sharper maps, in half a minute for some hundred spots",
        "every gene; auto: 12 or more",
        "cells",
        {
            "average-pool": "Genes as pictures, convolutions with average pooling: sharp maps, and latent attention",
            "mlp": "Genes as pictures, fully connected: fastest; no attention",
            SPOTS: "Spots as profiles, from three seeds: for the map Spot score",
        },
    ),
    "picture": Kind(
        "these pictures",
        "Train an encoder on these pictures: minutes for some hundred of them",
        "every picture; auto: 20 or more",
        "pixels",
        PICTURE_NETWORKS,
    ),
    "patch": Kind(
        "this slide",
        "Train an encoder on patches of this slide: minutes",
        "up to 5,000 patches; auto: 20 or more",
        "pixels",
        PICTURE_NETWORKS,
    ),
}


class ModelPanel(Card):
    """Emits what the user wants done about the encoder; shows the one in use and a running fit."""

    bundled_wanted = Signal()
    fit_wanted = Signal(str, int, object)  # network, epochs, objective
    cancel_wanted = Signal()
    load_wanted = Signal(object)  # paths
    own_wanted = Signal(str, object)  # "package.module:build", and a file of weights or None
    save_wanted = Signal(object)
    save_spots_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("2  Model", parent)
        self.summary = QLabel("Open data first.")
        self.summary.setWordWrap(True)
        self.form.addWidget(self.summary)
        self.spots = QLabel()
        self.spots.setWordWrap(True)
        self.spots.hide()
        self.form.addWidget(self.spots)
        self._fitted = ""  # which of several encoders the curves are of
        self._began = 0.0
        self._fitting = self._can_fit = False
        self._build_fit()
        self._build_files()
        self.show_encoder(None)

    def _build_fit(self) -> None:
        self.fit_button = QPushButton("Fit to this section")
        self.network = QComboBox()
        self.network.setAccessibleName("Kind of network")
        self.epochs = QSpinBox()
        self.epochs.setAccessibleName("Epochs")
        self.epochs.setRange(0, 1000)
        self.epochs.setSpecialValueText("epochs: auto")
        self.epochs.setSuffix(" epochs")
        settings = QHBoxLayout()
        settings.addWidget(self.network, 1)
        settings.addWidget(self.epochs)
        self.form.addWidget(self.fit_button)
        self.form.addLayout(settings)
        self.objective = ObjectiveForm()
        self.form.addWidget(self.objective)
        self.network.currentTextChanged.connect(
            lambda network: self.objective.offer(places=network not in WITHOUT_PLACES, of_spots=network == SPOTS)
        )

        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setToolTip("Training")
        self.progress.setAccessibleName("Training")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop training and keep the encoder in use")
        self._running = QWidget()
        row = QHBoxLayout(self._running)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.progress, 1)
        row.addWidget(self.cancel_button)
        self.form.addWidget(self._running)
        self.plot = TrainingPlot()
        self.form.addWidget(self.plot)
        self._running.hide()
        self.plot.hide()
        self._kind = KINDS["gene"]
        self._show_kind()
        self.fit_button.clicked.connect(
            lambda: self.fit_wanted.emit(self.network.currentText(), self.epochs.value(), self.objective.objective)
        )
        self.cancel_button.clicked.connect(self.cancel_wanted)

    def _build_files(self) -> None:
        self.bundled_button = QPushButton("Bundled")
        self.bundled_button.setToolTip("Use the encoder that comes with the plugin")
        self.load_button = QPushButton("Load…")
        self.load_button.setToolTip(
            "Use an encoder saved before (.safetensors; of spots, choose all seeds at once), or a network of your own, "
            "as torch.export.save wrote it (.pt2)"
        )
        self.save_button = QPushButton("Save…")
        self.save_button.setToolTip("Save the encoder in use (.safetensors)")
        self.save_spots_button = QPushButton("Save spots…")
        self.save_spots_button.setToolTip("Save the encoders of spots, one file for each seed (.safetensors)")
        self.save_spots_button.hide()
        files = QHBoxLayout()
        for button in (self.bundled_button, self.load_button, self.save_button, self.save_spots_button):
            files.addWidget(button)
        self.form.addLayout(files)
        self.own_button = QPushButton("Own network…")
        self.own_button.setCheckable(True)
        self.own_button.setToolTip("Use a network that a function of your own builds")
        files.insertWidget(2, self.own_button)
        self.own_network = OwnNetwork()
        self.form.addWidget(self.own_network)
        self.own_button.toggled.connect(self.own_network.setVisible)
        self.own_network.wanted.connect(self.own_wanted)
        self.bundled_button.clicked.connect(self.bundled_wanted)
        self.load_button.clicked.connect(self._ask_for_weights)
        self.save_button.clicked.connect(lambda: self._ask_where_to_save(self.save_wanted, "encoder"))
        self.save_spots_button.clicked.connect(lambda: self._ask_where_to_save(self.save_spots_wanted, "spots"))

    def show_kind(self, noun: str) -> None:
        """Offer what suits genes, pictures or patches, by what one of them is called."""
        if KINDS[noun] is not self._kind:
            self._kind = KINDS[noun]
            self._show_kind()

    def _show_kind(self) -> None:
        kind = self._kind
        self.fit_button.setText(f"Fit to {kind.this}")
        self.fit_button.setToolTip(kind.fit_tip)
        self.network.clear()
        for network, explanation in kind.networks.items():
            self.network.addItem(network)
            self.network.setItemData(self.network.count() - 1, explanation, 3)
        told = ". ".join(f"{key}: {text}" for key, text in kind.networks.items())
        self.network.setToolTip(f"Kind of network. {told}")
        self.epochs.setToolTip(f"How often training sees {kind.seen}. The best epoch is kept")

    def show_encoder(
        self, encoder: Encoder | None, *, source: Source | None = None, can_fit: bool = False, reason: str = ""
    ) -> None:
        """Say which encoder is in use, or why none is."""
        for button in (self.bundled_button, self.load_button, self.own_button):
            button.setEnabled(can_fit)
        self._can_fit = can_fit
        self.fit_button.setEnabled(can_fit and not self._fitting)
        if self._fitting:
            return  # its steps tell where it stands
        self.save_button.setEnabled(encoder is not None)
        if encoder is not None:
            rows, columns = encoder.shape[-2:]
            known = encoder.sections
            strange = bool(known) and source is not None and not encoder.has_seen(source)
            hint = "fit for sharper maps" if strange else f"{encoder.latent} latents"
            self.set_state(f"{encoder.name} · {hint}")
            self.summary.setText(
                f"<b>{escape(encoder.name)}</b>: {encoder.latent} latent dimensions, "
                f"pictures of {rows} × {columns} {self._kind.cells}. "
                + (f"It learned from {escape(listed(known))}. " if known else "")
                + (f"It has not seen {self._kind.this}: fit one before reading much off a map." if strange else "")
            )
        else:
            wanted = f"fit one to {self._kind.this}" if reason else "no encoder in use"
            self.set_state(wanted if can_fit else "open data first")
            self.summary.setText(reason or ("Load an encoder or fit one." if can_fit else "Open data first."))

    def show_spot_encoders(self, encoders: Sequence[Encoder]) -> None:
        """Say which encoders of spots are in use."""
        self.spots.setVisible(bool(encoders))
        self.save_spots_button.setVisible(bool(encoders))
        if encoders:
            count = f"{len(encoders)} encoders" if len(encoders) > 1 else "1 encoder"
            known = listed(encoders[0].sections)
            self.spots.setText(
                f"<b>Spots</b>: {count} of {len(encoders[0].features):,} genes"
                + (f", fitted to {escape(known)}." if known else ".")
            )

    def start_fit(self) -> None:
        """Show that a fit runs."""
        self._fitting = True
        self._began = time.monotonic()
        self.progress.setValue(0)
        self.progress.setFormat("starting")
        self._running.show()
        self.plot.show()
        self.plot.clear()
        self.fit_button.setEnabled(False)
        self.set_state("fitting…")

    def show_step(self, step: Step) -> None:
        """Show how far the fit is, and how long it will take."""
        if step.fraction > 0:
            spent = time.monotonic() - self._began
            left = spent / step.fraction * (1 - step.fraction)
            self.progress.setFormat(f"{step.message} · {left:.0f} s left")
            self.set_state(f"fitting, {left:.0f} s left")
        self.progress.setValue(int(1000 * step.fraction))
        if step.values:
            which = step.message.partition(":")[0] if ":" in step.message else ""
            if which != self._fitted:  # another seed has begun
                self._fitted = which
                self.plot.clear()
            self.plot.add(step.values)

    def end_fit(self) -> None:
        """Show that no fit runs; the loss curve stays."""
        self._fitting = False
        self._running.hide()
        self.fit_button.setEnabled(self._can_fit)

    def forget_fit(self) -> None:
        """Hide the loss curve of a section that is open no more."""
        self.plot.hide()

    def _ask_for_weights(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Load an encoder", "", ENCODERS)
        if paths:
            self.load_wanted.emit([Path(path) for path in paths])

    def _ask_where_to_save(self, wanted: Signal, name: str) -> None:
        path = asked_where(self, "Save the encoder", f"{name}.safetensors", WEIGHTS, ".safetensors")
        if path:
            wanted.emit(path)
