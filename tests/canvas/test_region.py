from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conceptstain.canvas.region import PickedSpots, Region
from conceptstain.errors import InputError
from factories import tiny_section
from strategies import laws, reordered, sections


def rectangle(top: float, left: float, bottom: float, right: float) -> np.ndarray:
    return np.array([[top, left], [top, right], [bottom, right], [bottom, left]], dtype=float)


@laws
@given(section=sections(), corners=st.tuples(*[st.floats(-100, 1800) for _ in range(4)]))
def test_a_drawn_rectangle_holds_the_spots_between_its_sides(section, corners):
    top, bottom = sorted(corners[:2])
    left, right = sorted(corners[2:])
    assume(bottom - top > 1)
    assume(right - left > 1)
    y, x = section.spots.T
    expected = (top < y) & (y < bottom) & (left < x) & (x < right)
    chosen = Region.from_polygon("r", rectangle(top, left, bottom, right)).selector.choose(section)
    assert chosen.tolist() == expected.tolist()


@laws
@given(section=sections(), seed=st.integers(0, 100))
def test_what_is_chosen_follows_the_spots_when_they_are_reordered(section, seed):
    order = np.random.default_rng(seed).permutation(section.n_spots)
    region = Region.from_polygon("r", rectangle(-300, -300, 500, 700))
    chosen = region.selector.choose(section)
    assert region.selector.choose(reordered(section, order)).tolist() == chosen[order].tolist()


@laws
@given(section=sections(), seed=st.integers(0, 100))
def test_a_mask_comes_back_as_it_was(section, seed):
    mask = np.random.default_rng(seed).random(section.n_spots) < 0.5
    assert Region.from_mask("m", mask).selector.choose(section).tolist() == mask.tolist()


def test_two_outlines_choose_the_spots_of_both():
    section = tiny_section(6, 6, jitter=0)
    left, right = rectangle(-50, -50, 1050, 150), rectangle(-50, 850, 1050, 1050)
    region = Region.from_polygon("both ends", left, right)
    assert region.choose(section).sum() == 12
    assert str(region.selector) == "2 drawn outlines"


def test_an_annotation_chooses_its_spots_and_names_the_region():
    section = tiny_section()
    region = Region.from_obs("layer", "inner")
    assert region.name == "inner"
    assert region.choose(section).tolist() == (section.adata.obs["layer"] == "inner").tolist()
    assert str(region.selector) == "layer = inner"


def test_an_unknown_annotation_is_told_with_those_there_are():
    with pytest.raises(InputError, match=r"'cluster'.*Choose one of: layer"):
        Region.from_obs("cluster", "1").choose(tiny_section())
    with pytest.raises(InputError, match=r"'middle'.*Choose one of: inner, outer"):
        Region.from_obs("layer", "middle").choose(tiny_section())


@pytest.mark.parametrize(("fill", "word"), [(False, "no"), (True, "every")])
def test_a_region_with_no_or_every_spot_says_nothing(fill, word):
    section = tiny_section()
    with pytest.raises(InputError, match=f"has {word} spot in it"):
        Region.from_mask("r", np.full(section.n_spots, fill)).choose(section)


def test_a_picked_spot_that_is_not_there_is_named():
    with pytest.raises(InputError, match="index 99 for 42 spots"):
        PickedSpots((3, 99)).choose(tiny_section())
    with pytest.raises(InputError, match="index -1 for 42 spots"):
        PickedSpots((3, -1)).choose(tiny_section())


def test_a_mask_is_of_the_section_it_is_used_on():
    with pytest.raises(InputError, match=r"picked on another section\. Got 5 spots for the 42 of tiny"):
        Region.from_mask("short", np.arange(5) < 3).choose(tiny_section())


@pytest.mark.parametrize(
    "mask", [np.arange(42), np.full(42, np.nan), np.full(42, 0.3), np.ones((6, 7)), np.array(["True"] * 42)]
)
def test_values_that_are_neither_true_nor_false_are_no_mask(mask):
    with pytest.raises(InputError, match="True or False"):
        Region.from_mask("r", mask)


def test_ones_and_noughts_are_a_mask_too():
    for mask in (np.arange(42) % 2, (np.arange(42) % 2).astype(float), [index % 2 == 1 for index in range(42)]):
        assert Region.from_mask("odd", mask).choose(tiny_section()).tolist() == [False, True] * 21


def test_an_outline_needs_three_corners():
    with pytest.raises(InputError, match="three corners or more"):
        Region.from_polygon("r", np.zeros((2, 2)))
