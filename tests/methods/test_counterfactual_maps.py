"""Counterfactuals as maps: what changes, under a title that says from what to what, with all that was asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from changed_spots import ASKED, of_spots
from conceptstain.errors import ConceptStainError
from conceptstain.methods.counterfactual_maps import counterfactual_map, gene_changes


def test_a_map_is_the_end_without_the_start_of_the_items_that_are_wanted():
    found, canvas = of_spots()
    made = counterfactual_map(found, canvas, [20, 7])
    np.testing.assert_array_equal(made.values, (found.end - found.start)[[2, 0]])
    assert (made.items, made.signed, made.method) == ((20, 7), True, "counterfactual")
    assert made.settings["asked"] == tuple(ASKED)
    assert made.settings["success"] == tuple(found.success[[2, 0]])


def test_a_gene_lies_at_the_spots_that_were_asked_about_and_nowhere_else():
    found, canvas = of_spots()
    made = gene_changes(found, canvas, canvas.features[5])
    np.testing.assert_array_equal(made.values[ASKED], (found.end - found.start)[:, 5])
    assert np.isnan(np.delete(made.values, ASKED)).all()


@pytest.mark.parametrize(
    ("origins", "targets", "name"), [([0, 0, 0], [1, 1, 1], "inner to outer"), ([0, 1, 0], [1, 1, 1], "to outer")]
)
def test_the_name_says_from_what_to_what(origins, targets, name):
    found, canvas = of_spots()
    changed = replace(found, classes=("inner", "outer"), origins=np.array(origins), targets=np.array(targets))
    assert counterfactual_map(changed, canvas).title == f"{name} - counterfactual, gradient, 3 spots"
    alone = counterfactual_map(changed, canvas, [3])
    assert alone.title.endswith(f"- counterfactual, gradient, {canvas.item_names[3]}")


def test_other_spots_genes_and_items_are_refused():
    found, canvas = of_spots()
    fewer = canvas.section.view("spots", genes=canvas.features[:-1])
    for refused in (
        lambda: counterfactual_map(found, fewer),
        lambda: counterfactual_map(replace(found, item_names=("a", "b", "c")), canvas),
        lambda: counterfactual_map(found, canvas, [4]),
        lambda: gene_changes(found, canvas, "Nobody"),
    ):
        with pytest.raises(ConceptStainError):
            refused()
