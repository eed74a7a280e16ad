"""The dock widget: eight cards over one study, one queue of jobs and one viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QCloseEvent, QKeySequence, QShortcut
from qtpy.QtWidgets import QProgressBar, QScrollArea, QVBoxLayout, QWidget

from conceptstain._qt.attending import Attending
from conceptstain._qt.attention_panel import AttentionPanel
from conceptstain._qt.checking import Checking
from conceptstain._qt.choosing import Choosing
from conceptstain._qt.concept_panel import ConceptPanel
from conceptstain._qt.contrasting import Contrasting
from conceptstain._qt.data_panel import DataPanel
from conceptstain._qt.defining import Defining
from conceptstain._qt.drawing import Drawing
from conceptstain._qt.export_panel import ExportPanel
from conceptstain._qt.exporting import Exporting
from conceptstain._qt.imagining import Imagining
from conceptstain._qt.jobs import Jobs
from conceptstain._qt.keeping import Keeping
from conceptstain._qt.maps_panel import MapsPanel
from conceptstain._qt.model_panel import ModelPanel
from conceptstain._qt.notifications import show_failure
from conceptstain._qt.opening import Opening
from conceptstain._qt.painter import Painter
from conceptstain._qt.staining import Staining
from conceptstain._qt.thresholding import Thresholding
from conceptstain._qt.unit_moving import UnitMoving
from conceptstain._qt.uniting import Uniting
from conceptstain._qt.units_panel import UnitsPanel
from conceptstain._qt.what_if_panel import WhatIfPanel
from conceptstain.study import Study

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["MainPanel"]

WIDTH = 400


class MainPanel(QWidget):
    """Concept Stain in one viewer. Each panel has its own study, so two viewers are two studies."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.setObjectName("Concept Stain")
        self.setMinimumWidth(WIDTH)
        self.study = Study()
        self.jobs = Jobs(self)
        self.painter = Painter(viewer)
        self.data = DataPanel()
        self.model = ModelPanel()
        self.concepts = ConceptPanel()
        self.maps = MapsPanel()
        self.attention = AttentionPanel()
        self.units = UnitsPanel()
        self.what_if = WhatIfPanel()
        self.export = ExportPanel()
        before = (self.data, self.model, self.concepts, self.maps, self.attention)
        self.cards = (*before, self.units, self.what_if, self.export)
        self._build()
        self.opening = Opening(self.study, self.jobs, self.painter, (self.data, self.model), self)
        made = (self.concepts, self.maps)
        self.staining = Staining(self.study, self.jobs, self.painter, made, self)
        self.thresholding = Thresholding(self.study, self.jobs, self.painter, self.maps, self)
        self.checking = Checking(self.study, self.jobs, made, self)
        self.drawing = Drawing(self.study, self.jobs, self.painter, made, self, staining=self.staining)
        self.choosing = Choosing(self.study, self.jobs, self.painter, self.concepts.maker, self)
        self.defining = Defining(
            self.study,
            self.jobs,
            self.painter,
            made,
            self,
            staining=self.staining,
            drawing=self.drawing,
            choosing=self.choosing,
        )
        self.staining.scored.connect(self.choosing.show_scores)
        looked_at = (self.attention, self.concepts)
        self.attending = Attending(self.study, self.jobs, self.painter, looked_at, self, staining=self.staining)
        self.uniting = Uniting(self.study, self.jobs, self.painter, self.units, self)
        self.uniting.concept_defined.connect(self.defining.make)
        imagined = (self.what_if, self.concepts)
        self.imagining = Imagining(self.study, self.jobs, self.painter, imagined, self)
        self.unit_moving = UnitMoving(self.study, self.jobs, self.what_if, self.imagining, self)
        self.uniting.network_opened.connect(self.unit_moving.offer)
        self.contrasting = Contrasting(
            self.study, self.jobs, self.what_if, self, imagining=self.imagining, unit_moving=self.unit_moving
        )
        self.exporting = Exporting(self.study, self.jobs, self.export, self)
        self.exporting.classifiers = lambda: tuple(each.classifier for each in self.unit_moving.opened)
        self.exporting.links = lambda: self.unit_moving.links
        self.keeping = Keeping(self.study, self.jobs, self.data, self)
        self.staining.spot_encoders_wanted.connect(self.opening.fit_spots)
        self.opening.fit_ended.connect(self.staining.show_no_spot_encoders)
        self.study.section_changed.connect(self._show_section)
        self.jobs.failed.connect(show_failure)
        self.jobs.started.connect(lambda _job: self.busy.show())
        self.jobs.idle.connect(self.busy.hide)
        saving = QShortcut(QKeySequence(QKeySequence.StandardKey.Save), self)
        saving.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        saving.activated.connect(self.data.save)
        self.opening.adopt_dropped()

    def _build(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(4)
        for card in self.cards:
            column.addWidget(card)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setFixedHeight(6)
        self.busy.setAccessibleName("Working")
        self.busy.setToolTip("Working; the viewer stays live")
        policy = self.busy.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.busy.setSizePolicy(policy)
        self.busy.hide()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addWidget(self.busy)
        self.data.unfold()

    def _show_section(self) -> None:
        canvas = self.study.need_canvas()
        self.data.show_canvas(canvas)
        self.model.show_kind(canvas.noun)
        if canvas.source.unit == "µm" or canvas.noun == "picture":
            self.data.fold()  # its one line says enough
        else:
            self.data.unfold()  # it asks for the size of a pixel

    def changeEvent(self, event: QEvent) -> None:
        """Stop the jobs where the viewer takes the dock off without closing it, as its cross does."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.jobs.cancel_all()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop the jobs before the window goes."""
        self.jobs.close()
        self.keeping.close()
        super().closeEvent(event)
