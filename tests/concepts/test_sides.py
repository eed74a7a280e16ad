from __future__ import annotations

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.concepts.concept import concept
from conceptstain.concepts.latents import latents_of
from conceptstain.concepts.sides import sides_of
from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.untrained import untrained
from factories import tiny_encoder
from pictures import noise

CANVAS = cs.open(list(noise(12, 8, 8, 3)), as_="images").view(frame=8)
NAMES = list(CANVAS.item_names)


@pytest.fixture(scope="module")
def encoder():
    return tiny_encoder((3, 8, 8), scaling="unit")


@pytest.mark.parametrize("form", ["mean", "contrast", "whitened"])
def test_a_concept_made_again_of_its_sides_is_the_same(encoder, form):
    one = concept("one", CANVAS, encoder, items=NAMES[:4], form=form)
    other = concept("other", CANVAS, encoder, like=NAMES[6], neighbours=3, form=form)
    for made in (one, other, one - 2 * other):
        again = sides_of(made, CANVAS, encoder).made_by(encoder, latents_of(CANVAS, encoder))
        np.testing.assert_allclose(again.direction, made.direction)


def test_without_an_item_it_is_the_concept_of_the_others(encoder):
    made = concept("one", CANVAS, encoder, items=NAMES[:4], against=NAMES[5:9])
    less = sides_of(made, CANVAS, encoder).without(np.array([2, 6, 11]))
    again = less.made_by(encoder, latents_of(CANVAS, encoder))
    expected = concept("one", CANVAS, encoder, items=[*NAMES[:2], NAMES[3]], against=[NAMES[5], *NAMES[7:9]])
    np.testing.assert_allclose(again.direction, expected.direction)
    assert again.items == expected.items
    assert sides_of(made, CANVAS, encoder).without(np.arange(4)) is None


def test_another_network_encodes_the_sides_alone(encoder):
    made = concept("one", CANVAS, encoder, items=NAMES[:2], against=NAMES[5:7])
    sides, twin = sides_of(made, CANVAS, encoder), untrained(encoder, seed=3)
    latents = sides.latents_by(twin)
    assert np.flatnonzero(np.isfinite(latents).all(axis=1)).tolist() == [0, 1, 5, 6]
    expected = concept("one", CANVAS, twin, items=NAMES[:2], against=NAMES[5:7])
    np.testing.assert_allclose(sides.made_by(twin, latents).direction, expected.direction, atol=1e-6)


def test_random_sides_are_as_many_and_leave_out_what_is_hidden(encoder):
    made = concept("one", CANVAS, encoder, items=NAMES[:3])
    sides = sides_of(made, CANVAS, encoder)
    (drawn,) = sides.at_random(np.random.default_rng(0), hidden=np.array([0, 1])).parts
    assert len(drawn.positive) == 3
    assert sorted([*drawn.positive, *drawn.negative]) == list(range(2, 12))
    with pytest.raises(InputError, match=r"Too few pictures.*Got 1 of 12 pictures"):
        sides.at_random(np.random.default_rng(0), hidden=np.arange(11))


def test_many_items_are_thinned_evenly(encoder):
    made = concept("one", CANVAS, encoder, items=NAMES[:2])
    (few,) = sides_of(made, CANVAS, encoder).at_most(4).parts
    assert few.positive.tolist() == [0, 1]
    assert few.negative.tolist() == [2, 5, 8, 11]


def test_patches_are_hidden_with_all_that_share_a_pixel_with_them(encoder):
    canvas = cs.open(noise(40, 40, 3), as_="slide").view(size=8, stride=3, background="keep")
    made = concept("one", canvas, encoder, items=list(canvas.item_names[:5]))
    hidden = sides_of(made, canvas, encoder).hidden_with(30)
    seen = np.zeros((60, 60), dtype=bool)
    top, left = canvas.corners[30] * 3
    seen[top : top + 8, left : left + 8] = True
    sharing = [seen[y : y + 8, x : x + 8].any() for y, x in canvas.corners * 3]
    assert hidden.tolist() == np.flatnonzero(sharing).tolist()


def test_what_these_pictures_do_not_make_is_refused(encoder):
    other = cs.open(list(noise(12, 8, 8, 3, seed=7)), as_="images").view(frame=8)
    made = concept("one", CANVAS, encoder, items=NAMES[:3])
    with pytest.raises(MismatchError, match=r"not what these pictures make.*made_on"):
        sides_of(made, other, encoder)
    with pytest.raises(MismatchError, match="another encoder"):
        sides_of(made, CANVAS, tiny_encoder((3, 8, 8), 1, scaling="unit"))
    with pytest.raises(InputError, match="A unit or a class is not made of pictures"):
        sides_of(concept("unit", CANVAS, encoder, unit=0), CANVAS, encoder)
