"""Results and the Markdown tables they are printed as."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

import numpy as np
import torch

from conceptstain.concepts.cross_fit import auroc

Task = tuple[Callable[..., Sequence["Result"]], tuple[object, ...]]


@dataclass(frozen=True)
class Result:
    """AUROC of one kind of scores for the layers: of one seed, cut or draw.

    Attributes
    ----------
    table
        Which table it belongs to.
    model
        What was asked: an encoder, or none.
    scores
        The map or rule.
    values
        By column of the table.
    seed
        None where nothing is random, or where all seeds are averaged.
    said
        What else is worth counting.
    """

    table: str
    model: str
    scores: str
    values: Mapping[str, float]
    seed: int | None = None
    said: list[str] = field(default_factory=list)


def layer_aurocs(scores: np.ndarray, layer: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """AUROC of column k for layer k among the labelled spots; ``layer`` is -1 where there is no label."""
    known = layer >= 0
    return {name: auroc(scores[known, k], layer[known] == k) for k, name in enumerate(names)}


def markdown(results: Sequence[Result], table: str) -> str:
    """One table: means over cuts and draws, then over seeds, with half the range of the seeds."""
    rows: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if result.table == table:
            rows.setdefault((result.model, result.scores), []).append(result)
    columns = list(next(iter(rows.values()))[0].values)
    lines = [f"| model | scores | {' | '.join(columns)} | mean |", f"|---|---|{'---|' * (len(columns) + 1)}"]
    for (model, scores), found in rows.items():
        seeds = dict.fromkeys(each.seed for each in found)
        by_seed = np.array(
            [np.mean([list(each.values.values()) for each in found if each.seed == seed], axis=0) for seed in seeds]
        )
        cells = [_cell(by_seed[:, k]) for k in range(len(columns))]
        lines.append(f"| {model} | {scores} | {' | '.join(cells)} | {_cell(by_seed.mean(axis=1))} |")
    return "\n".join(lines)


def _cell(by_seed: np.ndarray) -> str:
    spread = f" ± {np.ptp(by_seed) / 2:.3f}".replace("0.", ".") if len(by_seed) > 1 else ""
    return f"{by_seed.mean():.3f}".removeprefix("0") + spread


def run(tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    """Results of all tasks in their order; progress goes to stderr."""
    begun = time.perf_counter()

    def said(number: int, task: Task) -> None:
        name = " ".join(map(str, (task[0].__name__, *task[1][1:])))
        print(f"[{time.perf_counter() - begun:5.0f} s] {number} of {len(tasks)}: {name}", file=sys.stderr, flush=True)

    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes to come
    torch.set_num_threads(1)
    if workers == 1:
        for number, task in enumerate(tasks, 1):
            yield from task[0](*task[1])
            said(number, task)
        return
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        futures = [pool.submit(task[0], *task[1]) for task in tasks]
        for number, (task, future) in enumerate(zip(tasks, futures, strict=True), 1):
            yield from future.result()
            said(number, task)
