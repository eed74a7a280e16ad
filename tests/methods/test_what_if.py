"""What-ifs: what is decoded of items that are moved along concepts, minus what is decoded of them as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.latents import latents_of
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.what_if import concept_step, what_if
from factories import tiny_profile_encoders, tiny_section
from laws import ITEMS, agree
from scenes import Scene, concept_along, scene, some_direction
from sweeps import linked
from twins.what_if import what_if as slow_what_if


def named(at: Scene, name: str, direction: np.ndarray) -> Concept:
    made = at.concept(direction)
    return replace(made, definition=replace(made.definition, name=name))


@pytest.mark.parametrize("kind", ["convolutional", "dense"])
def test_it_is_the_twins(kind: str) -> None:
    at = scene(kind)
    directions = [some_direction(1), some_direction(2)]
    first, second = (named(at, f"c{number}", each) for number, each in enumerate(directions))
    found = what_if(at.encoder, at.canvas, ITEMS, [(first, 2.0), (second, -0.75)])
    pictures = at.canvas.inputs(range(len(at.canvas)))
    moves = [(directions[0], 2.0), (directions[1], -0.75)]
    expected = slow_what_if(at.network, pictures, at.canvas.trainable, ITEMS, moves)
    np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-6)
    assert (found.items, found.signed, found.title) == (ITEMS, True, "c0 +2 SD, c1 -0.75 SD - what if, 5 genes")


def test_a_step_raises_the_score_by_a_standard_deviation_however_long_the_direction_is() -> None:
    at, along = scene(), some_direction()
    scores = latents_of(at.canvas, at.encoder)[at.canvas.trainable].astype(np.float64) @ along
    step = concept_step(at.encoder, at.canvas, at.concept(along))
    np.testing.assert_allclose(step @ along, scores.std())
    np.testing.assert_allclose(concept_step(at.encoder, at.canvas, at.concept(-7 * along)), -step)
    assert not concept_step(at.encoder, at.canvas, at.concept(0 * along)).any()


def test_nothing_changes_without_a_move_and_every_item_changes_by_itself() -> None:
    at = scene()
    concept = at.concept(some_direction())
    assert not what_if(at.encoder, at.canvas, ITEMS, [(concept, 0.0)]).values.any()
    together = what_if(at.encoder, at.canvas, ITEMS, [(concept, 1.5)]).values
    alone = [what_if(at.encoder, at.canvas, [item], [(concept, 1.5)]).values for item in ITEMS]
    agree(together, np.concatenate(alone))
    agree(what_if(at.encoder, at.canvas, ITEMS[::-1], [(concept, 1.5)]).values, together[::-1])


def test_of_spots_it_is_a_table_of_genes() -> None:
    canvas = tiny_section().view("spots")
    encoder = tiny_profile_encoders(canvas.features, 1)[0]
    names = [str(canvas.item_names[item]) for item in (0, 3)]
    found = cs.what_if(encoder, canvas, [4, 1], [(cs.concept("two", canvas, encoder, items=names), 1.0)])
    assert found.values.shape == (2, len(canvas.features))
    assert list(canvas.place(found.mean()).index) == list(canvas.features)


def test_units_move_items_along_their_columns_of_the_link_from_where_the_items_lie() -> None:
    link, classifier, encoder, canvas = linked()
    values = {4: 0.75, 1: -0.5}
    found = what_if(encoder, canvas, [3, 0], units=values, link=link, classifier=classifier)
    r = classifier.encoder.latents(canvas, [3, 0]).astype(np.float64)
    start = encoder.latents(canvas, [3, 0]).astype(np.float64)
    end = start + sum(np.outer(value - r[:, unit], link.weights[:, unit]) for unit, value in values.items())
    before, after = (encoder.decode(encoder.tensor(each)).numpy() for each in (start, end))
    np.testing.assert_allclose(found.values, after - before, atol=1e-5)
    assert found.name == "unit 1 at -0.5, unit 4 at 0.75"


def test_units_at_their_own_values_change_nothing_beside_a_concept() -> None:
    link, classifier, encoder, canvas = linked()
    concept = concept_along(encoder, np.arange(1.0, encoder.latent + 1), ("none",))
    own = float(classifier.encoder.latents(canvas, [2])[0, 3])
    through = {"units": {3: own}, "link": link, "classifier": classifier}
    both = what_if(encoder, canvas, [2], [(concept, 1.0)], **through)
    agree(both.values, what_if(encoder, canvas, [2], [(concept, 1.0)]).values)
    assert both.name.startswith("granule +1 SD, unit 3 at ")


def test_units_without_a_link_or_of_another_are_refused() -> None:
    link, classifier, encoder, canvas = linked()
    with pytest.raises(InputError, match="through a link"):
        what_if(encoder, canvas, [0], units={1: 0.0})
    with pytest.raises(InputError, match="not units of the linked layer"):
        what_if(encoder, canvas, [0], units={99: 0.0}, link=link, classifier=classifier)
    with pytest.raises(MismatchError, match="another generator"):
        what_if(encoder, canvas, [0], units={1: 0.0}, link=replace(link, generator="0" * 12), classifier=classifier)


@pytest.mark.parametrize(
    ("moves", "told"),
    [
        ([], "Nothing is to change"),
        ([(0, np.nan)], "finite way"),
        ([(0, 1.0), (0, 1.0)], "twice"),
    ],
)
def test_moves_that_say_nothing_are_refused(moves: list[tuple[int, float]], told: str) -> None:
    at = scene()
    concept = at.concept(some_direction())
    with pytest.raises(InputError, match=told):
        what_if(at.encoder, at.canvas, ITEMS, [(concept, far) for _, far in moves])


@pytest.mark.parametrize("moves", [None, ["some"], [("some", 1.0)], [(3, "far")]])
def test_moves_are_pairs_of_a_concept_and_a_number(moves: Any) -> None:
    at = scene()
    with pytest.raises(InputError, match="how far to go along it"):
        what_if(at.encoder, at.canvas, ITEMS, moves)


def test_concepts_of_layers_and_of_other_networks_are_refused() -> None:
    at = scene()
    with pytest.raises(MismatchError, match=r"latent space alone\..*'granule' of the layer chain\.conv2"):
        what_if(at.encoder, at.canvas, ITEMS, [(at.concept(some_direction(), space="chain.conv2"), 1.0)])
    with pytest.raises(MismatchError, match="another encoder"):
        what_if(at.encoder, at.canvas, ITEMS, [(scene(seed=1).concept(some_direction()), 1.0)])
