"""The one thread of the house: plain functions run beside the window and report back by signals.

A job is any function that takes ``report=``. Jobs wait for each other in one queue, because gradient rules change a
network's hooks while they run and two jobs on one network would corrupt each other. No generators: the generator
workers at hand swallow a RuntimeError raised inside, and torch's shape and memory errors are RuntimeErrors.

Some jobs are patient: what they make is good to have, and nobody waits for it. A patient job starts when no other job
of any window is left, gives way to one that comes (it stops at its next report), and starts again afterwards.

Other jobs are live: they follow the mouse, start at once, and come and go without the window saying that it is busy.

A window may go while its jobs run. So neither the thread nor a job belongs to a window: Qt would wait for the thread,
without asking it to stop, and a job would report through an object that is gone.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any, final

from qtpy.QtCore import QCoreApplication, QObject, QRunnable, QThreadPool, Signal

from conceptstain.progress import Cancelled, Step

__all__ = ["WAITING", "Job", "Jobs"]

WAITING = "waits for what runs now"
INTERVAL = 0.05  # seconds between two steps shown; more often only costs the window time


@final
class Job(QObject):
    """One call of a function, and what became of it. All signals arrive on the thread that made the job.

    ``gave_way`` comes in place of the last three: the job is to be started again.
    """

    stepped = Signal(object)
    returned = Signal(object)
    cancelled = Signal()
    failed = Signal(object)
    finished = Signal()
    gave_way = Signal()

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: dict[str, Any],
        about: object | None = None,
        *,
        patient: bool = False,
        live: bool = False,
    ) -> None:
        super().__init__(QCoreApplication.instance())
        self.about = about
        self.patient = patient
        self.live = live
        self._function = function
        self._arguments = arguments
        self._stop = threading.Event()
        self._aside = threading.Event()
        self._last_step = 0.0
        self._running = False
        self.started = threading.Event()
        self.ended = threading.Event()
        self.gave_way.connect(self._rest)

    def cancel(self) -> None:
        """Ask the job to stop at its next report; a job still waiting never starts."""
        self._stop.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    @property
    def is_running(self) -> bool:
        """Whether it was started and its end was not yet heard of on this thread."""
        return self._running

    def give_way(self) -> None:
        """Ask the job to stop at its next report, to be started again."""
        self._aside.set()

    def start(self) -> None:
        """Wait for the worker's thread, and run there."""
        self._running = True
        self._aside.clear()
        self.ended.clear()
        _thread().start(_Call(self))

    def run(self) -> None:
        """Call the function; on the worker's thread."""
        self.started.set()
        again = False
        try:
            self._report(Step(0, 1))
            result = self._function(**self._arguments, report=self._report)
        except Cancelled:
            again = self._aside.is_set() and not self._stop.is_set()
            if not again:
                self.cancelled.emit()
        except Exception as error:  # noqa: BLE001 - whatever it is, the user is told and the panel is freed
            self.failed.emit(error)
        else:
            if self._stop.is_set():
                self.cancelled.emit()
            else:
                self.returned.emit(result)
        finally:
            self.ended.set()
            (self.gave_way if again else self.finished).emit()

    def _rest(self) -> None:
        self._running = False

    def _report(self, step: Step) -> None:
        if self._stop.is_set() or self._aside.is_set():
            raise Cancelled
        now = time.monotonic()
        if now - self._last_step >= INTERVAL or step.done == step.total:
            self._last_step = now
            self.stepped.emit(step)


class _Call(QRunnable):
    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job

    def run(self) -> None:
        self._job.run()


@final
class Jobs(QObject):
    """Jobs of one window, which wait in one queue with those of other windows.

    ``idle`` comes when none but patient jobs are left, ``quiet`` when none at all is.
    """

    started = Signal(object)
    idle = Signal()
    quiet = Signal()
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: list[Job] = []
        self._closed = threading.Event()
        waiting, closed = self._waiting, self._closed  # this object must not keep itself alive
        self.destroyed.connect(lambda: _stop(waiting, closed))
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)
        _OPEN.add(self)

    @property
    def busy(self) -> bool:
        """Whether a job that somebody waits for is running or waiting."""
        return any(not job.patient and not job.live for job in self._waiting)

    @property
    def is_closed(self) -> bool:
        """Whether everything was stopped for good."""
        return self._closed.is_set()

    @property
    def at_rest(self) -> bool:
        """Whether no job is left, patient or not."""
        return not self._waiting

    def run(
        self,
        function: Callable[..., Any],
        /,
        *,
        then: Callable[[Any], None] | None = None,
        on_step: Callable[[Step], None] | None = None,
        on_end: Callable[[], None] | None = None,
        on_failure: Callable[[Exception], None] | None = None,
        about: object | None = None,
        patient: bool = False,
        live: bool = False,
        **arguments: Any,
    ) -> Job:
        """Queue ``function(**arguments, report=...)``.

        Parameters
        ----------
        function
            Runs on the worker's thread.
        then
            Called with what it returns, on this thread; not where it was cancelled, however late.
        on_step
            Called with its steps, at most 20 times a second, on this thread.
        on_end
            Called last, whatever became of it, on this thread.
        on_failure
            Called with its error instead of ``failed``, on this thread.
        about
            What the job is of no use without, for :meth:`cancel_about`.
        patient
            Let all other jobs go first. The function may be stopped and called again.
        live
            Say nothing of it: neither ``started`` nor ``idle`` nor ``busy``.
        """
        job = Job(function, arguments, about, patient=patient, live=live)
        closed = self._closed
        if on_step is not None:
            job.stepped.connect(lambda step: None if job.is_cancelled else on_step(step))
        if then is not None:
            job.returned.connect(lambda result: None if job.is_cancelled else then(result))
        refuse = on_failure or self.failed.emit
        job.failed.connect(lambda error: None if job.is_cancelled else refuse(error))
        if on_end is not None:
            job.finished.connect(lambda: None if closed.is_set() else on_end())
        job.finished.connect(lambda: self._retire(job))
        job.gave_way.connect(self.give_turn)
        self._waiting.append(job)
        if patient:
            self.give_turn()
        else:
            if not live:
                self.started.emit(job)
            for jobs in list(_OPEN):
                jobs.give_way()
            job.start()
        return job

    def give_way(self) -> None:
        """Ask a patient job that runs to let others go first."""
        for job in self._waiting:
            if job.patient:
                job.give_way()

    def cancel_all(self) -> None:
        """Ask every job to stop."""
        for job in self._waiting:
            job.cancel()

    def cancel_about(self, about: object) -> None:
        """Ask every job that is of no use without this to stop."""
        for job in self._waiting:
            if job.about is about:
                job.cancel()

    def close(self) -> None:
        """Stop everything for good, and wait for what runs."""
        _stop(self._waiting, self._closed)
        for job in self._waiting:
            if job.started.is_set():
                job.ended.wait()

    def _retire(self, job: Job) -> None:
        self._waiting.remove(job)
        job.deleteLater()
        if not self._closed.is_set() and not (job.patient or job.live or self.busy):
            self.idle.emit()
        for jobs in list(_OPEN):
            jobs.give_turn()
        if not self._closed.is_set() and self.at_rest:
            self.quiet.emit()

    def give_turn(self) -> None:
        """Start the patient job that waits longest, where nothing else is left to do in any window."""
        if self._closed.is_set() or any(jobs.busy for jobs in list(_OPEN) if not jobs.is_closed):
            return
        mine = [job for job in self._waiting if job.patient]
        if mine and not any(job.is_running for job in mine):
            mine[0].start()


@cache
def _thread() -> QThreadPool:
    pool = QThreadPool()
    pool.setMaxThreadCount(1)
    return pool


def _stop(jobs: list[Job], closed: threading.Event) -> None:
    closed.set()
    for job in jobs:
        job.cancel()


_OPEN: weakref.WeakSet[Jobs] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Python must not end below a running job."""
    for jobs in list(_OPEN):
        jobs.close()
