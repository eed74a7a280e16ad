"""A large slide through patches to a painted score map: memory, throughput, and the first region that is seen.

    python benchmarks/slide.py [--side 20000] [--stride 32]

The slide is synthetic, written tile by tile as OME-Zarr with two smaller levels into a folder that goes away. Patches
of 64 px go through an untrained PictureVAE of three channels on one thread; their scores for one latent are painted.

- *memory*: peak resident memory of a process of its own, for slides of a quarter, a half and all of the side, beside
  what the process holds before it opens one.
- *throughput*, on the largest slide: patches per second, read in blocks and cut out, and as the peer read one by one
  (``slide.region``) from the same level, each with the same batches through the same network. What both give is
  compared.
- *first region*: from opening the slide to a painted region of 1,024 x 1,024 pixels in its middle, background found.
  The process has loaded its libraries and its network before. Three times, as it follows the load of the machine.

What was asked of it: under 2 GB and not growing with the slide, 2 times the throughput of the peer, 2 seconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

SIZE = 64
TILE = 512
SHRINK = 4  # from level to level
BATCH = 128
COMPARED = 8  # blocks that both ways of reading are timed on
REPEATS = 3
VISIBLE = 1024


def write_slide(path: Path, side: int) -> Path:
    """An OME-Zarr of stained-looking noise, made tile by tile; levels are means of the one before."""
    import zarr

    group = zarr.open_group(path, mode="w", zarr_format=3)
    rng = np.random.default_rng(0)
    nuclei = rng.random((TILE, TILE)) < 0.01
    for shift in (1, 2, 3):
        nuclei |= np.roll(nuclei, shift, axis=0) | np.roll(nuclei, shift, axis=1)
    sides = [side, side // SHRINK, side // SHRINK**2]
    levels = [
        group.create_array(str(level), shape=(3, each, each), chunks=(3, TILE, TILE), dtype="uint8")
        for level, each in enumerate(sides)
    ]
    for top, left, height, width in tiles(side, TILE):
        levels[0][:, top : top + height, left : left + width] = tile(top, left, nuclei)[:, :height, :width]
    for larger, smaller in pairwise(levels):
        for top, left, height, width in tiles(smaller.shape[1], TILE):
            rows, columns = (
                slice(SHRINK * at, SHRINK * (at + length)) for at, length in ((top, height), (left, width))
            )
            blocks = larger[:, rows, columns].reshape(3, height, SHRINK, width, SHRINK)
            smaller[:, top : top + height, left : left + width] = blocks.mean(axis=(2, 4))
    scales = [0.25 * SHRINK**level for level in range(len(levels))]
    group.attrs["ome"] = {
        "version": "0.5",
        "multiscales": [
            {
                "axes": [
                    {"name": "c", "type": "channel"},
                    {"name": "y", "type": "space", "unit": "micrometer"},
                    {"name": "x", "type": "space", "unit": "micrometer"},
                ],
                "datasets": [
                    {
                        "path": str(level),
                        "coordinateTransformations": [{"type": "scale", "scale": [1.0, scale, scale]}],
                    }
                    for level, scale in enumerate(scales)
                ],
            }
        ],
    }
    return path


def tiles(side: int, step: int) -> Iterator[tuple[int, int, int, int]]:
    """Top, left, height and width of all tiles."""
    for top in range(0, side, step):
        for left in range(0, side, step):
            yield top, left, min(step, side - top), min(step, side - left)


def tile(top: int, left: int, nuclei: np.ndarray) -> np.ndarray:
    """Pink that changes over some thousand pixels, with dark nuclei, more of them in some places."""
    y, x = (np.arange(TILE) + at for at in (top, left))
    wave = np.sin(y / 700)[:, None] * np.cos(x / 900)
    dark = nuclei & (wave > -0.3)
    colour = np.array([215, 150, 195])[:, None, None] + np.array([10, 35, 15])[:, None, None] * wave
    return np.where(dark, np.array([90, 60, 140])[:, None, None], colour).astype(np.uint8)


def encoder() -> Any:
    """An untrained network, the same in every process."""
    import torch
    import zarr  # noqa: F401 - so that loading it is not timed

    import conceptstain.canvas.image_patches
    import conceptstain.canvas.opening  # noqa: F401
    from conceptstain.nets.encoder import Encoder
    from conceptstain.nets.picture_vae import PictureVAE

    torch.set_num_threads(1)
    shape = (3, SIZE, SIZE)
    return Encoder("untrained", PictureVAE(shape), shape, "unit", 16)


def embedded(encoder: Any, patches: np.ndarray) -> np.ndarray:
    """Mean latents of patches."""
    import torch

    with torch.inference_mode():
        return np.concatenate(
            [encoder.encode(encoder.tensor(patches[at : at + BATCH])).mean for at in range(0, len(patches), BATCH)]
        )


def resident() -> float:
    """Peak resident memory of this process so far, in GB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6 / 1.024)


def whole_slide(path: Path, stride: int) -> dict[str, float]:
    """Every patch scored and painted."""
    import conceptstain as cs

    network = encoder()
    embedded(network, np.zeros((BATCH, *network.shape), np.float32))
    before = resident()
    begun = time.perf_counter()
    canvas = cs.open(path).view(size=SIZE, stride=stride)
    scores = np.full(len(canvas), np.nan, dtype=np.float32)
    for items in canvas.blocks():
        scores[items] = embedded(network, canvas.inputs(items))[:, 0]
    raster = canvas.paint(scores)
    seconds = time.perf_counter() - begun
    return {
        "side": canvas.slide.size[0],
        "patches": len(canvas),
        "cells": raster.values.size,
        "seconds": seconds,
        "before": before,
        "peak": resident(),
    }


def first_region(path: Path, stride: int) -> dict[str, float]:
    """What is seen is scored and painted first."""
    import conceptstain as cs

    network = encoder()
    embedded(network, np.zeros((BATCH, *network.shape), np.float32))
    begun = time.perf_counter()
    slide = cs.open(path)
    canvas = slide.view(size=SIZE, stride=stride)
    viewed = time.perf_counter() - begun
    middle, half = slide.size[0] // 2, VISIBLE // 2
    ends = np.array([[middle - half] * 2 + [1], [middle + half] * 2 + [1]]) @ slide.to_world.T
    visible = (*ends[0, :2].tolist(), *ends[1, :2].tolist())
    wanted = set(canvas.within(visible).tolist())
    scores = np.full(len(canvas), np.nan, dtype=np.float32)
    for items in canvas.blocks(visible):
        scores[items] = embedded(network, canvas.inputs(items))[:, 0]
        wanted.difference_update(items.tolist())
        if not wanted:
            break
    canvas.paint(scores)
    seconds = time.perf_counter() - begun
    return {"patches": len(canvas.within(visible)), "opened": viewed, "seconds": seconds}


def throughput(path: Path, stride: int) -> dict[str, float]:
    """Blocks against patch by patch, in turns; reading alone is timed beside reading and encoding."""
    import conceptstain as cs

    network = encoder()
    embedded(network, np.zeros((BATCH, *network.shape), np.float32))
    canvas = cs.open(path).view(size=SIZE, stride=stride)
    runs = list(canvas.blocks())[:: max(1, len(list(canvas.blocks())) // COMPARED)][:COMPARED]

    def in_blocks(items: np.ndarray) -> np.ndarray:
        return canvas.inputs(items)

    def one_by_one(items: np.ndarray) -> np.ndarray:
        corners = (canvas.corners[items] * stride).tolist()
        return np.stack([canvas.slide.region(0, top, left, SIZE, SIZE) for top, left in corners])

    def timed(read: Callable[[np.ndarray], np.ndarray], *, encode: bool) -> tuple[float, np.ndarray]:
        canvas.__dict__.pop("_pieces", None)  # nothing that was read before
        begun = time.perf_counter()
        made = [embedded(network, read(items)) if encode else read(items) for items in runs]
        return time.perf_counter() - begun, np.concatenate(made)

    times: dict[str, list[float]] = {"blocks": [], "peer": [], "blocks read": [], "peer read": []}
    difference = 0.0
    for _ in range(REPEATS):
        seconds, latents = timed(in_blocks, encode=True)
        times["blocks"].append(seconds)
        seconds, expected = timed(one_by_one, encode=True)
        times["peer"].append(seconds)
        difference = max(difference, float(np.abs(latents - expected).max()))
        times["blocks read"].append(timed(in_blocks, encode=False)[0])
        times["peer read"].append(timed(one_by_one, encode=False)[0])
    n_patches = sum(map(len, runs))
    return {
        "patches": n_patches,
        "difference": difference,
        **{name: n_patches / median(seconds) for name, seconds in times.items()},
    }


MEASURES: dict[str, Callable[[Path, int], dict[str, float]]] = {
    "whole": whole_slide,
    "first": first_region,
    "throughput": throughput,
}


def measured(measure: str, path: Path, stride: int) -> dict[str, float]:
    """A measure in a process of its own."""
    command = [sys.executable, __file__, "--measure", measure, "--path", str(path), "--stride", str(stride)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--side", type=int, default=20_000, help="pixels along a side of the largest slide")
    parser.add_argument("--stride", type=int, default=SIZE // 2)
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(MEASURES[asked.measure](asked.path, asked.stride)))
        return
    print(f"patches of {SIZE} px, stride {asked.stride}, untrained PictureVAE, one thread")
    for side in (asked.side // 4, asked.side // 2, asked.side):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            path = write_slide(Path(folder) / "slide.zarr", side)
            told = f"{side:,} x {side:,} px, written in {time.perf_counter() - begun:.0f} s"
            print(f"\n{told}")
            found = measured("whole", path, asked.stride)
            print(
                f"  whole slide: {found['patches']:,.0f} patches painted in {found['seconds']:.0f} s; peak resident "
                f"memory {found['peak']:.2f} GB, {found['before']:.2f} GB before it was opened"
            )
            firsts = [measured("first", path, asked.stride) for _ in range(REPEATS)]
            told = ", ".join(f"{first['seconds']:.2f} ({first['opened']:.2f})" for first in firsts)
            print(
                f"  first region: {firsts[0]['patches']:,.0f} patches painted, seconds after opening began (until the "
                f"patches are laid): {told}"
            )
            if side < asked.side:
                continue
            speed = measured("throughput", path, asked.stride)
            print(
                f"  throughput on {speed['patches']:,.0f} patches: {speed['blocks']:,.0f} per second in blocks, "
                f"{speed['peer']:,.0f} one by one: ratio {speed['blocks'] / speed['peer']:.1f}; reading alone "
                f"{speed['blocks read']:,.0f} and {speed['peer read']:,.0f}: ratio "
                f"{speed['blocks read'] / speed['peer read']:.1f}; largest difference of a latent "
                f"{speed['difference']:.1g}"
            )


if __name__ == "__main__":
    main()
