"""Regions without meaning."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from conceptstain.concepts import nulls
from conceptstain.concepts.gene_scores import QuickGenes
from conceptstain.concepts.nulls import Null, null_of, placed_shapes, random_null, random_selections
from conceptstain.progress import Cancelled, Step
from factories import noise_section

PLACES = noise_section(16, 16, n_genes=2).spots


def block(height: int, width: int) -> np.ndarray:
    """A rectangle of spots in a corner."""
    inside = np.zeros((16, 16), dtype=bool)
    inside[:height, :width] = True
    return inside.ravel()


def test_a_placed_shape_keeps_its_size_and_nearly_its_form() -> None:
    inside = block(2, 6)
    placed = placed_shapes(inside, PLACES, number=60, seed=0)
    assert placed.shape == (60, 256)
    assert (placed.sum(axis=1) == 12).all()
    widest = pdist(PLACES[inside]).max()
    for region in placed:
        assert 0.75 * widest <= pdist(PLACES[region]).max() <= 1.3 * widest


def test_placings_reach_all_of_the_tissue_and_turn() -> None:
    placed = placed_shapes(block(2, 6), PLACES, number=300, seed=0)
    assert (placed.sum(axis=0) > 0).mean() > 0.97
    along = np.array([np.ptp(PLACES[region], axis=0) for region in placed])
    assert (along[:, 0] > along[:, 1]).mean() == pytest.approx(0.5, abs=0.15)


def test_a_shape_that_hardly_fits_anywhere_is_not_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = ~np.pad(np.ones((14, 14), dtype=bool), 1).ravel()
    assert placed_shapes(frame, PLACES, number=40, seed=0).shape == (0, 256)
    monkeypatch.setattr(nulls, "COVERED", 0.2)
    assert placed_shapes(frame, PLACES, number=40, seed=0).shape == (40, 256)


def test_regions_repeat_with_their_seed() -> None:
    for make in (
        lambda seed: placed_shapes(block(3, 3), PLACES, number=20, seed=seed),
        lambda seed: random_selections(9, 256, number=20, seed=seed),
    ):
        np.testing.assert_array_equal(make(1), make(1))
        assert (make(1) != make(2)).any()


def test_random_selections_have_the_size_asked_for() -> None:
    assert (random_selections(9, 256, number=20, seed=0).sum(axis=1) == 9).all()


def test_p_counts_the_region_itself() -> None:
    null = Null(np.array([0.2, 0.5, 0.5, 0.9]), np.zeros((4, 1)))
    assert null.p(0.95) == pytest.approx(1 / 5)
    assert null.p(0.5) == pytest.approx(4 / 5)
    assert null.p(0.1) == 1


def test_the_null_of_a_size_is_made_once_per_canvas() -> None:
    canvas = noise_section(n_genes=30).view("genes")
    steps: list[Step] = []

    def null(n: int, seed: int = 0) -> Null:
        scorer = QuickGenes(canvas, 10)
        return random_null(canvas, scorer, n, number=40, seed=seed, key=(10,), report=steps.append)

    first = null(9)
    made = len(steps)
    assert null(9) is first
    assert len(steps) == made
    assert null(10) is not first
    assert null(9, seed=1) is not first


def test_a_null_can_be_cancelled() -> None:
    canvas = noise_section(n_genes=30).view("genes")
    seen: list[Step] = []

    def stop(step: Step) -> None:
        seen.append(step)
        raise Cancelled

    with pytest.raises(Cancelled):
        null_of(random_selections(9, 168, number=200, seed=0), canvas.places, QuickGenes(canvas, 10), report=stop)
    assert [step.done for step in seen] == [32]
