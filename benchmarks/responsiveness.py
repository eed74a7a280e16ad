"""How long a user waits: for the import, for the dock, and from a click to the painted layer.

    CONCEPTSTAIN_DATA=... xvfb-run -a -s "-screen 0 1280x800x24" python benchmarks/responsiveness.py

Without CONCEPTSTAIN_DATA the bundled sample is used instead of Rep1. Medians; the first map is left out, as it loads
what later ones reuse.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import napari
from qtpy.QtCore import QEventLoop, Qt
from qtpy.QtTest import QTest

GENES = ("Penk", "Doc2g", "Kctd12", "Th", "Eomes", "Omp", "Nrgn", "Meis2", "Cdhr1", "Apod")


def import_seconds() -> float:
    """Median of five processes."""
    code = "import time; begun = time.perf_counter(); import conceptstain; print(time.perf_counter() - begun)"
    return median(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5))


def seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def published() -> Path | None:
    root = os.environ.get("CONCEPTSTAIN_DATA")
    return next(Path(root).rglob("Rep1_MOB_count_matrix-1.tsv*")) if root else None


def main() -> None:
    print(f"import conceptstain: {import_seconds():.3f} s")
    viewer = napari.Viewer(show=True)
    begun = time.perf_counter()
    from conceptstain._napari import make_widget

    dock = make_widget(viewer)
    viewer.window.add_dock_widget(dock, name="Concept Stain", area="right")
    print(f"dock opened, imports and all: {time.perf_counter() - begun:.2f} s")

    def settled() -> None:
        if dock.jobs.busy:
            loop = QEventLoop()
            dock.jobs.idle.connect(loop.quit)
            loop.exec()
            dock.jobs.idle.disconnect(loop.quit)

    def stain(gene: str) -> None:
        dock.concepts.maker.genes.setText(gene)
        QTest.mouseClick(dock.concepts.maker.make_button, Qt.MouseButton.LeftButton)
        settled()

    def choose(name: str) -> None:
        dock.concepts.choose(name)
        settled()

    opened = seconds(lambda: (dock.opening.open(published()), settled()))
    section = dock.study.need_canvas().section
    print(f"{section.name} opened, bundled encoder ready: {opened:.2f} s")
    print(f"first map: {seconds(lambda: stain(GENES[0])):.2f} s")
    new = [seconds(lambda gene=gene: stain(gene)) for gene in GENES[1:]]
    print(
        f"click to painted layer, {section.n_spots} spots, new concepts: {median(new):.3f} s, slowest {max(new):.3f} s"
    )
    again = [seconds(lambda gene=gene: choose(gene)) for gene in GENES[:-1]]
    print(f"click to painted layer, concepts painted before: {median(again):.3f} s, slowest {max(again):.3f} s")
    dock.jobs.close()
    viewer.close()


if __name__ == "__main__":
    main()
