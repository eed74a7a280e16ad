"""Markers among genes that rise or fall: the rank-sum test, held against all lists of as many genes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.errors import InputError
from conceptstain.methods.marker_enrichment import marker_enrichment
from strategies import laws


def changes(values: list[float]) -> pd.Series:
    return pd.Series(values, index=[f"Gene{number}" for number in range(len(values))])


def by_counting(values: list[float], chosen: tuple[int, ...]) -> tuple[float, float]:
    """The part of all lists that rank as high, and as low."""
    rank = {gene: sorted(values).index(value) for gene, value in enumerate(values)}
    found = sum(rank[gene] for gene in chosen)
    sums = [sum(rank[gene] for gene in each) for each in combinations(range(len(values)), len(chosen))]
    return sum(each >= found for each in sums) / len(sums), sum(each <= found for each in sums) / len(sums)


@laws
@given(st.lists(st.integers(-50, 50), min_size=4, max_size=9, unique=True), st.integers(1, 3))
def test_p_is_the_part_of_all_lists_that_rank_as_far_out(drawn: list[int], number: int) -> None:
    values, chosen = [each / 7 for each in drawn], tuple(range(number))
    found = marker_enrichment(changes(values), {"list": [f"Gene{gene}" for gene in chosen]}).loc["list"]
    assert found["exact"]
    np.testing.assert_allclose((found["p_rise"], found["p_fall"]), by_counting(values, chosen))


def test_drawn_lists_come_near_to_all_of_them_where_genes_change_alike() -> None:
    values = [2.0, 2.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 3.0]
    found = marker_enrichment(changes(values), {"list": ["Gene0", "Gene8"]}).loc["list"]
    assert not found["exact"]
    # of 36 pairs, those of 3 and either 2 rank as high; all but none rank as low
    np.testing.assert_allclose((found["p_rise"], found["p_fall"]), (2 / 36, 1.0), atol=0.01)


def test_sides_change_places_when_all_changes_do_and_p_is_corrected_for_all_lists() -> None:
    values = pd.Series(np.random.default_rng(0).normal(size=30), index=[f"Gene{number}" for number in range(30)])
    high = list(values.nlargest(3).index)
    lists = {"high": [*high, "Nobody"], "other": ["Gene1", "Gene2"]}
    found, turned = marker_enrichment(values, lists), marker_enrichment(-values, lists)
    np.testing.assert_allclose(found["p_rise"], turned["p_fall"])
    np.testing.assert_allclose(found["auroc"], 1 - turned["auroc"])
    best = found.loc["high"]
    assert (best["auroc"], best["genes"], best["missing"]) == (1.0, 3, "Nobody")
    assert best["ranks"] == ", ".join(f"{gene} {rank}" for rank, gene in enumerate(high, 1))
    np.testing.assert_allclose(best["p_rise_corrected"], 4 * best["p_rise"])


@pytest.mark.parametrize(
    ("values", "lists", "told"),
    [
        ([1.0, 2.0], {}, "no markers"),
        ([1.0, 2.0], {"list": ["Nobody"]}, "cannot be held against other genes"),
        ([1.0, np.nan], {"list": ["Gene0"]}, "finite"),
    ],
)
def test_what_cannot_be_tested_is_refused(values: list[float], lists: dict[str, list[str]], told: str) -> None:
    with pytest.raises(InputError, match=told):
        marker_enrichment(changes(values), lists)
