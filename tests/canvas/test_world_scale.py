from __future__ import annotations

import numpy as np
import pytest

from conceptstain.canvas.world_scale import told_place
from conceptstain.errors import InputError


def test_nothing_told_is_nothing():
    assert told_place(None, None, None) is None


def test_a_size_is_micrometres_and_is_said():
    matrix, unit, note = told_place(0.25, None, None)
    np.testing.assert_array_equal(matrix, np.diag([0.25, 0.25, 1]))
    assert (unit, note) == ("µm", "A pixel was said to be 0.25 µm wide.")


@pytest.mark.parametrize("unit", [None, "px", "µm"])
def test_a_matrix_has_its_unit(unit):
    assert told_place(None, np.eye(3), unit)[1] == (unit or "px")


@pytest.mark.parametrize(
    "wrong",
    [
        (0.0, None, None),
        (-1.0, None, None),
        (float("nan"), None, None),
        (1.0, np.eye(3), None),
        (None, np.eye(2), None),
        (None, np.zeros((3, 3)), None),
        (None, np.full((3, 3), np.nan), None),
        (None, np.eye(3), "mm"),
        (1.0, None, "µm"),
    ],
)
def test_what_places_nothing_is_told(wrong):
    with pytest.raises(InputError):
        told_place(*wrong)
