"""What concepts and maps are worth, found out while nobody waits: evidence for each concept, controls of the map."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from qtpy.QtCore import QObject

from conceptstain._qt import work
from conceptstain._qt.concept_panel import ConceptPanel
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.maps_panel import MapsPanel
from conceptstain._qt.notifications import show_failure
from conceptstain.concepts.sentences import evidence_words
from conceptstain.errors import ConceptStainError
from conceptstain.methods.maps import DEVIATIONS, ITEM_SCORE
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.concepts.definition import Definition
    from conceptstain.concepts.evidence import Evidence
    from conceptstain.methods.map_settings import MapSettings

__all__ = ["Judging"]

TESTING = "testing…"


@final
class Judging(QObject):
    """Tests concepts and compares maps by patient jobs, which give way to whatever a click starts."""

    def __init__(self, study: Study, jobs: Jobs, concepts: ConceptPanel, maps: MapsPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._concepts, self._maps = study, jobs, concepts, maps
        self.enabled = True  # off, it leaves the processor to a script that only paints
        self.n_null = 999  # regions without meaning in each null
        self._tests: dict[Definition, Job] = {}
        self._untestable: dict[Definition, str] = {}
        self._comparison: Job | None = None
        self._cosines: Job | None = None
        concepts.comparison_wanted.connect(lambda _wanted: self._compare_concepts())
        study.encoder_changed.connect(self._start_anew)
        study.spot_encoders_changed.connect(self._start_anew)
        study.concepts_changed.connect(self._test_all)

    # -- evidence --------------------------------------------------------------------------------------------------

    def _test_all(self) -> None:
        if self._study.encoder is not None and self.enabled:
            for entry in self._study.entries:
                self._test(entry.name)
            self.show_evidence()
            self._compare_concepts()

    def _test(self, name: str) -> None:
        definition = self._study.entry(name).definition
        known = definition in self._tests or definition in self._untestable
        if known or self._study.known_evidence(name) is not None:
            return
        job = self._tests[definition] = self._jobs.run(
            work.tested_concept,
            study=self._study,
            name=name,
            n_null=self.n_null,
            then=lambda _evidence: self.show_evidence(),
            on_failure=lambda error: self._note_untestable(definition, error),
            on_end=lambda: self._end_test(definition, job),
            about=self._study.canvas,
            patient=True,
        )

    def _end_test(self, definition: Definition, job: Job) -> None:
        if self._tests.get(definition) is job:  # not one that has taken its place
            del self._tests[definition]
        self.show_evidence()

    def _note_untestable(self, definition: Definition, error: Exception) -> None:
        if definition not in [entry.definition for entry in self._study.entries]:
            return  # renamed or deleted meanwhile
        if isinstance(error, ConceptStainError):
            self._untestable[definition] = str(error)
        else:
            show_failure(error)

    def show_evidence(self) -> None:
        """Show what is known of every concept; each new test corrects those before it."""
        if self._study.encoder is None:
            return
        for entry in self._study.entries:
            found = self._study.known_evidence(entry.name)
            reason = self._untestable.get(entry.definition, "")
            if found is not None:
                remark, told = evidence_words(found), found.sentence
            else:
                remark = "not tested" if reason else TESTING if entry.definition in self._tests else ""
                told = reason
            self._concepts.list.show_remark(entry.name, remark, told)
            if entry.name == self._concepts.chosen_name:
                self._show_chosen(found, entry.colour, reason)

    def _show_chosen(self, found: Evidence | None, colour: str, reason: str) -> None:
        if found is not None:
            self._concepts.show_evidence(found, colour)
        else:
            self._concepts.show_no_evidence(reason and f"No evidence: {reason}")

    # -- cosines ---------------------------------------------------------------------------------------------------

    def _compare_concepts(self) -> None:
        """Compare the concepts with each other, where that is asked for and there are two."""
        if self._cosines is not None:
            self._cosines.cancel()
        asked = self._concepts.compare_button.isChecked() and len(self._study.entries) > 1
        if not asked or self._study.encoder is None:
            self._concepts.cosines.hide()
            return
        self._cosines = self._jobs.run(
            work.compare_concepts,
            study=self._study,
            then=lambda tables: self._concepts.cosines.show_cosines(*tables),
            about=self._study.canvas,
            patient=True,
        )

    # -- controls --------------------------------------------------------------------------------------------------

    def compare(self, name: str, map_key: str, settings: MapSettings) -> None:
        """Find out what the painted map has to beat, and show it beside it."""
        if self._comparison is not None:
            self._comparison.cancel()
        if not self.enabled:
            return
        if map_key == ITEM_SCORE.key:
            self._maps.show_no_controls("What the score is worth, the evidence of the concept says.")
            return
        if map_key in DEVIATIONS:
            self._maps.show_no_controls("What lies above the threshold is not what was learned from; why, no map says.")
            return
        colour = self._study.entry(name).colour
        self._maps.show_no_controls("comparing with controls…")

        self._comparison = self._jobs.run(
            work.compare_with_controls,
            study=self._study,
            name=name,
            map_key=map_key,
            settings=settings,
            then=lambda controls: self._maps.show_controls(controls, colour),
            on_failure=lambda error: self._maps.show_no_controls(f"No controls: {error}"),
            about=self._study.canvas,
            patient=True,
        )

    def _start_anew(self) -> None:
        for job in self._tests.values():
            job.cancel()
        if self._comparison is not None:
            self._comparison.cancel()
        self._tests, self._untestable = {}, {}
        self._concepts.list.forget_remarks()
        self._concepts.show_no_evidence()
        self._maps.show_no_controls()
        self._test_all()
