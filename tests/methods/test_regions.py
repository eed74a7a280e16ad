"""The gradient by regions: against its slow twin, and what regions promise."""

from __future__ import annotations

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.errors import MismatchError
from conceptstain.methods.maps import map_kind
from conceptstain.methods.regions import BLURS, SCALES, SMOOTH, gradient_by_regions, over_regions, regions_of
from laws import agree
from pictures import noise
from scenes import concept_along, scene, some_direction
from tiny_networks import encoder_of, tiny_vae
from twins.regions import by_regions

AT = [3, 9]


def two_halves(side=32):
    """Dark left of the middle and bright right of it, with a little noise; colours."""
    picture = np.full((3, side, side), 0.2) + 0.6 * (np.arange(side) >= side // 2)
    return (picture + 0.02 * np.random.default_rng(0).random(picture.shape)).astype(np.float32)


@pytest.mark.parametrize("kind", ["convolutional", "dense"])
def test_the_gradient_by_regions_is_the_twins(kind):
    at = scene(kind)
    found = gradient_by_regions(at.canvas, at.encoder, at.concept(some_direction()), items=AT)
    expected = [
        by_regions(at.network, picture, some_direction(), regions_of(picture), SMOOTH)
        for picture in at.canvas.inputs(AT)
    ]
    agree(found.values, np.stack(expected))


def test_a_picture_is_cut_where_its_colours_change():
    cuts = regions_of(two_halves())
    assert len(cuts) == len(SCALES) * len(BLURS)
    for cut in cuts:
        assert set(cut[:, :14].ravel()).isdisjoint(cut[:, 18:].ravel())


def test_coarser_cuts_have_fewer_regions():
    picture = noise(48, 48, 3, seed=1).transpose(2, 0, 1) / np.float32(255)
    numbers = [cut.max() + 1 for cut in regions_of(picture)[:: len(BLURS)]]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > numbers[-1]


@pytest.mark.parametrize("values", [(-3.0, 2.0), (0.0, 40.0), (5.0, 5.0)])
def test_values_of_any_range_fall_into_the_same_regions(values):
    low, high = values
    picture = np.where(np.arange(24) < 12, 0.0, 1.0) * np.ones((1, 24, 24))
    for cut, expected in zip(regions_of(low + (high - low) * picture), regions_of(picture), strict=True):
        np.testing.assert_array_equal(cut, expected if high > low else np.zeros_like(expected))


def test_regions_keep_the_mean_of_a_map_and_even_it_out_within():
    strength = np.random.default_rng(2).random((32, 32))
    cuts = regions_of(two_halves())
    even = over_regions(strength, cuts)
    assert even.mean() == pytest.approx(strength.mean())
    assert even.std() < strength.std()
    np.testing.assert_allclose(over_regions(np.ones((32, 32)), cuts), 1)


def test_it_is_one_map_for_all_channels_and_painted_as_it_is():
    canvas = cs.open([noise(16, 16, 3, seed=seed) for seed in range(3)], as_="images").view(frame=16)
    encoder = encoder_of(tiny_vae((3, 16, 16)), (3, 16, 16), scaling="unit")
    concept = concept_along(encoder, some_direction(), (str(canvas.item_names[1]),))
    found = cs.gradient_by_regions(canvas, encoder, concept)
    assert not found.signed
    assert found.items == (1,)
    np.testing.assert_array_equal(found.values[:, 0], found.values[:, 2])
    ((shown, settings, _),) = cs.layers(found, canvas)
    np.testing.assert_allclose(np.nanmax(np.asarray(shown)), found.values.max(), rtol=1e-5)
    assert settings["name"] == "granule - gradient by regions"


def test_what_is_no_picture_has_no_regions():
    profiles = encoder_of(tiny_vae((1, 16, 16)), (12,))
    assert "no pictures" in map_kind("regions").refusal(profiles)


def test_another_encoders_concept_is_refused():
    at, other = scene(), scene(seed=1)
    with pytest.raises(MismatchError, match="belongs to another encoder"):
        gradient_by_regions(at.canvas, at.encoder, other.concept(some_direction()))
