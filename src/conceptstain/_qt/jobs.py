"""The one thread of the house: plain functions run beside the window and report back by signals.

A job is any function that takes ``report=``. Jobs wait for each other in one queue, because gradient rules change a
network's hooks while they run and two jobs on one network would corrupt each other. No generators: the generator
workers at hand swallow a RuntimeError raised inside, and torch's shape and memory errors are RuntimeErrors.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, final

from qtpy.QtCore import QObject, QRunnable, QThreadPool, Signal

from conceptstain.progress import Cancelled, Step

__all__ = ["Job", "Jobs"]

INTERVAL = 0.05  # seconds between two steps shown; more often only costs the window time


@final
class Job(QObject):
    """One call of a function, and what became of it. All signals arrive on the thread that made the job."""

    stepped = Signal(object)
    returned = Signal(object)
    cancelled = Signal()
    failed = Signal(object)
    finished = Signal()

    def __init__(self, function: Callable[..., Any], arguments: dict[str, Any], parent: QObject) -> None:
        super().__init__(parent)
        self._function = function
        self._arguments = arguments
        self._stop = threading.Event()
        self._last_step = 0.0
        self.started = threading.Event()

    def cancel(self) -> None:
        """Ask the job to stop at its next report; a job still waiting never starts."""
        self._stop.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def run(self) -> None:
        """Call the function; on the worker's thread."""
        self.started.set()
        try:
            self._report(Step(0, 1))
            result = self._function(**self._arguments, report=self._report)
        except Cancelled:
            self.cancelled.emit()
        except Exception as error:  # noqa: BLE001 - whatever it is, the user is told and the panel is freed
            self.failed.emit(error)
        else:
            if self._stop.is_set():
                self.cancelled.emit()
            else:
                self.returned.emit(result)
        finally:
            self.finished.emit()

    def _report(self, step: Step) -> None:
        if self._stop.is_set():
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
    """A queue of jobs on one worker thread."""

    started = Signal(object)
    idle = Signal()
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._waiting: list[Job] = []

    @property
    def busy(self) -> bool:
        """Whether a job is running or waiting."""
        return bool(self._waiting)

    def run(
        self,
        function: Callable[..., Any],
        /,
        *,
        then: Callable[[Any], None] | None = None,
        on_step: Callable[[Step], None] | None = None,
        on_end: Callable[[], None] | None = None,
        **arguments: Any,
    ) -> Job:
        """Queue ``function(**arguments, report=...)``.

        Parameters
        ----------
        function
            Runs on the worker's thread.
        then
            Called with what it returns, on this thread.
        on_step
            Called with its steps, at most 20 times a second, on this thread.
        on_end
            Called last, whatever became of it, on this thread.
        """
        job = Job(function, arguments, self)
        if on_step is not None:
            job.stepped.connect(on_step)
        if then is not None:
            job.returned.connect(then)
        if on_end is not None:
            job.finished.connect(on_end)
        job.failed.connect(self.failed)
        job.finished.connect(lambda: self._retire(job))
        self._waiting.append(job)
        self.started.emit(job)
        self._pool.start(_Call(job))
        return job

    def cancel_all(self) -> None:
        """Ask every job to stop."""
        for job in self._waiting:
            job.cancel()

    def close(self) -> None:
        """Stop everything and wait for the thread; call it when the window goes."""
        self.cancel_all()
        self._pool.waitForDone()

    def _retire(self, job: Job) -> None:
        self._waiting.remove(job)
        job.deleteLater()
        if not self._waiting:
            self.idle.emit()
