from __future__ import annotations

import pytest

from conceptstain.concepts.concept import concept
from conceptstain.errors import MismatchError
from conceptstain.methods.score_map import score_map
from laws import agree
from scenes import GENES, scene, some_direction
from twins.decoded import mean_picture


def test_it_is_the_mean_picture_of_the_concepts_genes() -> None:
    at = scene()
    items = [at.canvas.item(name) for name in GENES]
    found = score_map(at.canvas, at.concept(some_direction()))
    agree(found.mean(), mean_picture(at.canvas.inputs(items)))
    assert found.settings["averaged"] == tuple(items)


def test_at_the_spots_it_is_the_mean_of_what_is_encoded_there() -> None:
    at = scene()
    found = score_map(at.canvas, at.concept(some_direction()))
    at_spots = sum(at.canvas.encoded_values(at.canvas.item(name)) for name in GENES) / len(GENES)
    agree(at.canvas.place(found.mean()), at_spots)


def test_it_does_not_depend_on_the_network() -> None:
    one, other = scene(seed=0), scene(seed=1)
    found = score_map(one.canvas, one.concept(some_direction(0)))
    agree(found.values, score_map(one.canvas, other.concept(some_direction(5))).values)
    assert found.encoder == ""


def test_zero_is_its_middle_for_z_scores_and_its_bottom_for_the_papers_scaling() -> None:
    for scaling, signed in (("z-score", True), ("paper", False)):
        at = scene(scaling=scaling)
        assert score_map(at.canvas, at.concept(some_direction())).signed is signed


def test_genes_that_the_section_does_not_have_are_named() -> None:
    at = scene()
    found = score_map(at.canvas, at.concept(some_direction(), items=("Absent", "Gene4")))
    agree(found.mean(), at.canvas.inputs([4])[0])
    assert found.settings["missing"] == ("Absent",)
    with pytest.raises(MismatchError, match="None of the items"):
        score_map(at.canvas, at.concept(some_direction(), items=("Absent",)))


def test_of_a_combination_it_is_the_same_combination_of_its_parts_maps() -> None:
    at = scene()
    a = concept("a", at.canvas, at.encoder, items=["Gene0", "Gene1", "Gene2"])
    b = concept("b", at.canvas, at.encoder, items=["Gene2", "Gene5"])
    maps = {made.name: score_map(at.canvas, made).values for made in (a, b, a - b, a + b, 2 * a, -b)}
    agree(maps["a - b"], maps["a"] - maps["b"])
    agree(maps["a + b"], maps["a"] + maps["b"])
    agree(maps["2 a"], 2 * maps["a"])
    agree(maps["-b"], -maps["b"])


def test_the_weights_in_a_combinations_table_give_its_map() -> None:
    at = scene()
    a = concept("a", at.canvas, at.encoder, items=["Gene0", "Gene1", "Gene2"])
    made = a - concept("b", at.canvas, at.encoder, items=["Gene2", "Gene5"])
    slow = sum(weight * at.canvas.inputs([at.canvas.item(gene)])[0] for gene, weight in made.table["weight"].items())
    agree(score_map(at.canvas, made).mean(), slow)


def test_what_is_subtracted_has_its_middle_at_zero_in_any_scaling() -> None:
    at = scene(scaling="paper")
    a, b = (concept(name, at.canvas, at.encoder, items=[name]) for name in ("Gene0", "Gene1"))
    assert score_map(at.canvas, a - b).signed
    assert not score_map(at.canvas, a + b).signed
