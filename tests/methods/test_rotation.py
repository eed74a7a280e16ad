"""Rotations of channels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.errors import InputError
from conceptstain.methods.rotation import part_of_rotation, random_rotation

SIZES = st.integers(2, 12)
SEEDS = st.integers(0, 99)


@given(n=SIZES, seed=SEEDS)
def test_a_random_rotation_keeps_lengths_and_hands(n: int, seed: int) -> None:
    q = random_rotation(n, seed)
    assert q @ q.T == pytest.approx(np.eye(n), abs=1e-12)
    assert np.linalg.det(q) == pytest.approx(1)


@given(n=SIZES, seed=SEEDS, alpha=st.floats(0, 1), beta=st.floats(0, 1))
def test_parts_of_a_rotation_add_up(n: int, seed: int, alpha: float, beta: float) -> None:
    q = random_rotation(n, seed)
    parts = part_of_rotation(q, alpha) @ part_of_rotation(q, beta)
    assert parts == pytest.approx(part_of_rotation(q, alpha + beta), abs=1e-8)
    assert part_of_rotation(q, 0) == pytest.approx(np.eye(n), abs=1e-12)
    assert part_of_rotation(q, 1) == pytest.approx(q, abs=1e-8)


@given(n=SIZES, seed=SEEDS)
def test_more_of_a_rotation_is_farther_from_none(n: int, seed: int) -> None:
    q = random_rotation(n, seed)
    distances = [np.linalg.norm(part_of_rotation(q, alpha) - np.eye(n)) for alpha in (0.2, 0.4, 0.6, 0.8, 1.0)]
    assert (np.diff(distances) > 0).all()


@pytest.mark.parametrize("diagonal", [(-1, -1, 1), (1, 1, 1), (-1, -1, -1, -1), (1, -1, 1, -1, 1)])
def test_axes_that_are_reversed_make_half_turns(diagonal: tuple[int, ...]) -> None:
    q = np.diag(np.array(diagonal, dtype=float))
    half = part_of_rotation(q, 0.5)
    assert half @ half == pytest.approx(q)
    assert np.linalg.det(half) == pytest.approx(1)


def test_the_mean_of_random_rotations_is_none() -> None:
    mean = np.mean([random_rotation(3, seed) for seed in range(400)], axis=0)
    assert np.abs(mean).max() < 0.15


@pytest.mark.parametrize(
    "matrix", [np.ones((2, 2)), np.diag([-1.0, 1.0]), np.ones((2, 3))], ids=["no", "mirror", "flat"]
)
def test_what_is_no_rotation_is_refused(matrix: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"no rotation"):
        part_of_rotation(matrix, 0.5)


def test_one_unit_cannot_be_rotated() -> None:
    with pytest.raises(InputError, match=r"One axis"):
        random_rotation(1)
