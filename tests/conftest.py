"""What every test runs with: one Qt binding, no settings of the user's, shapes checked while the code runs."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from shape_checks import check_shapes_in

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("NAPARI_CONFIG", "")  # settings neither read nor written
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="conceptstain-")  # studies are not autosaved among the user's
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks: threads would only wait for each other
os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # numba, which napari loads, would tell OpenMP, and so torch, otherwise
if "numba" in sys.modules:  # a plugin of pytest has loaded it: it must hear of that before its threads start
    sys.modules["numba"].config.reload_config()

# Shapes are checked below the top floor. Not in panels and not in the study, whose methods Qt calls as slots: it counts
# their arguments, which a wrapper hides. This must run before the package is first imported.
UNCHECKED = {"__init__", "__pycache__", "_napari", "_qt", "cli", "napari", "py", "study"}
SOURCE = Path(__file__).parents[1] / "src" / "conceptstain"
check_shapes_in(f"conceptstain.{path.stem}" for path in SOURCE.iterdir() if path.stem not in UNCHECKED)

REAL_DATA = "CONCEPTSTAIN_DATA"


def pytest_configure() -> None:
    """Let pytest-qt use the binding that napari will use."""
    if "PYTEST_QT_API" not in os.environ:
        import qtpy

        os.environ["PYTEST_QT_API"] = qtpy.API


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests of published sections where there are none."""
    if _data_folder() is None:
        for item in items:
            if item.get_closest_marker("real_data"):
                item.add_marker(pytest.mark.skip(reason=f"{REAL_DATA} names no folder"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much the published sections would have tested."""
    skipped = [
        report for report in terminalreporter.stats.get("skipped", ()) if "real_data" in getattr(report, "keywords", ())
    ]
    if skipped and _data_folder() is None:
        terminalreporter.write_line(
            f"{len(skipped)} tests on published sections were skipped: {REAL_DATA} names no folder that holds them."
        )


@pytest.fixture(scope="session", autouse=True)
def _few_trees() -> None:
    """Find defects by fewer trees: on tiny pictures most of the time goes into growing them, again for every normal."""
    from conceptstain.methods import anomaly_pasted

    anomaly_pasted.TREES = 12


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the published sections, for tests marked ``real_data``."""
    folder = _data_folder()
    if folder is None:
        pytest.skip(f"{REAL_DATA} names no folder")
    return folder


def _data_folder() -> Path | None:
    folder = os.environ.get(REAL_DATA)
    return Path(folder) if folder and Path(folder).is_dir() else None
