from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.methods.counterfactual_paths import Line, Proximal
from conceptstain.methods.counterfactual_settings import CounterfactualSettings
from conceptstain.methods.counterfactual_walks import Walk, gradient_walk, path_walk, resampled, stop_at

LATENT = 5


@given(seed=st.integers(0, 1000), position=st.floats(0.01, 1))
def test_the_proximal_path_is_the_minimum_that_it_says(seed: int, position: float) -> None:
    rng = np.random.default_rng(seed)
    start, middle = rng.normal(size=(2, LATENT))
    root = rng.normal(size=(LATENT, LATENT))
    covariance = root @ root.T + 0.1 * np.eye(LATENT)
    variances, axes = np.linalg.eigh(covariance)
    tensors = (torch.tensor(each)[None] for each in (start, middle, axes, variances))
    path = Proximal(*tensors, classes=torch.tensor([0]))
    found = path.at(torch.tensor([position], dtype=torch.float64), torch.tensor([0]))[0].numpy()
    weight = 10 ** (3 - 6 * position) / variances.mean()
    inverse = np.linalg.inv(covariance)
    slow = np.linalg.solve(weight * np.eye(LATENT) + inverse, weight * start + inverse @ middle)
    np.testing.assert_allclose(found, slow, rtol=1e-8, atol=1e-8)
    at_start = path.at(torch.zeros(1, dtype=torch.float64), torch.tensor([0]))[0]
    np.testing.assert_array_equal(at_start, start)


def test_the_gradient_is_that_of_adam() -> None:
    rng = np.random.default_rng(0)
    weights = torch.tensor(rng.normal(size=(3, LATENT)))
    start = torch.tensor(rng.normal(size=(4, LATENT)))
    targets = torch.tensor([0, 1, 2, 0])
    settings = CounterfactualSettings(probability=0.999999, most_steps=20, learning_rate=0.1, pull=0.1)
    walk = gradient_walk(lambda z: z.sin() @ weights.T, start, targets, settings, lambda step: None)
    for row in range(4):
        z = start[row].clone().requires_grad_()
        adam = torch.optim.Adam([z], lr=0.1)
        seen = [z.detach().clone()]
        for _ in range(20):
            told = (z.sin() @ weights.T).log_softmax(dim=0)[targets[row]]
            loss = 0.1 * (z - start[row]).square().sum() - told
            adam.zero_grad()
            loss.backward()
            adam.step()
            seen.append(z.detach().clone())
        n = int(walk.counts[row])
        torch.testing.assert_close(walk.visited[row, :n], torch.stack(seen[:n]))


@given(seed=st.integers(0, 1000), frames=st.integers(2, 9))
def test_a_path_is_told_at_even_distances_and_keeps_its_ends(seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    line = torch.tensor(np.sort(np.r_[0, rng.random(6), 1]))[:, None] * torch.tensor(rng.normal(size=(1, LATENT)))
    walk = Walk(line[None], torch.tensor([8]), torch.tensor([7]), torch.tensor([True]))
    told = resampled(walk, frames)[0]
    torch.testing.assert_close(told, torch.linspace(0, 1, frames, dtype=line.dtype)[:, None] * line[-1])
    stayed = resampled(Walk(line[None], torch.tensor([1]), torch.tensor([0]), torch.tensor([True])), frames)[0]
    assert (stayed == line[0]).all()


def test_beyond_the_middle_the_proximal_path_goes_straight_on() -> None:
    start, middle = torch.zeros(1, LATENT), torch.ones(1, LATENT)
    path = Proximal(start, middle, torch.eye(LATENT)[None], torch.ones(1, LATENT), torch.tensor([0]), reach=3.0)
    one, two, three = (path.at(torch.tensor([float(at)]), torch.tensor([0])) for at in (1, 2, 3))
    torch.testing.assert_close(one, middle, atol=2e-3, rtol=0)
    torch.testing.assert_close(two - one, middle - start)
    torch.testing.assert_close(three - two, middle - start)


@pytest.mark.parametrize(("highest", "end", "arrives"), [(0.99, 0.98, True), (0.95, 0.9, True), (0.7, 0.7, False)])
def test_a_path_ends_at_its_aim_or_where_it_arrives_or_where_the_target_is_likeliest(
    highest: float, end: float, arrives: bool
) -> None:
    line = Line(torch.zeros(1, 1), torch.ones(1, 1), reach=1.0)

    def scores(z: torch.Tensor) -> torch.Tensor:  # the probability rises to its highest halfway, and falls again
        told = 0.01 + (highest - 0.01) * (1 - (2 * z[:, 0] - 1).abs())
        return torch.stack([(1 - told).log(), told.log()], dim=1)

    found = path_walk(
        scores,
        line,
        torch.tensor([1]),
        frames=3,
        most=100,
        aim=stop_at(0.98),
        stop=stop_at(0.9),
        report=lambda step: None,
    )
    assert bool(found.arrived[0]) == arrives
    told = float(scores(found.visited[:, -1]).softmax(dim=1)[0, 1])
    assert told == pytest.approx(end, abs=2e-3)
