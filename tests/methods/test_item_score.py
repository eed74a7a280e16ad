"""The concept score of pictures and patches as a finding."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.concepts.concept import concept
from conceptstain.concepts.item_scores import scores
from conceptstain.errors import InputError, MismatchError
from conceptstain.layer_tuples import layers
from conceptstain.methods.item_score import item_score, item_score_runs
from factories import tiny_encoder
from pictures import noise


@pytest.fixture(scope="module")
def encoder():
    return tiny_encoder((1, 8, 8), scaling="unit")


@pytest.fixture(scope="module")
def slide():
    return cs.open(noise(150, 170, seed=1), as_="slide", pixel_size=0.5).view(size=8, stride=4, background="keep")


@pytest.fixture(scope="module")
def made(slide, encoder):
    return concept("it", slide, encoder, items=["row 1, column 1", "row 2, column 2"])


def test_it_holds_the_scores_of_all_items(slide, encoder, made):
    found = item_score(slide, encoder, made)
    np.testing.assert_array_equal(found.values, scores(made, slide, encoder).values)
    assert found.title == "it - concept score"
    assert found.encoder == encoder.fingerprint


def test_it_grows_from_what_is_looked_at_and_is_whole_at_last(slide, encoder, made):
    grown = list(item_score_runs(slide, encoder, made, visible=(60.0, 70.0, 74.0, 84.0)))
    known = [np.isfinite(each.values) for each in grown]
    seen = slide.within((60.0, 70.0, 74.0, 84.0))
    assert known[0][seen].any()
    assert all((later & before == before).all() for before, later in pairwise(known))
    assert all(later.sum() > before.sum() for before, later in pairwise(known))
    np.testing.assert_array_equal(grown[-1].values, item_score(slide, encoder, made).values)


def test_of_patches_it_is_a_layer_where_they_lie_with_nothing_where_nothing_is_known(slide, encoder, made):
    first = next(item_score_runs(slide, encoder, made))
    data, settings, kind = layers(first, slide)[0]
    raster = slide.paint(first.values)
    np.testing.assert_array_equal(data, raster.values)
    np.testing.assert_array_equal(settings["affine"], raster.to_world)
    known = data[np.isfinite(data)]
    assert 0 < len(known) < data.size
    assert settings["contrast_limits"] == pytest.approx(np.percentile(known, (1, 99)))
    assert kind == "image"


def test_of_pictures_it_is_no_layer(encoder):
    canvas = cs.open(noise(6, 8, 8), as_="images").view(frame=8)
    found = item_score(canvas, encoder, concept("it", canvas, encoder, items=["1", "4"]))
    with pytest.raises(InputError, match="one number for each"):
        layers(found, canvas)


def test_it_is_refused_by_other_patches(slide, encoder, made):
    found = item_score(slide, encoder, made)
    other = slide.slide.view(size=8, stride=8, background="keep")
    with pytest.raises(MismatchError, match="belongs to other data"):
        layers(found, other)
