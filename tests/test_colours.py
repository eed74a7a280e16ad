"""Colours: limits are robust and honest, and every value has the colour of its place between them."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from conceptstain.colours import MISSING, colormap, limits, rgba
from strategies import laws

numbers = arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6, allow_subnormal=False))


@laws
@given(numbers, st.booleans())
def test_limits_are_in_order_and_signed_ones_are_symmetric(values, signed):
    low, high = limits(values, signed=signed)
    assert low < high
    assert low == -high if signed else low <= 0


@laws
@given(numbers)
def test_a_map_and_its_opposite_have_the_same_limits(values):
    assert limits(values, signed=True) == limits(-values, signed=True)


def test_one_bright_spot_does_not_fade_all_others():
    values = np.append(np.linspace(0, 1, 999), 1000.0)
    assert limits(values, signed=False)[1] == pytest.approx(1.0, abs=0.02)


def test_a_gene_in_one_spot_of_many_is_still_seen():
    values = np.zeros(1000)
    values[3] = 7.0
    assert limits(values, signed=False) == (0.0, 7.0)


@pytest.mark.parametrize("values", [np.zeros(4), np.full(3, np.nan), np.empty(0)])
def test_nothing_to_show_has_limits_of_one(values):
    assert limits(values, signed=True) == (-1.0, 1.0)
    assert limits(values, signed=False) == (0.0, 1.0)


def test_zero_is_the_middle_of_a_signed_map_and_almost_white():
    assert (rgba(np.zeros(1), signed=True, limits=(-2.0, 2.0))[0, :3] > 0.95).all()


def test_values_beyond_the_limits_have_the_end_colours():
    seen = rgba(np.array([-9.0, -1.0, 1.0, 9.0, np.inf]), signed=True, limits=(-1.0, 1.0))
    assert (seen[0] == seen[1]).all()
    assert (seen[2] == seen[3]).all()
    assert (seen[2] == seen[4]).all()


def test_a_missing_value_is_grey():
    np.testing.assert_allclose(rgba(np.array([np.nan, 0.0]), signed=False, limits=(0.0, 1.0))[0], MISSING, rtol=1e-6)


@laws
@given(numbers, st.booleans())
def test_the_lookup_is_what_matplotlib_paints(values, signed):
    low, high = limits(values, signed=signed)
    painted = colormap(signed=signed)(mpl.colors.Normalize(low, high, clip=True)(values))
    seen = rgba(values, signed=signed, limits=(low, high))
    # a value on the border of two of the 256 colours may fall to either
    assert np.abs(seen - painted).max() < 0.02
