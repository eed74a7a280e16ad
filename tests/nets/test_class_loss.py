from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from classes import squares
from conceptstain.nets.class_loss import balanced_cross_entropy, class_weights, counted_confusion, masses_of
from twins.classes import slow_confusion, slow_cross_entropy


def some(seed: int, *places: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and fractions of each class, some places of none."""
    rng = np.random.default_rng(seed)
    targets = rng.dirichlet(np.ones(3), (4, *places)) * rng.integers(0, 2, (4, *places, 1))
    return rng.normal(size=(4, 3, *places)), np.moveaxis(targets, -1, 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_the_loss_is_that_of_a_slow_twin(seed: int) -> None:
    scores, targets = some(seed, 2, 3)
    targets[0, 1] += 0.5
    weights = np.array([0.5, 2.0, 1.0])
    found = balanced_cross_entropy(*map(torch.as_tensor, (scores, targets, weights)))
    slow = slow_cross_entropy(scores.reshape(4, 3, 6), targets.reshape(4, 3, 6), weights)
    assert float(found) == pytest.approx(slow, rel=1e-10)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_confusion_is_counted_as_a_slow_twin_counts_it(seed: int) -> None:
    scores, targets = some(seed, 2, 3)
    found = counted_confusion(torch.as_tensor(scores), torch.as_tensor(targets))
    np.testing.assert_allclose(found, slow_confusion(scores.reshape(4, 3, 6), targets.reshape(4, 3, 6)))


def test_whole_items_are_counted_one_each() -> None:
    scores = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 1.0]])
    told = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(counted_confusion(scores, told), [[1, 1], [1, 0]])


def test_what_is_not_labelled_does_not_count() -> None:
    scores, targets = some(1, 5)
    targets[2] = 0
    weights = torch.ones(3, dtype=torch.float64)
    without = [0, 1, 3]
    found = balanced_cross_entropy(torch.as_tensor(scores), torch.as_tensor(targets), weights)
    alone = balanced_cross_entropy(torch.as_tensor(scores[without]), torch.as_tensor(targets[without]), weights)
    assert float(found) == pytest.approx(float(alone))


def test_of_nothing_labelled_the_loss_is_zero_and_can_be_differentiated() -> None:
    scores = torch.randn(2, 3, requires_grad=True)
    balanced_cross_entropy(scores, torch.zeros(2, 3), torch.ones(3)).backward()
    assert scores.grad is not None
    assert not scores.grad.any()


@given(st.lists(st.floats(0.1, 1e4), min_size=2, max_size=6), st.floats(0, 1))
def test_weights_of_classes_are_one_in_the_mean_over_items(masses: list[float], balance: float) -> None:
    found = class_weights(np.array(masses), balance)
    assert found @ np.array(masses) == pytest.approx(sum(masses))


def test_balanced_classes_count_alike_whatever_their_number() -> None:
    masses = np.array([30.0, 3.0, 0.0])
    found = class_weights(masses, 1.0) * masses
    assert found[0] == pytest.approx(found[1])
    assert found[2] == 0


def test_items_of_classes_are_counted() -> None:
    _, labels, _ = squares(12)
    np.testing.assert_array_equal(masses_of(labels, np.arange(12)), [8, 4])
