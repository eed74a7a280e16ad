"""Every map on sets of images and on slides: asked at pictures, at home at their own pixels."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.methods.maps import KEYS, MAPS, map_kind
from conceptstain.picture_painting import patch_painting, picture_painting
from pictures import noise
from scenes import concept_along, some_direction
from tiny_networks import encoder_of, tiny_vae

SIDE = 16
SETTINGS = cs.MapSettings(percentile=40)  # of the few units of a tiny network, the usual 95 leaves none
ABOUT_NO_PICTURE = ("decoded", "gene-mean")


@cache
def images(channels=3):
    """Four pictures of three sizes."""
    sizes = ((16, 24), (20, 16), (16, 16), (16, 16))
    last = (3,) if channels == 3 else ()
    made = [noise(*size, *last, seed=seed) for seed, size in enumerate(sizes)]
    return cs.open(made, as_="images").view(frame=SIDE)


@cache
def patches():
    """Patches of a slide that overlap by half."""
    return cs.open(noise(40, 56, 3), as_="slide").view(size=SIDE, background="keep")


@cache
def encoder(channels=3):
    return encoder_of(tiny_vae((channels, SIDE, SIDE)), (channels, SIDE, SIDE), scaling="unit")


def concept(canvas, items=(1, 3)):
    names = tuple(str(canvas.item_names[item]) for item in items)
    return concept_along(encoder(canvas.shape[0]), some_direction(), names)


def made(key, canvas):
    return map_kind(key).make(canvas, encoder(canvas.shape[0]), concept(canvas), settings=SETTINGS)


KINDS = [kind.key for kind in MAPS]


@pytest.mark.parametrize("key", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_map_of_images_lies_on_their_own_pixels(key, channels):
    canvas = images(channels)
    found = made(key, canvas)
    assert found.values.shape[1:] == (channels, SIDE, SIDE)
    assert found.values.any()
    assert KEYS[found.method] == key
    if key in ABOUT_NO_PICTURE:
        assert found.items == ()
        with pytest.raises(cs.InputError, match="differ in size"):
            picture_painting(found, canvas)
        return
    assert found.items == (1, 3)
    painted = picture_painting(found, canvas)
    assert {item: values.shape for item, values in painted.maps.items()} == {1: (20, 16), 3: (16, 16)}
    assert painted.limits[1] > 0
    assert "gene" not in painted.label


@pytest.mark.parametrize("key", KINDS)
def test_a_map_of_patches_lies_where_they_lie(key):
    canvas = patches()
    found = made(key, canvas)
    if key in ABOUT_NO_PICTURE:
        with pytest.raises(cs.InputError, match="belongs to no patch"):
            patch_painting(found, canvas)
        return
    raster = patch_painting(found, canvas)
    assert np.isfinite(raster.values).all()
    assert raster.values.any()
    assert raster.name == found.title


@pytest.mark.parametrize("key", KINDS)
def test_a_map_becomes_a_layer_of_the_viewer(key):
    canvas = patches()
    if key not in ABOUT_NO_PICTURE:
        ((_, settings, kind),) = cs.layers(made(key, canvas), canvas)
        assert (kind, settings["name"]) == ("image", made(key, canvas).title)


def test_the_map_of_an_image_is_the_same_alone_and_with_others():
    canvas = images()
    alone = cs.saliency(canvas, encoder(), concept(canvas), items=[2])
    together = cs.saliency(canvas, encoder(), concept(canvas), items=[0, 2])
    np.testing.assert_allclose(together.values[1], alone.values[0], rtol=1e-5)


def test_the_rectified_gradient_of_photographs_is_multiplied_by_them_as_released():
    canvas = images()
    at = concept(canvas)
    found = cs.saliency(canvas, encoder(), at, rule="rectified")
    without = cs.saliency(canvas, encoder(), at, rule="rectified", times_input=False)
    np.testing.assert_allclose(found.values, without.values * canvas.inputs([1, 3]), rtol=1e-5)
    assert picture_painting(found, canvas).label.startswith("rectified gradient × input")


def test_the_mean_of_photographs_is_called_so_and_has_no_negative_colours():
    canvas = images()
    found = cs.score_map(canvas, concept(canvas))
    assert found.title == "granule - picture mean"
    assert not found.signed
    np.testing.assert_allclose(found.values[0], canvas.inputs([1, 3]).mean(axis=0), rtol=1e-6)


def test_images_that_the_set_does_not_have_are_named():
    canvas = images()
    at = concept_along(encoder(), some_direction(), (str(canvas.item_names[0]), "absent.png"))
    assert cs.saliency(canvas, encoder(), at).settings["missing"] == ("absent.png",)
