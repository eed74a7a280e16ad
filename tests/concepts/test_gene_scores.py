"""Scores by enriched genes: the quick scorer beside the exact one, and hidden values that are truly hidden."""

from __future__ import annotations

import numpy as np
import pytest

from conceptstain.canvas.section import Section
from conceptstain.concepts import gene_scores
from conceptstain.concepts.cross_fit import cross_fitted, fold_auroc, folds_of
from conceptstain.concepts.gene_scores import EnrichedGenes, QuickGenes
from conceptstain.progress import Cancelled, Step
from factories import noise_section, tiny_section
from strategies import with_matrix


def patch(places: np.ndarray, n: int, at: int = 40) -> np.ndarray:
    inside = np.zeros(len(places), dtype=bool)
    inside[np.argsort(((places - places[at]) ** 2).sum(axis=1), kind="stable")[:n]] = True
    return inside


def thin_section(seed: int = 0) -> Section:
    """Counts of which most are 0, as they are in tissue: many genes are found in few spots."""
    rng = np.random.default_rng(seed)
    section = noise_section(seed=seed)
    rates = rng.lognormal(-2, 1.5, section.n_genes) * rng.lognormal(0, 0.5, section.matrix.shape)
    return with_matrix(section, rng.poisson(rates).astype(np.float32))


@pytest.mark.parametrize("number", [5, 400])
@pytest.mark.parametrize("section", [thin_section(), noise_section(), noise_section(smooth=True)])
def test_where_nothing_is_hidden_quick_and_exact_scores_are_the_same(section: Section, number: int) -> None:
    canvas = section.view("genes")
    random = [np.random.default_rng(n).permutation(168) < n for n in (3, 8, 28, 60)]
    inside = np.stack([*(patch(canvas.places, n) for n in (4, 8, 20, 60)), *random])
    nothing = np.zeros_like(inside)
    exact = EnrichedGenes(canvas, number)(inside, nothing)
    assert exact.any(axis=1).all()
    np.testing.assert_allclose(QuickGenes(canvas, number)(inside, nothing), exact, atol=2e-5)


def test_where_spots_are_hidden_from_strong_genes_quick_and_exact_scores_are_the_same() -> None:
    section = tiny_section(10, 12, n_genes=60, seed=2)
    canvas = section.view("genes")
    inside = np.stack([section.adata.obs["layer"] == layer for layer in ("inner", "outer")] * 8)
    hidden = np.random.default_rng(0).random(inside.shape) < 0.2
    exact = EnrichedGenes(canvas, 12)  # of twenty that are four times as strong
    np.testing.assert_allclose(QuickGenes(canvas, 12)(inside, hidden), exact(inside, hidden), atol=2e-5)
    assert len(set(exact.chosen)) > 8, "the genes depend on what is hidden"


def test_where_spots_are_hidden_quick_and_exact_scores_judge_alike() -> None:
    for section in (noise_section(smooth=True), thin_section()):
        canvas = section.view("genes")
        for at in (20, 40, 90):
            inside = patch(canvas.places, 25, at)
            folds = folds_of(inside, canvas.places)
            exact, quick = (cross_fitted(inside, folds, scorer(canvas, 20)) for scorer in (EnrichedGenes, QuickGenes))
            assert fold_auroc(quick, inside, folds) == pytest.approx(fold_auroc(exact, inside, folds), abs=0.04)


def test_a_gene_of_few_spots_paints_no_map_however_large_its_fold() -> None:
    section = thin_section()
    places = section.view("genes").places
    inside = np.stack([patch(places, 24), patch(places, 8, 150)])  # of which the second asks for two spots only
    counts = section.matrix.toarray()
    counts[:, 0] = 0
    counts[np.flatnonzero(inside[0])[:5], 0] = 500  # in a fifth of the spots, and nowhere else: an AUROC above .6
    canvas = with_matrix(section, counts).view("genes")
    nothing = np.zeros_like(inside)
    exact = EnrichedGenes(canvas, 10)
    np.testing.assert_allclose(QuickGenes(canvas, 10)(inside, nothing), exact(inside, nothing), atol=2e-5)
    assert canvas.item_names[0] not in exact.chosen[0]


def test_neither_batches_of_maps_nor_blocks_of_genes_change_a_score(monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = thin_section().view("genes")
    inside = np.stack([patch(canvas.places, 12, at) for at in range(0, 160, 16)])
    hidden = np.random.default_rng(0).random(inside.shape) < 0.2
    at_once = QuickGenes(canvas, 10)(inside, hidden)
    monkeypatch.setattr(gene_scores, "BYTES", 4 * 3 * 10 * 168 * 2)  # maps by twos
    monkeypatch.setattr(gene_scores, "IN_CACHE", 4 * 168 * 37)
    np.testing.assert_allclose(QuickGenes(canvas, 10)(inside, hidden), at_once, atol=1e-5)


def test_in_the_papers_scaling_quick_genes_are_chosen_by_depth_normalised_counts() -> None:
    section = thin_section()
    canvas = section.view("genes", scaling="paper")
    inside = patch(canvas.places, 20)
    exact = EnrichedGenes(section.view("genes"), 10)
    exact(inside[None], np.zeros_like(inside)[None])
    values = canvas.expression[:, [canvas.item(gene) for gene in exact.chosen[0]]].toarray()
    expected = ((values - values.mean(axis=0)) / values.std(axis=0)).mean(axis=1)
    scores = QuickGenes(canvas, 10)(inside[None], np.zeros_like(inside)[None])
    np.testing.assert_allclose(scores[0], expected, atol=2e-5)


def test_changing_the_counts_of_hidden_spots_changes_neither_the_genes_nor_the_map_of_the_others() -> None:
    section = noise_section(smooth=True)
    inside = patch(section.spots, 20)
    hidden = np.zeros(section.n_spots, dtype=bool)
    hidden[np.flatnonzero(inside)[:5]] = hidden[100:120] = True
    counts = section.matrix.toarray()
    counts[hidden] = np.random.default_rng(1).poisson(20, counts[hidden].shape)
    before = EnrichedGenes(section.view("genes"), 20)
    after = EnrichedGenes(with_matrix(section, counts).view("genes"), 20)
    scores = [scorer(inside[None], hidden[None])[0] for scorer in (before, after)]
    assert before.chosen == after.chosen
    assert len(before.chosen[0]) == 20
    np.testing.assert_array_equal(scores[0][~hidden], scores[1][~hidden])
    assert not np.allclose(scores[0][hidden], scores[1][hidden]), "hidden spots are scored by what they hold"


def test_a_region_without_enriched_genes_tells_nothing_apart() -> None:
    section = tiny_section()
    canvas = with_matrix(section, np.full(section.matrix.shape, 5.0)).view("genes")
    inside = (np.arange(section.n_spots) < 9)[None]
    for scorer in (EnrichedGenes(canvas), QuickGenes(canvas)):
        assert not scorer(inside, np.zeros_like(inside)).any()


def test_the_exact_scorer_can_be_cancelled_after_every_map() -> None:
    canvas = noise_section().view("genes")
    inside = np.stack([patch(canvas.places, 9)] * 3)

    def stop(step: Step) -> None:
        if step.done == 2:
            raise Cancelled

    scorer = EnrichedGenes(canvas, 10, stop)
    with pytest.raises(Cancelled):
        scorer(inside, np.zeros_like(inside))
    assert len(scorer.chosen) == 2
