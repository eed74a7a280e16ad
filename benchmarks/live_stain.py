"""Measure how often the map is repainted while an outline is moved, and how long the window is held.

    xvfb-run -a -s "-screen 0 1280x800x24" python benchmarks/live_stain.py [--seconds 5]

An outline is moved over a simulated section in a napari window with the dock, a step of the mouse every 10
milliseconds: 267 spots x 1,200 genes and 5,000 spots x 2,000 genes, for each map that suits the encoder. That is
fitted for one epoch, since repainting does not depend on how well it has learned. A repaint is a frame that napari drew
with a new map in it; each map is of the newest outline when it was begun.

The peer is drawing alone, in turn with it in the same window: the outline moves as before, and a map that is ready is
handed to the same layer after every frame; nothing is computed. No live map can be faster, and what lies between the
two is ours. Drawing is by software here, on the cores that compute, too.

Held is the longest time that one call of ours on the window's thread took, from the first map on: following the mouse,
painting a map, and what ends a job. What taking the tool in hand took, once, stands below the table: the layer of the
map, and its colour bar.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import napari
import numpy as np
import pandas as pd
from anndata import AnnData
from qtpy.QtCore import QEventLoop, QTimer
from scipy import sparse

from conceptstain._napari import make_widget

SIZES = {267: 1200, 5000: 2000}  # spots: genes
MAPS = ("decoded", "gene-mean", "gradient", "spot-score")
MOUSE = 10  # milliseconds between two moves
WARM = 1.0  # seconds
TURNS = 3  # with the peer, since other work on the machine comes and goes


def simulated(n_spots: int, n_genes: int) -> AnnData:
    """Spots on a square lattice, with genes that rise and fall over the tissue in a few ways."""
    rng = np.random.default_rng(0)
    side = int(np.ceil(np.sqrt(n_spots)))
    places = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1).reshape(-1, 2)[:n_spots]
    middle = (side - 1) / 2
    radius = np.linalg.norm(places - middle, axis=1) / middle
    patterns = np.stack([np.cos(np.pi * k * radius) for k in range(1, 6)], axis=1)
    rates = np.exp(patterns @ rng.normal(0, 0.5, (5, n_genes)) - 0.5)
    adata = AnnData(sparse.csr_matrix(rng.poisson(rates).astype(np.float32)))
    adata.var_names = pd.Index([f"Gene{index}" for index in range(n_genes)])
    adata.obs_names = pd.Index([f"spot{index}" for index in range(n_spots)])
    adata.obsm["spatial"] = places[:, ::-1] * 100.0
    return adata


class Timed:
    """A function that remembers its longest call."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.longest = 0.0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call it."""
        begun = time.perf_counter()
        try:
            return self.function(*arguments, **named)
        finally:
            self.longest = max(self.longest, time.perf_counter() - begun)


def wait(signal: Any, until: Any) -> None:
    """Let the window live until a state is reached."""
    while not until():
        loop = QEventLoop()
        signal.connect(loop.quit)
        loop.exec()
        signal.disconnect(loop.quit)


class Mouse:
    """Moves an outline in a circle, a step every 10 milliseconds."""

    def __init__(self, dock: Any, outline: np.ndarray) -> None:
        self._dock, self._outline, self._moves = dock, outline, 0
        self._timer = QTimer()
        self._timer.timeout.connect(self._move)

    def move_for(self, seconds: float, tell: Any) -> float:
        """Move it, and tell of every step; gives the seconds it took."""
        self._tell = tell
        begun = time.perf_counter()
        self._timer.start(MOUSE)
        loop = QEventLoop()
        QTimer.singleShot(int(1000 * seconds), loop.quit)
        loop.exec()
        self._timer.stop()
        return time.perf_counter() - begun

    def _move(self) -> None:
        self._moves += 1
        step = 3.0 * np.array([np.sin(self._moves / 15), np.cos(self._moves / 15)])
        regions = self._dock.painter.viewer.layers["regions"]
        regions._data_view.edit(0, self._outline + 20 * step)  # noqa: SLF001 - as napari's own mouse does
        self._tell()


class Frames:
    """Counts the frames that were drawn with a new map in them."""

    def __init__(self, dock: Any) -> None:
        self._maps = dock.painter.maps
        self._show = dock.painter.maps.show_live
        self._canvas = dock.painter.viewer.window._qt_viewer.canvas._scene_canvas  # noqa: SLF001 - napari has no other
        self._new = False
        self.drawn = 0
        self.last: tuple[Any, ...] = ()
        self.then: Any = None

    def __enter__(self) -> Self:
        self._maps.show_live = self._note
        self._canvas.events.draw.connect(self._count, position="last")
        return self

    def __exit__(self, *_: object) -> None:
        self._canvas.events.draw.disconnect(self._count)
        self._maps.show_live = self._show

    def _note(self, *shown: Any) -> None:
        self._show(*shown)
        self.last, self._new = shown, True

    def _count(self, _event: object) -> None:
        if self._new:
            self._new = False
            self.drawn += 1
            if self.then is not None:
                QTimer.singleShot(0, self.then)


def repaints(dock: Any, mouse: Mouse, seconds: float) -> tuple[float, float, Any]:
    """Repaints a second, the longest call of ours on the window's thread, and the last map."""
    drawing = dock.drawing
    names = ("_show", "_end")
    timed = {name: Timed(getattr(drawing.live, name)) for name in names}
    for name, each in timed.items():
        setattr(drawing.live, name, each)
    follow = Timed(drawing._follow_outline)  # noqa: SLF001 - what is timed
    with Frames(dock) as frames:
        spent = mouse.move_for(seconds, lambda: follow("", False))
        drawing.live.stop()
    for name in names:
        delattr(drawing.live, name)
    return (
        frames.drawn / spent,
        max(each.longest for each in (follow, *timed.values())),
        frames.last[0] if frames.last else None,
    )


def drawing_alone(dock: Any, mouse: Mouse, seconds: float, findings: tuple[Any, Any]) -> float:
    """Repaints a second with maps that are ready."""
    canvas = dock.study.need_canvas()
    with Frames(dock) as frames:

        def show() -> None:
            dock.painter.maps.show_live(findings[frames.drawn % 2], canvas)

        frames.then = show
        show()
        spent = mouse.move_for(seconds, lambda: None)
        frames.then = None
    return frames.drawn / spent


def measure(path: Path, seconds: float) -> tuple[list[tuple[str, float, float, float]], float]:
    """Of each map on one section the rate, that of drawing alone, and the longest call; and that of taking the tool."""
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)  # noqa: SLF001 - napari has no public way
    dock = make_widget(viewer)
    viewer.window.add_dock_widget(dock, name="Concept Stain", area="right")

    def settled() -> None:
        wait(dock.jobs.idle, lambda: not dock.jobs.busy)

    dock.opening.open(path)
    settled()
    for network in ("mlp", "spots"):
        dock.opening.fit(network, 1)
        settled()
    spots = dock.study.need_canvas().places
    radius = 0.2 * np.ptp(spots[:, 0])
    around = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    outline = spots.mean(axis=0) + radius * np.stack([np.sin(around), np.cos(around)], axis=1)
    prepare, colour = Timed(dock.painter.maps.prepare_live), Timed(dock.painter.maps._make_colour_bar)  # noqa: SLF001
    dock.painter.maps._make_colour_bar = colour  # noqa: SLF001
    prepare()
    viewer.layers["regions"].add_polygons([outline])
    mouse = Mouse(dock, outline)
    found = []
    for key in MAPS:
        dock.maps.choose(key)
        settled()
        first, holds = None, []
        while first is None:
            _, hold, first = repaints(dock, mouse, WARM)
            holds.append(hold)
        rates, alone, last = [], [], first
        for _ in range(TURNS):
            rate, hold, last = repaints(dock, mouse, seconds / TURNS)
            rates.append(rate)
            holds.append(hold)
            alone.append(drawing_alone(dock, mouse, seconds / TURNS, (first, last or first)))
        found.append((key, float(np.mean(rates)), float(np.mean(alone)), max(holds)))
    dock.jobs.close()
    viewer.close()
    return found, max(prepare.longest, colour.longest)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    seconds = parser.parse_args().seconds
    print("| spots | genes | map | repaints a second | drawing alone | part of that | longest hold of the window |")
    print("|---|---|---|---|---|---|---|")
    tools = []
    with TemporaryDirectory() as folder:
        for n_spots, n_genes in SIZES.items():
            path = Path(folder) / f"simulated-{n_spots}.h5ad"
            simulated(n_spots, n_genes).write_h5ad(path)
            found, tool = measure(path, seconds)
            tools.append(f"{1000 * tool:.0f} ms with {n_spots:,} spots")
            for key, rate, alone, longest in found:
                print(
                    f"| {n_spots:,} | {n_genes:,} | {key} | {rate:.1f} | {alone:.1f} | {rate / alone:.0%} "
                    f"| {1000 * longest:.0f} ms |",
                    flush=True,
                )
    print(f"\nTaking the tool in hand: {' and '.join(tools)}.")


if __name__ == "__main__":
    main()
