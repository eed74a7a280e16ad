from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject, QThread

from conceptstain._qt.jobs import Jobs
from conceptstain.progress import Report, Step


@pytest.fixture
def jobs(qapp: object) -> Iterator[Jobs]:
    jobs = Jobs()
    yield jobs
    jobs.close()


def counting(to: int, *, report: Report) -> int:
    for done in range(to):
        report(Step(done + 1, to, "counting"))
    return to


def until_cancelled(*, report: Report, begun: threading.Event, cleaned: threading.Event) -> None:
    try:
        while True:
            report(Step(1, 2))
            begun.set()
    finally:
        cleaned.set()


def test_a_job_runs_beside_the_window_and_returns_on_its_thread(jobs: Jobs, qtbot: QtBot) -> None:
    threads: list[object] = []

    def work(*, report: Report) -> str:
        threads.append(threading.current_thread())
        return "done"

    results: list[str] = []
    with qtbot.waitSignal(jobs.idle):
        jobs.run(work, then=lambda result: results.append(f"{result} {QThread.currentThread() is jobs.thread()}"))
    assert results == ["done True"]
    assert threads != [threading.main_thread()]


def test_the_last_step_is_always_shown(jobs: Jobs, qtbot: QtBot) -> None:
    steps: list[Step] = []
    with qtbot.waitSignal(jobs.idle):
        jobs.run(counting, to=1000, on_step=steps.append)
    assert steps[-1].done == 1000
    assert len(steps) < 1000


def test_a_cancelled_job_cleans_up_and_returns_nothing(jobs: Jobs, qtbot: QtBot) -> None:
    begun, cleaned = threading.Event(), threading.Event()
    results: list[object] = []
    job = jobs.run(until_cancelled, begun=begun, cleaned=cleaned, then=results.append)
    assert begun.wait(5)
    with qtbot.waitSignals([job.cancelled, jobs.idle]):
        job.cancel()
    assert cleaned.is_set()
    assert results == []


def test_a_job_cancelled_while_it_waits_never_starts(jobs: Jobs, qtbot: QtBot) -> None:
    begun, cleaned = threading.Event(), threading.Event()
    started: list[str] = []

    def second(*, report: Report) -> None:
        report(Step(0, 1))
        started.append("second")

    first = jobs.run(until_cancelled, begun=begun, cleaned=cleaned)
    waiting = jobs.run(second)
    waiting.cancel()
    with qtbot.waitSignal(jobs.idle):
        first.cancel()
    assert started == []


def test_even_a_runtime_error_arrives_and_frees_the_queue(jobs: Jobs, qtbot: QtBot) -> None:
    def broken(*, report: Report) -> None:
        raise RuntimeError("shapes do not match")

    failures: list[Exception] = []
    results: list[int] = []
    jobs.failed.connect(failures.append)
    with qtbot.waitSignal(jobs.idle):
        jobs.run(broken)
        jobs.run(counting, to=1, then=results.append)
    assert [str(failure) for failure in failures] == ["shapes do not match"]
    assert results == [1]


def test_jobs_wait_for_each_other(jobs: Jobs, qtbot: QtBot) -> None:
    running: list[int] = []
    most: list[int] = []

    def work(*, report: Report) -> None:
        running.append(1)
        most.append(len(running))
        report(Step(1, 1))
        running.pop()

    with qtbot.waitSignal(jobs.idle):
        for _ in range(5):
            jobs.run(work)
    assert most == [1] * 5
    assert not jobs.busy


def test_closing_stops_what_runs(qapp: object) -> None:
    jobs = Jobs()
    begun, cleaned = threading.Event(), threading.Event()
    jobs.run(until_cancelled, begun=begun, cleaned=cleaned)
    assert begun.wait(5)
    jobs.close()
    assert cleaned.is_set()


def test_what_is_cancelled_late_is_not_delivered(jobs: Jobs, qtbot: QtBot) -> None:
    results: list[object] = []
    failures: list[Exception] = []
    jobs.failed.connect(failures.append)

    def broken(*, report: Report) -> None:
        raise RuntimeError

    done, failed = jobs.run(counting, to=1, then=results.append), jobs.run(broken)
    assert done.ended.wait(5)
    assert failed.ended.wait(5)
    with qtbot.waitSignal(jobs.idle):  # nothing was delivered yet: that takes an event loop
        done.cancel()
        failed.cancel()
    assert results == []
    assert failures == []


def test_only_jobs_about_a_thing_stop_with_it(jobs: Jobs, qtbot: QtBot) -> None:
    results: list[object] = []
    thing = object()
    with qtbot.waitSignal(jobs.idle):
        jobs.run(counting, to=1, then=results.append, about=thing)
        jobs.run(counting, to=2, then=results.append)
        jobs.cancel_about(thing)
    assert results == [2]


def test_a_failure_goes_where_it_was_asked_to(jobs: Jobs, qtbot: QtBot) -> None:
    def broken(*, report: Report) -> None:
        raise ValueError("asked for by nobody")

    told: list[Exception] = []
    general: list[Exception] = []
    jobs.failed.connect(general.append)
    with qtbot.waitSignal(jobs.idle):
        jobs.run(broken, on_failure=told.append)
    assert [str(error) for error in told] == ["asked for by nobody"]
    assert general == []


def test_a_window_that_goes_stops_its_jobs_and_hears_no_more_of_them(qtbot: QtBot) -> None:
    window = QObject()
    jobs = Jobs(window)
    begun, cleaned = threading.Event(), threading.Event()
    ended: list[str] = []
    jobs.run(until_cancelled, begun=begun, cleaned=cleaned, on_end=lambda: ended.append("told"))
    assert begun.wait(5)
    window.deleteLater()
    qtbot.waitUntil(lambda: not jobs.busy)
    assert cleaned.is_set()
    assert ended == []


def test_windows_share_one_thread(jobs: Jobs, qtbot: QtBot) -> None:
    other = Jobs()
    begun, cleaned = threading.Event(), threading.Event()
    first = jobs.run(until_cancelled, begun=begun, cleaned=cleaned)
    assert begun.wait(5)
    second = other.run(counting, to=1)
    other.close()  # waits for what runs of its own, and nothing does
    assert not second.started.is_set()
    with qtbot.waitSignal(jobs.idle):
        first.cancel()


def noting(*, report: Report, calls: list[str], name: str, steps: int = 1) -> str:
    calls.append(name)
    for done in range(steps):
        report(Step(done, steps + 1))
    return name


def test_a_patient_job_runs_when_nothing_else_is_left(jobs: Jobs, qtbot: QtBot) -> None:
    calls: list[str] = []
    with qtbot.waitSignal(jobs.quiet):
        jobs.run(noting, calls=calls, name="first")
        jobs.run(noting, calls=calls, name="patient", patient=True)
        jobs.run(noting, calls=calls, name="second")
    assert calls == ["first", "second", "patient"]


def test_a_patient_job_gives_way_and_is_started_again(jobs: Jobs, qtbot: QtBot) -> None:
    begun, go_on = threading.Event(), threading.Event()
    calls: list[str] = []
    results: list[str] = []

    def patient(*, report: Report) -> str:
        calls.append("patient")
        begun.set()
        while not go_on.is_set():
            report(Step(1, 2))
        return "tested"

    jobs.run(patient, patient=True, then=results.append)
    qtbot.waitUntil(begun.is_set)
    with qtbot.waitSignal(jobs.idle):
        jobs.run(noting, calls=calls, name="click")
    assert calls[:2] == ["patient", "click"]
    assert results == []
    go_on.set()
    with qtbot.waitSignal(jobs.quiet):
        pass
    assert results == ["tested"]
    assert calls[-1] == "patient"


def test_patient_jobs_make_nobody_wait(jobs: Jobs, qtbot: QtBot) -> None:
    begun, cleaned = threading.Event(), threading.Event()
    job = jobs.run(until_cancelled, begun=begun, cleaned=cleaned, patient=True)
    qtbot.waitUntil(begun.is_set)
    assert not jobs.busy
    assert not jobs.at_rest
    with qtbot.waitSignal(jobs.quiet):
        job.cancel()
    assert cleaned.is_set()


def test_patient_jobs_give_way_to_those_of_another_window(jobs: Jobs, qtbot: QtBot) -> None:
    begun, cleaned = threading.Event(), threading.Event()
    patient = jobs.run(until_cancelled, begun=begun, cleaned=cleaned, patient=True)
    qtbot.waitUntil(begun.is_set)
    other = Jobs()
    calls: list[str] = []
    with qtbot.waitSignal(other.idle):
        other.run(noting, calls=calls, name="click")
    assert calls == ["click"]
    qtbot.waitUntil(lambda: patient.is_running)
    with qtbot.waitSignal(jobs.quiet):
        patient.cancel()
    other.close()


def test_a_patient_job_that_waits_is_dropped_with_its_window(jobs: Jobs, qtbot: QtBot) -> None:
    begun, cleaned = threading.Event(), threading.Event()
    calls: list[str] = []
    jobs.run(until_cancelled, begun=begun, cleaned=cleaned)
    jobs.run(noting, calls=calls, name="patient", patient=True)
    qtbot.waitUntil(begun.is_set)
    jobs.close()
    assert cleaned.is_set()
    assert calls == []
