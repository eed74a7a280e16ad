"""The example runs as it is printed."""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "concept_saliency_on_tissue.py"


def test_the_example_writes_what_it_says(tmp_path, capsys):
    written = runpy.run_path(str(EXAMPLE))["main"](tmp_path / "out", 1)
    assert len(written) == 6
    assert all(path.stat().st_size > 1000 for path in written)
    assert "nearest to Penk" in capsys.readouterr().out
