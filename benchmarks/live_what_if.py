"""Measure how often the decoded picture follows the slider of the What if card, and how soon.

    xvfb-run -a -s "-screen 0 1280x800x24" python benchmarks/live_what_if.py [--seconds 6]

A slider is moved to and fro in a napari window with the dock, a step every 10 milliseconds, with each bundled encoder:
on genes of the bundled section (simulated), and on pictures of noise, since decoding does not depend on what is seen. A
picture counts when the window has drawn it; each is of the newest place of the slider when its decoding began. In the
last row the difference is painted on the tissue in the viewer, too.

The peer is drawing alone, in turn with it in the same window: two rows of pictures that are ready are shown one after
the other, the next as soon as one is drawn; nothing is decoded. No live picture can be faster; what lies between
is decoding, colouring, and the way to the worker's thread and back. Drawing is by software here, on the cores that
compute, too.

The delay is the time from a step of the slider to the first drawing of a picture whose decoding began after it. Held is
the longest time that one call of ours took on the window's thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import napari
import numpy as np
from PIL import Image
from qtpy.QtCore import QEventLoop, QTimer

from conceptstain._napari import make_widget
from conceptstain._qt import what_if_work
from conceptstain.concepts.definition import Definition

MOUSE = 10  # milliseconds between two steps of the slider
WARM = 1.0  # seconds
TURNS = 3  # with the peer, since other work on the machine comes and goes
PICTURES, SIDE = 24, 64
NAME = "latent 0"


class Rates(NamedTuple):
    """Pictures a second, those of drawing alone, delays in seconds, and the longest hold of the window."""

    live: float
    alone: float
    delays: np.ndarray
    hold: float


def live_for(seconds: float) -> None:
    """Let the window live."""
    loop = QEventLoop()
    QTimer.singleShot(int(1000 * seconds), loop.quit)
    loop.exec()


def settle(dock: Any) -> None:
    """Let the window live until nothing is left to do."""
    while dock.jobs.busy or not dock.jobs.at_rest:
        live_for(0.05)


class Watch:
    """Counts drawings of new pictures in the card, and says how long ago the slider was where they were decoded."""

    def __init__(self, dock: Any) -> None:
        self._dock, self._row = dock, dock.what_if.pictures
        self._imagined = what_if_work.imagined
        self.held = 0.0
        self.then: Callable[[], None] | None = None
        self.begin()
        what_if_work.imagined = self._begin_decoding
        self._draw = self._timed(self._row.paintEvent)
        self._row.paintEvent = self._note
        live = dock.imagining.live
        for name in ("_show", "follow"):
            setattr(live, name, self._timed(getattr(live, name)))

    def begin(self) -> None:
        """Count from now on."""
        self.drawn, self._painted = 0, self._row.painted
        self._begun: list[float] = []
        self._shown = self._dock.imagining.live.shown
        self.steps: list[float] = []
        self.delays: list[float] = []

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            begun = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                self.held = max(self.held, time.perf_counter() - begun)

        return called

    def _begin_decoding(self, *arguments: Any, **named: Any) -> Any:
        self._begun.append(time.perf_counter())
        return self._imagined(*arguments, **named)

    def _note(self, event: Any) -> None:
        self._draw(event)
        if self._row.painted == self._painted:
            return
        self._painted = self._row.painted
        self.drawn += 1
        number = self._dock.imagining.live.shown - self._shown
        if 0 < number <= len(self._begun):
            now, since = time.perf_counter(), self._begun[number - 1]
            self.delays += [now - step for step in self.steps if step <= since]
            self.steps = [step for step in self.steps if step > since]
        if self.then is not None:
            QTimer.singleShot(0, self.then)


def moved(dock: Any, watch: Watch, seconds: float) -> tuple[float, list[float]]:
    """Pictures a second while the slider moves, and the delays."""
    slider = dock.what_if.page.rows[f"concept {NAME}"].slider
    timer, places = QTimer(), 0
    span = slider.maximum()

    def step() -> None:
        nonlocal places
        places += 1
        watch.steps.append(time.perf_counter())
        slider.setValue(abs((places + span // 2) % (2 * span) - span))

    timer.timeout.connect(step)
    watch.begin()
    begun = time.perf_counter()
    timer.start(MOUSE)
    live_for(seconds)
    timer.stop()
    spent, drawn, delays = time.perf_counter() - begun, watch.drawn, list(watch.delays)
    settle(dock)
    return drawn / spent, delays


def drawing_alone(dock: Any, watch: Watch, seconds: float) -> float:
    """Pictures a second that are ready."""
    row = dock.what_if.pictures
    ready = [list(row.images), [image.mirrored() for image in row.images]]
    watch.begin()
    watch.then = lambda: row.show_pictures(ready[watch.drawn % 2])
    begun = time.perf_counter()
    row.show_pictures(ready[1])
    live_for(seconds)
    watch.then = None
    drawn = watch.drawn / (time.perf_counter() - begun)
    row.show_pictures(ready[0])
    live_for(0.1)
    return drawn


def measured(dock: Any, watch: Watch, seconds: float) -> Rates:
    """Both, in turn."""
    moved(dock, watch, WARM)
    watch.held = 0.0
    live, alone, delays = [], [], []
    for _ in range(TURNS):
        rate, waits = moved(dock, watch, seconds / TURNS)
        live.append(rate)
        delays += waits
        alone.append(drawing_alone(dock, watch, seconds / TURNS))
    return Rates(float(np.mean(live)), float(np.mean(alone)), np.array(delays), watch.held)


def tell(name: str, found: Rates) -> None:
    middle, late = (1000 * float(np.percentile(found.delays, part)) for part in (50, 95))
    print(
        f"| {name} | {found.live:.0f} | {found.alone:.0f} | {found.live / found.alone:.0%} | {middle:.0f} ms "
        f"| {late:.0f} ms | {1000 * found.hold:.0f} ms |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6.0)
    seconds = parser.parse_args().seconds
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)  # noqa: SLF001 - napari has no public way
    dock = make_widget(viewer)
    viewer.window.add_dock_widget(dock, name="Concept Stain", area="right")
    dock.staining.judging.enabled = False
    watch = Watch(dock)

    def prepared(open_: Callable[[], object]) -> str:
        open_()
        settle(dock)
        if NAME not in [entry.name for entry in dock.study.entries]:
            dock.study.add(Definition(NAME, unit=0))
        for card in dock.cards:
            card.fold()
        dock.what_if.unfold()
        settle(dock)
        return str(dock.study.need_encoder().name)

    print("| encoder | pictures a second | drawing alone | part of that | delay, median | delay, 95 % | longest hold |")
    print("|---|---|---|---|---|---|---|")
    genes = prepared(dock.data.sample_button.click)
    tell(genes, measured(dock, watch, seconds))
    dock.what_if.page.live.setChecked(True)
    settle(dock)
    tell(f"{genes}, in the viewer, too", measured(dock, watch, seconds))
    with TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        for number in range(PICTURES):
            pixels = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(Path(folder) / f"{number}.png")
        tell(prepared(lambda: dock.opening.open(Path(folder))), measured(dock, watch, seconds))
    dock.jobs.close()
    viewer.close()


if __name__ == "__main__":
    main()
