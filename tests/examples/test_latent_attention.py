"""The example runs as it is printed."""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "latent_attention.py"


def test_the_example_tells_the_information_and_writes_the_maps(tmp_path, capsys):
    written = runpy.run_path(str(EXAMPLE))["main"](tmp_path / "out")
    assert all(path.stat().st_size > 1000 for path in written)
    printed = capsys.readouterr().out
    assert "information, nats: latent " in printed
    assert "attention at encoder.conv1: AUROC " in printed
    assert "gene mean: AUROC " in printed
