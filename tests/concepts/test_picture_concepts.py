"""Concepts of pictures and of patches of slides."""

from __future__ import annotations

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.canvas.region import Region
from conceptstain.concepts.concept import concept
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.latents import latents_of
from conceptstain.errors import InputError, MismatchError
from factories import tiny_encoder, tiny_section
from pictures import noise, write_picture


@pytest.fixture(scope="module")
def canvas(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(30):
        write_picture(folder / f"face{number:02}.png", noise(8, 8, 3, seed=number))
    return cs.open(folder).view(frame=8)


@pytest.fixture(scope="module")
def encoder():
    return tiny_encoder((3, 8, 8), scaling="unit")


@pytest.fixture(scope="module")
def patches():
    return cs.open(noise(64, 64, 3, seed=1), as_="slide").view(size=8, stride=4, background="keep")


SQUARE = Region.from_polygon("square", np.array([[8.0, 8], [8, 40], [40, 40], [40, 8]]) - 0.5)


def test_positives_minus_negatives_is_the_direction_of_the_labelled_case(canvas, encoder):
    positives, negatives = ["face03.png", "face07", "face11.png"], ["face01", "face20.png"]
    made = concept("glasses", canvas, encoder, items=positives, against=negatives)
    z = encoder.latents(canvas).astype(np.float64)
    np.testing.assert_allclose(made.direction, z[[3, 7, 11]].mean(axis=0) - z[[1, 20]].mean(axis=0), atol=1e-6)
    assert made.items == ("face03.png", "face07.png", "face11.png")
    assert made.origin == "3 named pictures, against 2 named pictures"


def test_without_negatives_all_other_pictures_are_held_against_them(canvas, encoder):
    made = concept("glasses", canvas, encoder, items="face03")
    z = encoder.latents(canvas).astype(np.float64)
    np.testing.assert_allclose(made.direction, z[3] - np.delete(z, 3, axis=0).mean(axis=0), atol=1e-6)
    assert made.origin == "the picture face03.png, against all other pictures"


def test_a_concept_can_be_like_a_picture_and_live_in_a_layer(canvas, encoder):
    made = concept("like 4", canvas, encoder, like="face04", neighbours=5)
    assert made.items[0] == "face04.png"
    assert made.origin == "5 pictures nearest to face04.png in latent space, against all other pictures"
    layer = concept("like 4", canvas, encoder, like="face04", neighbours=5, space="chain.conv1")
    assert layer.direction.shape == latents_of(canvas, encoder, space="chain.conv1").shape[1:]
    with pytest.raises(InputError, match="leaves nothing to hold against it"):
        concept("all", canvas, encoder, like="face04")


def test_concepts_of_pictures_are_combined_as_those_of_genes(canvas, encoder):
    one = concept("one", canvas, encoder, items=["face01", "face02"], against=["face03"])
    other = concept("other", canvas, encoder, items=["face04"], against=["face05", "face06"])
    lengths = [np.linalg.norm(each.direction) for each in (one, other)]
    expected = np.mean(lengths) * (one.direction / lengths[0] - other.direction / lengths[1])
    np.testing.assert_allclose((one - other).direction, expected)
    assert (one - other).definition.words == "one minus other"
    same = Definition("a", items=("x",), form="contrast", against=("y",))
    assert not same.has_same_source(Definition("a", items=("x",), form="contrast", against=("z",)))


def test_permuting_the_pictures_changes_no_direction(canvas, encoder):
    pixels = np.stack([canvas.images.raw(index) for index in range(12)])
    order = np.random.default_rng(0).permutation(12)
    there = cs.open(pixels, as_="images").view(frame=8)
    shuffled = cs.open(pixels[order], as_="images").view(frame=8)
    names = [str(there.item_names[index]) for index in (2, 5, 7)]
    moved = [str(shuffled.item_names[list(order).index(index)]) for index in (2, 5, 7)]
    np.testing.assert_allclose(
        concept("it", there, encoder, items=names).direction,
        concept("it", shuffled, encoder, items=moved).direction,
        atol=1e-9,
    )


def test_fewer_than_20_pictures_come_with_a_warning(canvas, encoder, patches):
    few = concept("few", canvas, encoder, items=["face01", "face02"])
    assert few.notes == (
        "few is made of 2 pictures; with fewer than 20, scores and maps follow chance features of these.",
    )
    enough = concept("enough", canvas, encoder, items=list(canvas.item_names[:20]))
    assert enough.notes == ()
    assert (enough - few).notes == few.notes
    assert concept("unit", canvas, encoder, unit=1, neighbours=3).notes == ()
    assert (
        concept("patch", patches, encoder, items=["row 1, column 1"]).notes[0].startswith("patch is made of 1 patch;")
    )


def test_a_region_on_a_slide_holds_what_it_covers_against_what_it_does_not_touch(patches, encoder):
    made = concept("square", patches, encoder, region=SQUARE)
    starts = patches.corners * 4
    overlap = np.clip(np.minimum(starts + 8, 40) - np.maximum(starts, 8), 0, 8).prod(axis=1) / 64
    inside, outside = overlap >= 0.5, overlap == 0
    z = encoder.latents(patches).astype(np.float64)
    np.testing.assert_allclose(made.direction, z[inside].mean(axis=0) - z[outside].mean(axis=0), atol=1e-6)
    assert set(made.items) == set(patches.item_names[inside])
    np.testing.assert_allclose(made.table["covered"], overlap[inside])
    partly = (~inside & ~outside).sum()
    assert made.origin == (
        f"{inside.sum()} of {len(patches)} patches (drawn outline), against the patches outside it "
        f"({partly} at its border count for neither)"
    )
    whole = concept("square", patches, encoder, region=SQUARE, least_covered=1)
    assert set(whole.items) == set(patches.item_names[overlap == 1])


@pytest.mark.parametrize(
    ("made_from", "told"),
    [
        ({"like": "face01", "against": ["face02"]}, "negatives without positives"),
        ({"items": ["face01"], "against": ["face02"], "form": "mean"}, "negatives without positives"),
        ({"items": ["face01"], "against": []}, "held against nothing"),
        ({"items": ["face01"], "against": ["face01"]}, "held against what it is made of"),
        ({"items": ["face01"], "against": ["face01.png"]}, "held against what it is made of"),
        ({"items": ["face99"]}, "has no picture of that name"),
        ({"region": SQUARE}, "chooses no pictures"),
        ({"items": ["face01"], "least_covered": 0}, "a part above 0"),
    ],
)
def test_what_cannot_be_made_of_pictures_is_told(canvas, encoder, made_from, told):
    with pytest.raises(InputError, match=told):
        concept("it", canvas, encoder, **made_from)


def test_what_cannot_be_made_of_patches_is_told(patches, encoder, canvas):
    tiny = Region.from_polygon("tiny", np.array([[8.0, 8], [8, 9], [9, 9]]))
    with pytest.raises(InputError, match="covers no patch"):
        concept("it", patches, encoder, region=tiny)
    everything = Region.from_polygon("all", np.array([[-9.0, -9], [-9, 99], [99, 99], [99, -9]]))
    with pytest.raises(InputError, match="leaves nothing to hold against it"):
        concept("it", patches, encoder, region=everything)
    with pytest.raises(MismatchError):
        concept("it", canvas, tiny_encoder((1, 8, 8), scaling="unit"), items="face01")


def test_genes_can_be_held_against_named_genes():
    genes = tiny_section().view("genes")
    encoder = tiny_encoder(genes.shape)
    made = concept("it", genes, encoder, items=["Gene1"], against=["Gene2", "Gene3"])
    z = encoder.latents(genes).astype(np.float64)
    np.testing.assert_allclose(made.direction, z[1] - z[[2, 3]].mean(axis=0), atol=1e-6)
