"""How fast units are dissected, beside the published procedure in plain code.

    CONCEPTSTAIN_DATA=... python benchmarks/dissection.py [--images 200] [--units 256] [--repeats 3]

Activations of a network with random weights at faces (``faces128``), 256 units of 16 x 16 places, against masks of 19
labels at 112 x 112 pixels (the released light version's size). *Overlaps*: ours with torch alone and as a compiled
loop, against the procedure as it is published: each picture and unit enlarged, cut at the threshold and counted by
label (``numpy.bincount``); maps that lie below the threshold are skipped, as in the released code. They are enlarged by
scipy's linear splines, as the released code does it, and, a harder peer, by torch's ``interpolate``.

*Thresholds*: ours against a streaming sketch with the released code's settings (buffers of 24 x 1,024 numbers that keep
every other one when they are full, Karnin, Lang & Liberty 2016; in double precision, read at a thousand quantiles),
fed picture by picture, and, a harder peer, the same in single precision, read at one quantile. Ours are exact, the
sketch's error is told in quantiles. All run on one thread, in turn; medians are told. What both ways count is compared.

*Memory* is the growth of the resident set at its highest (VmHWM, reset before; Linux alone) while ``cs.dissect`` goes
through so many pictures and four times as many, each in a process of its own. The pictures themselves, which the canvas
keeps, have been read before.
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
from scipy.interpolate import RectBivariateSpline
from torch.nn import functional

import conceptstain as cs
from conceptstain.canvas.painted_labels import painted_labels
from conceptstain.methods.dissecting import dissect
from conceptstain.methods.unit_overlaps import Cells, Overlaps, count_overlaps
from conceptstain.methods.unit_thresholds import UnitThresholds
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings

QUANTILE = 0.005
SIDE = 112
PARTS = (  # of the masks, by number
    "background skin nose eye_g l_eye r_eye l_brow r_brow l_ear r_ear "
    "mouth u_lip l_lip hair hat ear_r neck_l neck cloth"
)
RESOLUTION, BUFFER, SHRINKING = 24 * 1024, 128, 0.67
READ = 1000  # quantiles


def faces(frame: int) -> tuple[cs.ImageSet, Path]:
    folder = Path(os.environ["CONCEPTSTAIN_DATA"]) / "faces128"
    return cs.open(folder / "images").view("images", frame=frame), folder / "masks"


def network(side: int, units: int) -> Encoder:
    settings = ImageVAESettings(widths=(16, 32, 64, units), hidden=(8,), latent=8)
    return Encoder("random", ImageVAE((3, side, side), settings), (3, side, side), "unit", 8)


def activations(canvas: cs.ImageSet, encoder: Encoder, images: int) -> torch.Tensor:
    found: list[torch.Tensor] = []
    last = dict(encoder.network.named_modules())["encoder.conv4"]
    hook = last.register_forward_hook(lambda _module, _given, put_out: found.append(put_out))
    with torch.inference_mode():
        for begin in range(0, images, 50):
            encoder.encode(encoder.tensor(canvas.inputs(range(begin, min(begin + 50, images)))))
    hook.remove()
    return torch.cat(found).clone()


def by_torch(small: torch.Tensor) -> np.ndarray:
    enlarged = functional.interpolate(small[None, None], size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    return np.asarray(enlarged[0, 0].numpy())


def by_splines(small: torch.Tensor) -> np.ndarray:
    centres = (np.arange(len(small)) + 0.5) * SIDE / len(small) - 0.5
    pixels = np.clip(np.arange(SIDE), centres[0], centres[-1])
    return np.asarray(RectBivariateSpline(centres, centres, small.numpy(), kx=1, ky=1)(pixels, pixels))


def published(
    activation: torch.Tensor,
    thresholds: torch.Tensor,
    labels: np.ndarray,
    n_labels: int,
    enlarge: Callable[[torch.Tensor], np.ndarray],
) -> Overlaps:
    """Picture by picture and unit by unit: enlarge, cut, count."""
    n_items, n_units = activation.shape[:2]
    active = np.zeros((n_items, n_units), dtype=np.int64)
    shared = np.zeros((n_units, n_labels), dtype=np.int64)
    for item in range(n_items):
        for unit in range(n_units):
            small = activation[item, unit]
            if small.max() <= thresholds[unit]:
                continue
            on = enlarge(small) > float(thresholds[unit])
            active[item, unit] = on.sum()
            shared[unit] += np.bincount(labels[item][on], minlength=n_labels)
    return Overlaps(active, shared)


class Sketch:
    """Quantiles of many units at once from a few of their numbers: buffers that pass on every other number."""

    def __init__(self, units: int, dtype: type[np.floating]) -> None:
        self.units, self.dtype = units, dtype
        self.levels: list[np.ndarray] = [np.empty((units, RESOLUTION), dtype=dtype)]
        self.filled = [0]
        self.random = np.random.default_rng(1)

    def add(self, values: np.ndarray) -> None:
        """Numbers of every unit."""
        self._into(0, values)

    def _into(self, level: int, values: np.ndarray) -> None:
        while values.shape[1]:
            if level == len(self.levels):
                capacity = max(BUFFER, int(RESOLUTION * SHRINKING**level) // 2 * 2)
                self.levels.append(np.empty((self.units, capacity), dtype=self.dtype))
                self.filled.append(0)
            buffer, at = self.levels[level], self.filled[level]
            room = min(buffer.shape[1] - at, values.shape[1])
            buffer[:, at : at + room] = values[:, :room]
            self.filled[level] += room
            values = values[:, room:]
            if self.filled[level] == buffer.shape[1]:
                ordered = np.sort(buffer, axis=1)
                self.filled[level] = 0
                self._into(level + 1, ordered[:, self.random.integers(2) :: 2])

    def quantiles(self, wanted: np.ndarray) -> np.ndarray:
        """Of every unit."""
        parts = [buffer[:, :n] for buffer, n in zip(self.levels, self.filled, strict=True)]
        weights = np.concatenate([np.full(each.shape[1], 2.0**level) for level, each in enumerate(parts)])
        values = np.concatenate(parts, axis=1)
        found = np.empty((self.units, len(wanted)), dtype=np.float32)
        for unit in range(self.units):
            order = np.argsort(values[unit])
            reached = np.cumsum(weights[order])
            found[unit] = values[unit][order][np.searchsorted(reached, wanted * reached[-1])]
        return found


def exact(activation: torch.Tensor, chunk: int = 50) -> torch.Tensor:
    thresholds = UnitThresholds(activation.shape[1], activation[:, 0].numel(), QUANTILE)
    for begin in range(0, len(activation), chunk):
        thresholds.add(activation[begin : begin + chunk])
    return thresholds.found()


def sketched(activation: torch.Tensor, *, as_released: bool) -> np.ndarray:
    sketch = Sketch(activation.shape[1], np.float64 if as_released else np.float32)
    for picture in activation:
        sketch.add(picture.flatten(1).numpy())
    wanted = np.linspace(0, 1, READ) if as_released else np.array([1 - QUANTILE])
    return sketch.quantiles(wanted)[:, int(READ * (1 - QUANTILE) - 1) if as_released else 0]


def in_turn(repeats: int, *works: Callable[[], object]) -> list[float]:
    """Median seconds of each work, one after the other, again and again; a first round is not counted."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats + 1):
        for work, taken in zip(works, times, strict=True):
            begun = time.perf_counter()
            work()
            taken.append(time.perf_counter() - begun)
    return [float(np.median(taken[1:])) for taken in times]


def speed(images: int, units: int, repeats: int) -> None:
    canvas, masks = faces(128)
    activation = activations(canvas, network(128, units), images)
    finer = cs.open(masks.parent / "images").view("images", frame=SIDE)
    maps = painted_labels(finer, masks, names=PARTS.split())
    labels = maps.of(range(images)).planes
    n_labels = len(maps.labels) + 1
    stride = SIDE / activation.shape[-1]
    cells = Cells.of(activation.shape[-1], SIDE, offset=(stride - 1) / 2, stride=stride)
    thresholds = exact(activation)

    def ours(*, compiled: bool) -> Overlaps:
        return count_overlaps(
            activation, thresholds, labels, down=cells, across=cells, n_labels=n_labels, compiled=compiled
        )

    def peer(enlarge: Callable[[torch.Tensor], np.ndarray]) -> Overlaps:
        return published(activation, thresholds, labels[..., 0], n_labels, enlarge)

    plain = peer(by_torch)
    for compiled in (False, True):
        found = ours(compiled=compiled)
        union = plain.active.sum(axis=0)[:, None] + 1
        off = np.abs(found.shared - plain.shared) / union
        differing = np.abs(found.active - plain.active).sum()
        print(f"{'compiled' if compiled else 'torch'}: {differing:,} of {plain.active.sum():,} active pixels differ, a")
        print(f"  share of a unit's by {off.max():.1e} at most: maps that are rounded otherwise at the threshold")
    seconds = in_turn(
        repeats,
        lambda: peer(by_splines),
        lambda: peer(by_torch),
        lambda: ours(compiled=False),
        lambda: ours(compiled=True),
    )
    splines, interpolated, with_torch, with_numba = seconds
    print(
        f"overlaps of {images} pictures, {units} units: by splines {splines:.2f} s, by interpolate {interpolated:.2f} s"
    )
    for name, taken in (("torch alone", with_torch), ("compiled", with_numba)):
        print(f"  {name}: {taken:.3f} s, {splines / taken:.1f} x and {interpolated / taken:.1f} x")
    as_released, lean, by_us = in_turn(
        repeats,
        lambda: sketched(activation, as_released=True),
        lambda: sketched(activation, as_released=False),
        lambda: exact(activation),
    )
    values = activation.transpose(0, 1).flatten(1)

    def error(found: torch.Tensor) -> float:
        return float(((values > found[:, None]).float().mean(dim=1) - QUANTILE).abs().max())

    print(f"thresholds: {by_us:.3f} s, part above them less {QUANTILE} {error(thresholds):.1e} (less than one place)")
    for name, taken, released in (("as released", as_released, True), ("lean", lean, False)):
        off = error(torch.as_tensor(sketched(activation, as_released=released)))
        print(f"  sketch {name} {taken:.3f} s, {taken / by_us:.1f} x, off by up to {off:.1e}")


def highest_resident() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def memory_of(images: int, units: int) -> None:
    """In a process of its own: the growth of the resident set in MB."""
    canvas, masks = faces(128)
    encoder = network(128, units)
    maps = painted_labels(canvas, masks, names=PARTS.split())
    canvas.inputs(range(images))
    dissect(encoder, "conv4", canvas, maps, items=range(10))  # what is loaded once
    Path("/proc/self/clear_refs").write_text("5")
    before = highest_resident()
    dissect(encoder, "conv4", canvas, maps, items=range(images))
    print(f"{highest_resident() - before:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.memory_of:
        memory_of(asked.memory_of, asked.units)
        return
    speed(asked.images, asked.units, asked.repeats)
    for images in (asked.images, 4 * asked.images):
        command = [sys.executable, __file__, "--memory-of", str(images), "--units", str(asked.units)]
        grown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        print(f"memory of {images} pictures: {grown} MB more")


if __name__ == "__main__":
    main()
