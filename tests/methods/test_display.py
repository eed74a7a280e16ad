from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import conceptstain as cs
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.display import PAPER, over_channels

rng = np.random.default_rng(0)


def a_map(method, channels, *, signed=True):
    values = rng.normal(size=(2, channels, 16, 16)).astype(np.float32)
    return Attribution(method, "a", values, (0, 1), signed=signed)


def test_of_colours_the_magnitudes_are_added_and_one_channel_stays():
    three, one = a_map("decoded", 3), a_map("decoded", 1)
    added, signed = over_channels(three)
    np.testing.assert_allclose(added, np.abs(three.values).sum(axis=1), rtol=1e-6)
    assert not signed
    same, signed = over_channels(one)
    np.testing.assert_array_equal(same, one.values[:, 0])
    assert signed


@pytest.mark.parametrize("channels", [1, 3])
def test_gradients_are_shown_by_their_magnitudes_and_smoothed(channels):
    thing = a_map("gradient saliency", channels)
    values, signed = over_channels(thing)
    expected = gaussian_filter(np.abs(thing.values).sum(axis=1), (0, 0.03 * 16, 0.03 * 16), mode="nearest")
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    assert not signed


def test_what_has_one_value_for_all_channels_is_not_added_up():
    thing = a_map("occlusion", 3)
    values, signed = over_channels(thing)
    np.testing.assert_array_equal(values, thing.values[:, 0])
    assert signed


def preprocess(attributions, low, high):
    """The paper's, word by word: sum over channels, clip at percentiles, 0 below a lower cut that is above 0."""
    shown = []
    for attribution in attributions.astype(np.float64):
        summed = sum(attribution)
        least, most = (np.percentile(summed, q) for q in (low, high))
        made = np.empty_like(summed)
        for pixel in np.ndindex(summed.shape):
            made[pixel] = min(max(summed[pixel], least), most)
            if summed[pixel] < least and least > 0:
                made[pixel] = 0.0
        shown.append(made)
    return np.stack(shown)


@pytest.mark.parametrize("shift", [0.0, 10.0])
def test_the_papers_figures_are_cut_and_keep_their_sign(shift):
    thing = a_map("gradient saliency", 3)
    thing = replace(thing, values=thing.values + np.float32(shift))
    values, signed = over_channels(thing, PAPER)
    np.testing.assert_allclose(values, preprocess(thing.values, 0.5, 99.5), rtol=1e-5)
    assert signed
    assert (values == 0).any() == (shift > 0)


@pytest.mark.parametrize("wrong", [{"smooth": -0.1}, {"smooth": 2.0}, {"cut": (99.0, 1.0)}, {"cut": (0.0, 101.0)}])
def test_a_display_that_means_nothing_is_refused(wrong):
    with pytest.raises(cs.InputError):
        cs.Display(**wrong)
