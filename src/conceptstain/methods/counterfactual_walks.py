"""The ways to a counterfactual: from latents to others whose decoded sample is of the target class.

Every item walks by itself: its path does not depend on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from conceptstain.methods.counterfactual_settings import CounterfactualSettings
from conceptstain.progress import Report, Step

__all__ = ["Ask", "Line", "Walk", "gradient_walk", "line_walk", "resampled"]

Ask: TypeAlias = Callable[[Float[Tensor, "batch latent"]], Float[Tensor, "batch classes"]]
"""Class scores of what is decoded from latents; differentiable."""

KEPT = 100  # positions that are remembered of a path, however long
HALVINGS = 8  # of the last interval of a line search
BETAS, EPSILON = (0.9, 0.999), 1e-8  # Adam's


class Line(NamedTuple):
    """Where items start, and where they are one difference of class means later."""

    start: Float[Tensor, "items latent"]
    direction: Float[Tensor, "items latent"]

    def at(self, positions: Float[Tensor, " items"], items: Int[Tensor, " items"]) -> Float[Tensor, "items latent"]:
        """Latents of some items, 0 the start and 1 one difference away."""
        return self.start[items] + positions[:, None].to(self.start) * self.direction[items]


class Walk(NamedTuple):
    """What a search went through: positions of every item, how many of them count, steps, and whether it arrived."""

    visited: Float[Tensor, "items positions latent"]
    counts: Int[Tensor, " items"]
    steps: Int[Tensor, " items"]
    arrived: Bool[Tensor, " items"]


def gradient_walk(
    ask: Ask,
    start: Float[Tensor, "items latent"],
    targets: Int[Tensor, " items"],
    settings: CounterfactualSettings,
    report: Report,
) -> Walk:
    """Adam on the latents, ``-log p(target | dec(z)) + pull |z - z_0|^2``, until the target's probability is reached.

    Of an item that does not arrive the path ends where the target was most probable.
    """
    n_items, most, rate = len(start), settings.steps_of("gradient"), settings.rate_of("gradient")
    trail = _Trail(start, most)
    z = start.clone()
    moments = torch.zeros(2, *start.shape, dtype=start.dtype, device=start.device)
    going = torch.arange(n_items, device=start.device)
    for step in range(most + 1):
        here = z[going].requires_grad_()
        with torch.enable_grad():
            told = ask(here).log_softmax(dim=1).gather(1, targets[going, None])[:, 0]
            loss = settings.pull * (here - start[going]).square().sum() - told.sum()
        trail.add(step, going, here.detach(), told.detach().exp())
        left = told.detach().exp() < settings.probability
        if step == most or not bool(left.any()):
            break
        (slope,) = torch.autograd.grad(loss, here)
        going, slope = going[left], slope[left]
        for moment, beta, power in zip(moments, BETAS, (1, 2), strict=True):
            moment[going] = beta * moment[going] + (1 - beta) * slope**power
        mean, square = (moment[going] / (1 - beta ** (step + 1)) for moment, beta in zip(moments, BETAS, strict=True))
        z[going] = z[going] - rate * mean / (square.sqrt() + EPSILON)
        report(Step(n_items - len(going), n_items, f"Searching, step {step + 1}"))
    return trail.walk(settings.probability)


def line_walk(
    ask: Ask,
    line: Line,
    targets: Int[Tensor, " items"],
    settings: CounterfactualSettings,
    report: Report,
) -> Walk:
    """The first position of a line where the target's probability is reached, and then nearer by halving.

    Parameters
    ----------
    ask, targets, settings, report
        As for :func:`gradient_walk`.
    line
        Where each item goes along.
    """
    n_items, most = len(targets), settings.steps_of("line search")
    everyone = torch.arange(n_items, device=targets.device)
    ends, best, steps = (torch.zeros(n_items, dtype=torch.float64, device=targets.device) for _ in range(3))
    highest = torch.full_like(ends, -1.0)
    going = everyone

    def told_at(positions: Float[Tensor, " items"], items: Int[Tensor, " items"]) -> Float[Tensor, " items"]:
        with torch.no_grad():
            shown = ask(line.at(positions, items)).softmax(dim=1)
        return shown.gather(1, targets[items, None])[:, 0].double()

    width = settings.farthest / most
    for step in range(most + 1):
        position = torch.full_like(ends[going], step * width)
        told = told_at(position, going)
        better = told > highest[going]
        best[going] = torch.where(better, position, best[going])
        highest[going] = torch.maximum(told, highest[going])
        ends[going], steps[going] = position, float(step)
        going = going[told < settings.probability]
        report(Step(n_items - len(going), n_items, f"Searching, position {step} of {most}"))
        if not len(going):
            break
    arrived = torch.ones(n_items, dtype=torch.bool, device=targets.device)
    arrived[going] = False
    near = everyone[arrived & (ends > 0)]
    low, high = ends[near] - width, ends[near].clone()
    for _ in range(HALVINGS if len(near) else 0):
        middle = (low + high) / 2
        there = told_at(middle, near) >= settings.probability
        low, high = torch.where(there, low, middle), torch.where(there, middle, high)
    ends[near] = high
    steps[near] += HALVINGS
    ends = torch.where(arrived, ends, best)
    parts = torch.linspace(0, 1, settings.frames, dtype=ends.dtype, device=ends.device)
    visited = torch.stack([line.at(ends * part, everyone) for part in parts], dim=1)
    return Walk(visited, torch.full_like(targets, settings.frames), steps.long(), arrived)


def resampled(walk: Walk, frames: int) -> Float[Tensor, "items frames latent"]:
    """Every path at as many positions, evenly spaced along its length; start and end are kept as they are."""
    paths = []
    for visited, count in zip(walk.visited, walk.counts.tolist(), strict=True):
        seen = visited[:count]
        lengths = torch.linalg.vector_norm(seen.diff(dim=0).double(), dim=1)
        gone = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        wanted = torch.linspace(0, 1, frames, dtype=gone.dtype, device=gone.device) * gone[-1]
        after = torch.searchsorted(gone, wanted).clamp(1, max(count - 1, 1)).clamp(max=count - 1)
        before = (after - 1).clamp(min=0)
        width = (gone[after] - gone[before]).clamp(min=torch.finfo(gone.dtype).tiny)
        part = ((wanted - gone[before]) / width).to(seen.dtype)[:, None]
        path = torch.lerp(seen[before], seen[after], part)
        path[0], path[-1] = seen[0], seen[-1]
        paths.append(path)
    return torch.stack(paths)


class _Trail:
    """What a search of many steps went through: some positions of each item, and where its target was most probable."""

    def __init__(self, start: Float[Tensor, "items latent"], most: int) -> None:
        self.stride = max(1, -(-most // KEPT))
        n_items = len(start)
        self.visited = start[:, None].repeat(1, KEPT + 3, 1)
        self.counts = torch.zeros(n_items, dtype=torch.long, device=start.device)
        self.counts_at_best = torch.zeros_like(self.counts)
        self.steps = torch.zeros_like(self.counts)
        self.best = start.clone()
        self.highest = torch.full((n_items,), -1.0, dtype=start.dtype, device=start.device)

    def add(
        self, step: int, items: Int[Tensor, " items"], z: Float[Tensor, "items latent"], told: Float[Tensor, " items"]
    ) -> None:
        self.steps[items] = step
        better = told > self.highest[items]
        self.highest[items] = torch.where(better, told, self.highest[items])
        self.best[items] = torch.where(better[:, None], z, self.best[items])
        self.counts_at_best[items] = torch.where(better, self.counts[items], self.counts_at_best[items])
        if step % self.stride == 0:
            self.visited[items, self.counts[items]] = z
            self.counts[items] += 1

    def walk(self, probability: float) -> Walk:
        """Of each path what lies before the position where its target was most probable, and that."""
        items = torch.arange(len(self.best), device=self.best.device)
        self.visited[items, self.counts_at_best] = self.best
        return Walk(self.visited, self.counts_at_best + 1, self.steps, self.highest >= probability)
