"""The painted map is put to a check where the user asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from qtpy.QtCore import QObject

from conceptstain._qt import work
from conceptstain._qt.concept_panel import ConceptPanel
from conceptstain._qt.jobs import WAITING, Job, Jobs
from conceptstain._qt.maps_panel import MapsPanel
from conceptstain._qt.notifications import guarded, show_failure
from conceptstain.errors import ConceptStainError
from conceptstain.progress import Step
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.concepts.definition import Definition
    from conceptstain.methods.checks import Checked

__all__ = ["Checking"]


@final
class Checking(QObject):
    """Connects *Check this map* with the study; what was found goes when another map is painted."""

    def __init__(self, study: Study, jobs: Jobs, cards: tuple[ConceptPanel, MapsPanel], parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs = study, jobs
        self._concepts, self._maps = cards
        self._row = self._maps.check
        self._running: Job | None = None
        self._about: Definition | None = None  # what is checked, or was
        self._row.wanted.connect(guarded(self._check))
        self._row.cancel_wanted.connect(self._drop)
        self._maps.map_wanted.connect(lambda _key, _settings: self._drop())
        self._maps.spot_settings_wanted.connect(lambda _settings: self._drop())
        self._concepts.chosen.connect(lambda _name: self._drop())
        study.concepts_changed.connect(self._drop_outdated)
        study.section_changed.connect(self._drop)
        study.encoder_changed.connect(self._drop)
        study.finding_added.connect(lambda _finding: self._show_choice())
        self._title = ""  # of the map that is painted
        self._maps.map_shown.connect(self._hear_of_map)

    def _check(self, key: str) -> None:
        name = self._concepts.chosen_name
        entry = self._study.entry(name)
        map_key, settings = self._maps.chosen
        self._drop()
        self._about = entry.definition
        self._row.show_step(Step(0, 0, WAITING if self._jobs.busy else "checking…"))
        job = self._running = self._jobs.run(
            work.check_map,
            study=self._study,
            name=name,
            map_key=map_key,
            settings=settings,
            check=key,
            then=lambda checked: self._show(checked, entry.colour),
            on_step=self._show_step,
            on_failure=self._show_reason,
            on_end=lambda: self._forget(job),
            about=self._study.canvas,
        )

    def _show_step(self, step: Step) -> None:
        if step.message:
            self._row.show_step(step)

    def _show(self, checked: Checked, colour: str) -> None:
        self._running = None
        self._row.show_check(checked, colour)

    def _show_reason(self, error: Exception) -> None:
        self._row.clear()
        if isinstance(error, ConceptStainError):
            self._row.say(f"Not checked: {error}")
        else:
            show_failure(error)

    def _forget(self, job: Job) -> None:
        if self._running is job:  # it was stopped from elsewhere, or failed
            self._running = None
            if not self._row.progress.isHidden():
                self._row.clear()

    def _drop(self) -> None:
        """Stop the check that runs, and show no more what the last one found."""
        if self._running is not None:
            self._running.cancel()
        self._running = self._about = None
        self._row.clear()

    def _drop_outdated(self) -> None:
        """Drop what is about a concept that is another one now."""
        if self._about is not None and all(entry.definition is not self._about for entry in self._study.entries):
            self._drop()

    def _hear_of_map(self, title: str) -> None:
        if title != self._title:
            self._title = title
            self._show_choice()

    def _show_choice(self) -> None:
        """Another map is painted: show what it can be put to."""
        self._drop()
        encoder = self._study.encoder
        if encoder is not None:
            from conceptstain.methods.checks import CHECKS, check_refusal  # torch is there with the encoder

            map_key, _settings = self._maps.chosen
            self._row.show_refusals({check.key: check_refusal(check, map_key, encoder) for check in CHECKS})
