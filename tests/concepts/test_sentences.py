from __future__ import annotations

import pytest

from conceptstain.concepts.sentences import fraction, p_value, times


@pytest.mark.parametrize(
    ("value", "told"), [(0.87, ".87"), (0.994, ".99"), (0.9966, ".997"), (0.9999, "1.00"), (1.0, "1.00"), (0.0, ".00")]
)
def test_an_auroc_below_one_is_not_told_as_one(value: float, told: str) -> None:
    assert fraction(value) == told


@pytest.mark.parametrize(
    ("p", "n", "told"),
    [
        (0.03, 999, "3 times in 100"),
        (0.01, 999, "once in 100"),
        (0.002, 999, "2 times in 1,000"),
        (0.001, 999, "less than once in 1,000"),
        (0.01, 99, "less than once in 100"),
        (1.0, 999, "100 times in 100"),
    ],
)
def test_a_chance_is_told_as_a_frequency(p: float, n: int, told: str) -> None:
    assert times(p, n) == told


@pytest.mark.parametrize(("p", "told"), [(0.004, "p .004"), (0.12, "p .120"), (1.0, "p 1.000"), (0.0002, "p < .001")])
def test_a_p_value_has_three_digits_and_is_never_nothing(p: float, told: str) -> None:
    assert p_value(p) == told
