"""Units are ticked off, and the network is asked what it does without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from qtpy.QtCore import QObject

from conceptstain._qt import effect_work
from conceptstain._qt.effect_row import Measured
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.units_panel import UnitsPanel
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain._qt.effect_work import Effect
    from conceptstain._qt.units_work import Dissected

__all__ = ["PuttingOut"]


@final
class PuttingOut(QObject):
    """Connects the ticks of units with the study; what was measured goes when other units are ticked off."""

    def __init__(self, study: Study, jobs: Jobs, card: UnitsPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._card, self._row = study, jobs, card, card.effect
        self._about: Dissected | None = None
        self._running: Job | None = None
        table = card.table
        table.ticked_off_changed.connect(self._show_ticked_off)
        self._row.listed_off_wanted.connect(lambda: table.tick(table.listed, on=False))
        self._row.all_on_wanted.connect(lambda: table.tick(table.ticked_off, on=True))
        self._row.wanted.connect(self._measure)
        self._row.value.currentIndexChanged.connect(lambda _row: self._drop())

    def begin(self, about: Dissected | None) -> None:
        """Ask about units of this dissection from now on; None: of none."""
        self._about = about
        self._row.setVisible(about is not None and about.network.encoder is not None)
        self._drop()

    def stop(self) -> None:
        """Measure no more."""
        if self._running is not None:
            self._running.cancel()

    def _drop(self) -> None:
        self.stop()
        self._row.clear()

    def _show_ticked_off(self) -> None:
        self._row.show_ticked_off(self._card.table.ticked_off)
        self._drop()

    def _measure(self, value: Any) -> None:
        if self._about is None:
            return
        self._drop()
        job = self._jobs.run(
            effect_work.effect_of,
            study=self._study,
            of=self._about,
            units=self._card.table.ticked_off,
            value=value,
            then=self._show,
            on_step=self._card.show_progress,
            on_end=lambda: self._end(job),
            about=self._study.canvas,
        )
        self._running = job
        self._card.start_progress()

    def _end(self, job: Job) -> None:
        if self._running is job:
            self._running = None
            self._card.end_progress()

    def _show(self, effect: Effect) -> None:
        self._row.show_effect(effect.sentence, [Measured(*each) for each in effect.measures])
