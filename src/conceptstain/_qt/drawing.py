"""Spots are chosen on the tissue: drawn around, picked, or by their scores; and outlines of concepts are moved."""

from __future__ import annotations

from dataclasses import replace
from typing import final

from qtpy.QtCore import QObject

from conceptstain._qt import work
from conceptstain._qt.concept_panel import ConceptPanel
from conceptstain._qt.jobs import Jobs
from conceptstain._qt.live import LiveStain
from conceptstain._qt.maps_panel import MapsPanel
from conceptstain._qt.notifications import guarded
from conceptstain._qt.painter import Painter
from conceptstain._qt.staining import Staining
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.picture_canvas import n_chosen
from conceptstain.canvas.region import Region
from conceptstain.concepts.definition import Definition
from conceptstain.errors import ConceptStainError
from conceptstain.methods.maps import SPOT_DEVIATION, SPOT_SCORE
from conceptstain.study import Study

__all__ = ["Drawing"]

SELECTION = "selection"  # what is drawn or picked and is no concept yet


@final
class Drawing(QObject):
    """Connects what the mouse does on the tissue with the cards, the study and the map that follows it."""

    def __init__(
        self,
        study: Study,
        jobs: Jobs,
        painter: Painter,
        cards: tuple[ConceptPanel, MapsPanel],
        parent: QObject,
        *,
        staining: Staining,
    ) -> None:
        super().__init__(parent)
        self._study, self._painter, self._staining = study, painter, staining
        self._concepts, self._maps = cards
        self.live = LiveStain(study, jobs, painter.maps, self)
        self._concepts.maker.tool_wanted.connect(guarded(self._take_tool))
        self._concepts.maker.clear_wanted.connect(guarded(self._clear_selection))
        self._concepts.scores_wanted.connect(self._choose_scores)
        painter.tissue.picked_changed = painter.outlines.changed = self._hear_of_selection
        painter.outlines.moved = guarded(self._follow_outline)

    def _take_tool(self, tool: str) -> None:
        if tool and self._maps.live.isChecked():
            self._painter.maps.prepare_live()
        self._painter.draw(tool)

    def _hear_of_selection(self) -> None:
        self.count_selected()
        self._follow_outline("", done=False)

    def _clear_selection(self) -> None:
        self.live.stop()
        self._painter.clear_selection()
        self.count_selected()
        self._painter.maps.keep(self._study.findings)  # what followed the selection goes with it
        self._staining.stain()

    def _follow_outline(self, owner: str, done: bool) -> None:
        """Let the map follow what is drawn or moved; a concept's outline, let go, is what it is made from now on."""
        if owner and done:
            self.live.stop()
            region = self._painter.outlines.of(owner)
            if region is not None:
                self._redraw(owner, region)
        elif self._maps.live.isChecked():
            self._follow(owner)

    def _redraw(self, name: str, region: Region) -> None:
        try:
            self._study.redraw(name, region, painted=self._staining.painted)
        except ConceptStainError:
            self._painter.outlines.show(self._study.entries)  # back to where it was
            raise
        self._concepts.choose(name)
        self._staining.stain()

    def _follow(self, owner: str) -> None:
        try:
            region = self._painter.outlines.of(owner) if owner else self._painter.selection(SELECTION)
            key, settings = self._maps.chosen
            if region is None or (key in {SPOT_SCORE.key, SPOT_DEVIATION.key} and not self._study.spot_encoders):
                return
            if isinstance(self._study.need_canvas(), ImagePatches):
                if not work.is_scored_at_once(self._study, key):
                    return
            elif not n_chosen(region, self._study.need_canvas()):
                return
        except ConceptStainError:  # half an outline
            return
        if owner:
            definition = replace(self._study.entry(owner).definition, region=region)
        else:
            definition = Definition(SELECTION, region=region, form=self._concepts.maker.form)
        self.live.follow(definition, key, settings)

    def count_selected(self) -> None:
        """Show how many spots are chosen, and where the picked ones lie in the histogram."""
        try:
            region = self._painter.selection(SELECTION)
            number = 0 if region is None else n_chosen(region, self._study.need_canvas())
        except ConceptStainError:  # half an outline
            number = 0
        self._concepts.maker.show_selection(number)
        self._mark_picked()

    def _mark_picked(self) -> None:
        """Show where the picked spots lie in the histogram."""
        name = self._concepts.chosen_name
        found = self._study.known_evidence(name) if name and self._study.encoder is not None else None
        if found is not None and found.counted == "spots":
            self._concepts.histogram.mark([float(found.scores[index]) for index in self._painter.tissue.picked])

    def _choose_scores(self, low: float, high: float) -> None:
        """Choose the spots whose cross-fitted scores lie in a range."""
        found = self._study.known_evidence(self._concepts.chosen_name)
        if found is not None and found.counted == "spots":
            self._painter.tissue.pick([index for index, score in enumerate(found.scores) if low <= score <= high])
