"""How fast the attention of all latents is, beside the loop over latents of the released code.

    CONCEPTSTAIN_DATA=... python benchmarks/attention_speed.py [--repeats 7]

The network is the encoder of the released code for MNIST (expVAE: convolutions of 64 and 128 channels, kernel 4, stride
2, each with a ReLU, a dense layer of 1,024 units with a ReLU, 32 latents), with seeded random weights; the maps are of
its second convolution, before its ReLU, at 128 test digits, for all 32 latents, enlarged to 28 x 28.

*The loop* is the released formulation asked once for each latent: hooks that keep the layer's output and its gradient,
``zero_grad``, and a backward pass through the whole encoder, whose parameters learn. It is timed with a pass forward
for each latent, as calling the released code again does, and with one pass forward for all, which is kinder to it.
*One pass* is ``cs.attention_maps`` from pictures to the finished result, planning included (the contraction,
:mod:`conceptstain.nets.contraction`); *backpropagation* the same call where the contraction is not possible, as in any
other architecture.

All four make ``ReLU(sum_k alpha_k A_k)``; their maps are compared after each latent's are divided by its largest value.
They are timed in turn; what is told is the median and the spread of the middle half. Memory is the growth of the
resident set at its highest (VmHWM, reset before the call; Linux alone), each in a process of its own, which has made
everything once for two digits before.
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from saliency_speed import in_turn, resident, told
from torch import Tensor, nn
from torch.nn import functional

import conceptstain as cs

LATENTS, BATCH, LAYER = 32, 128, "encoder.2"
ONE_PASS, BACK = "one pass", "backpropagation, one pass forward"
EACH, ONCE = "released loop, a pass forward for each latent", "released loop, one pass forward"


class ReleasedEncoder(nn.Module):
    """The encoder of the released code, with the names of its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 64, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(64, 128, 4, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(128 * 7 * 7, 1024),
            nn.ReLU(),
        )
        self.fc1, self.fc2 = nn.Linear(1024, LATENTS), nn.Linear(1024, LATENTS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance."""
        features = self.encoder(x)
        return self.fc1(features), self.fc2(features)


def network() -> ReleasedEncoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ReleasedEncoder()


class Digits:
    """The first test digits, in 0..1."""

    shape, scaling = (1, 28, 28), "unit"

    def __init__(self, n: int) -> None:
        packed = (Path(os.environ["CONCEPTSTAIN_DATA"]) / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes()
        pictures = np.frombuffer(gzip.decompress(packed), np.uint8, offset=16).reshape(-1, 1, 28, 28)
        self._values = (pictures[:n] / 255).astype(np.float32)

    def __len__(self) -> int:
        return len(self._values)

    def inputs(self, items: np.ndarray) -> np.ndarray:
        """As of a canvas."""
        return self._values[items]


class Loop:
    """The released formulation: the layer's output and its gradient are kept by hooks."""

    def __init__(self, model: ReleasedEncoder) -> None:
        self.model = model.train().requires_grad_()
        at = dict(model.named_modules())[LAYER]
        at.register_forward_hook(lambda _, __, output: setattr(self, "output", output))
        at.register_full_backward_hook(lambda _, __, gradients: setattr(self, "gradient", gradients[0]))

    def maps(self, x: Tensor, *, forward_each: bool) -> np.ndarray:
        """The maps of all latents."""
        made = np.empty((LATENTS, len(x), 28, 28), np.float32)
        mean, _ = self.model(x)
        for latent in range(LATENTS):
            if forward_each and latent:
                mean, _ = self.model(x)
            self.model.zero_grad()
            wanted = torch.zeros_like(mean)
            wanted[:, latent] = 1
            mean.backward(gradient=wanted, retain_graph=not forward_each)
            with torch.no_grad():
                weights = self.gradient.mean(dim=(2, 3), keepdim=True)
                small = (weights * self.output).sum(dim=1, keepdim=True).relu()
                made[latent] = functional.interpolate(small, (28, 28), mode="bilinear", align_corners=False)[:, 0]
        return made


@contextmanager
def no_contraction():
    """As in a network that cannot be contracted."""
    with patch("conceptstain.methods.layer_attention.contraction", return_value=None):
        yield


def works(n: int) -> dict[str, Callable[[], list[np.ndarray]]]:
    canvas = Digits(n)
    encoder = cs.own_encoder(network(), shape=(1, 28, 28), name="released encoder")
    loop, x = Loop(network()), torch.as_tensor(canvas.inputs(np.arange(n)))

    def ours() -> list[np.ndarray]:
        maps = cs.attention_maps(canvas, encoder, layer=LAYER, items=np.arange(n))
        return [each.values[:, 0] for each in maps]

    def by_backpropagation() -> list[np.ndarray]:
        with no_contraction():
            return ours()

    return {
        ONE_PASS: ours,
        BACK: by_backpropagation,
        ONCE: lambda: list(loop.maps(x, forward_each=False)),
        EACH: lambda: list(loop.maps(x, forward_each=True)),
    }


def grown(name: str) -> None:
    """Print by how many megabytes the resident set grows at its highest, and how many the result takes."""
    works(2)[name]()
    work = works(BATCH)[name]
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    made = work()
    result = sum(each.nbytes for each in made) / 1e6
    print(f"{resident('VmHWM') - before:.0f} MB, of which the result {result:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--grown", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.grown:
        grown(asked.grown)
        return
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    print(f"torch {torch.__version__}, 1 thread, {os.cpu_count()} processors, {load} when begun")
    print(f"{LATENTS} latents, {BATCH} digits, layer {LAYER}, {asked.repeats} times\n")
    made = works(BATCH)
    expected = np.stack(made[EACH]())
    largest = expected.max(axis=(1, 2, 3), keepdims=True)
    seconds = dict(zip(made, in_turn(asked.repeats, *made.values()), strict=True))
    for name, taken in seconds.items():
        off = np.abs((np.stack(made[name]()) - expected) / largest).max()
        print(f"{told(name, taken)}; maps differ by {off:.1e} of the latent's largest at most")
    print()
    for ours in (ONE_PASS, BACK):
        for peer in (EACH, ONCE):
            turns = seconds[peer] / seconds[ours]
            print(
                f"  {ours}: {np.median(seconds[peer]) / np.median(seconds[ours]):.1f} x as fast as the {peer}", end=""
            )
            print(f" (turns' own ratios {turns.min():.1f} to {turns.max():.1f})", flush=True)
    if Path("/proc/self/clear_refs").exists():
        print("\nResident set at its highest, growth", flush=True)
        for name in made:
            found = subprocess.run(
                [sys.executable, __file__, "--grown", name], check=True, capture_output=True, text=True
            )
            print(f"  {name}: {found.stdout.strip()}", flush=True)


if __name__ == "__main__":
    main()
