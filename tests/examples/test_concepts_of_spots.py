"""The example runs as it is printed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pandas as pd

EXAMPLE = Path(__file__).parents[2] / "examples" / "concepts_of_spots.py"


def test_the_example_scores_every_spot_and_tells_the_genes_of_a_concept(tmp_path, capsys):
    scores, genes = runpy.run_path(str(EXAMPLE))["main"](tmp_path / "out", seeds=1, n_null=9)
    assert pd.read_csv(scores, index_col=0).shape == (379, 4)
    assert "Penk" in pd.read_csv(genes, index_col=0).head(50).index
    told = capsys.readouterr().out
    assert "decoded" in told
    assert "by their profiles, others like them are found with AUROC" in told
