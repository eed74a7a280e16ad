"""The example runs as it is printed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pandas as pd

from conceptstain.methods.anomaly_settings import ANOMALY_METHODS

EXAMPLE = Path(__file__).parents[2] / "examples" / "anomaly_maps.py"


def test_the_example_looks_for_broken_rings_by_every_method_and_for_other_layers(tmp_path, capsys):
    main = runpy.run_path(str(EXAMPLE))["main"]
    written = main(tmp_path / "out", n=20, n_test=6, epochs=1, spot_epochs=1)
    table = pd.read_csv(written, index_col=0)
    assert list(table.index) == list(ANOMALY_METHODS)
    assert table.to_numpy().min() >= 0
    assert table.to_numpy().max() <= 1
    assert (tmp_path / "out" / "rings.png").stat().st_size > 1000
    assert set(pd.read_csv(tmp_path / "out" / "layers.csv", index_col=0).index) > {"GCL"}
    assert "false alarms" in capsys.readouterr().out
