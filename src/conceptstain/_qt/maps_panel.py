"""Maps card: how the chosen concept is painted, its colour limits, and its ranked genes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QTableView,
    QWidget,
)

from conceptstain._qt.card import Card
from conceptstain._qt.check_row import CheckRow
from conceptstain._qt.gene_table import GeneTable, RankedGenes, SearchedGenes
from conceptstain._qt.plots import ColourBar, ControlsPlot
from conceptstain._qt.rectified_settings import RectifiedSettings
from conceptstain._qt.threshold_row import ThresholdRow
from conceptstain.canvas.expression import counted
from conceptstain.methods.anomaly_settings import ANOMALY_METHODS
from conceptstain.methods.map_settings import ATTENTIONS
from conceptstain.methods.maps import (
    ITEM_DEVIATION,
    ITEM_SCORE,
    MAPS,
    SPOT_DEVIATION,
    SPOT_SCORE,
    MapKind,
    ScoreKind,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conceptstain.methods.controls import Controls
    from conceptstain.methods.map_settings import MapSettings
    from conceptstain.progress import Step

__all__ = ["MapsPanel"]

CHOICES: dict[str, tuple[MapKind | ScoreKind, ...]] = {
    "gene": (MAPS[0], SPOT_SCORE, SPOT_DEVIATION, *MAPS[1:]),
    "picture": MAPS,
    "patch": (ITEM_SCORE, ITEM_DEVIATION, *MAPS),
}
AGAINST = (
    "What spots are told from: other concepts without a spot of this one, spots of no concept, or both. "
    "Summed: the first score and the third one together, which holds best on other sections"
)
ALL_LATENTS = -1  # below the first latent in the box
WITHOUT_NORMAL = frozenset({"reconstruction", "features", "attention-released", "intensity", "contrast"})
UNASKED = (
    "This way the network alone is asked, which should have been fitted to what is normal; ranks go by the normal."
)
SEVERAL = {"gene": "genes", "picture": "pictures", "patch": "patches"}
SIGNS = {"all": 0, "up": 1, "down": -1}


class MapsPanel(Card):
    """Emits which map is wanted; shows its limits and the genes behind it."""

    map_wanted = Signal(str, object)  # key, MapSettings
    map_shown = Signal(str)  # title
    limits_wanted = Signal(float, float)
    limits_reset = Signal()
    gene_wanted = Signal(str)
    spot_settings_wanted = Signal(dict)  # what SpotConceptSettings takes
    cancel_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("4  Maps", parent)
        self._by_hand = False  # whether the user has chosen the map
        self._noun = "gene"
        self._build_choice()
        self._build_spot_settings()
        self._build_limits()
        self._build_controls()
        self.check = CheckRow()
        self.form.addWidget(self.check)
        self._build_genes()
        self.set_ready(ready=False, reason="make a concept first")

    def _build_choice(self) -> None:
        self.map = QComboBox()
        self.map.setAccessibleName("Map")
        for kind in CHOICES["gene"]:
            self.map.addItem(kind.label, kind.key)
        self.map.setToolTip("How the concept is painted")
        self.map.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._build_attention()
        self.live = QCheckBox("Live")
        self.live.setChecked(True)
        self.live.setToolTip("The map follows an outline while you draw or move it")
        row = QHBoxLayout()
        row.addWidget(self.map, 1)
        row.addWidget(self.latent)
        row.addWidget(self.attention)
        row.addWidget(self.live)
        self.form.addLayout(row)
        self.rectified = RectifiedSettings()
        self.form.addWidget(self.rectified)
        self._build_anomaly()
        self.explanation = QLabel(CHOICES["gene"][0].explanation)
        self.explanation.setWordWrap(True)
        self.form.addWidget(self.explanation)
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setAccessibleName("Painting")
        self.progress.setToolTip("How much of what is seen is painted")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop painting; what is painted stays")
        self._painting = QWidget()
        painting = QHBoxLayout(self._painting)
        painting.setContentsMargins(0, 0, 0, 0)
        painting.addWidget(self.progress, 1)
        painting.addWidget(self.cancel_button)
        self._painting.hide()
        self.form.addWidget(self._painting)
        self._shown = QTimer(self)  # what takes no time shows no progress
        self._shown.setSingleShot(True)
        self._shown.setInterval(300)
        self._shown.timeout.connect(self._painting.show)
        self.cancel_button.clicked.connect(self.cancel_wanted)
        self.map.currentIndexChanged.connect(self._want_map)
        self.map.activated.connect(self._keep_choice)
        self.latent.valueChanged.connect(self._want_map)
        self.attention.currentIndexChanged.connect(self._want_map)
        self.rectified.changed.connect(self._want_map)

    def _build_attention(self) -> None:
        self.latent = QSpinBox()
        self.latent.setAccessibleName("Latent dimension")
        self.latent.setPrefix("latent ")
        self.latent.setRange(ALL_LATENTS, 99)
        self.latent.setSpecialValueText("all latents")
        self.latent.setValue(0)
        self.latent.setToolTip("Which latent dimension's attention is painted; below 0 that of all together")
        self.latent.hide()
        self.attention = QComboBox()
        self.attention.setAccessibleName("Variant of attention")
        for name, explanation in ATTENTIONS.items():
            self.attention.addItem(name, name)
            self.attention.setItemData(self.attention.count() - 1, explanation, Qt.ItemDataRole.ToolTipRole)
        self.attention.setToolTip("As in the paper, or as in its released code")
        self.attention.hide()

    def _build_anomaly(self) -> None:
        self.anomaly = QComboBox()
        self.anomaly.setAccessibleName("How deviations are looked for")
        self.anomaly.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for name, explanation in ANOMALY_METHODS.items():
            self.anomaly.addItem("by pasted defects" if name == "pasted" else f"by {name}", name)
            self.anomaly.setItemData(self.anomaly.count() - 1, explanation, Qt.ItemDataRole.ToolTipRole)
        self.anomaly.setToolTip("How deviations are looked for")
        self.anomaly.hide()
        self.form.addWidget(self.anomaly)
        self.anomaly.currentIndexChanged.connect(self._want_map)

    def _build_spot_settings(self) -> None:
        self.against, self.direction, self.neighbours = QComboBox(), QComboBox(), QComboBox()
        choices: tuple[tuple[QComboBox, str, str, dict[str, object]], ...] = (
            (
                self.against,
                "Compared with",
                AGAINST,
                {
                    "against other concepts and the rest": {"contrast": True, "rest": True, "singly": False},
                    "against other concepts alone": {"contrast": True, "rest": False, "singly": False},
                    "against all other spots": {"contrast": False, "rest": True, "singly": False},
                    "against both, summed": {"contrast": True, "rest": True, "singly": True},
                },
            ),
            (
                self.direction,
                "Direction of the spot score",
                "Plain: along the difference of the means. Whitened: in units of how spots differ. Auto: from 30 on",
                {"direction: auto": "auto", "plain": "plain", "whitened": "whitened"},
            ),
            (
                self.neighbours,
                "Neighbours",
                "Auto: what the neighbouring spots say counts as much as cross-validation finds it worth",
                {"neighbours: auto": True, "neighbours: off": False},
            ),
        )
        self.spot_settings = QWidget()
        grid = QGridLayout(self.spot_settings)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.against, 0, 0, 1, 2)
        grid.addWidget(self.direction, 1, 0)
        grid.addWidget(self.neighbours, 1, 1)
        for choice, name, tip, options in choices:
            choice.setAccessibleName(name)
            choice.setToolTip(tip)
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            for text, value in options.items():
                choice.addItem(text, value)
            choice.currentIndexChanged.connect(self._want_spot_settings)
        self.spot_settings.hide()
        self.form.addWidget(self.spot_settings)

    def _build_controls(self) -> None:
        self.controls_plot = ControlsPlot()
        self.controls = QLabel()
        self.controls.setWordWrap(True)
        self.form.addWidget(self.controls_plot)
        self.form.addWidget(self.controls)
        self.show_no_controls()

    def _build_limits(self) -> None:
        self.bar = ColourBar()
        self.form.addWidget(self.bar)
        self.low, self.high = QDoubleSpinBox(), QDoubleSpinBox()
        for spin, which in ((self.low, "lower"), (self.high, "upper")):
            spin.setRange(-1e9, 1e9)
            spin.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
            spin.setKeyboardTracking(False)
            spin.setAccessibleName(f"{which.capitalize()} colour limit")
            spin.setToolTip(f"Value at the {which} end of the colours")
        self.reset_button = QPushButton("Reset")
        self.reset_button.setToolTip("Limits by the 99th percentile of the values")
        limits = QHBoxLayout()
        limits.addWidget(self.low, 1)
        limits.addWidget(self.high, 1)
        limits.addWidget(self.reset_button)
        self.form.addLayout(limits)
        self.threshold = ThresholdRow()
        self.form.addWidget(self.threshold)
        self.low.valueChanged.connect(self._want_limits)
        self.high.valueChanged.connect(self._want_limits)
        self.reset_button.clicked.connect(self.limits_reset)

    def _build_genes(self) -> None:
        self.search = QLineEdit()
        self.search.setAccessibleName("Search genes")
        self.search.setPlaceholderText("search genes")
        self.search.setClearButtonEnabled(True)
        self.search.setToolTip("Show only genes whose name holds this text")
        self.sign = QComboBox()
        self.sign.setAccessibleName("Up or down")
        self.sign.setToolTip("Show genes with scores above 0 (up), below 0 (down, lowest first), or all")
        for text, sign in SIGNS.items():
            self.sign.addItem(text, sign)
        searching = QHBoxLayout()
        searching.addWidget(self.search, 1)
        searching.addWidget(self.sign)
        self.form.addLayout(searching)
        self.table_model = GeneTable()
        self.searched = SearchedGenes(self.table_model)
        self.table = QTableView()
        self.table.setModel(self.searched)
        self.table.setFixedHeight(210)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setToolTip("Genes of the concept. Click one: paint its expression")
        self.table.setAccessibleName("Ranked genes")
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().setDefaultSectionSize(22)
        self.form.addWidget(self.table)
        self.search.textChanged.connect(self.searched.setFilterFixedString)
        self.sign.currentIndexChanged.connect(lambda _index: self.searched.show_sign(int(self.sign.currentData())))
        self.table.clicked.connect(self._want_gene)
        self.table.activated.connect(self._want_gene)

    def show_kind(self, noun: str) -> None:
        """Offer the maps of genes, pictures or patches, by what one of them is called."""
        if noun == self._noun:
            return
        self._noun, self._by_hand = noun, False
        self.map.blockSignals(True)
        self.map.clear()
        for kind in CHOICES[noun]:
            self.map.addItem(kind.label, kind.key)
        self.map.blockSignals(False)
        self._explain_map()
        several = SEVERAL[noun]
        self.search.setPlaceholderText(f"search {several}")
        self.search.setAccessibleName(f"Search {several}")
        self.search.setToolTip(f"Show only {several} whose name holds this text")
        self.sign.setToolTip(f"Show {several} with scores above 0 (up), below 0 (down, lowest first), or all")
        clicked = "paint its expression" if noun == "gene" else "look at it"
        self.table.setToolTip(f"{several.capitalize()} of the concept. Click one: {clicked}")
        self.table.setAccessibleName(f"Ranked {several}")
        self.search.clear()
        self.live.setVisible(noun != "picture")
        once = ". On a slide its score does, once all of it was scored" if noun == "patch" else ""
        self.live.setToolTip(f"The map follows an outline while you draw or move it{once}")

    def start_progress(self) -> None:
        """Show before long how far painting is."""
        self.progress.setValue(0)
        self._shown.start()

    def show_progress(self, step: Step, current: bool) -> None:
        """Show how far it is, unless something else is painted by now."""
        if current:
            self.progress.setValue(int(1000 * step.fraction))
            self.progress.setFormat(f"{step.message or 'Painting'} · %p %")

    def end_progress(self) -> None:
        """Show that nothing is painted any more."""
        self._shown.stop()
        self._painting.hide()

    @property
    def chosen(self) -> tuple[str, MapSettings]:
        """Key of the chosen map, and its settings."""
        of = {
            "dimension": self._dimension,
            "attention": self.attention.currentData(),
            "anomaly": self.anomaly.currentData(),
        }
        return str(self.map.currentData()), replace(self.rectified.settings, **of)

    @property
    def _dimension(self) -> int | None:
        return None if self.latent.value() == ALL_LATENTS else self.latent.value()

    def suggest(self, key: str) -> None:
        """Choose a map, unless the user has chosen one that can be painted; nothing is asked for."""
        if self.map.findData(key) < 0:
            return
        if not self._by_hand or not self.map.model().item(self.map.currentIndex()).isEnabled():
            self.map.blockSignals(True)
            self.map.setCurrentIndex(self.map.findData(key))
            self.map.blockSignals(False)
            self._explain_map()

    def show_choice(self, key: str, settings: MapSettings) -> None:
        """Show a map and its settings as the chosen ones; nothing is asked for."""
        for control in (self.map, self.latent, self.attention, self.anomaly):
            control.blockSignals(True)
        self.map.setCurrentIndex(self.map.findData(key))
        self.latent.setValue(ALL_LATENTS if settings.dimension is None else settings.dimension)
        self.attention.setCurrentIndex(self.attention.findData(settings.attention))
        self.anomaly.setCurrentIndex(self.anomaly.findData(settings.anomaly))
        self.rectified.show_choice(settings)
        for control in (self.map, self.latent, self.attention, self.anomaly):
            control.blockSignals(False)
        self._explain_map()

    def let_program_choose(self) -> None:
        """Forget that the user has chosen a map: :meth:`suggest` chooses the next one."""
        self._by_hand = False

    def choose_latent(self, latent: int | None) -> None:
        """Choose the attention of a latent as the user does; nothing is asked for."""
        self._by_hand = True
        self.show_choice("attention", replace(self.chosen[1], dimension=latent))

    def show_gene(self, gene: str) -> None:
        """Choose the row of a gene, where the table has it."""
        row = self.searched.row_of(gene)
        if row is not None:
            self.table.selectRow(row)

    def choose(self, key: str) -> None:
        """Choose a map as the user does."""
        self._by_hand = True  # also where it is the one that is chosen already
        self.map.setCurrentIndex(self.map.findData(key))

    def set_ready(self, *, ready: bool, reason: str = "") -> None:
        """Enable the card, or say what it waits for."""
        self.setEnabled(ready)
        if not ready:
            self.set_state(reason)
            self.table_model.clear()
            self.bar.clear()
            self.show_no_controls()

    def show_refusals(self, refusals: Mapping[str, str | None], latents: int) -> None:
        """Grey out maps that the encoder does not support, with the reason as tooltip."""
        for kind in MAPS:
            reason = refusals.get(kind.key)
            if self.map.findData(kind.key) < 0:
                continue
            self._allow(kind.key, "" if reason is None else f"Not with this encoder: {reason}")
        self.latent.setRange(ALL_LATENTS, max(latents - 1, 0))
        if refusals.get(str(self.map.currentData())) is not None:
            self.map.setCurrentIndex(0)

    def show_made_of_spots(self, *, of_spots: bool) -> None:
        """Grey out what is made of spots where the concept was not."""
        for kind in (SPOT_SCORE, SPOT_DEVIATION):
            if self.map.findData(kind.key) >= 0:
                self._allow(kind.key, "" if of_spots else "Not for a concept of genes: make one of drawn spots")

    def show_controls(self, controls: Controls, colour: str) -> None:
        """Show the map beside what it has to beat."""
        values = {"this map": controls.auroc if controls.auroc is not None else 1.0}
        for each in controls.controls:
            values[each.name] = each.auroc if each.auroc is not None else each.correlation
        judged = controls.auroc is not None
        label, middle = ("AUROC", 0.5) if judged else ("likeness to the map", 0.0)
        self.controls_plot.draw_controls(values, colour, measure=label, middle=middle)
        measure = (
            "AUROC for the region, cross-fitted where it made the concept"
            if judged
            else "Rank correlation of each control with the map; without a region there is nothing to be right about"
        )
        if controls.items:
            asked = counted(len(controls.items), controls.noun)
            measure = (
                f"Mean over {asked} of the AUROC over its pixels"
                if judged
                else f"Rank correlation over {asked}, pixel by pixel"
            )
        told = "\n".join(f"{each.name}: {each.explanation}" for each in controls.controls)
        self.controls_plot.setToolTip(f"{measure}.\n{told}")
        self.controls_plot.show()
        self.controls.setText(" ".join(controls.sentences))
        self.controls.show()

    def show_no_controls(self, reason: str = "") -> None:
        """Say why no controls are shown."""
        self.controls_plot.hide()
        self.controls.setText(reason)
        self.controls.setVisible(bool(reason))

    def show_map(self, title: str, low: float, high: float, colormap: str) -> None:
        """Show the title and the colours of the painted map."""
        self.set_state(title)
        self.show_limits(low, high, colormap)
        self.map_shown.emit(title)

    def show_limits(self, low: float, high: float, colormap: str) -> None:
        """Show the colours of the painted map."""
        largest = max(abs(low), abs(high))
        decimals = max(0, 3 - math.floor(math.log10(largest))) if largest > 0 else 2  # four digits that count
        for spin, value in ((self.low, low), (self.high, high)):
            spin.blockSignals(True)
            spin.setDecimals(decimals)
            spin.setValue(value)
            spin.blockSignals(False)
        self.bar.draw_bar(colormap, low, high)

    def show_genes(self, genes: RankedGenes) -> None:
        """Show the genes of a concept."""
        self.table_model.show(genes)
        several, left_out = SEVERAL[self._noun], len(genes.scores) - self.table_model.rowCount()
        half = f"the {self.table_model.rowCount() // 2:,} highest and lowest {several}"
        self.search.setPlaceholderText(f"search {half}" if left_out else f"search {several}")

    def _keep_choice(self) -> None:
        self._by_hand = True

    def _want_map(self) -> None:
        self._by_hand = True  # what the program chooses is not heard of
        self._explain_map()
        self.map_wanted.emit(*self.chosen)

    def _explain_map(self) -> None:
        kind = CHOICES[self._noun][self.map.currentIndex()]
        listens_to = getattr(kind, "settings", ())
        for control in (self.latent, self.attention):
            control.setVisible("dimension" in listens_to)
        self.rectified.setVisible("percentile" in listens_to)
        self.anomaly.setVisible("anomaly" in listens_to)
        self.spot_settings.setVisible(kind is SPOT_SCORE)
        explanation, way = kind.explanation, self.anomaly.currentData()
        if "anomaly" in listens_to:
            self.anomaly.setToolTip(ANOMALY_METHODS[way])
            explanation = f"{explanation} {UNASKED if way in WITHOUT_NORMAL else ''}".rstrip()
        self.explanation.setText(explanation)

    def _want_spot_settings(self) -> None:
        context = None if self.neighbours.currentData() else 0.0
        against = self.against.currentData()
        self.spot_settings_wanted.emit({"direction": self.direction.currentData(), "context": context, **against})

    def _allow(self, key: str, reason: str) -> None:
        row = self.map.findData(key)
        item = self.map.model().item(row)
        item.setEnabled(not reason)
        item.setToolTip(reason or CHOICES[self._noun][row].explanation)

    def _want_limits(self) -> None:
        self.limits_wanted.emit(self.low.value(), self.high.value())

    def _want_gene(self, index: QModelIndex) -> None:
        self.gene_wanted.emit(self.searched.gene(index))
