"""The example runs as it is printed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pandas as pd

from conceptstain.methods.maps import MAPS

EXAMPLE = Path(__file__).parents[2] / "examples" / "attribution_of_images.py"


def test_the_example_asks_every_map_at_pictures_and_writes_the_table(tmp_path, capsys):
    written = runpy.run_path(str(EXAMPLE))["main"](tmp_path / "out", n=48, n_asked=4, epochs=1)
    table = pd.read_csv(written, index_col=0)
    assert set(table.index) == {kind.label for kind in MAPS if kind.key not in {"decoded", "gene-mean"}} | {
        "the picture itself (no model)"
    }
    assert table.iloc[:, 0].between(0, 1).all()
    assert "AUROC of the concept score on 24 pictures" in capsys.readouterr().out
