"""The example runs as it is printed."""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "concept_algebra.py"


def test_the_example_prints_its_tables_and_writes_the_figure(tmp_path, capsys):
    written = runpy.run_path(str(EXAMPLE))["main"](tmp_path / "out")
    assert written.stat().st_size > 1000
    printed = capsys.readouterr().out
    assert "Doc2g minus Penk, each brought to the same length" in printed
    assert "cosines of random genes, 95 % are below" in printed
