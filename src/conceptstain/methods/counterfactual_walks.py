"""The ways to a counterfactual: from latents to others whose decoded sample is of the target class.

Every item walks by itself: its path does not depend on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from conceptstain.methods.counterfactual_paths import Path
from conceptstain.methods.counterfactual_settings import CounterfactualSettings
from conceptstain.progress import Report, Step

__all__ = ["Ask", "Linked", "Walk", "gradient_walk", "path_walk", "published_walk", "resampled", "stop_at"]

Ask: TypeAlias = Callable[[Float[Tensor, "batch latent"]], Float[Tensor, "batch classes"]]
"""Class scores of what is decoded from latents; differentiable."""

Stop: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Where a search may end, of class scores, the target's probability and targets."""

KEPT = 100  # positions that are remembered of a path, however long
HALVINGS = 8  # of the last interval of a line search
BETAS, EPSILON = (0.9, 0.999), 1e-8  # Adam's


class Linked(NamedTuple):
    """Representations of items, what links them to latents, their scores, the items' classes, and changes to begin."""

    r: Float[Tensor, "items units"]
    latents: Callable[[Float[Tensor, "items units"]], Float[Tensor, "items latent"]]
    scores: Callable[[Float[Tensor, "items units"]], Float[Tensor, "items classes"]]
    origins: Int[Tensor, " items"]
    first: Float[Tensor, "items units"]


class Walk(NamedTuple):
    """What a search went through: positions of every item, how many of them count, steps, and whether it arrived."""

    visited: Float[Tensor, "items positions latent"]
    counts: Int[Tensor, " items"]
    steps: Int[Tensor, " items"]
    arrived: Bool[Tensor, " items"]


def stop_at(probability: float | None) -> Stop:
    """End at a probability of the target; None: where it is the most probable class."""

    def stop(scores: Tensor, told: Tensor, targets: Tensor) -> Tensor:
        return scores.argmax(dim=1) == targets if probability is None else told >= probability

    return stop


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
    stop = stop_at(settings.probability_of("gradient"))
    trail = _Trail(start, most)
    z = start.clone()
    moments = torch.zeros(2, *start.shape, dtype=start.dtype, device=start.device)
    going = torch.arange(n_items, device=start.device)
    for step in range(most + 1):
        here = z[going].requires_grad_()
        with torch.enable_grad():
            scores = ask(here)
            told = scores.log_softmax(dim=1).gather(1, targets[going, None])[:, 0]
            loss = settings.pull * (here - start[going]).square().sum() - told.sum()
        there = stop(scores.detach(), told.detach().exp(), targets[going])
        trail.add(step, going, here.detach(), told.detach().exp(), there)
        if step == most or bool(there.all()):
            break
        (slope,) = torch.autograd.grad(loss, here)
        going, slope = going[~there], slope[~there]
        for moment, beta, power in zip(moments, BETAS, (1, 2), strict=True):
            moment[going] = beta * moment[going] + (1 - beta) * slope**power
        mean, square = (moment[going] / (1 - beta ** (step + 1)) for moment, beta in zip(moments, BETAS, strict=True))
        z[going] = z[going] - rate * mean / (square.sqrt() + EPSILON)
        report(Step(n_items - len(going), n_items, f"Searching, step {step + 1}"))
    return trail.walk()


def published_walk(
    ask: Ask,
    linked: Linked,
    targets: Int[Tensor, " items"],
    settings: CounterfactualSettings,
    report: Report,
) -> Walk:
    """The released search: plain descent on a change ``s`` of the penultimate representation ``r``.

    ``-score_target(r - s) + .6 score_origin(r - s) - 10 cos(L(r), L(r - s))``, with the linear scores of ``r - s`` as
    it is, until the classifier, shown what is decoded from ``L(relu(r - s))``, has the target for the most probable.

    Parameters
    ----------
    ask, targets, settings, report
        As for :func:`gradient_walk`.
    linked
        Representations, the link, the linear scores, the origins, and ``s`` to begin with, uniform in 0..1.

    References
    ----------
    Wehrheim, Osuna-Vargas & Kaschube 2024, "Linking in style", arXiv:2409.16865, released code.
    """
    r, latents, scores_of, origins, first = linked
    most, rate = settings.steps_of("published"), settings.rate_of("published")
    stop = stop_at(settings.probability_of("published"))
    start = latents(r)
    trail = _Trail(start, most)
    s, going = first.clone(), torch.arange(len(r), device=r.device)
    for step in range(most + 1):
        with torch.no_grad():
            # No step is taken before the first frame: what is shown there is the start itself.
            here = start if step == 0 else latents((r[going] - s[going]).relu())
            scores = ask(here)
            told = scores.softmax(dim=1).gather(1, targets[going, None])[:, 0]
        there = stop(scores, told, targets[going])
        trail.add(step, going, here, told, there)
        if step == most or bool(there.all()):
            break
        going = going[~there]
        change = s[going].requires_grad_()
        with torch.enable_grad():
            left = r[going] - change
            wanted = scores_of(left).gather(1, torch.stack([targets[going], origins[going]], dim=1))
            alike = torch.cosine_similarity(start[going], latents(left), dim=1)
            loss = settings.origin_weight * wanted[:, 1] - wanted[:, 0] - settings.similarity_weight * alike
        (slope,) = torch.autograd.grad(loss.sum(), change)
        s[going] = s[going] - rate * slope
        report(Step(len(r) - len(going), len(r), f"Searching, step {step + 1}"))
    return trail.walk()


def path_walk(
    ask: Ask,
    path: Path,
    targets: Int[Tensor, " items"],
    *,
    frames: int,
    most: int,
    aim: Stop,
    stop: Stop,
    report: Report,
) -> Walk:
    """The first position of a path where the search has what it aims at, and then nearer by halving.

    Of an item that never has, the first where it has arrived; of one that does not arrive either, where the target was
    most probable.

    Parameters
    ----------
    ask, targets, stop, report
        As for :func:`gradient_walk`.
    path
        Where each item goes.
    frames
        Positions that are told.
    most
        Positions that are tried, evenly spaced.
    aim
        What the search goes on to.
    """
    everyone = torch.arange(len(targets), device=targets.device)
    ends, best, steps = (torch.zeros(len(targets), dtype=torch.float64, device=targets.device) for _ in range(3))
    highest = torch.full_like(ends, -1.0)

    def asked(positions: Float[Tensor, " items"], items: Int[Tensor, " items"]) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            scores = ask(path.at(positions, items))
        return scores, scores.softmax(dim=1).gather(1, targets[items, None])[:, 0].double()

    def nearer(near: Int[Tensor, " items"], high: Float[Tensor, " items"], wanted: Stop) -> Float[Tensor, " items"]:
        """The end of an interval, with what is wanted there, moved towards its beginning."""
        low = high - width
        for _ in range(HALVINGS if len(near) else 0):
            middle = (low + high) / 2
            there = wanted(*asked(middle, near), targets[near])
            low, high = torch.where(there, low, middle), torch.where(there, middle, high)
        return high

    going, width = everyone, path.reach / most
    arrived_at = torch.full_like(ends, -1.0)
    for step in range(most + 1):
        position = torch.full_like(ends[going], step * width)
        scores, told = asked(position, going)
        there = aim(scores, told, targets[going])
        first = (arrived_at[going] < 0) & (there | stop(scores, told, targets[going]))
        arrived_at[going] = torch.where(first, position, arrived_at[going])
        better = told > highest[going]
        best[going] = torch.where(better, position, best[going])
        highest[going] = torch.maximum(told, highest[going])
        ends[going], steps[going] = position, float(step)
        going = going[~there]
        report(Step(len(targets) - len(going), len(targets), f"Searching, position {step} of {most}"))
        if not len(going):
            break
    aimed = torch.ones(len(targets), dtype=torch.bool, device=targets.device)
    aimed[going] = False
    arrived = arrived_at >= 0
    ends = torch.where(aimed, ends, torch.where(arrived, arrived_at, best))
    for found, wanted in ((aimed, aim), (arrived & ~aimed, stop)):
        near = everyone[found & (ends > 0)]
        ends[near] = nearer(near, ends[near], wanted)
        steps[near] += HALVINGS
    parts = torch.linspace(0, 1, frames, dtype=ends.dtype, device=ends.device)
    visited = torch.stack([path.at(ends * part, everyone) for part in parts], dim=1)
    return Walk(visited, torch.full_like(targets, frames), steps.long(), arrived)


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
    """What a search of many steps went through: some positions of each item, and its best.

    The best is where the search may end; before there is one, where the target is most probable.
    """

    def __init__(self, start: Float[Tensor, "items latent"], most: int) -> None:
        self.stride = max(1, -(-most // KEPT))
        n_items = len(start)
        self.visited = start[:, None].repeat(1, KEPT + 3, 1)
        self.counts = torch.zeros(n_items, dtype=torch.long, device=start.device)
        self.counts_at_best = torch.zeros_like(self.counts)
        self.steps = torch.zeros_like(self.counts)
        self.best = start.clone()
        self.highest = torch.full((n_items,), -1.0, dtype=start.dtype, device=start.device)
        self.arrived = torch.zeros(n_items, dtype=torch.bool, device=start.device)

    def add(
        self,
        step: int,
        items: Int[Tensor, " items"],
        z: Float[Tensor, "items latent"],
        told: Float[Tensor, " items"],
        there: Bool[Tensor, " items"],
    ) -> None:
        self.steps[items] = step
        self.arrived[items] = there
        better = there | (told > self.highest[items])
        self.highest[items] = torch.where(better, told.to(self.highest), self.highest[items])
        self.best[items] = torch.where(better[:, None], z, self.best[items])
        self.counts_at_best[items] = torch.where(better, self.counts[items], self.counts_at_best[items])
        if step % self.stride == 0:
            self.visited[items, self.counts[items]] = z
            self.counts[items] += 1

    def walk(self) -> Walk:
        """Of each path what lies before its best position, and that."""
        items = torch.arange(len(self.best), device=self.best.device)
        self.visited[items, self.counts_at_best] = self.best
        return Walk(self.visited, self.counts_at_best + 1, self.steps, self.arrived)
