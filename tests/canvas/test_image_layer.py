"""Image layers of napari as pictures and slides, and the maps on them where the layers show them."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels, Layer, Points

import conceptstain as cs
from conceptstain.errors import InputError
from conceptstain.layer_tuples import layers
from pictures import noise, pyramid

places = pytest.mark.parametrize(
    "place",
    [
        {},
        {"scale": (2, 3)},
        {"scale": (0.5, 0.5), "translate": (7, -5)},
        {"rotate": 30, "scale": (2, 2), "translate": (1, 2)},
        {"affine": [[0, 2, 7], [-2, 0, 5], [0, 0, 1]], "scale": (3, 1)},
    ],
    ids=["pixels", "scaled", "translated", "rotated", "affine"],
)


def made(thing, canvas=None):
    return Layer.create(*layers(thing, canvas)[0])


@places
@pytest.mark.parametrize("multiscale", [False, True])
@pytest.mark.parametrize("shape", [(64, 96), (64, 96, 3)])
def test_scores_lie_on_the_layer_they_were_made_from(place, multiscale, shape):
    pixels = noise(*shape)
    layer = Image(pyramid(pixels) if multiscale else pixels, multiscale=multiscale, name="tissue", **place)
    slide = cs.open(layer)
    assert isinstance(slide, cs.Slide)
    assert slide.name == "tissue"
    assert len(slide.levels) == (3 if multiscale else 1)
    again = made(slide)
    for at in ((0, 0), (13, 57), (63, 95)):
        np.testing.assert_allclose(again.data_to_world(at), layer.data_to_world(at))
    canvas = slide.view(size=8, stride=8, background="keep")
    scores = np.zeros(len(canvas), np.float32)
    scores[canvas.item("row 2, column 3")] = 1
    painted = made(canvas.paint(scores))
    np.testing.assert_array_equal(np.argwhere(painted.data > 0), [[2, 3]])
    on_layer = layer.world_to_data(painted.data_to_world((1.5, 2.5)))
    np.testing.assert_allclose(on_layer, (15.5, 23.5), atol=1e-9)


@places
def test_maps_lie_on_the_stack_they_were_made_from(place):
    if "affine" in place:
        place = {"scale": (1, 2, 3)}
    elif "rotate" in place:
        place = {"translate": (9, 1, 2)}
    elif place:
        place = {name: (4, *values) for name, values in place.items()}
    stack = noise(5, 16, 24)
    layer = Image(stack, **place)
    images = cs.open(layer)
    canvas = images.view(frame=(16, 24))
    from conceptstain.methods.attribution import Attribution

    mapped = made(Attribution("attention", "a", canvas.inputs([3]), (3,), signed=False), canvas)
    for thing in (made(images), mapped):
        np.testing.assert_allclose(thing.data_to_world((3, 7, 11)), layer.data_to_world((3, 7, 11)))
    assert mapped.data[3, 7, 11] == pytest.approx(stack[3, 7, 11] / 255)


def test_lengths_become_micrometres():
    slide = cs.open(Image(noise(64, 96), scale=(500, 250), units=("nm", "nm")))
    assert slide.unit == "µm"
    np.testing.assert_allclose(slide.to_world, np.diag([0.5, 0.25, 1]))
    images = cs.open(Image(noise(3, 64, 96), scale=(2, 1, 1), units=("um", "um", "um")))
    assert images.axis == (2.0, 0.0, "µm")
    with pytest.raises(InputError, match="no lengths"):
        cs.open(Image(noise(64, 96), units=("second", "second")))


def test_a_single_picture_is_images_where_asked():
    images = cs.open(Image(noise(20, 30), scale=(2, 2)), as_="images")
    assert len(images) == 1
    np.testing.assert_array_equal(images.to_world, np.diag([2, 2, 1]))


def test_our_own_layers_are_what_they_show():
    images, slide = cs.open(noise(3, 20, 30)), cs.open(noise(64, 96))
    assert cs.open(made(images)) is images
    assert cs.open(made(slide)) is slide
    canvas = slide.view(size=16, background="keep")
    with pytest.raises(InputError, match=r"is no picture.*Concept Stain's own"):
        cs.open(made(canvas.paint(np.zeros(len(canvas), np.float32))))


@pytest.mark.parametrize(
    "layer",
    [Points(np.zeros((3, 2))), Labels(np.zeros((9, 9), int)), Image(noise(2, 3, 9, 9))],
    ids=["points", "labels", "four dimensions"],
)
def test_other_layers_are_refused(layer):
    with pytest.raises(InputError):
        cs.open(layer)


def test_sections_are_taken_from_layers_by_another_word():
    with pytest.raises(InputError, match="open_layer"):
        cs.open(Image(noise(64, 96)), as_="section")


def test_a_stack_that_leans_is_refused():
    with pytest.warns(UserWarning, match="Non-orthogonal"):
        layer = Image(noise(3, 9, 9), rotate=(0, 30, 0))
    with pytest.raises(InputError, match="straight above each other"):
        cs.open(layer)
