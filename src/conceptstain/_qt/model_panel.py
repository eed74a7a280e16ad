"""Model card: which encoder is in use, and fitting one to the section."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

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
from conceptstain._qt.plots import LossPlot

if TYPE_CHECKING:
    from conceptstain.canvas.section import Section
    from conceptstain.nets.encoder import Encoder
    from conceptstain.progress import Step

__all__ = ["ModelPanel"]

WEIGHTS = "Weights (*.safetensors)"
SPOTS = "spots"
NETWORKS = {
    "average-pool": "Genes as pictures, convolutions with average pooling: sharp maps, and latent attention",
    "mlp": "Genes as pictures, fully connected: fastest; no attention",
    SPOTS: "Spots as profiles, from three seeds: for the map Spot score",
}


class ModelPanel(Card):
    """Emits what the user wants done about the encoder; shows the one in use and a running fit."""

    bundled_wanted = Signal()
    fit_wanted = Signal(str, int)  # network, epochs
    cancel_wanted = Signal()
    load_wanted = Signal(object)  # paths
    save_wanted = Signal(object)
    save_spots_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("2  Model", parent)
        self.summary = QLabel("Open a section first.")
        self.summary.setWordWrap(True)
        self.form.addWidget(self.summary)
        self.spots = QLabel()
        self.spots.setWordWrap(True)
        self.spots.hide()
        self.form.addWidget(self.spots)
        self._curves: dict[str, list[float]] = {}
        self._fitted = ""  # which of several encoders the curves are of
        self._began = 0.0
        self._fitting = self._can_fit = False
        self._build_fit()
        self._build_files()
        self.show_encoder(None)

    def _build_fit(self) -> None:
        self.fit_button = QPushButton("Fit to this section")
        self.fit_button.setToolTip(
            "Train an encoder on the genes of this section: sharper maps, in half a minute for some hundred spots"
        )
        self.network = QComboBox()
        self.network.setAccessibleName("Kind of network")
        for network, explanation in NETWORKS.items():
            self.network.addItem(network)
            self.network.setItemData(self.network.count() - 1, explanation, 3)
        self.network.setToolTip("Kind of network. " + ". ".join(f"{key}: {text}" for key, text in NETWORKS.items()))
        self.epochs = QSpinBox()
        self.epochs.setAccessibleName("Epochs")
        self.epochs.setRange(0, 1000)
        self.epochs.setSpecialValueText("epochs: auto")
        self.epochs.setSuffix(" epochs")
        self.epochs.setToolTip("How often training sees every gene; auto: 12 or more. The best epoch is kept")
        settings = QHBoxLayout()
        settings.addWidget(self.network, 1)
        settings.addWidget(self.epochs)
        self.form.addWidget(self.fit_button)
        self.form.addLayout(settings)

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
        self.plot = LossPlot()
        self.form.addWidget(self.plot)
        self._running.hide()
        self.plot.hide()
        self.fit_button.clicked.connect(lambda: self.fit_wanted.emit(self.network.currentText(), self.epochs.value()))
        self.cancel_button.clicked.connect(self.cancel_wanted)

    def _build_files(self) -> None:
        self.bundled_button = QPushButton("Bundled")
        self.bundled_button.setToolTip("Use the encoder that comes with the plugin")
        self.load_button = QPushButton("Load…")
        self.load_button.setToolTip("Use an encoder saved before (.safetensors); of spots, choose all seeds at once")
        self.save_button = QPushButton("Save…")
        self.save_button.setToolTip("Save the encoder in use (.safetensors)")
        self.save_spots_button = QPushButton("Save spots…")
        self.save_spots_button.setToolTip("Save the encoders of spots, one file for each seed (.safetensors)")
        self.save_spots_button.hide()
        files = QHBoxLayout()
        for button in (self.bundled_button, self.load_button, self.save_button, self.save_spots_button):
            files.addWidget(button)
        self.form.addLayout(files)
        self.bundled_button.clicked.connect(self.bundled_wanted)
        self.load_button.clicked.connect(self._ask_for_weights)
        self.save_button.clicked.connect(lambda: self._ask_where_to_save(self.save_wanted, "encoder"))
        self.save_spots_button.clicked.connect(lambda: self._ask_where_to_save(self.save_spots_wanted, "spots"))

    def show_encoder(
        self, encoder: Encoder | None, *, section: Section | None = None, can_fit: bool = False, reason: str = ""
    ) -> None:
        """Say which encoder is in use, or why none is."""
        for button in (self.bundled_button, self.load_button):
            button.setEnabled(can_fit)
        self._can_fit = can_fit
        self.fit_button.setEnabled(can_fit and not self._fitting)
        if self._fitting:
            return  # its steps tell where it stands
        self.save_button.setEnabled(encoder is not None)
        if encoder is not None:
            rows, columns = encoder.shape[-2:]
            known = encoder.sections
            strange = bool(known) and section is not None and not encoder.has_seen(section)
            hint = "fit for sharper maps" if strange else f"{encoder.latent} latents"
            self.set_state(f"{encoder.name} · {hint}")
            self.summary.setText(
                f"<b>{escape(encoder.name)}</b>: {encoder.latent} latent dimensions, "
                f"pictures of {rows} × {columns} cells. "
                + (f"It learned from {escape(', '.join(known))}. " if known else "")
                + ("It has not seen this section: fit one before reading thin layers off a map." if strange else "")
            )
        else:
            wanted = "fit one to this section" if reason else "no encoder in use"
            self.set_state(wanted if can_fit else "open a section first")
            self.summary.setText(reason or ("Load an encoder or fit one." if can_fit else "Open a section first."))

    def show_spot_encoders(self, encoders: Sequence[Encoder]) -> None:
        """Say which encoders of spots are in use."""
        self.spots.setVisible(bool(encoders))
        self.save_spots_button.setVisible(bool(encoders))
        if encoders:
            count = f"{len(encoders)} encoders" if len(encoders) > 1 else "1 encoder"
            known = ", ".join(encoders[0].sections)
            self.spots.setText(
                f"<b>Spots</b>: {count} of {len(encoders[0].features):,} genes"
                + (f", fitted to {escape(known)}." if known else ".")
            )

    def start_fit(self) -> None:
        """Show that a fit runs."""
        self._fitting = True
        self._curves = {}
        self._began = time.monotonic()
        self.progress.setValue(0)
        self.progress.setFormat("starting")
        self._running.show()
        self.plot.show()
        self.plot.draw_curves({})
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
                self._fitted, self._curves = which, {}
            for name, value in step.values.items():
                self._curves.setdefault(name, []).append(value)
            self.plot.draw_curves({name: values for name, values in self._curves.items() if "loss" in name})

    def end_fit(self) -> None:
        """Show that no fit runs; the loss curve stays."""
        self._fitting = False
        self._running.hide()
        self.fit_button.setEnabled(self._can_fit)

    def forget_fit(self) -> None:
        """Hide the loss curve of a section that is open no more."""
        self.plot.hide()

    def _ask_for_weights(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Load an encoder", "", WEIGHTS)
        if paths:
            self.load_wanted.emit([Path(path) for path in paths])

    def _ask_where_to_save(self, wanted: Signal, name: str) -> None:
        path = asked_where(self, "Save the encoder", f"{name}.safetensors", WEIGHTS, ".safetensors")
        if path:
            wanted.emit(path)
