"""What is decoded follows sliders: the newest place of them, as soon as the one before is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, final

from qtpy.QtCore import QObject, Signal

from conceptstain._qt import what_if_work
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.notifications import show_failure

if TYPE_CHECKING:
    import numpy as np

    from conceptstain._qt.what_if_work import Begun, Imagined
    from conceptstain.nets.classifier import Classifier

__all__ = ["LiveDecoding"]


class _Wanted(NamedTuple):
    of: Begun
    shifts: Sequence[tuple[float, np.ndarray]]
    classifier: Classifier | None


@final
class LiveDecoding(QObject):
    """Decodes the newest place of the sliders; those between are never begun."""

    decoded = Signal(object, object)  # from where, and what

    def __init__(self, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._wanted: _Wanted | None = None
        self._running: Job | None = None
        self.shown = 0  # so far

    def follow(
        self, of: Begun, shifts: Sequence[tuple[float, np.ndarray]], classifier: Classifier | None = None
    ) -> None:
        """Decode there, when there is time."""
        self._wanted = _Wanted(of, shifts, classifier)
        self._go_on()

    def stop(self) -> None:
        """Decode no more of it."""
        self._wanted = None
        if self._running is not None:
            self._running.cancel()
            self._running = None

    def _go_on(self) -> None:
        if self._wanted is None or self._running is not None:
            return
        wanted, self._wanted = self._wanted, None
        job = self._jobs.run(
            what_if_work.imagined,
            **wanted._asdict(),
            then=lambda made: self._show(wanted.of, made),
            on_failure=show_failure,
            on_end=lambda: self._end(job),
            about=wanted.of.network.canvas,
            live=True,
        )
        self._running = job

    def _show(self, of: Begun, made: Imagined) -> None:
        self._running = None
        self._go_on()  # first: the next is decoded while Qt draws this one
        self.decoded.emit(of, made)
        self.shown += 1

    def _end(self, job: Job) -> None:
        """Go on after one that could not be decoded; one that was drawn has begun the next already."""
        if self._running is job:
            self._running = None
            self._go_on()
