"""The example runs as it is printed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_network.py"


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of torch.export, about itself
def test_the_example_maps_with_a_module_and_its_export_alike_and_writes_the_figure(tmp_path, capsys):
    written = runpy.run_path(str(EXAMPLE))["main"](tmp_path / "out", epochs=1)
    assert written.stat().st_size > 1000
    assert (tmp_path / "out" / "mine.pt2").stat().st_size > 1000
    printed = capsys.readouterr().out
    assert "its export: inputs of (1, 32, 32), 16 latent dimensions" in printed
    assert "decoded: no, it has no decoder" in printed
    assert "module, gradient saliency: AUROC for GCL" in printed
