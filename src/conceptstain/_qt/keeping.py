"""Keeping what the user makes: save, autosave, and restore what a session that ended left behind."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, final

from qtpy.QtCore import QCoreApplication, QObject, QTimer

from conceptstain._qt import work
from conceptstain._qt.data_panel import DataPanel
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.notifications import guarded, show_failure, show_note
from conceptstain.errors import ConceptStainError
from conceptstain.progress import silent
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.progress import Report
    from conceptstain.study.autosave import Autosave, Restorable
    from conceptstain.study.snapshot import Snapshot

__all__ = ["Keeping"]

QUIET = 2000  # milliseconds without a change before it is autosaved


class _Unwritten(NamedTuple):
    """What was changed and is neither saved nor autosaved yet; and the file it had been saved to."""

    snapshot: Snapshot
    saved_as: Path | None

    def is_in(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot holds it."""
        return self.snapshot.canvas is snapshot.canvas and self.snapshot.changes <= snapshot.changes


class _Left(NamedTuple):
    """A study that gave way to another section, and what of it has still to be autosaved."""

    autosave: Autosave
    unwritten: _Unwritten | None

    def write(self, report: Report = silent) -> None:
        """Leave all of it to be restored."""
        if self.unwritten is not None:
            work.autosave_study(self.autosave, *self.unwritten, report=report)
        self.autosave.close()


@final
class Keeping(QObject):
    """Connects the Data card with the files that a study is kept in.

    The study is autosaved by a patient job soon after every change. What was not saved when the program ends can be
    restored at the next start.
    """

    def __init__(self, study: Study, jobs: Jobs, data: DataPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._data = study, jobs, data
        self._autosave: Autosave | None = None
        self._restorable: tuple[Restorable, ...] = ()
        self._unwritten: _Unwritten | None = None
        self._left: list[_Left] = []
        self._failed = ""  # what was last told about autosaving, which is told once
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(QUIET)
        self.timer.timeout.connect(self.autosave)
        study.saved_changed.connect(self._hear_of_change)
        study.section_changed.connect(self._begin)
        data.save_wanted.connect(guarded(self.save))
        data.restore_wanted.connect(self._restore)
        data.discard_wanted.connect(self._discard)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)
        jobs.run(work.restorable_studies, then=self._offer, patient=True)

    # -- saving ----------------------------------------------------------------------------------------------------

    def save(self, path: Path | None) -> Job | None:
        """Save the study; None: where it was saved before, unless something else has been saved there since."""
        if path is None:
            self._study.check_own_file()
        path = path or self._study.path
        if path is None or self._study.canvas is None:
            return None
        snapshot = self._study.snapshot()
        return self._jobs.run(
            work.save_study,
            snapshot=snapshot,
            path=path,
            own=self._study.path,
            then=lambda written: self._mark_saved(snapshot, written),
        )

    def _mark_saved(self, snapshot: Snapshot, path: Path) -> None:
        self._study.mark_saved(snapshot, path)
        show_note(f"Saved {path}")
        if self._study.is_saved and self._autosave is not None:
            self._jobs.run(work.forget_autosave, autosave=self._autosave, patient=True)

    def _hear_of_change(self) -> None:
        self._data.show_saved(
            None if self._study.canvas is None else self._study.is_saved,
            self._study.path,
        )
        if self._study.canvas is None or self._study.is_saved:
            self._unwritten = None
        else:
            self._unwritten = _Unwritten(self._study.snapshot(), self._study.path)
            self.timer.start()

    # -- autosave --------------------------------------------------------------------------------------------------

    def autosave(self) -> Job | None:
        """Write what is not saved where it can be restored from, as soon as nobody waits for anything else."""
        if self._study.canvas is None or self._study.is_saved:
            return None
        snapshot = self._study.snapshot()
        job = self._jobs.run(
            work.autosave_study,
            autosave=self._own(),
            snapshot=snapshot,
            saved_as=self._study.path,
            then=lambda _done: self._mark_written(snapshot),
            on_failure=self._tell_once,
            on_end=lambda: self.timer.start() if job.is_cancelled and self._unwritten is not None else None,
            patient=True,
        )
        return job

    def _mark_written(self, snapshot: Snapshot) -> None:
        if self._unwritten is not None and self._unwritten.is_in(snapshot):
            self._unwritten = None

    def close(self) -> None:
        """Autosave what was changed a moment ago, and leave it to be restored: the program ends."""
        self.timer.stop()
        for left in self._left:
            with suppress(ConceptStainError):  # nobody is left to be told
                left.write()
        if self._unwritten is not None:
            with suppress(ConceptStainError):
                work.autosave_study(self._own(), self._study.snapshot(), self._study.path, report=silent)
        self._left, self._unwritten = [], None
        if self._autosave is not None:
            self._autosave.close()

    def _own(self) -> Autosave:
        """Where this study is autosaved."""
        from conceptstain.study.autosave import Autosave

        if self._autosave is None:
            self._autosave = Autosave()
        return self._autosave

    def _tell_once(self, error: Exception) -> None:
        if str(error) != self._failed:
            self._failed = str(error)
            show_failure(error)

    def _begin(self) -> None:
        """Another section is another study: what was autosaved of the one before can be restored from now on."""
        if self._autosave is not None or self._unwritten is not None:
            left = _Left(self._own(), self._unwritten)
            self._left.append(left)
            self._jobs.run(
                left.write, then=lambda _done: self._left.remove(left), on_failure=self._tell_once, patient=True
            )
        self._autosave = self._unwritten = None

    # -- restoring -------------------------------------------------------------------------------------------------

    def _offer(self, found: tuple[Restorable, ...]) -> None:
        self._restorable = found
        if found and self._study.canvas is None:
            first = found[0]
            made = f"{len(first.concepts)} concept{'s' if len(first.concepts) != 1 else ''}"
            self._data.offer_to_restore(f"{first.name}, {made}, {first.when.astimezone():%d %B, %H:%M}")
        else:
            self._data.offer_to_restore("")

    def _restore(self) -> None:
        if self._restorable:
            first, *rest = self._restorable
            self._jobs.run(
                work.restore_study,
                found=first,
                then=lambda study: self._take_restored(study, tuple(rest)),
                on_failure=self._refuse,
            )

    def _take_restored(self, study: Study, rest: tuple[Restorable, ...]) -> None:
        first, self._restorable = self._restorable[0], rest
        self._data.offer_to_restore("")
        self._study.become(study)
        self._data.unfold()
        snapshot = self._study.snapshot()
        # It is autosaved anew before the old one goes.
        self._jobs.run(
            work.autosave_study,
            autosave=self._own(),
            snapshot=snapshot,
            saved_as=self._study.path,
            then=lambda _done: self._discard_found(first, snapshot),
        )

    def _discard_found(self, found: Restorable, autosaved: Snapshot) -> None:
        self._mark_written(autosaved)
        self._jobs.run(work.discard_study, found=found, patient=True)

    def _refuse(self, error: Exception) -> None:
        show_failure(error)
        self._offer(self._restorable[1:])  # it stays where it is, and is offered again at the next start

    def _discard(self) -> None:
        if self._restorable:
            first, *rest = self._restorable
            self._jobs.run(
                work.discard_study,
                found=first,
                then=lambda _done: self._offer(tuple(rest)),
            )
