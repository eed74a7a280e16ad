"""Genes of counterfactuals: their mean change over the spots that count, with an interval and how many agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import conceptstain as cs
from changed_spots import of_spots
from conceptstain.errors import ConceptStainError
from conceptstain.methods.concept_walk import ConceptWalk
from conceptstain.methods.counterfactual import Counterfactual
from conceptstain.methods.counterfactual_genes import changed_genes
from conceptstain.methods.intervals import interval
from factories import tiny_profile_encoders


def changing(rng: np.random.Generator) -> Counterfactual:
    """Spots of which the first was in its class already, the second did not arrive and the third is not confirmed."""
    found, _ = of_spots()
    arrays = {word: values for word, values in vars(found).items() if isinstance(values, np.ndarray)}
    twice: dict[str, Any] = {word: np.repeat(values, 2, axis=0) for word, values in arrays.items()}
    twice |= {
        "item_names": tuple("abcdef"),
        "origins": np.array([1, 0, 0, 0, 0, 0]),
        "targets": np.full(6, 1),
        "start": rng.normal(size=twice["start"].shape),
        "end": rng.normal(size=twice["end"].shape),
        "margins": np.full(twice["margins"].shape, -1.0),
        "success": np.array([True, False, True, True, True, True]),
        "confirmed": np.array([True, False, False, True, True, True]),
    }
    return replace(found, **twice)


@pytest.mark.parametrize(
    ("count", "spots"), [("all", [1, 2, 3, 4, 5]), ("success", [2, 3, 4, 5]), ("confirmed", [3, 4, 5])]
)
def test_genes_are_ranked_by_their_mean_change_over_the_spots_that_count(count, spots):
    found = changing(np.random.default_rng(0))
    table = changed_genes(found, count=count)
    assert table.attrs["spots"] == len(spots)
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert table["change"].is_monotonic_decreasing
    for number, gene in enumerate(found.network.features):
        changes = [found.end[spot, number] - found.start[spot, number] for spot in spots]
        mean = sum(changes) / len(changes)
        told = table.loc[gene]
        np.testing.assert_allclose(told["change"], mean)
        assert told["agreeing"] == sum((change > 0) == (mean > 0) for change in changes) / len(changes)
        assert min(changes) - 1e-9 < told["low"] <= mean <= told["high"] < max(changes) + 1e-9


def test_genes_of_walks_are_counted_over_the_spots_that_had_to_move_and_came_there():
    found, canvas = of_spots()
    (encoder,) = tiny_profile_encoders(canvas.features, 1)
    concept = cs.concept("some", canvas, encoder, items=[str(name) for name in canvas.item_names[:3]])
    rng = np.random.default_rng(0)
    start, end = rng.normal(size=found.start.shape), rng.normal(size=found.start.shape)
    words = {"items": found.items, "item_names": found.item_names, "path": found.path, "start": start, "end": end}
    words |= {"distances": found.distances, "changes": found.changes, "plausibility": found.plausibility}
    came = {"success": np.array([True, True, False]), "steps": np.array([0, 4, 60])}
    walk = ConceptWalk(concept, 1.0, **words, scores=found.margins, **came, network=encoder)
    table = changed_genes(walk)
    assert table.attrs["spots"] == 1
    np.testing.assert_allclose(table.loc[list(encoder.features), "change"], end[1] - start[1])
    assert changed_genes(walk, count="all").attrs["spots"] == 2
    with pytest.raises(ConceptStainError, match="No second classifier"):
        changed_genes(walk, count="confirmed")


def test_counterfactuals_of_several_folds_are_counted_together():
    folds = [changing(np.random.default_rng(seed)) for seed in (3, 4)]
    together = changed_genes(*folds)
    alone = [changed_genes(fold).loc[together.index] for fold in folds]
    assert together.attrs["spots"] == 8
    np.testing.assert_allclose(together["change"], (alone[0]["change"] + alone[1]["change"]) / 2)


def test_an_interval_is_that_of_each_gene_by_itself():
    found = changing(np.random.default_rng(1))
    table = changed_genes(found)
    for number, gene in enumerate(found.network.features[:3]):
        alone = interval((found.end - found.start)[2:, number])
        width = alone.high - alone.low
        np.testing.assert_allclose(table.loc[gene, ["low", "high"]].to_numpy(), alone[1:], atol=0.1 * width)


def test_what_cannot_be_counted_is_refused():
    rng = np.random.default_rng(2)
    found = changing(rng)
    for refused, count in (
        (replace(found, confirmed=None), "confirmed"),
        (replace(found, success=np.zeros(6, dtype=bool)), "success"),
        (replace(found, network=replace(found.network, features=())), "all"),
    ):
        with pytest.raises(ConceptStainError):
            changed_genes(refused, count=count)
