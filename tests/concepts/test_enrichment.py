from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from conceptstain.canvas.region import Region
from conceptstain.canvas.section import Section
from conceptstain.concepts.enrichment import enriched_genes, enrichment
from conceptstain.errors import InputError
from factories import tiny_section
from strategies import with_matrix


def some_spots(n_spots: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.isin(np.arange(n_spots), rng.choice(n_spots, size=rng.integers(2, n_spots - 1), replace=False))


@given(st.integers(0, 1000))
def test_every_statistic_is_that_of_the_slow_rank_sum_test(seed: int) -> None:
    canvas = tiny_section(seed=seed % 7).view("genes")
    inside = some_spots(canvas.section.n_spots, seed)
    table = enrichment(canvas, Region.from_mask("some", inside)).reindex(canvas.item_names)
    values = np.round(canvas.expression.toarray().astype(np.float64), 5)
    for gene, row in zip(range(len(canvas)), table.itertuples(), strict=True):
        slow = stats.mannwhitneyu(
            values[inside, gene], values[~inside, gene], method="asymptotic", use_continuity=False
        )
        assert row.auroc == pytest.approx(slow.statistic / (inside.sum() * (~inside).sum()))
        if np.ptp(values[:, gene]) > 0:
            assert row.p == pytest.approx(slow.pvalue, abs=1e-9)
        assert row.fraction_inside == pytest.approx((values[inside, gene] > 0).mean())
        fold = (np.expm1(values[inside, gene]).mean() + 1) / (np.expm1(values[~inside, gene]).mean() + 1)
        assert row.log2_fold == pytest.approx(np.log2(fold), rel=1e-3, abs=1e-4)


@given(st.integers(0, 1000))
def test_inside_and_outside_are_each_others_opposite(seed: int) -> None:
    canvas = tiny_section().view("genes")
    inside = some_spots(canvas.section.n_spots, seed)
    one = enrichment(canvas, Region.from_mask("in", inside)).reindex(canvas.item_names)
    other = enrichment(canvas, Region.from_mask("out", ~inside)).reindex(canvas.item_names)
    np.testing.assert_allclose(one["statistic"], -other["statistic"], atol=1e-9)
    np.testing.assert_allclose(one["auroc"], 1 - other["auroc"], atol=1e-12)


def test_sequencing_depth_does_not_enrich_a_gene() -> None:
    section = tiny_section()
    deeper = section.matrix.toarray()
    deeper[:10] *= 7
    region = Region.from_mask("deep", np.arange(section.n_spots) < 10)
    as_read = enrichment(section.view("genes"), region)["statistic"]
    read_deeper = enrichment(with_matrix(section, deeper).view("genes"), region)["statistic"]
    np.testing.assert_allclose(as_read.sort_index(), read_deeper.sort_index(), atol=1e-5)


def test_the_papers_scaling_changes_nothing_about_enrichment() -> None:
    section = tiny_section()
    region = Region.from_mask("some", some_spots(section.n_spots, 3))
    ours = enrichment(section.view("genes"), region)
    papers = enrichment(section.view("genes", scaling="paper"), region)
    assert ours.equals(papers)


def test_only_strong_and_present_genes_are_chosen() -> None:
    section = tiny_section()
    canvas = section.view("genes")
    region = Region.from_obs("layer", section.annotations["layer"][0])
    chosen = enriched_genes(canvas, region, number=3)
    assert 1 <= len(chosen) <= 3
    assert (chosen["auroc"] >= 0.6).all()
    assert (chosen["fraction_inside"] >= 0.25).all()


@given(st.integers(0, 1000), st.integers(1, 20))
def test_the_genes_of_a_region_pass_the_thresholds_and_have_the_largest_folds(seed: int, number: int) -> None:
    canvas = tiny_section(seed=seed % 7).view("genes")
    region = Region.from_mask("some", some_spots(canvas.section.n_spots, seed))
    table = enrichment(canvas, region)
    assert table["statistic"].is_monotonic_decreasing
    passing = table[(table["auroc"] >= 0.55) & (table["fraction_inside"] >= 0.5)]
    assume(len(passing))
    chosen = enriched_genes(canvas, region, number=number, min_auroc=0.55, min_fraction=0.5)
    assert list(chosen.index) == sorted(passing.index, key=lambda gene: -passing["log2_fold"][gene])[:number]


def level_section(shown: dict[str, dict[int, int]]) -> Section:
    """Counts of some genes at some spots, and one gene that fills every spot up to 1,000."""
    section = tiny_section()
    counts = np.zeros(section.matrix.shape)
    for gene, by_spot in shown.items():
        counts[list(by_spot), section.adata.var_names.get_loc(gene)] = list(by_spot.values())
    counts[:, -1] = 1000 - counts.sum(axis=1)
    return with_matrix(section, counts)


def test_a_marker_comes_before_a_gene_that_surely_rises_a_little() -> None:
    section = tiny_section()
    marker, little, *_ = section.adata.var_names
    n = section.n_spots
    everywhere = {spot: 20 + 3 * (spot < 12) for spot in range(n)}
    canvas = level_section({marker: dict.fromkeys(range(9), 20), little: everywhere}).view("genes")
    region = Region.from_mask("twelve", np.arange(n) < 12)
    assert list(enrichment(canvas, region).index[:2]) == [little, marker]
    assert list(enriched_genes(canvas, region).index) == [marker, little]


def test_a_gene_of_few_spots_does_not_enter_however_large_its_fold() -> None:
    section = tiny_section()
    rare, marker, *_ = section.adata.var_names
    region = Region.from_mask("twelve", np.arange(section.n_spots) < 12)
    shown = {rare: dict.fromkeys(range(2), 900), marker: dict.fromkeys(range(2, 12), 2)}
    canvas = level_section(shown).view("genes")
    assert list(enriched_genes(canvas, region).index) == [marker]
    loose = enriched_genes(canvas, region, min_auroc=0.5, min_fraction=0.0)
    assert loose.index[0] == rare, "its fold would be the largest"


def test_a_gene_that_only_hidden_spots_show_does_not_enter() -> None:
    section = tiny_section()
    unseen, marker, *_ = section.adata.var_names
    spots = np.arange(section.n_spots)
    canvas = level_section({unseen: dict.fromkeys(range(6), 900), marker: dict.fromkeys(range(6, 12), 2)}).view("genes")
    region = Region.from_mask("twelve", spots < 12)
    assert list(enriched_genes(canvas, region).index) == [unseen, marker]
    assert list(enriched_genes(canvas.hiding(spots < 6), region).index) == [marker]


def test_seven_of_twenty_eight_spots_are_a_quarter() -> None:
    section = tiny_section()
    gene = section.adata.var_names[0]
    region = Region.from_mask("twenty-eight", np.arange(section.n_spots) < 28)
    canvas = level_section({gene: dict.fromkeys(range(7), 9)}).view("genes")
    assert list(enriched_genes(canvas, region).index) == [gene]


def test_a_region_in_which_nothing_is_enriched_says_so() -> None:
    section = tiny_section()
    alike = with_matrix(section, np.full(section.matrix.shape, 5.0))
    region = Region.from_mask("some", some_spots(section.n_spots, 1))
    with pytest.raises(InputError, match=r"No gene is enriched in 'some'.*more uniform"):
        enriched_genes(alike.view("genes"), region)


@given(st.integers(0, 1000))
def test_hidden_spots_are_as_if_they_were_not_there(seed: int) -> None:
    section = tiny_section(seed=seed % 5)
    rng = np.random.default_rng(seed)
    hidden = rng.permutation(section.n_spots) < 10
    inside = rng.permutation(section.n_spots) < 15
    left = replace(section, adata=section.adata[~hidden].copy(), matrix=section.matrix[~hidden])
    left = replace(left, spots=section.spots[~hidden])
    blind = enrichment(section.view("genes").hiding(hidden), Region.from_mask("some", inside))
    alone = enrichment(left.view("genes"), Region.from_mask("some", inside[~hidden]))
    np.testing.assert_allclose(blind.sort_index(), alone.sort_index(), rtol=1e-6, atol=1e-9)


def test_a_region_that_is_hidden_altogether_is_told() -> None:
    section = tiny_section()
    inside = np.arange(section.n_spots) < 5
    with pytest.raises(InputError, match="'some' holds none"):
        enrichment(section.view("genes").hiding(inside), Region.from_mask("some", inside))
