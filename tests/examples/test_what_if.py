"""The example runs as it is printed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pandas as pd

EXAMPLE = Path(__file__).parents[2] / "examples" / "what_if.py"


def test_the_example_writes_what_changes_and_tells_the_markers(tmp_path, capsys):
    written = runpy.run_path(str(EXAMPLE))["main"](tmp_path / "out", epochs=2)
    assert [path.name for path in written] == ["what-if.svg", "changed-genes.csv", "where-it-rises.svg"]
    assert {"Doc2g", "Penk"} <= set(pd.read_csv(written[1], index_col="gene").index)
    assert "p_rise_corrected" in capsys.readouterr().out
