"""Units card: which unit of a network sees what, beside controls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from conceptstain._qt.card import Card, asked_where
from conceptstain._qt.detector_plot import Bar, DetectorPlot
from conceptstain._qt.effect_row import EffectRow
from conceptstain._qt.label_choice import LabelChoice
from conceptstain._qt.progress_row import ProgressRow
from conceptstain._qt.unit_table import UnitRow
from conceptstain._qt.unit_view import UnitView

if TYPE_CHECKING:
    from conceptstain.progress import Step

__all__ = ["UnitsPanel"]

NETWORKS = "Networks (*.safetensors *.pt2)"
DETECTOR = 0.04  # IoU, as in the paper
NUMBER = 96  # pixels of a field for a number


class UnitsPanel(Card):
    """Emits what is to be dissected, and which unit is to be seen; shows what units see."""

    dissect_wanted = Signal()
    cancel_wanted = Signal()
    network_chosen = Signal(int)  # row
    file_wanted = Signal(object)
    least_changed = Signal(float)
    concept_wanted = Signal(int)  # unit
    table_wanted = Signal(object)  # path
    figure_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("6  Units", parent)
        self._may_dissect, self._before = False, ""
        self._build_choices()
        told = "How far it is; the viewer stays live"
        self.working = ProgressRow("Looking at units", told=told, stops="Stop; what was found before stays")
        self.cancel_button = self.working.cancel_button
        self.working.cancel_wanted.connect(self.cancel_wanted)
        self.form.addWidget(self.working)
        self._build_found()
        self.offer_concept(possible=False)
        self.set_ready(ready=False, reason="open data first")

    def _build_choices(self) -> None:
        self.network = QComboBox()
        self.network.setAccessibleName("Network whose units are looked at")
        self.open_button = QPushButton("Open…")
        self.open_button.setToolTip(
            "A classifier that conceptstain fit-classifier has written, an encoder (.safetensors), or a network of "
            "your own (.pt2)"
        )
        self.layer = QComboBox()
        self.layer.setAccessibleName("Layer whose units are looked at")
        self.layer.setToolTip(
            "Layers whose units can be held against labels; first, the last convolution or what a classifier reads"
        )
        for choice in (self.network, self.layer):
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.labels = LabelChoice()
        self.quantile = QDoubleSpinBox()
        self.quantile.setFixedWidth(NUMBER)
        self.quantile.setAccessibleName("Part of the places at which a unit is active")
        self.quantile.setRange(0.0, 50.0)
        self.quantile.setDecimals(1)
        self.quantile.setSingleStep(0.5)
        self.quantile.setSuffix(" %")
        self.quantile.setSpecialValueText("auto")
        self.quantile.setToolTip(
            "At which part of the places a unit counts as active, where it puts out most. Auto: 0.5 % of pictures, as "
            "in the paper; of tissue, the share that the median label has of it"
        )
        self.least = QDoubleSpinBox()
        self.least.setFixedWidth(NUMBER)
        self.least.setAccessibleName("IoU above which a unit is a detector")
        self.least.setRange(0.0, 0.99)
        self.least.setDecimals(2)
        self.least.setSingleStep(0.01)
        self.least.setValue(DETECTOR)
        self.least.setToolTip("IoU above which a unit is a detector of its label; 0.04 in the paper")
        self.dissect_button = QPushButton("Dissect")
        self.dissect_button.setToolTip("Find out what each unit of the layer overlaps with most, and beside controls")
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.addWidget(QLabel("Network"), 0, 0)
        grid.addWidget(self.network, 0, 1)
        grid.addWidget(self.open_button, 0, 2)
        grid.addWidget(QLabel("Layer"), 1, 0)
        grid.addWidget(self.layer, 1, 1, 1, 2)
        grid.addWidget(QLabel("Labels"), 2, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self.labels, 2, 1, 1, 2)
        active = QHBoxLayout()
        active.addWidget(self.quantile)
        active.addWidget(QLabel("of the places"), 1)
        grid.addWidget(QLabel("Active at"), 3, 0)
        grid.addLayout(active, 3, 1, 1, 2)
        self.form.addLayout(grid)
        self.form.addWidget(self.dissect_button)
        self.network.currentIndexChanged.connect(self._choose_network)
        self.open_button.clicked.connect(self._ask_for_network)
        self.labels.changed.connect(self._show_whether_ready)
        self.dissect_button.clicked.connect(self.dissect_wanted)
        self.least.valueChanged.connect(self._change_least)

    def _build_found(self) -> None:
        self.told, self.controls, self.seen = QLabel(), QLabel(), QLabel()
        for line in (self.told, self.controls, self.seen):
            line.setWordWrap(True)
            line.setTextFormat(Qt.TextFormat.PlainText)
            line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.plot = DetectorPlot()
        self.search = QLineEdit()
        self.search.setAccessibleName("Search units")
        self.search.setPlaceholderText("search")
        self.search.setToolTip("List the units whose label, category or name holds this")
        self.search.setClearButtonEnabled(True)
        self.detectors_only = QCheckBox("detectors: IoU above")
        self.detectors_only.setToolTip("List only detectors: units whose IoU is above this")
        self.view = UnitView()
        self.table = self.view.table
        self.table_button = QPushButton("Table…")
        self.table_button.setToolTip("Write all units (.csv): label, category, IoU, bound, runner-up, threshold")
        self.figure_button = QPushButton("Figure…")
        self.figure_button.setToolTip("SVG, PDF or PNG: unique detectors by category beside the controls")
        self._found = QWidget()
        column = QVBoxLayout(self._found)
        column.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        row.addWidget(self.search, 1)
        row.addWidget(self.detectors_only)
        row.addWidget(self.least)
        self.found_form = column
        for part in (self.told, self.plot, self.controls):
            column.addWidget(part)
        column.addLayout(row)
        column.addWidget(self.view)
        column.addWidget(self.seen)
        self.effect = EffectRow()
        column.addWidget(self.effect)
        self.concept_button = QPushButton("New concept")
        files = QHBoxLayout()
        files.addWidget(self.concept_button)
        files.addWidget(self.table_button)
        files.addWidget(self.figure_button)
        column.addLayout(files)
        self.form.addWidget(self._found)
        self._folder = Path.home()
        self._concepts = False
        self.concept_button.clicked.connect(self._ask_for_concept)
        self.view.selectionModel().selectionChanged.connect(lambda *_rows: self._show_whether_concept())
        self.table.modelReset.connect(self._show_whether_concept)
        self.search.textChanged.connect(lambda _text: self._arrange())
        self.search.returnPressed.connect(self.view.setFocus)
        self.detectors_only.toggled.connect(lambda _on: self._arrange())
        self.table_button.clicked.connect(lambda: self._ask_where(self.table_wanted, "units.csv", "Tables (*.csv)"))
        self.figure_button.clicked.connect(
            lambda: self._ask_where(self.figure_wanted, "detectors.svg", "Figures (*.svg *.pdf *.png)")
        )

    # -- what is chosen --------------------------------------------------------------------------------------------

    def set_ready(self, *, ready: bool, reason: str = "") -> None:
        """Enable the card with nothing found yet, or say what it waits for."""
        self.setEnabled(ready)
        self.set_state(reason)
        self.clear()

    def offer_networks(self, names: Sequence[str], chosen: int) -> None:
        """Offer networks; the chosen one is looked into where it is another."""
        with QSignalBlocker(self.network):
            self.network.clear()
            self.network.addItems(list(names))
            self.network.setCurrentIndex(chosen)
        self._show_network()
        self.offer_layers((), "")

    def offer_layers(self, layers: Sequence[str], likely: str) -> None:
        """Offer layers; what was chosen stays so where it can."""
        self._before = before = self.layer.currentText() or self._before  # also while a network is looked into
        self.layer.clear()
        self.layer.addItems(list(layers))
        self.layer.setCurrentText(before if before in layers else likely)
        self.layer.setEnabled(len(layers) > 1)
        self._show_whether_ready()

    @property
    def wanted_quantile(self) -> float | None:
        """At which part of the places a unit is active; None: as suits the labels."""
        return self.quantile.value() / 100 or None

    def _choose_network(self, row: int) -> None:
        self._show_network()
        self.offer_layers((), "")
        self.network_chosen.emit(row)

    def _show_network(self) -> None:
        self.network.setToolTip(f"Network whose units are looked at: {self.network.currentText()}")

    def _show_whether_ready(self) -> None:
        reason = ""
        if not self.layer.count():
            reason = "Choose a network with layers that have places"
        elif not self.labels.chosen:
            reason = "Tick what the units are to be held against"
        self.dissect_button.setEnabled(not reason and self._may_dissect)
        tip = "Find out what each unit of the layer overlaps with most, and beside controls"
        self.dissect_button.setToolTip(reason or tip)

    # -- what was found --------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Show nothing found."""
        self.end_progress()
        self.table.show_units((), can_tick=False)
        self._found.hide()

    def show_units(self, rows: Iterable[UnitRow], told: str, *, named: bool, can_tick: bool) -> None:
        """Show what units see; pictures and controls come later."""
        self.view.show_kind(named=named, can_tick=can_tick)
        self.table.show_units(rows, can_tick=can_tick)
        self.told.setText(told)
        self._arrange()
        self._found.show()
        self.view.scrollToTop()

    def offer_concept(self, *, possible: bool) -> None:
        """Offer concepts of units; only of the encoder in use there are any."""
        self._concepts = possible
        self._show_whether_concept()

    def _show_whether_concept(self) -> None:
        self.concept_button.setEnabled(self._concepts and self.view.chosen_unit is not None)
        tip = "A concept along the chosen unit, in the Concepts card: every map can be made of it"
        self.concept_button.setToolTip(tip if self._concepts else "Concepts are made of units of the encoder in use")

    def _ask_for_concept(self) -> None:
        unit = self.view.chosen_unit
        if unit is not None:
            self.concept_wanted.emit(unit)

    def show_bars(self, bars: Mapping[str, Mapping[str, Bar]], first: str, sentence: str) -> None:
        """Show unique detectors, and what the controls say of them."""
        self.plot.draw_bars(bars, first)
        self.say_of_controls(sentence)

    def say_of_controls(self, sentence: str) -> None:
        """Say what the controls say, or that they are being drawn."""
        self.controls.setText(sentence)
        self.controls.setVisible(bool(sentence))

    def say_what_is_seen(self, sentence: str) -> None:
        """Say which unit the viewer shows."""
        self.seen.setText(sentence)
        self.seen.setVisible(bool(sentence))

    def start_progress(self) -> None:
        """Show before long how far it is."""
        self._may_dissect = False
        self._show_whether_ready()
        self.working.start()

    def show_progress(self, step: Step) -> None:
        """Show how far it is."""
        self.working.show_step(step)

    def end_progress(self) -> None:
        """Show that nobody waits for anything."""
        self._may_dissect = True
        self.working.end()
        self._show_whether_ready()

    def show_done(self, path: Path) -> None:
        """Remember where files go."""
        self._folder = path.parent

    def _arrange(self) -> None:
        chosen = self.view.chosen_unit
        self.table.search(self.search.text(), detectors_only=self.detectors_only.isChecked(), least=self.least.value())
        self.view.show_chosen(chosen)

    def _change_least(self, value: float) -> None:
        self._arrange()
        self.least_changed.emit(value)

    # -- files -----------------------------------------------------------------------------------------------------

    def _ask_for_network(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a classifier or an encoder", "", NETWORKS)
        if path:
            self.file_wanted.emit(Path(path))

    def _ask_where(self, wanted: Signal, name: str, kinds: str) -> None:
        path = asked_where(self, "Save", str(self._folder / name), kinds, Path(name).suffix)
        if path:
            wanted.emit(path)
