"""The example runs as it is printed."""

from __future__ import annotations

import runpy
from pathlib import Path

import scanpy

EXAMPLE = Path(__file__).parents[2] / "examples" / "save_and_replay.py"


def test_the_example_saves_opens_and_replays_to_equal_numbers(tmp_path, capsys):
    saved, recipe = runpy.run_path(str(EXAMPLE))["main"](tmp_path / "out", n_null=9)
    assert "GCL - decoded" in scanpy.read_h5ad(saved).obs
    assert "rectified" in recipe.read_text(encoding="utf-8")
    told = capsys.readouterr().out
    assert "3 concepts, 3 maps, equal: True" in told
    assert "taken back: granule cells, GCL - saved: False" in told
    assert "All 4 results equal the recipe's to the last bit." in told
    assert (tmp_path / "out" / "replayed" / "maps.svg").stat().st_size > 1000
