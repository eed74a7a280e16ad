"""Concepts are painted: the chosen concept with the chosen map, in its colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

from qtpy.QtCore import QObject, Signal

from conceptstain._qt import deviation_work, work
from conceptstain._qt.concept_panel import ConceptPanel
from conceptstain._qt.gene_table import RankedGenes
from conceptstain._qt.jobs import WAITING, Job, Jobs
from conceptstain._qt.judging import Judging
from conceptstain._qt.maps_panel import MapsPanel
from conceptstain._qt.notifications import guarded
from conceptstain._qt.painter import Painter
from conceptstain._qt.picture_staining import PictureStaining
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.concepts.definition import Definition
from conceptstain.methods.maps import (
    DEVIATION,
    DEVIATIONS,
    ITEM_DEVIATION,
    KEYS,
    MAPS,
    SCORES,
    SPOT_DEVIATION,
    SPOT_SCORE,
    recommended_maps,
    refusal_on,
)
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.methods.finding import Finding
    from conceptstain.methods.map_settings import MapSettings

__all__ = ["Staining"]

OF_SPOTS = frozenset({SPOT_SCORE.key, SPOT_DEVIATION.key})
OF_NORMAL = {"gene": SPOT_DEVIATION.key, "picture": DEVIATION, "patch": ITEM_DEVIATION.key}


@final
class Staining(QObject):
    """Connects the list of concepts and the Maps card with the study and the painted layers."""

    spot_encoders_wanted = Signal()
    scored = Signal(str, object)  # what was measured, and the scores of all items or None

    def __init__(
        self,
        study: Study,
        jobs: Jobs,
        painter: Painter,
        cards: tuple[ConceptPanel, MapsPanel],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._painter = study, jobs, painter
        self._concepts, self._maps = cards
        self._running: Job | None = None
        self.judging = Judging(study, jobs, cards[0], cards[1], self)
        self._stained: Finding | None = None  # what was painted last
        self.painted = ""  # name of the layer painted last
        self.normals: set[Definition] = set()  # what deviates from them is painted first
        self.pictures = PictureStaining(study, jobs, painter, cards[1], self, show=guarded(self._show_stain))
        self._connect_concepts()
        self._connect_maps()
        self._connect_study()
        self._made_by: dict[str, tuple[str, MapSettings]] = {}  # map and its settings, by title
        painter.viewer.layers.selection.events.active.connect(lambda event: self._hear_of_layer(event.value))

    def _connect_concepts(self) -> None:
        card = self._concepts
        card.chosen.connect(lambda _name: self.stain())
        card.rename_wanted.connect(guarded(self._study.rename))
        card.recolour_wanted.connect(guarded(self._study.recolour))
        card.remove_wanted.connect(guarded(self._study.remove))
        card.duplicate_wanted.connect(guarded(self._study.duplicate))
        card.undo_wanted.connect(self._study.undo)
        card.redo_wanted.connect(self._study.redo)

    def _connect_maps(self) -> None:
        card = self._maps
        card.map_wanted.connect(lambda _key, _settings: self.stain())
        card.spot_settings_wanted.connect(self._set_spot_settings)
        card.limits_wanted.connect(guarded(self._set_limits))
        card.limits_reset.connect(guarded(self._reset_limits))
        card.gene_wanted.connect(guarded(self._show_item))
        card.cancel_wanted.connect(self.pictures.stop)

    def _connect_study(self) -> None:
        self._study.section_changed.connect(self._show_source)
        self._study.encoder_changed.connect(self._show_encoder)
        self._study.spot_encoders_changed.connect(self._show_spot_encoders)
        self._study.concepts_changed.connect(self._show_entries)
        self._study.finding_added.connect(self._show_finding)
        self._study.findings_changed.connect(self._show_findings)

    # -- what is open ----------------------------------------------------------------------------------------------

    def _show_source(self) -> None:
        canvas = self._study.need_canvas()
        self.pictures.stop()
        self._stained = None
        self._painter.show_source(canvas.source)
        self._maps.show_kind(canvas.noun)
        self._concepts.unfold()

    def _show_encoder(self) -> None:
        encoder = self._study.encoder
        self._concepts.set_ready(encoder is not None, "waits for an encoder")
        self._maps.set_ready(ready=False, reason="make a concept first")
        if encoder is not None:
            from conceptstain.methods.saliency import supported_rules  # torch is there with the encoder

            canvas = self._study.need_canvas()
            refusals = {kind.key: refusal_on(kind, canvas) or kind.refusal(encoder) for kind in MAPS}
            self._maps.show_refusals(refusals, encoder.latent)
            self._maps.rectified.show_refusals(supported_rules(encoder))
            self._show_entries()
            self.stain()

    def _show_spot_encoders(self) -> None:
        if self._study.spot_encoders:
            self.stain()

    def show_no_spot_encoders(self) -> None:
        """Say that the map that was asked for cannot be painted yet."""
        if self._maps.chosen[0] in OF_SPOTS and not self._study.spot_encoders:
            self._maps.set_state("scores of spots need encoders of spots")

    def _set_spot_settings(self, settings: dict[str, Any]) -> None:
        from conceptstain.concepts.spot_concepts import SpotConceptSettings

        self._study.spot_settings = SpotConceptSettings(**settings)
        self.stain()

    # -- concepts --------------------------------------------------------------------------------------------------

    def _show_entries(self) -> None:
        entries = self._study.entries
        self._concepts.show_entries(entries, can_undo=self._study.can_undo, can_redo=self._study.can_redo)
        self._painter.outlines.show(entries)
        if self._study.encoder is not None:
            reason = "choose a concept" if entries else "make a concept first"
            self._maps.set_ready(ready=bool(self._concepts.chosen_name), reason=reason)
            if not self._concepts.chosen_name or self._is_outdated():
                self.stain()

    def _is_outdated(self) -> bool:
        """Whether the painted map is a finding no more: the concept is made, or told from others, otherwise now."""
        painted = self._stained
        if self._running is not None or self.pictures.is_running or painted is None:
            return False
        return all(finding.values is not painted.values for finding in self._study.findings)

    # -- maps ------------------------------------------------------------------------------------------------------

    def stain(self) -> Job | None:
        """Paint the chosen concept, if one is, with the chosen map; a stain still under way is given up."""
        if self._running is not None:
            self._running.cancel()
        name = self._concepts.chosen_name
        if not name or self._study.encoder is None:
            self.pictures.stop()
            return None
        self._suggest_map(self._study.entry(name).definition)
        return self._paint(name)

    def attend(self, latent: int | None) -> Job | None:
        """Paint where a latent looks, or all of them: in the chosen concept's genes, or in all where none is chosen."""
        if self._running is not None:
            self._running.cancel()
        self._maps.choose_latent(latent)
        return self._paint(self._concepts.chosen_name)

    def _paint(self, name: str) -> Job | None:
        """Paint a concept with the chosen map; without a name, what needs none."""
        key, settings = self._maps.chosen
        if self._study.section is None:
            kept = self._kept(name, key) if name and self._stained is None else None
            return self.pictures.stain(name, key, settings, kept=kept)
        if key in OF_SPOTS and not self._study.spot_encoders:
            self._maps.set_state("fits encoders of spots first…")
            self.spot_encoders_wanted.emit()
            return None
        if self._jobs.busy:
            self._maps.set_state(WAITING)
        stain: Callable[..., work.Stained] = work.stain
        asked: dict[str, Any] = {"map_key": key, "settings": settings}
        if key == SPOT_DEVIATION.key:
            stain, asked = deviation_work.stain_spot_deviation, {}
        job = self._jobs.run(
            stain,
            study=self._study,
            name=name,
            **asked,
            then=guarded(self._show_stain),
            on_end=lambda: self._forget(job),
            about=self._study.canvas,
        )
        self._running = job
        return job

    def _kept(self, name: str, key: str) -> Finding | None:
        """The map of a study that was opened, with which it goes on where it was."""
        definition = self._study.entry(name).definition
        kept = [made for made in self._study.findings if made.concept and made.concept.definition is definition]
        return next((made for made in reversed(kept) if KEYS.get(made.method) == key), None)

    def _suggest_map(self, definition: Definition) -> None:
        """Choose the map that suits the concept best, unless the user has chosen one."""
        encoder, of_spots = self._study.need_encoder(), definition.region is not None
        self._maps.show_made_of_spots(of_spots=of_spots)
        kept = [made for made in self._study.findings if made.concept and made.concept.definition is definition]
        painted = [made for made in kept if made.method in KEYS]  # walks along it are asked for elsewhere
        deviations = [KEYS[made.method] for made in painted if KEYS[made.method] in DEVIATIONS]
        if definition in self.normals or (painted and len(deviations) == len(painted)):
            self._maps.suggest(deviations[-1] if deviations else OF_NORMAL[self._study.need_canvas().noun])
        elif self._stained is None and painted:  # a study that was opened goes on where it was
            self._maps.suggest(KEYS[painted[-1].method])
        elif of_spots and self._study.spot_encoders:
            self._maps.suggest(SPOT_SCORE.key)
        else:
            keys = recommended_maps(encoder, self._study.need_canvas(), definition)
            self._maps.suggest(keys[0] if keys else MAPS[0].key)

    def _forget(self, job: Job) -> None:
        if self._running is job:
            self._running = None
            if self._maps.state == WAITING:  # it failed
                self._maps.set_state(self.painted)

    def _show_stain(self, stained: work.Stained) -> None:
        concept = stained.concept
        if concept is None:
            self._show_latent(stained.finding)
            return
        self._concepts.show_concept(concept)
        self._maps.set_ready(ready=True)
        if stained.genes is None:
            canvas = self._study.need_canvas()
            if stained.scores is not None:
                made_of = frozenset(concept.items)
                ranked = RankedGenes.by_concept_score(canvas.item_names, stained.scores, made_of, canvas.noun)
                self._maps.show_genes(ranked)
            measure = "deviation from" if KEYS[stained.finding.method] in DEVIATIONS else "score of"
            self.scored.emit(f"{measure} {concept.name}", stained.scores)
        else:
            self._maps.show_genes(RankedGenes.by_decoded(stained.genes))
        self._made_by[stained.finding.title] = self._maps.chosen
        self._stained = stained.finding
        if stained.deviation is not None:
            self._study.keep(stained.deviation)
        self._study.keep(stained.finding)
        self.judging.show_evidence()
        self.judging.compare(concept.name, *self._maps.chosen)

    def _show_latent(self, finding: Finding) -> None:
        """A map of no concept."""
        self._made_by[finding.title] = self._maps.chosen
        self._stained = finding
        self._study.keep(finding)

    def _show_finding(self, finding: Finding) -> None:
        canvas = self._study.need_canvas()
        if canvas.noun == "picture" and KEYS.get(finding.method) in SCORES:
            return  # one number for each picture is no layer: their list is sorted by it
        self._show_limits(self._painter.maps.show(finding, canvas))

    def _show_findings(self) -> None:
        self._painter.maps.keep(self._study.findings)

    def _show_item(self, name: str) -> None:
        """Paint a gene's expression, or look at a picture or a patch."""
        canvas = self._study.need_canvas()
        if self._study.genes is not None:
            self._show_limits(self._painter.maps.show_gene(name, self._study.genes))
        elif isinstance(canvas, ImagePatches):
            self._painter.tissue.look_around(canvas.to_world(canvas.item(name)), canvas.settings.size)
        else:
            self._painter.tissue.look_at(canvas.item(name))

    def _hear_of_layer(self, layer: Any) -> None:
        """A map chosen in the viewer's own list is the one that the cards are about."""
        shown = self._painter.maps.shown_by(layer)
        if shown is None or self._running is not None or self.pictures.is_running or layer.name == self.painted:
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

    def _show_limits(self, name: str) -> None:
        self.painted = name
        limits = self._painter.maps.limits(name)
        if limits is not None:
            self._maps.show_map(name, *limits, self._painter.maps.colormap(name))

    def _set_limits(self, low: float, high: float) -> None:
        try:
            if self._is_finding(self.painted):
                self._study.set_colour_limits(self.painted, (low, high))
            self._painter.maps.set_limits(self.painted, low, high)
        finally:
            self._show_limits(self.painted)  # also where they were refused: the card shows what is painted

    def _reset_limits(self) -> None:
        if self._is_finding(self.painted):
            self._study.set_colour_limits(self.painted, None)
        self._painter.maps.reset_limits(self.painted, self._study.need_canvas())
        self._show_limits(self.painted)

    def _is_finding(self, title: str) -> bool:
        return any(finding.title == title for finding in self._study.findings)
