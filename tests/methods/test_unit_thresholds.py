"""Thresholds of units."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.errors import InputError
from conceptstain.methods.unit_thresholds import UnitThresholds
from twins import dissection as twin


@given(
    seed=st.integers(0, 99),
    n_items=st.integers(1, 9),
    batch=st.integers(1, 9),
    side=st.integers(1, 4),
    quantile=st.sampled_from([0.02, 0.1, 0.37, 0.9]),
    coarse=st.booleans(),
)
def test_a_threshold_is_the_exact_quantile_however_the_activations_arrive(
    *, seed: int, n_items: int, batch: int, side: int, quantile: float, coarse: bool
) -> None:
    values = np.random.default_rng(seed).standard_normal((n_items, 3, side, side)).astype(np.float32)
    values = np.round(values) if coarse else values  # many that are equal
    n_values = n_items * side * side
    if int(quantile * n_values) < 1:
        return
    thresholds = UnitThresholds(3, n_values, quantile)
    for begin in range(0, n_items, batch):
        thresholds.add(torch.as_tensor(values[begin : begin + batch]))
    found = thresholds.found()
    for unit in range(3):
        assert float(found[unit]) == twin.threshold(values[:, unit], quantile)
        above = int((values[:, unit] > float(found[unit])).sum())
        assert above <= int(quantile * n_values)
        assert coarse or above == int(quantile * n_values)


def test_layers_without_places_have_thresholds_too() -> None:
    values = np.arange(20, dtype=np.float32).reshape(10, 2)
    thresholds = UnitThresholds(2, 10, 0.2)
    thresholds.add(torch.as_tensor(values))
    assert thresholds.found().tolist() == [14, 15]


def test_a_unit_that_is_no_number_is_named() -> None:
    thresholds = UnitThresholds(3, 8, 0.5)
    with pytest.raises(InputError, match=r"unit 2"):
        thresholds.add(torch.tensor([[0.0, 1.0, float("nan")]]))


@pytest.mark.parametrize("quantile", [0.0, 1.0, -0.1, 0.01])
def test_a_quantile_that_leaves_nothing_or_everything_active_is_refused(quantile: float) -> None:
    with pytest.raises(InputError, match=r"active at some"):
        UnitThresholds(3, 50, quantile)


def test_the_quantile_of_a_part_is_not_taken_for_that_of_all() -> None:
    thresholds = UnitThresholds(1, 20, 0.5)
    thresholds.add(torch.zeros(10, 1))
    with pytest.raises(InputError, match=r"10 of 20"):
        thresholds.found()
