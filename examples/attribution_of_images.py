"""Every map of a concept of images whose place is known: discs beside crosses, made here.

    python examples/attribution_of_images.py --out results

Fits a small network to pictures of a cross on rough ground, half of which have a disc, too; makes the concept *disc* of
half of them, asks every map at discs of the other half, and prints how well each finds the disc's pixels, beside the
picture itself: bright pixels alone find most of it. With ``--time``: how long each map takes per picture of 64 x 64
pixels, by an untrained network of the usual size.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import conceptstain as cs
from conceptstain.concepts.cross_fit import auroc
from conceptstain.methods.maps import MAPS
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.nets.training_settings import TrainingSettings
from conceptstain.picture_painting import picture_painting

SIDE = 32
ABOUT_NO_PICTURE = ("decoded", "gene-mean")


def main(out: Path, *, n: int = 600, n_asked: int = 20, epochs: int = 30) -> Path:
    """Ask every map where the discs are."""
    out.mkdir(parents=True, exist_ok=True)
    pictures, masks = shapes(n)
    canvas = cs.open(list(pictures), as_="images").view("images", frame=SIDE)
    network = ImageVAESettings(latent=16, widths=(8, 16, 32), hidden=(64,))
    training = TrainingSettings(epochs=epochs, batch_size=16, beta=0.1, seed=0, device="cpu")
    encoder = cs.fit(canvas, cs.FitSettings(network, training))

    latents = encoder.latents(canvas)
    is_disc = np.arange(n) % 2 == 0
    learned, asked = np.arange(n) < n // 2, np.flatnonzero(is_disc)[-n_asked:]
    direction = latents[learned & is_disc].mean(axis=0) - latents[learned & ~is_disc].mean(axis=0)
    concept = concept_of("disc", direction, tuple(canvas.item_names[asked]), encoder)
    print(f"AUROC of the concept score on {n - n // 2} pictures that it was not made of: ", end="")
    print(f"{auroc(concept.scores(latents[~learned]), is_disc[~learned]):.2f}")

    bright = np.mean([auroc(canvas.inputs([item]).ravel(), masks[item].ravel()) for item in asked])
    rows: list[tuple[str, float, float, str]] = [("the picture itself (no model)", bright, np.nan, "brightness")]
    for kind in MAPS:
        if kind.key in ABOUT_NO_PICTURE or kind.refusal(encoder) is not None:
            continue
        shown = picture_painting(kind.make(canvas, encoder, concept), canvas)
        own = np.mean([auroc(shown.maps[item].ravel(), masks[item].ravel()) for item in asked])
        others = zip(asked, np.roll(asked, 1), strict=True)
        other = np.mean([auroc(shown.maps[item].ravel(), masks[another].ravel()) for item, another in others])
        rows.append((kind.label, own, other, shown.label))
    columns = ["map", "disc's pixels", "another picture's disc", "shown"]
    table = pd.DataFrame(rows, columns=columns).set_index("map")
    print(table.iloc[:, :2].round(2).to_string())
    table.to_csv(out / "maps.csv")
    return out / "maps.csv"


def shapes(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of a cross on rough ground, every other one of a disc, too, and masks of the discs."""
    rng = np.random.default_rng(seed)
    pictures = rng.normal(90, 12, (n, SIDE, SIDE))
    masks = np.zeros((n, SIDE, SIDE), dtype=bool)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for number in range(n):
        cross, disc = (np.abs([rows - y, columns - x]) for y, x in rng.integers(6, SIDE - 6, (2, 2)))
        pictures[number][(cross.min(axis=0) <= 1) & (cross.max(axis=0) <= 5)] += 80
        if number % 2 == 0:
            masks[number] = (disc**2).sum(axis=0) <= 20
            pictures[number][masks[number]] += 80
    return pictures.clip(0, 255).astype(np.uint8), masks


def concept_of(name: str, direction: np.ndarray, items: tuple[str, ...], encoder: cs.Encoder) -> cs.Concept:
    """A direction as a concept whose maps are asked at these pictures."""
    table = pd.DataFrame(index=pd.Index(items))
    definition = cs.Definition(name, items=items)
    return cs.Concept(definition, direction, items, "with a disc minus without", encoder.fingerprint, table)


def times(n: int = 16) -> pd.Series:
    """Milliseconds per picture of 64 x 64 pixels with colours, by an untrained network, on one thread."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    canvas = cs.open(list(rng.integers(0, 256, (n, 64, 64, 3), dtype=np.uint8)), as_="images").view(frame=64)
    encoder = cs.Encoder("untrained", ImageVAE(canvas.shape), canvas.shape, canvas.scaling, 64)
    concept = concept_of("any", rng.normal(size=64), tuple(canvas.item_names), encoder)
    taken = {}
    for kind in MAPS:
        kind.make(canvas, encoder, concept)  # the first call loads and prepares
        began = time.perf_counter()
        kind.make(canvas, encoder, concept)
        taken[kind.label] = (time.perf_counter() - began) / n * 1e3
    return pd.Series(taken, name="ms per picture")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Every map of a concept of images whose place is known.")
    parser.add_argument("--out", type=Path, default=Path("attribution-of-images"), help="folder to write to")
    parser.add_argument("--time", action="store_true", help="print how long each map takes instead")
    given = parser.parse_args()
    print(times().round(1).to_string() if given.time else f"wrote {main(given.out)}")
