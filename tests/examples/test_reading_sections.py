"""The example runs as it is printed."""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "reading_sections.py"


def test_the_example_finds_the_three_layouts_and_draws_them(tmp_path, capsys):
    written = runpy.run_path(str(EXAMPLE))["main"](tmp_path / "out")
    assert written.stat().st_size > 1000
    printed = capsys.readouterr().out
    for layout in ("square", "hexagonal", "free"):
        assert f"found to be {layout}" in printed
    assert "holds several sections" in printed
