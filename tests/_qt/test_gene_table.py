"""Ranked genes, pictures and patches as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from qtpy.QtCore import Qt

from conceptstain._qt.gene_table import GeneTable, RankedGenes, SearchedGenes


def listed(noun: str, n: int = 12_000) -> tuple[GeneTable, SearchedGenes]:
    names = pd.Index([f"row {number}" for number in range(n)])
    table = GeneTable()
    searched = SearchedGenes(table)
    table.show(RankedGenes.by_concept_score(names, -np.arange(n, dtype=float), ("row 0",), noun))
    return table, searched


def test_of_very_many_patches_both_ends_are_listed_with_their_ranks() -> None:
    table, searched = listed("patch")
    assert table.rowCount() == searched.rowCount() == 2000
    vertical = Qt.Orientation.Vertical
    assert [table.headerData(row, vertical) for row in (0, 999, 1000, 1999)] == ["1", "1000", "11001", "12000"]
    assert [table.gene(row) for row in (0, 1999)] == ["row 0", "row 11999"]
    assert [searched.index(row, 2).data() for row in (0, 1)] == ["●", ""]
    searched.show_sign(-1)
    assert searched.gene(searched.index(0, 0)) == "row 11999"
    assert searched.headerData(0, vertical) == "12000"


def test_genes_are_all_listed() -> None:
    assert listed("gene")[0].rowCount() == 12_000
