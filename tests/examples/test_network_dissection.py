"""The example runs as it is printed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pandas as pd

EXAMPLE = Path(__file__).parents[2] / "examples" / "network_dissection.py"


def test_the_example_dissects_explains_and_puts_units_out(tmp_path, capsys):
    written = runpy.run_path(str(EXAMPLE))["main"](tmp_path / "out", n=60, epochs=2, draws=1)
    assert written.stat().st_size > 1000
    units, why = (pd.read_csv(written.with_name(f"{name}.csv"), index_col="unit") for name in ("units", "explanation"))
    assert set(units["label"]) <= {"disc", "square", "flag"}
    assert sorted(why.index) == sorted(units.index)
    told = capsys.readouterr().out
    assert "The score of" in told
    assert told.count("right on") == 3
