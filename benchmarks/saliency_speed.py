"""How fast gradient saliency is, beside the same work without this package and beside captum.

    CONCEPTSTAIN_DATA=... python benchmarks/saliency_speed.py [--repeats 20]

*All genes*: the map of one concept for every gene picture of Rep1 through the bundled encoder, from the section's
counts to the finished result, against one plain pass forward and backward of the same network over the same batches,
which lie ready as tensors: gradients at the inputs, weights frozen, nothing kept. *Eight concepts at once*:
``cs.saliencies`` against eight of captum's ``Saliency`` (``abs=False``), on the same genes and batches, which again lie
ready for the peer.

Each is timed in turn with its peer; what is told is the median and the spread of the middle half. Memory is the growth
of the resident set at its highest (VmHWM, reset before the call; Linux alone), each in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from bulb.sections import published
from captum.attr import Saliency

import conceptstain as cs
from conceptstain.nets.encoder import CHUNK

MARKERS = ("Penk", "Doc2g", "Kctd12", "Th", "Eomes", "Omp", "Nrgn", "Apod")
SHARED = 2048  # genes that eight concepts are asked at
REP1 = "Rep1_MOB_count_matrix-1.tsv"


def opened() -> tuple[cs.GenePictures, cs.Encoder]:
    return cs.open(published(REP1)).view("genes"), cs.bundled()


def batches_of(canvas: cs.GenePictures, items: np.ndarray) -> list[torch.Tensor]:
    return [torch.as_tensor(canvas.inputs(items[at : at + CHUNK])) for at in range(0, len(items), CHUNK)]


def forward_and_backward(encoder: cs.Encoder, batches: list[torch.Tensor]) -> None:
    """The least that a gradient costs."""
    for batch in batches:
        x = batch.clone().requires_grad_()
        torch.autograd.grad(encoder.encode(x).mean.sum(), x)


def by_captum(encoder: cs.Encoder, concepts: list[cs.Concept], batches: list[torch.Tensor]) -> list[np.ndarray]:
    maps = []
    for concept in concepts:
        direction = torch.as_tensor(concept.direction, dtype=torch.float32)
        peer = Saliency(lambda x, v=direction: encoder.encode(x).mean @ v)
        maps.append(
            np.concatenate([peer.attribute(batch.clone().requires_grad_(), abs=False).numpy() for batch in batches])
        )
    return maps


def in_turn(repeats: int, *works: Callable[[], object]) -> list[np.ndarray]:
    """Seconds of each work, one after the other, again and again; a first round is not counted."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats + 1):
        for work, taken in zip(works, times, strict=True):
            begun = time.perf_counter()
            work()
            taken.append(time.perf_counter() - begun)
    return [np.array(taken[1:]) for taken in times]


def told(name: str, seconds: np.ndarray) -> str:
    low, middle, high = np.quantile(seconds, (0.25, 0.5, 0.75))
    return f"  {name}: {middle:.2f} s ({low:.2f} to {high:.2f})"


def all_genes(canvas: cs.GenePictures, encoder: cs.Encoder, repeats: int) -> None:
    items = np.arange(len(canvas))
    concept = cs.concept("Penk", canvas, encoder, like="Penk")
    batches = batches_of(canvas, items)
    ours, plain = in_turn(
        repeats,
        lambda: cs.saliency(canvas, encoder, concept, items=items),
        lambda: forward_and_backward(encoder, batches),
    )
    print(f"All {len(items):,} genes, {repeats} times")
    print(told("saliency", ours))
    print(told("forward and backward", plain))
    print(
        f"  {np.median(ours) / np.median(plain):.2f} x forward and backward (median of the turns' own ratios "
        f"{np.median(ours / plain):.2f})",
        flush=True,
    )


def eight_concepts(canvas: cs.GenePictures, encoder: cs.Encoder, repeats: int) -> None:
    items = canvas.trainable[:SHARED]
    concepts = [cs.concept(gene, canvas, encoder, like=gene) for gene in MARKERS]
    batches = batches_of(canvas, items)
    ours, peers = in_turn(
        repeats,
        lambda: cs.saliencies(canvas, encoder, concepts, items=items),
        lambda: by_captum(encoder, concepts, batches),
    )
    found = np.stack([each.values for each in cs.saliencies(canvas, encoder, concepts, items=items)])
    expected = np.stack(by_captum(encoder, concepts, batches))
    off = np.abs(found - expected).max() / np.abs(expected).max()
    print(f"{len(concepts)} concepts at {len(items):,} genes, {repeats} times")
    print(told("saliencies", ours))
    print(told(f"captum, {len(concepts)} calls", peers))
    print(
        f"  {np.median(peers) / np.median(ours):.2f} x as fast as captum (median of the turns' own ratios "
        f"{np.median(peers / ours):.2f}); values differ by {off:.1e} of the largest at most",
        flush=True,
    )


def grown(n_items: int, n_concepts: int) -> None:
    """Print by how many megabytes the resident set grows at its highest, and how many the result takes."""
    canvas, encoder = opened()
    concepts = [cs.concept(gene, canvas, encoder, like=gene) for gene in MARKERS[:n_concepts]]
    cs.saliencies(canvas, encoder, concepts, items=np.arange(2))  # what loads once
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    maps = cs.saliencies(canvas, encoder, concepts, items=np.arange(n_items))
    result = sum(each.values.nbytes for each in maps) / 1e6
    print(
        f"  {n_items:,} genes, concepts: {n_concepts}; {resident('VmHWM') - before:.0f} MB, "
        f"of which the result {result:.0f} MB"
    )


def resident(field: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--grown", type=int, nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.grown:
        grown(*asked.grown)
        return
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    print(f"torch {torch.__version__}, 1 thread, {os.cpu_count()} processors, {load} when begun\n")
    canvas, encoder = opened()
    all_genes(canvas, encoder, asked.repeats)
    eight_concepts(canvas, encoder, asked.repeats)
    if Path("/proc/self/clear_refs").exists():
        print("Resident set at its highest, growth", flush=True)
        for n_items, n_concepts in ((SHARED, 1), (len(canvas), 1), (SHARED, len(MARKERS))):
            subprocess.run([sys.executable, __file__, "--grown", str(n_items), str(n_concepts)], check=True)


if __name__ == "__main__":
    main()
