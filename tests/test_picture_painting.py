from __future__ import annotations

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.colours import limits
from conceptstain.methods.attribution import Attribution
from conceptstain.picture_painting import over_channels, patch_painting, picture_painting
from pictures import noise

rng = np.random.default_rng(0)


def test_one_channel_stays_and_of_several_the_magnitudes_are_added():
    values = rng.normal(size=(2, 1, 4, 5)).astype(np.float32)
    same, signed = over_channels(values, signed=True)
    np.testing.assert_array_equal(same, values[:, 0])
    assert signed
    three = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    added, signed = over_channels(three, signed=True)
    np.testing.assert_allclose(added, np.abs(three).sum(axis=1))
    assert not signed


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
