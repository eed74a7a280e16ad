"""Scores by enriched genes: the quick scorer beside the exact one, and hidden values that are truly hidden."""

from __future__ import annotations

import numpy as np
import pytest

from conceptstain.concepts.cross_fit import cross_fitted, fold_auroc, folds_of
from conceptstain.concepts.gene_scores import EnrichedGenes, QuickGenes
from conceptstain.progress import Cancelled, Step
from factories import noise_section, tiny_section
from strategies import with_matrix


def patch(places: np.ndarray, n: int, at: int = 40) -> np.ndarray:
    inside = np.zeros(len(places), dtype=bool)
    inside[np.argsort(((places - places[at]) ** 2).sum(axis=1), kind="stable")[:n]] = True
    return inside


@pytest.mark.parametrize("smooth", [False, True])
def test_where_nothing_is_hidden_quick_and_exact_scores_are_the_same(smooth: bool) -> None:
    canvas = noise_section(smooth=smooth).view("genes")
    inside = np.stack([patch(canvas.places, n) for n in (8, 20, 60)])
    nothing = np.zeros_like(inside)
    exact = EnrichedGenes(canvas, 20)(inside, nothing)
    np.testing.assert_allclose(QuickGenes(canvas, 20)(inside, nothing), exact, atol=1e-4)


def test_where_spots_are_hidden_quick_and_exact_scores_judge_alike() -> None:
    canvas = noise_section(smooth=True).view("genes")
    for at in (20, 40, 90):
        inside = patch(canvas.places, 25, at)
        folds = folds_of(inside, canvas.places)
        exact, quick = (cross_fitted(inside, folds, scorer(canvas, 20)) for scorer in (EnrichedGenes, QuickGenes))
        assert fold_auroc(quick, inside, folds) == pytest.approx(fold_auroc(exact, inside, folds), abs=0.08)


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
