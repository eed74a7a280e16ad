"""The second half of the work: concepts are made, painted and exported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from qtpy.QtCore import QObject, Signal

from conceptstain._qt import work
from conceptstain._qt.concept_panel import ConceptPanel
from conceptstain._qt.export_panel import ExportPanel
from conceptstain._qt.gene_table import RankedGenes
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.judging import Judging
from conceptstain._qt.live import LiveStain
from conceptstain._qt.maps_panel import MapsPanel
from conceptstain._qt.notifications import guarded
from conceptstain._qt.painter import Painter
from conceptstain.canvas.region import Polygon, Region
from conceptstain.concepts.definition import Definition
from conceptstain.errors import ConceptStainError, InputError
from conceptstain.methods.maps import KEYS, MAPS, SPOT_SCORE, recommended_maps
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.concepts.concept import Concept
    from conceptstain.methods.finding import Finding
    from conceptstain.methods.map_settings import MapSettings

__all__ = ["Staining"]

WAITING = "waits for what runs now"
SELECTION = "selection"  # what is drawn or picked and is no concept yet


@final
class Staining(QObject):
    """Connects the Concepts, Maps and Export cards with the study and the viewer."""

    spot_encoders_wanted = Signal()

    def __init__(
        self,
        study: Study,
        jobs: Jobs,
        painter: Painter,
        cards: tuple[ConceptPanel, MapsPanel, ExportPanel],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._painter = study, jobs, painter
        self._concepts, self._maps, self._export = cards
        self._running: Job | None = None
        self.judging = Judging(study, jobs, cards[0], cards[1], self)
        self.live = LiveStain(study, jobs, painter, self)
        self._stained: Finding | None = None  # what was painted last
        self._painted = ""  # name of the layer painted last
        self._connect_concepts()
        self._connect_maps()
        self._connect_study()
        self._made_by: dict[str, tuple[str, MapSettings]] = {}  # map and its settings, by title
        painter.viewer.layers.selection.events.active.connect(lambda event: self._hear_of_layer(event.value))

    def _connect_concepts(self) -> None:
        card = self._concepts
        maker = card.maker
        maker.genes_wanted.connect(guarded(self._define_by_genes))
        maker.region_wanted.connect(guarded(self._define_by_region))
        maker.annotation_wanted.connect(guarded(self._define_by_annotation))
        maker.tool_wanted.connect(guarded(self._take_tool))
        maker.clear_wanted.connect(guarded(self._clear_selection))
        card.chosen.connect(lambda _name: self.stain())
        card.scores_wanted.connect(self._choose_scores)
        card.rename_wanted.connect(guarded(self._study.rename))
        card.recolour_wanted.connect(guarded(self._study.recolour))
        card.remove_wanted.connect(guarded(self._study.remove))
        card.duplicate_wanted.connect(guarded(self._study.duplicate))
        card.combination_wanted.connect(guarded(self._combine))
        card.undo_wanted.connect(self._study.undo)
        card.redo_wanted.connect(self._study.redo)

    def _connect_maps(self) -> None:
        card = self._maps
        card.map_wanted.connect(lambda _key, _settings: self.stain())
        card.spot_settings_wanted.connect(self._set_spot_settings)
        card.limits_wanted.connect(guarded(self._set_limits))
        card.limits_reset.connect(guarded(self._reset_limits))
        card.gene_wanted.connect(guarded(self._show_gene))
        self._export.figure_wanted.connect(self._export_figure)
        self._export.results_wanted.connect(self._export_results)
        self._export.recipe_wanted.connect(guarded(self._export_recipe))
        self._export.methods_wanted.connect(guarded(self._copy_methods))

    def _connect_study(self) -> None:
        self._study.section_changed.connect(self._show_section)
        self._study.encoder_changed.connect(self._show_encoder)
        self._study.spot_encoders_changed.connect(self._show_spot_encoders)
        self._study.concepts_changed.connect(self._show_entries)
        self._study.finding_added.connect(self._show_finding)
        self._study.findings_changed.connect(self._show_findings)

    # -- what is open ----------------------------------------------------------------------------------------------

    def _show_section(self) -> None:
        canvas = self._study.need_canvas()
        self._stained = None
        self._painter.show_section(canvas.section, self._hear_of_selection, guarded(self._follow_outline))
        self._concepts.maker.show_section(list(canvas.item_names), canvas.section.annotations)
        self._concepts.unfold()

    def _show_encoder(self) -> None:
        encoder = self._study.encoder
        self._concepts.set_ready(encoder is not None, "waits for an encoder")
        self._maps.set_ready(ready=False, reason="make a concept first")
        if encoder is not None:
            from conceptstain.methods.saliency import supported_rules  # torch is there with the encoder

            self._maps.show_refusals({kind.key: kind.refusal(encoder) for kind in MAPS}, encoder.latent)
            self._maps.rectified.show_refusals(supported_rules(encoder))
            self._show_entries()
            self.stain()

    def _show_spot_encoders(self) -> None:
        if self._study.spot_encoders:
            self.stain()

    def show_no_spot_encoders(self) -> None:
        """Say that the map that was asked for cannot be painted yet."""
        if self._maps.chosen[0] == SPOT_SCORE.key and not self._study.spot_encoders:
            self._maps.set_state("spot score needs encoders of spots")

    def _set_spot_settings(self, settings: dict[str, Any]) -> None:
        from conceptstain.concepts.spot_concepts import SpotConceptSettings

        self._study.spot_settings = SpotConceptSettings(**settings)
        self.stain()

    # -- concepts --------------------------------------------------------------------------------------------------

    def _define_by_genes(self, name: str, genes: tuple[str, ...], how: str, form: str) -> None:
        wanted = ", ".join(genes[:3])
        if how == "like" and len(genes) == 1:
            self._define(name, wanted, like=genes[0], form=form)
        else:
            self._define(name, wanted, items=genes, form=form)

    def _define_by_region(self, name: str, form: str) -> None:
        region = self._painter.selection(name or self._study.free_name("region"))
        if region is None:
            raise InputError("No spots are chosen", cure="Take the lasso and draw around some, or pick them")
        self._define(name, "region", region=region, form=form)

    def _define_by_annotation(self, name: str, column: str, value: str, form: str) -> None:
        self._define(name, value, region=Region.from_obs(column, value), form=form)

    def _define(self, typed: str, wanted: str, **made_from: Any) -> None:
        """Make a concept beside the window and add it; a typed name that is taken is refused, our own is numbered."""
        self._try(Definition(typed or self._study.free_name(wanted), **made_from))

    def _combine(self, first: str, second: str, sign: Any) -> None:
        self._try(self._study.combination(first, second, sign))

    def _try(self, definition: Definition) -> None:
        """Make a concept beside the window, and add it if that can be done."""
        self._concepts.show_state(WAITING if self._jobs.busy else "making a concept…")
        self._jobs.run(
            work.try_concept,
            study=self._study,
            definition=definition,
            then=guarded(self._add),
            on_end=self._concepts.show_state,
            about=self._study.canvas,
        )

    def _add(self, concept: Concept) -> None:
        self.live.stop()
        entry = self._study.add(concept.definition)
        if concept.definition.region is not None:
            self._painter.clear_selection()  # the concept draws its own outline from now on
        self._count_selected()
        self._painter.draw("")
        self._concepts.maker.drop_tools()
        self._concepts.maker.empty_form()
        self._concepts.choose(entry.name)
        self._maps.unfold()

    def _take_tool(self, tool: str) -> None:
        if tool and self._maps.live.isChecked():
            self._painter.prepare_live()
        self._painter.draw(tool)

    def _hear_of_selection(self) -> None:
        self._count_selected()
        self._follow_outline("", done=False)

    def _clear_selection(self) -> None:
        self.live.stop()
        self._painter.clear_selection()
        self._count_selected()
        self._painter.keep_maps(self._study.findings)  # what followed the selection goes with it
        self.stain()

    def _follow_outline(self, owner: str, done: bool) -> None:
        """Let the map follow what is drawn or moved; a concept's outline, let go, is what it is made from now on."""
        if owner and done:
            self.live.stop()
            region = self._painter.outlines_of(owner)
            if region is not None:
                self._redraw(owner, region)
        elif self._maps.live.isChecked():
            self._follow(owner)

    def _redraw(self, name: str, region: Region) -> None:
        try:
            self._check_holes(name)
            self._study.redraw(name, region, painted=self._painted)
        except ConceptStainError:
            self._painter.draw_outlines(self._study.entries)  # back to where it was
            raise
        self._concepts.choose(name)
        self.stain()

    def _check_holes(self, name: str) -> None:
        region = self._study.entry(name).definition.region
        if region is not None and isinstance(region.selector, Polygon) and region.selector.holes:
            raise InputError(
                f"The outline of {name!r} has holes, which would stay where they are",
                got="a moved outline",
                cure="Move it where it was drawn, and read it again",
            )

    def _follow(self, owner: str) -> None:
        try:
            region = self._painter.outlines_of(owner) if owner else self._painter.selection(SELECTION)
            key, settings = self._maps.chosen
            if region is None or (key == SPOT_SCORE.key and not self._study.spot_encoders):
                return
            if not region.choose(self._study.need_canvas().section).any():
                return
        except ConceptStainError:  # half an outline
            return
        like = self._study.entry(owner).definition if owner else None
        self.live.follow(owner or SELECTION, region, key, settings, like=like)

    def _count_selected(self) -> None:
        try:
            region = self._painter.selection("selection")
            number = 0 if region is None else int(region.selector.choose(self._study.need_canvas().section).sum())
        except ConceptStainError:  # half an outline
            number = 0
        self._concepts.maker.show_selection(number)
        self._mark_picked()

    def _mark_picked(self) -> None:
        """Show where the picked spots lie in the histogram."""
        name = self._concepts.chosen_name
        found = self._study.known_evidence(name) if name and self._study.encoder is not None else None
        if found is not None and found.counted == "spots":
            self._concepts.histogram.mark([float(found.scores[index]) for index in self._painter.picked])

    def _show_entries(self) -> None:
        entries = self._study.entries
        self._concepts.show_entries(entries, can_undo=self._study.can_undo, can_redo=self._study.can_redo)
        self._painter.draw_outlines(entries)
        if self._study.encoder is not None:
            reason = "choose a concept" if entries else "make a concept first"
            self._maps.set_ready(ready=bool(self._concepts.chosen_name), reason=reason)
            if not self._concepts.chosen_name or self._is_outdated():
                self.stain()

    def _is_outdated(self) -> bool:
        """Whether the painted map is a finding no more: the concept is made, or told from others, otherwise now."""
        painted = self._stained
        if self._running is not None or painted is None:
            return False
        return all(finding.values is not painted.values for finding in self._study.findings)

    # -- maps ------------------------------------------------------------------------------------------------------

    def stain(self) -> Job | None:
        """Paint the chosen concept, if one is, with the chosen map; a stain still under way is given up."""
        if self._running is not None:
            self._running.cancel()
        name = self._concepts.chosen_name
        if not name or self._study.encoder is None:
            return None
        self._suggest_map(self._study.entry(name).definition)
        key, settings = self._maps.chosen
        if key == SPOT_SCORE.key and not self._study.spot_encoders:
            self._maps.set_state("fits encoders of spots first…")
            self.spot_encoders_wanted.emit()
            return None
        if self._jobs.busy:
            self._maps.set_state(WAITING)
        job = self._jobs.run(
            work.stain,
            study=self._study,
            name=name,
            map_key=key,
            settings=settings,
            then=guarded(self._show_stain),
            on_end=lambda: self._forget(job),
            about=self._study.canvas,
        )
        self._running = job
        return job

    def _suggest_map(self, definition: Definition) -> None:
        """Choose the map that suits the concept best, unless the user has chosen one."""
        encoder, of_spots = self._study.need_encoder(), definition.region is not None
        self._maps.show_made_of_spots(of_spots=of_spots)
        painted = [made for made in self._study.findings if made.concept and made.concept.definition is definition]
        if self._stained is None and painted:  # a study that was opened goes on where it was
            self._maps.suggest(KEYS[painted[-1].method])
        elif of_spots and self._study.spot_encoders:
            self._maps.suggest(SPOT_SCORE.key)
        else:
            keys = recommended_maps(encoder, self._study.need_canvas().section, definition)
            self._maps.suggest(keys[0] if keys else MAPS[0].key)

    def _forget(self, job: Job) -> None:
        if self._running is job:
            self._running = None
            if self._maps.state == WAITING:  # it failed
                self._maps.set_state(self._painted)

    def _show_stain(self, stained: work.Stained) -> None:
        concept = stained.concept
        self._concepts.show_concept(concept)
        self._maps.set_ready(ready=True)
        if stained.genes is None:
            names = [str(name) for name in self._study.need_canvas().item_names]
            scores = self._study.gene_scores(concept.name)
            self._maps.show_genes(RankedGenes.by_concept_score(names, scores, frozenset(concept.items)))
        else:
            self._maps.show_genes(RankedGenes.by_decoded(stained.genes))
        self._made_by[stained.finding.title] = self._maps.chosen
        self._stained = stained.finding
        self._study.keep(stained.finding)
        self.judging.show_evidence()
        self.judging.compare(concept.name, *self._maps.chosen)

    def _show_finding(self, finding: Finding) -> None:
        name = self._painter.show(finding, self._study.need_canvas())
        self._export.show_maps([kept.title for kept in self._study.findings])
        self._show_limits(name)

    def _show_findings(self) -> None:
        self._painter.keep_maps(self._study.findings)
        self._export.show_maps([kept.title for kept in self._study.findings])

    def _show_gene(self, gene: str) -> None:
        self._show_limits(self._painter.show_gene(gene, self._study.need_canvas()))

    def _hear_of_layer(self, layer: Any) -> None:
        """A map chosen in the viewer's own list is the one that the cards are about."""
        shown = self._painter.shown_by(layer)
        if shown is None or self._running is not None or layer.name == self._painted:
            return
        if isinstance(shown, str):
            self._maps.show_gene(shown)
        elif layer.name in self._made_by:
            self._maps.show_choice(*self._made_by[layer.name])
            if shown.concept is not None and shown.concept.name != self._concepts.chosen_name:
                self._concepts.list.show_chosen(shown.concept.name)
                self._concepts.show_concept(shown.concept)
            self.judging.show_evidence()
        self._show_limits(layer.name)

    def _choose_scores(self, low: float, high: float) -> None:
        """Choose the spots whose cross-fitted scores lie in a range."""
        found = self._study.known_evidence(self._concepts.chosen_name)
        if found is not None and found.counted == "spots":
            self._painter.pick([index for index, score in enumerate(found.scores) if low <= score <= high])

    def _show_limits(self, name: str) -> None:
        self._painted = name
        limits = self._painter.limits(name)
        if limits is not None:
            self._maps.show_map(name, *limits, self._painter.colormap(name))

    def _set_limits(self, low: float, high: float) -> None:
        try:
            if self._is_finding(self._painted):
                self._study.set_colour_limits(self._painted, (low, high))
            self._painter.set_limits(self._painted, low, high)
        finally:
            self._show_limits(self._painted)  # also where they were refused: the card shows what is painted

    def _reset_limits(self) -> None:
        if self._is_finding(self._painted):
            self._study.set_colour_limits(self._painted, None)
        self._painter.reset_limits(self._painted, self._study.need_canvas())
        self._show_limits(self._painted)

    def _is_finding(self, title: str) -> bool:
        return any(finding.title == title for finding in self._study.findings)

    # -- export ----------------------------------------------------------------------------------------------------

    def _export_figure(self, path: Path, title: str) -> None:
        findings = tuple(kept for kept in self._study.findings if title in ("", kept.title))
        self._jobs.run(
            work.export_figure,
            canvas=self._study.need_canvas(),
            findings=findings,
            path=path,
            then=self._export.show_done,
        )

    def _export_results(self, path: Path, table: str) -> None:
        self._jobs.run(
            work.export_results,
            canvas=self._study.need_canvas(),
            encoder=self._study.need_encoder(),
            definitions=tuple(entry.definition for entry in self._study.entries),
            findings=self._study.findings,
            path=path,
            table=table,
            then=self._export.show_done,
        )

    def _export_recipe(self, path: Path) -> None:
        self._jobs.run(work.write_recipe, snapshot=self._study.snapshot(), path=path, then=self._export.show_done)

    def _copy_methods(self) -> None:
        self._jobs.run(work.methods_paragraph, snapshot=self._study.snapshot(), then=self._export.show_methods)
