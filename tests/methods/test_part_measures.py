"""Measures of parts, against a twin that counts pixels and against what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conceptstain.errors import InputError
from conceptstain.methods.part_measures import PartMeasures, change_of, part_changes, part_measures
from twins.part_measures import slow_measures


def drawn(seed: int, n: int = 3, side: int = 11) -> tuple[np.ndarray, np.ndarray]:
    """Noise, and a slanted ellipse (part 1) with a corner (part 0) in each picture."""
    rng = np.random.default_rng(seed)
    pictures = rng.uniform(0, 1, (n, 1, side, side))
    row, column = np.mgrid[:side, :side]
    labels = np.full((n, side, side), -1)
    for each in labels:
        y, x = rng.uniform(4, 6, 2)
        slant = rng.uniform(-1, 1)
        each[((row - y) ** 2 / 14 + (column - x - slant * (row - y)) ** 2 / 5) < 1] = 1
        each[:2, :3] = 0
    return pictures, labels


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_measures_are_what_counting_pixels_gives(seed: int) -> None:
    pictures, labels = drawn(seed, n=2)
    found = part_measures(pictures, labels, 2)
    for sample in range(2):
        for part in range(2):
            expected = slow_measures(pictures[sample, 0].tolist(), labels[sample].tolist(), part)
            for name, value in expected.items():
                one = getattr(found, name)[sample, part]
                if name == "angle":  # of an axis, found to half a degree
                    assert abs((one - value + 90) % 180 - 90) < 0.26
                else:
                    assert one == pytest.approx(value, abs=2e-3 if name == "eccentricity" else 1e-9)


def test_a_bar_that_rises_to_the_right_has_a_positive_angle() -> None:
    labels = np.where(np.eye(9)[::-1] > 0, 0, -1)[None]
    found = part_measures(np.ones((1, 3, 9, 9)), labels, 1)
    assert found.angle[0, 0] == pytest.approx(45)
    assert found.eccentricity[0, 0] > 0.99
    assert found.entropy[0, 0] == 0
    assert found.luminance[0, 0] == pytest.approx(1)


def test_a_part_that_is_not_there_has_an_area_of_0_and_no_other_measure() -> None:
    pictures, labels = drawn(0)
    found = part_measures(pictures, labels, 3)
    assert not found.area[:, 2].any()
    assert not found.share[:, 2].any()
    assert all(np.isnan(getattr(found, name)[:, 2]).all() for name in PartMeasures._fields[2:])


@given(st.integers(0, 1000), st.integers(-2, 2), st.integers(-2, 2))
def test_moving_a_picture_moves_its_parts_and_changes_nothing_else(seed: int, down: int, right: int) -> None:
    pictures, labels = (
        np.pad(each, pad, constant_values=-1)
        for each, pad in zip(drawn(seed), (((0, 0), (0, 0), (4, 4), (4, 4)), ((0, 0), (4, 4), (4, 4))), strict=True)
    )
    moved = [np.roll(each, (down, right), axis=(-2, -1)) for each in (pictures, labels)]
    changed = change_of([part_measures(pictures, labels, 2), part_measures(*moved, 2)], hidden=0)
    np.testing.assert_allclose(changed["x"], right, atol=1e-9)
    np.testing.assert_allclose(changed["y"], down, atol=1e-9)
    for name in ("area", "share", "luminance", "entropy", "eccentricity", "angle", "width", "height"):
        np.testing.assert_allclose(changed[name], 0, atol=1e-5)


def test_changes_are_told_as_published_and_small_parts_are_hidden() -> None:
    labels = np.full((1, 20, 20), -1)
    first, last = labels.copy(), labels.copy()
    first[0, :5, :5], last[0, :5, :10] = 0, 0
    first[0, 15, :3], last[0, 15, :6] = 1, 1  # 4.5 pixels on the mean
    dark, bright = np.full((1, 1, 20, 20), 0.2), np.full((1, 1, 20, 20), 0.5)
    table = part_changes(
        part_measures(dark, first, 2), part_measures(bright, last, 2), parts=["large", "small"]
    ).set_index("part")
    assert table.loc["large", "d_area"] == 1
    assert table.loc["large", "d_luminance"] == pytest.approx(0.3 * 255 / 85)
    assert table.loc["large", "d_x"] == 2.5
    assert np.isnan(table.loc["small", "d_area"])
    assert table.loc["small", "d_share"] == pytest.approx(3 / 400)


def test_an_axis_that_turns_past_the_upright_turns_by_the_shorter_way() -> None:
    one = part_measures(*drawn(0), 2)
    changed = change_of([one._replace(angle=one.angle * 0 + 80), one._replace(angle=one.angle * 0 - 80)], hidden=0)
    np.testing.assert_allclose(changed["angle"], 20)


def test_labels_of_other_pictures_and_parts_that_are_not_are_refused() -> None:
    pictures, labels = drawn(0)
    with pytest.raises(InputError, match="not of these pictures"):
        part_measures(pictures, labels[:, :-1], 2)
    with pytest.raises(InputError, match="no such part"):
        part_measures(pictures, labels, 1)
    with pytest.raises(InputError, match="same samples and parts"):
        part_changes(part_measures(pictures, labels, 2), part_measures(pictures, labels, 3))
