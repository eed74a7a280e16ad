"""Measure how often the map is repainted while an outline is moved, and how long the window is held.

    xvfb-run -a -s "-screen 0 1280x800x24" python benchmarks/live_stain.py [--seconds 5]

An outline is moved over a simulated section in a napari window with the dock, a step of the mouse every 10
milliseconds: 267 spots x 1,200 genes and 5,000 spots x 2,000 genes, for each map that suits the encoder. That is
fitted for one epoch, since repainting does not depend on how well it has learned. Counted are the maps that arrive on
the tissue; each is of the newest outline when it was begun. Held is the longest time that one call of ours on the
window's thread took: following the mouse, painting a map, and what ends a job. Drawing itself is napari's, here by
software.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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


def repaints(dock: Any, outline: np.ndarray, seconds: float) -> tuple[float, float]:
    """Repaints a second, and the longest call of ours on the window's thread, while an outline is moved."""
    staining = dock.staining
    regions = dock.painter.viewer.layers["regions"]
    follow, show, end = (
        Timed(staining._follow_outline),  # noqa: SLF001 - what is timed
        Timed(staining.live._show),  # noqa: SLF001
        Timed(staining.live._end),  # noqa: SLF001
    )
    staining.live._show, staining.live._end = show, end  # noqa: SLF001
    begun = time.perf_counter()
    counted = {"moves": 0, "painted": staining.live.painted}

    def move() -> None:
        counted["moves"] += 1
        step = 3.0 * np.array([np.sin(counted["moves"] / 15), np.cos(counted["moves"] / 15)])
        regions._data_view.edit(0, outline + 20 * step)  # noqa: SLF001 - as napari's own mouse does
        follow("", False)

    timer = QTimer()
    timer.timeout.connect(move)
    timer.start(MOUSE)
    loop = QEventLoop()
    QTimer.singleShot(int(1000 * seconds), loop.quit)
    loop.exec()
    timer.stop()
    spent = time.perf_counter() - begun
    painted = staining.live.painted - counted["painted"]
    staining.live.stop()
    del staining.live._show, staining.live._end  # noqa: SLF001
    return painted / spent, max(each.longest for each in (follow, show, end))


def measure(path: Path, seconds: float) -> list[tuple[str, float, float]]:
    """Rates and longest calls of each map on one section."""
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
    dock.painter.prepare_live()
    viewer.layers["regions"].add_polygons([outline])
    found = []
    for key in MAPS:
        dock.maps.choose(key)
        settled()
        repaints(dock, outline, WARM)
        found.append((key, *repaints(dock, outline, seconds)))
    dock.jobs.close()
    viewer.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    seconds = parser.parse_args().seconds
    print("| spots | genes | map | repaints a second | longest hold of the window |")
    print("|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        for n_spots, n_genes in SIZES.items():
            path = Path(folder) / f"simulated-{n_spots}.h5ad"
            simulated(n_spots, n_genes).write_h5ad(path)
            for key, rate, longest in measure(path, seconds):
                print(f"| {n_spots:,} | {n_genes:,} | {key} | {rate:.0f} | {1000 * longest:.0f} ms |", flush=True)


if __name__ == "__main__":
    main()
