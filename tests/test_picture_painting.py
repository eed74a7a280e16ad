from __future__ import annotations

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.colours import limits
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.display import PAPER
from conceptstain.picture_painting import patch_painting, picture_painting
from pictures import noise

rng = np.random.default_rng(0)


def a_map(method, channels, *, signed=True):
    values = rng.normal(size=(2, channels, 16, 16)).astype(np.float32)
    return Attribution(method, "a", values, (0, 1), signed=signed)


def test_the_label_says_how_a_map_is_shown():
    canvas = cs.open([noise(16, 16, 3), noise(16, 16, 3)], as_="images").view(frame=16)
    thing = a_map("gradient saliency", 3)
    assert picture_painting(thing, canvas).label == (
        "gradient of the concept score, magnitudes summed over channels, smoothed by 0.03 of the width"
    )
    assert picture_painting(thing, canvas, PAPER).label == (
        "gradient of the concept score, cut at percentiles 0.5 and 99.5"
    )
    ((_, settings, _),) = cs.layers(thing, canvas, display=cs.Display(absolute=False, smooth=0.0))
    assert settings["contrast_limits"][0] < 0


def test_all_pictures_have_the_same_limits():
    canvas = cs.open([noise(16, 24), noise(40, 16)], as_="images").view(frame=16)
    values = rng.normal(size=(2, 1, 16, 16)) * np.array([1, 10])[:, None, None, None]
    painted = picture_painting(Attribution("attention", "a", values, (0, 1), signed=True), canvas)
    assert {item: each.shape for item, each in painted.maps.items()} == {0: (16, 24), 1: (40, 16)}
    together = np.concatenate([each.ravel() for each in painted.maps.values()])
    assert painted.limits == limits(together, signed=True)
    chosen = Attribution("attention", "a", values, (0, 1), signed=True, colour_limits=(-3.0, 3.0))
    assert picture_painting(chosen, canvas).limits == (-3.0, 3.0)


def test_a_map_of_no_patch_is_refused():
    canvas = cs.open(noise(64, 64)).view(size=16)
    with pytest.raises(cs.InputError, match="belongs to no patch"):
        patch_painting(Attribution("decoded", "a", np.zeros((1, 1, 16, 16)), (), signed=True), canvas)
