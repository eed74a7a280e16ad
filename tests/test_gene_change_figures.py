"""Figures of genes that change: the extremes and all markers, in order, with their ranks and intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from conceptstain.errors import InputError
from conceptstain.gene_change_figures import COLOURS, OTHERS, gene_change_figure


def table(n: int = 20) -> pd.DataFrame:
    change = np.linspace(2, -2, n)
    words = {"change": change, "low": change - 0.1, "high": change + 0.2, "agreeing": 1.0, "rank": np.arange(1, n + 1)}
    made = pd.DataFrame(words, index=pd.Index([f"G{number}" for number in range(n)], name="gene"))
    made.attrs["spots"] = 7
    return made


def test_the_genes_that_change_most_and_the_markers_are_drawn_in_order_with_their_ranks():
    axes = gene_change_figure(table(), most=2, markers={"mitral": ["G9", "Nobody"], "granule": ["G19"]}).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["G0  1", "G1  2", "G9  10", "G18  19", "G19  20"]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(
        [line.get_xdata()[0] for line in dots], table().loc[["G0", "G1", "G9", "G18", "G19"], "change"]
    )
    assert [line.get_color() for line in dots] == [OTHERS, OTHERS, COLOURS[0], OTHERS, COLOURS[1]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["mitral", "granule"]
    assert axes.get_title(loc="left") == "Counterfactuals of 7 spots"


@pytest.mark.parametrize("wrong", [{"most": 0}, {"table": table()[["change"]]}, {"table": table().iloc[:0]}])
def test_what_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(InputError, match="cannot be drawn"):
        gene_change_figure(**({"table": table()} | wrong))
