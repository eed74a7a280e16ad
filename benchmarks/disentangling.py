"""FactorVAE and AD-FactorVAE on dSprites at equal steps: disentanglement, overlap of attention maps, and its price.

    CONCEPTSTAIN_DATA=... python benchmarks/disentangling.py --steps 1500 --out runs [--figure disentangling.png]
    CONCEPTSTAIN_DATA=... python benchmarks/disentangling.py --price

On ``dsprites`` (46,080 pictures of 64 x 64 pixels, every combination of 3 shapes, 6 sizes, 10 orientations and 16 x 16
places). Network, Bernoulli loss, Adam and batches of the literature (Kim & Mnih 2018); the published numbers are of
300,000 steps. Every objective sees the same batches with the same noise from the same first weights; the epoch kept is
the last. Of each encoder:

- *FactorVAE score* by 10,000 votes, judged on 5,000 others; *MIG* with 20 bins; *DCI* by random forests;
- *overlap* and *mass* of the attention maps at the third convolution, of 2,000 pictures: of all pairs of latents, and
  of those that say something of their picture (0.01 nats or more);
- the reconstruction and the estimated total correlation of its last 100 steps, in nats.

Before, the gradient of the attention loss at every layer of the encoder, with and without the path through alpha, and
what a step of AD-FactorVAE costs beside one of FactorVAE, both timed in turns.

An encoder that lies in ``--out`` already is not trained again.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure

from conceptstain.methods.attention_overlap import OverlapOfMaps, overlap_of_maps
from conceptstain.methods.disentanglement import dci, factor_vae_score, mutual_information_gap
from conceptstain.nets.attention_loss import attention_overlap, differentiable_maps, layer_to_attend
from conceptstain.nets.checkpoint import load_encoder, save_encoder
from conceptstain.nets.devices import best_device
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.nets.objectives import Objective
from conceptstain.nets.tap import tap
from conceptstain.nets.training import train
from conceptstain.nets.training_settings import TrainingSettings
from conceptstain.progress import Step

BATCH = 64
EPOCH = 100  # steps; curves have one point each
GAMMA = 40.0
RATE = 1e-4
ATTENDED = 2_000  # pictures that maps are compared on
TURNS, TIMED = 5, 10  # for the price of a step
COLUMNS = ("FactorVAE score", "MIG", "DCI d", "DCI c", "DCI i", "overlap", "of active", "active", "mass", "recon", "TC")


@dataclass(frozen=True, eq=False)
class Sprites:
    """The pictures as inputs."""

    pictures: np.ndarray
    factors: np.ndarray
    scaling: str = "unit"

    @classmethod
    def read(cls, root: Path) -> Sprites:
        """From the folder of all data."""
        with np.load(root / "dsprites" / "dsprites_downsampled.npz") as file:
            return cls(file["imgs"], file["latents_classes"])

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input."""
        return (1, *self.pictures.shape[1:])

    @property
    def mask(self) -> np.ndarray:
        """Data everywhere."""
        return np.ones(self.shape, dtype=bool)

    @cached_property
    def trainable(self) -> np.ndarray:
        """All of them."""
        return np.arange(len(self))

    def __len__(self) -> int:
        return len(self.pictures)

    def inputs(self, items: Sequence[int]) -> np.ndarray:
        """The pictures of these numbers."""
        return self.pictures[items][:, None].astype(np.float32)


def objectives(weights: Sequence[float], gamma: float) -> dict[str, Objective]:
    """FactorVAE, and AD-FactorVAE with each of the weights."""
    plain = Objective("factor-vae", gamma=gamma)
    attended = {f"AD-FactorVAE {w:g}": replace(plain, name="ad-factor-vae", attention_weight=w) for w in weights}
    return {"FactorVAE": plain, **attended}


def settings_of(objective: Objective, steps: int, seed: int, device: str, rate: float = RATE) -> TrainingSettings:
    """The literature's, with so many steps in epochs of 100; the last epoch is kept."""
    literature = TrainingSettings.factor_vae(objective, epochs=max(1, steps // EPOCH), seed=seed)
    items = BATCH * min(EPOCH, steps)
    return replace(literature, items_per_epoch=items, validation_fraction=0.0, device=device, learning_rate=rate)


def trained(data: Sprites, settings: TrainingSettings, name: str) -> Encoder:
    """An encoder with its history in the card."""
    network = ImageVAE(data.shape, ImageVAESettings.of("factor-vae"), seed=settings.seed)

    def tell(step: Step) -> None:
        if step.values and (step.done == step.total or step.done % (3 * EPOCH) == 0):
            told = ", ".join(f"{word} {value:.3g}" for word, value in step.values.items())
            print(f"  {name}, step {step.done:,}: {told}", flush=True)

    history = train(network, [data], settings, tell)
    card = {"training": asdict(settings), "history": asdict(history)}
    return Encoder(name, network.to("cpu"), data.shape, data.scaling, network.settings.latent, card)


def numbers_of(data: Sprites, encoder: Encoder) -> tuple[dict[str, float], OverlapOfMaps]:
    """One number for each column."""
    latents = encoder.latents(data)
    parts = dci(latents, data.factors)
    items = np.random.default_rng(0).choice(len(data), size=ATTENDED, replace=False)
    overlap = overlap_of_maps(data, encoder, items=items)
    terms = encoder.card["history"]["terms"]
    values = (
        factor_vae_score(latents, data.factors),
        mutual_information_gap(latents, data.factors),
        parts.disentanglement,
        parts.completeness,
        parts.informativeness,
        overlap.mean(),
        overlap.mean(active=True),
        float(overlap.active.sum()),
        float(overlap.mass.mean()),
        terms["reconstruction"][-1],
        terms["total correlation"][-1],
    )
    return dict(zip(COLUMNS, values, strict=True)), overlap


def show_gradients(data: Sprites) -> None:
    """The gradient of the attention loss at every layer of an untrained encoder, whole and with alpha held."""
    network = ImageVAE(data.shape, ImageVAESettings.of("factor-vae"))
    x = torch.as_tensor(data.inputs(np.arange(0, len(data), len(data) // BATCH)[:BATCH]))
    layer = layer_to_attend(network, x[:1], None)
    weights = {name: weight for name, weight in network.named_parameters() if name.endswith("weight")}
    weights = {name: weight for name, weight in weights.items() if name.startswith(("encoder", "mean"))}
    norms = []
    for whole in (True, False):
        with tap(network, layer) as tapped:
            z = network.encode(x).mean
            maps = differentiable_maps(z, tapped.take(), (0, 1), create_graph=whole)
        loss = attention_overlap(*maps).mean()
        gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
        norms.append([0.0 if each is None else float(each.norm()) for each in gradients])
    print(f"Gradient of the attention loss ({float(loss.detach()):.3f} at {layer}), Euclidean norm per layer:")
    for name, through, held in zip(weights, *norms, strict=True):
        print(f"  {name:24} {through:10.3g}   with alpha held {held:10.3g}")


def show_price(data: Sprites, weights: Sequence[float], gamma: float, device: str) -> None:
    """What a step of AD-FactorVAE costs beside one of FactorVAE; median over turns, of the time that a CPU worked."""
    clock = time.process_time if best_device(device).type == "cpu" else time.perf_counter
    both = list(objectives(weights[:1], gamma).values())
    seconds: list[list[float]] = [[], []]
    for turn in range(TURNS):
        for which, objective in enumerate(both):
            network = ImageVAE(data.shape, ImageVAESettings.of("factor-vae"))
            begun = clock()
            train(network, [data], settings_of(objective, TIMED, turn, device))
            seconds[which].append((clock() - begun) / TIMED)
    plain, attended = (statistics.median(each) for each in seconds)
    ratios = [second / first for first, second in zip(*seconds, strict=True)]
    print(f"A step: FactorVAE {1000 * plain:.0f} ms, AD-FactorVAE {1000 * attended:.0f} ms; ratio "
          f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f} in {TURNS} turns).")  # fmt: skip


def show_table(rows: dict[str, list[dict[str, float]]]) -> None:
    """Mean and range over the seeds."""
    print(f"{'':18}" + "".join(f"{column:>22}" for column in COLUMNS))
    for name, values in rows.items():
        columns = [[each[column] for each in values] for column in COLUMNS]
        cells = [f"{np.mean(each):.3g} ({min(each):.3g}..{max(each):.3g})" for each in columns]
        print(f"{name:18}" + "".join(f"{cell:>22}" for cell in cells))


def draw(path: Path, data: Sprites, encoders: dict[str, Encoder]) -> None:
    """Curves of the terms, and the maps of the latents of three pictures, for FactorVAE and the last AD-FactorVAE."""
    names = [next(iter(encoders)), list(encoders)[-1]]
    figure = Figure(figsize=(9.6, 6.2), layout="constrained", dpi=130)
    curves, pictures = figure.subfigures(2, 1, height_ratios=(1, 1.5))
    for axes, term in zip(
        curves.subplots(1, 4),
        ("reconstruction", "total correlation", "attention overlap", "attention mass"),
        strict=True,
    ):
        for name, colour in zip(names, ("#8a8a8a", "#b0306a"), strict=True):
            values = encoders[name].card["history"]["terms"].get(term)
            if values:
                axes.plot(EPOCH * np.arange(1, len(values) + 1), values, label=name, color=colour)
        axes.set_title(term, fontsize=9)
        axes.set_xlabel("step", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    curves.axes[0].legend(fontsize=7, frameon=False)
    halves = pictures.subfigures(1, 2)
    items = np.random.default_rng(1).choice(len(data), size=3, replace=False)
    for half, name in zip(halves, names, strict=True):
        encoder = encoders[name]
        order = np.argsort(-overlap_of_maps(data, encoder, items=range(0, len(data), 97)).nats)[:4]
        half.suptitle(name, fontsize=9)
        x = encoder.tensor(data.inputs(items))
        layer = layer_to_attend(encoder.network, x[:1], None)
        with tap(encoder.network, layer, start=True) as tapped, torch.enable_grad():
            mean = encoder.encode(x).mean
            maps = differentiable_maps(mean, tapped.take(), order.tolist(), create_graph=False).detach().numpy()
        panels = half.subplots(3, 5)
        for row, item in enumerate(items):
            panels[row, 0].imshow(data.pictures[item], cmap="gray")
            for column, latent in enumerate(order):
                panels[row, column + 1].imshow(maps[column, row], cmap=mpl.colormaps["magma"])
                if row == 0:
                    panels[row, column + 1].set_title(f"latent {latent}", fontsize=8)
        for axes in panels.flat:
            axes.set_axis_off()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--gamma", type=float, default=GAMMA)
    parser.add_argument("--attention-weights", type=float, nargs="+", default=(1.0,))
    parser.add_argument("--learning-rate", type=float, default=RATE)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="folder of encoders, to go on from and to look at")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--price", action="store_true", help="only the gradients and what a step costs")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = Sprites.read(Path(os.environ["CONCEPTSTAIN_DATA"]))
    show_gradients(data)
    show_price(data, asked.attention_weights, asked.gamma, asked.device)
    if asked.price:
        return
    rows: dict[str, list[dict[str, float]]] = {}
    first: dict[str, Encoder] = {}
    for seed in range(asked.seeds):
        for name, objective in objectives(asked.attention_weights, asked.gamma).items():
            path = asked.out and asked.out / f"{name.replace(' ', '-')}-{asked.steps}-{seed}.safetensors"
            if path and path.exists():
                encoder = load_encoder(path)
            else:
                settings = settings_of(objective, asked.steps, seed, asked.device, asked.learning_rate)
                encoder = trained(data, settings, f"{name}, seed {seed}")
                if path:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    save_encoder(encoder, path)
            first.setdefault(name, encoder)
            numbers, _ = numbers_of(data, encoder)
            rows.setdefault(name, []).append(numbers)
            print(
                f"{name}, seed {seed}: " + ", ".join(f"{word} {value:.3g}" for word, value in numbers.items()),
                flush=True,
            )
            for remark in encoder.card["history"]["remarks"]:
                print(f"  {remark}")
    print(f"\n{asked.steps:,} steps, gamma {asked.gamma:g}, {asked.seeds} seeds: mean (lowest..highest)")
    show_table(rows)
    if asked.figure:
        draw(asked.figure, data, first)


if __name__ == "__main__":
    main()
