"""The dock widget: five cards over one study, one queue of jobs and one viewer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QProgressBar, QScrollArea, QVBoxLayout, QWidget

from conceptstain._qt import work
from conceptstain._qt.concept_panel import ConceptPanel
from conceptstain._qt.data_panel import DataPanel
from conceptstain._qt.export_panel import ExportPanel
from conceptstain._qt.failures import show_failure
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.maps_panel import MapsPanel
from conceptstain._qt.model_panel import ModelPanel
from conceptstain._qt.painter import Painter
from conceptstain.canvas.region import Region
from conceptstain.concepts.definition import Definition
from conceptstain.errors import ConceptStainError, InputError, MismatchError
from conceptstain.methods.maps import MAPS
from conceptstain.study import Study

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.section import Section
    from conceptstain.concepts.concept import Concept
    from conceptstain.methods.attribution import Attribution

__all__ = ["MainPanel"]

WIDTH = 400


class MainPanel(QWidget):
    """Concept Stain in one viewer. Each panel has its own study, so two viewers are two studies."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.setObjectName("Concept Stain")
        self.study = Study()
        self.jobs = Jobs(self)
        self.painter = Painter(viewer)
        self.data = DataPanel()
        self.model = ModelPanel()
        self.concepts = ConceptPanel()
        self.maps = MapsPanel()
        self.export = ExportPanel()
        self._build()
        self._connect()
        self._staining: Job | None = None
        self._reason = ""  # why the encoder asked for is not in use
        self._painted = ""  # name of the layer painted last
        self._adopted: list[Section] = []
        self._adopt_dropped()

    # -- building --------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.setMinimumWidth(WIDTH)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(4)
        self.cards = (self.data, self.model, self.concepts, self.maps, self.export)
        for card in self.cards:
            column.addWidget(card)
        column.addStretch()
        self.scroll = QScrollArea()
        self.scroll.setWidgetResizable(True)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setWidget(inside)
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setFixedHeight(6)
        self.busy.setToolTip("Working; the viewer stays live")
        policy = self.busy.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.busy.setSizePolicy(policy)
        self.busy.hide()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.scroll, 1)
        whole.addWidget(self.busy)
        self.data.unfold()

    def _connect(self) -> None:
        self.jobs.failed.connect(show_failure)
        self.jobs.started.connect(lambda _job: self.busy.show())
        self.jobs.idle.connect(self.busy.hide)
        self.jobs.idle.connect(self._adopt_dropped)

        self.data.open_wanted.connect(self.open)
        self.data.sample_wanted.connect(lambda: self.open(None))
        self.data.pixel_size_wanted.connect(self._set_pixel_size)
        self.painter.viewer.layers.events.inserted.connect(lambda _event: self._adopt_dropped())

        self.model.bundled_wanted.connect(self.use_bundled)
        self.model.fit_wanted.connect(self.fit)
        self.model.load_wanted.connect(self._load)
        self.model.save_wanted.connect(self._save)

        self.concepts.genes_wanted.connect(self._define_by_genes)
        self.concepts.region_wanted.connect(self._define_by_region)
        self.concepts.annotation_wanted.connect(self._define_by_annotation)
        self.concepts.tool_wanted.connect(self._guarded(self.painter.draw))
        self.concepts.clear_wanted.connect(self._guarded(self.painter.clear_selection))
        self.concepts.chosen.connect(lambda _name: self.stain())
        self.concepts.rename_wanted.connect(self._guarded(self.study.rename))
        self.concepts.recolour_wanted.connect(self._guarded(self.study.recolour))
        self.concepts.remove_wanted.connect(self._guarded(self.study.remove))
        self.concepts.undo_wanted.connect(self.study.undo)
        self.concepts.redo_wanted.connect(self.study.redo)

        self.maps.map_wanted.connect(lambda _key, _dimension: self.stain())
        self.maps.limits_wanted.connect(self._set_limits)
        self.maps.limits_reset.connect(self._reset_limits)
        self.maps.gene_wanted.connect(self._guarded(self._show_gene))

        self.export.figure_wanted.connect(self._export_figure)
        self.export.results_wanted.connect(self._export_results)

        self.study.section_changed.connect(self._show_section)
        self.study.encoder_changed.connect(self._show_encoder)
        self.study.concepts_changed.connect(self._show_concepts)
        self.study.finding_added.connect(self._show_finding)
        self.study.findings_changed.connect(self._show_findings)

    def _guarded(self, function: Any) -> Any:
        """The function with its failures shown instead of raised into Qt."""

        def guarded(*arguments: Any) -> None:
            try:
                function(*arguments)
            except ConceptStainError as error:
                show_failure(error)

        return guarded

    # -- the section -----------------------------------------------------------------------------------------------

    def open(self, path: Path | None, image: Path | None = None) -> Job:
        """Open a section; None opens the bundled sample."""
        self.data.set_state("opening…")
        return self.jobs.run(
            work.open_canvas,
            path=path,
            image=image,
            then=self._open_canvas,
            on_end=lambda: self.data.show_canvas(self.study.canvas),
        )

    def _adopt_dropped(self) -> None:
        """Take over the newest section whose layers were put into the viewer by someone else (a dropped file)."""
        known = (*self._adopted, self.study.section)
        new = [section for section in self.painter.sections() if section not in known]
        if new and not self.jobs.busy:
            self._adopted.append(new[-1])  # once: a section that cannot be viewed is told about once
            self.jobs.run(work.view, section=new[-1], then=self._open_canvas)

    def _open_canvas(self, canvas: GenePictures) -> None:
        left = self.study.show(canvas)
        if left:
            show_failure(
                InputError(
                    "Concepts that mean nothing on this section were left behind",
                    got=", ".join(entry.name for entry in left),
                    cure="Make them again here",
                )
            )
        self.use_bundled()

    def _show_section(self) -> None:
        canvas = self.study.need_canvas()
        self.painter.show_section(canvas.section, self._count_selected)
        self.data.show_canvas(canvas)
        self.concepts.show_section(list(canvas.item_names), canvas.section.annotations)
        if canvas.section.unit == "µm":
            self.data.fold()  # its one line says enough; in pixels, the card asks for their size
        self.concepts.unfold()

    def _set_pixel_size(self, size: float) -> None:
        section = self.study.need_canvas().section.in_micrometres(size)
        self.jobs.run(work.view, section=section, then=self._open_canvas)

    # -- the encoder -----------------------------------------------------------------------------------------------

    def use_bundled(self) -> Job:
        """Use the encoder that comes with the plugin, where it fits."""
        return self._use(work.bundled_encoder)

    def fit(self, network: Any, epochs: int) -> Job:
        """Fit an encoder to the open section."""
        self.model.start_fit()
        self._fitting = self.jobs.run(
            work.fit_encoder,
            canvas=self.study.need_canvas(),
            network=network,
            epochs=epochs,
            then=self.study.use,
            on_step=self.model.show_step,
            on_end=self._end_fit,
        )
        self.model.cancel_wanted.connect(self._fitting.cancel)
        return self._fitting

    def _end_fit(self) -> None:
        self.model.end_fit()
        self.model.show_encoder(self.study.encoder, can_fit=True)

    def _use(self, load: Any, **arguments: Any) -> Job:
        self.model.set_state("loading the encoder…")
        job = self.jobs.run(
            load,
            canvas=self.study.need_canvas(),
            then=self.study.use,
            on_end=lambda: self.model.show_encoder(self.study.encoder, can_fit=True, reason=self._reason),
            **arguments,
        )
        self._reason = ""
        job.failed.connect(self._remember_mismatch)
        return job

    def _remember_mismatch(self, error: Exception) -> None:
        if isinstance(error, MismatchError):
            self._reason = f"{error.what}: fit one to this section"

    def _load(self, path: Path) -> None:
        self._use(work.read_encoder, path=path)

    def _save(self, path: Path) -> None:
        self.jobs.run(work.write_encoder, encoder=self.study.need_encoder(), path=path, then=self.export.show_done)

    def _show_encoder(self) -> None:
        encoder = self.study.encoder
        self.model.show_encoder(encoder, can_fit=self.study.canvas is not None)
        self.concepts.set_ready(encoder is not None, "waits for an encoder")
        self.maps.set_ready(ready=False, reason="make a concept first")
        if encoder is not None:
            self.maps.show_refusals({kind.key: kind.refusal(encoder) for kind in MAPS}, encoder.latent)
            self._show_concepts()
            self.stain()

    # -- concepts --------------------------------------------------------------------------------------------------

    def _define_by_genes(self, name: str, text: str, how: str, form: str) -> None:
        genes = tuple(gene.strip() for gene in text.split(",") if gene.strip())
        wanted = name or ", ".join(genes[:3]) or "genes"
        if how == "like" and len(genes) == 1:
            self._define(wanted, name, like=genes[0], form=form)
        else:
            self._define(wanted, name, items=genes, form=form)

    def _define_by_region(self, name: str, form: str) -> None:
        wanted = name or self.study.free_name("region")
        try:
            region = self.painter.selection(wanted)
            if region is None:
                raise InputError("No spots are chosen", cure="Take the lasso and draw around some, or pick them")
        except ConceptStainError as error:
            show_failure(error)
            return
        self._define(wanted, name, region=region, form=form)

    def _define_by_annotation(self, name: str, column: str, value: str, form: str) -> None:
        self._define(name or value, name, region=Region.from_obs(column, value), form=form)

    def _define(self, wanted: str, typed: str, **made_from: Any) -> None:
        """Make a concept beside the window and add it; a typed name that is taken is refused, our own is numbered."""
        try:
            definition = Definition(typed or self.study.free_name(wanted), **made_from)
        except ConceptStainError as error:
            show_failure(error)
            return
        self.jobs.run(work.try_concept, study=self.study, definition=definition, then=self._guarded(self._add_concept))

    def _add_concept(self, concept: Concept) -> None:
        entry = self.study.add(concept.definition)
        if concept.definition.region is not None:
            self.painter.mark_used(entry.name, entry.colour)
        self._count_selected()
        self.concepts.drop_tools()
        self.painter.draw("")
        self.concepts.made()
        self.concepts.choose(entry.name)
        self.maps.unfold()

    def _count_selected(self) -> None:
        try:
            region = self.painter.selection("selection")
            number = 0 if region is None else int(region.selector.choose(self.study.need_canvas().section).sum())
        except ConceptStainError:
            number = 0
        self.concepts.show_selection(number)

    def _show_concepts(self) -> None:
        entries = self.study.entries
        self.concepts.show_entries(entries, can_undo=self.study.can_undo, can_redo=self.study.can_redo)
        self.painter.keep_outlines_of({entry.name: entry.colour for entry in entries})
        if self.study.encoder is not None:
            chosen = self.concepts.chosen_name
            self.maps.set_ready(ready=bool(chosen), reason="choose a concept" if entries else "make a concept first")

    # -- maps ------------------------------------------------------------------------------------------------------

    def stain(self) -> Job | None:
        """Paint the chosen concept with the chosen map; a stain still under way is given up for the new one."""
        name = self.concepts.chosen_name
        if not name or self.study.encoder is None:
            return None
        if self._staining is not None:
            self._staining.cancel()
        key, dimension = self.maps.chosen
        self._staining = self.jobs.run(
            work.stain,
            study=self.study,
            name=name,
            map_key=key,
            dimension=dimension,
            then=self._show_stain,
            on_end=self._end_stain,
        )
        return self._staining

    def _end_stain(self) -> None:
        if not self.jobs.busy:
            self._staining = None

    def _show_stain(self, result: tuple[Concept, Attribution]) -> None:
        concept, finding = result
        self.concepts.show_concept(concept)
        self.maps.set_ready(ready=True)
        self.maps.show_genes(
            list(self.study.need_canvas().item_names), self.study.gene_scores(concept.name), frozenset(concept.items)
        )
        self.study.keep(finding)

    def _show_finding(self, finding: Attribution) -> None:
        name = self.painter.show(finding, self.study.need_canvas())
        self.export.show_maps([kept.title for kept in self.study.findings])
        self._show_limits(name)

    def _show_findings(self) -> None:
        self.painter.keep_maps(self.study.findings)
        self.export.show_maps([kept.title for kept in self.study.findings])

    def _show_gene(self, gene: str) -> None:
        self._show_limits(self.painter.show_gene(gene, self.study.need_canvas()))

    def _show_limits(self, name: str) -> None:
        self._painted = name
        limits = self.painter.limits(name)
        if limits is not None:
            self.maps.show_map(name, *limits, self.painter.colormap(name))

    def _set_limits(self, low: float, high: float) -> None:
        self.painter.set_limits(self._painted, low, high)
        self._show_limits(self._painted)

    def _reset_limits(self) -> None:
        self.painter.reset_limits(self._painted, self.study.need_canvas())
        self._show_limits(self._painted)

    # -- export ----------------------------------------------------------------------------------------------------

    def _export_figure(self, path: Path, title: str) -> None:
        findings = tuple(kept for kept in self.study.findings if title in ("", kept.title))
        self.jobs.run(
            work.export_figure,
            canvas=self.study.need_canvas(),
            findings=findings,
            path=path,
            then=self.export.show_done,
        )

    def _export_results(self, path: Path, table: str) -> None:
        self.jobs.run(work.export_results, study=self.study, path=path, table=table, then=self.export.show_done)

    # -- the end ---------------------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop the jobs before the window goes."""
        self.jobs.close()
        super().closeEvent(event)
