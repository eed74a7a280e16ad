"""The example runs as it is printed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pandas as pd

import conceptstain as cs

EXAMPLE = Path(__file__).parents[2] / "examples" / "linking.py"


def test_the_example_links_a_classifier_and_measures_what_its_units_change(tmp_path, capsys):
    written = runpy.run_path(str(EXAMPLE))["main"](tmp_path / "out", epochs=2)
    assert [path.name for path in written] == ["link.safetensors", "link.svg", "units.csv"]
    link = cs.load_link(written[0])
    assert set(pd.read_csv(written[2])["unit"]) == set(range(link.units))
    assert "cycle accuracy" in capsys.readouterr().out
