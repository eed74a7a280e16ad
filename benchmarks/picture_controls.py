"""Every map of a concept of photographs beside its controls.

    CONCEPTSTAIN_DATA=... python benchmarks/picture_controls.py [--label eye_g] [--epochs N] [--seed 0]

1,000 faces with masks (CelebAMask-HQ, folder ``faces128``) on a frame of 64 pixels; the concept is the mean latent of
the faces whose mask has 30 pixels or more of the label, minus that of the others. Prints the AUROC of each map and of
its controls, mean over 24 faces that are held back one by one, and what is said of it.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

import conceptstain as cs
from conceptstain.methods.maps import MAPS

LABELS = {"eye_g": 3, "mouth": 10, "hair": 13, "hat": 14, "ear_r": 15}  # numbers in the masks
LEAST_PIXELS = 30


def main(label: str, epochs: int | None, seed: int) -> pd.DataFrame:
    """One row per map: AUROC of the map and of each of its controls."""
    torch.set_num_threads(1)
    root = Path(os.environ["CONCEPTSTAIN_DATA"]) / "faces128"
    canvas = cs.open(root / "images").view("images", frame=64)
    painted = [np.asarray(Image.open(root / "masks" / f"{Path(name).stem}.png")) for name in canvas.item_names]
    masks = [each == LABELS[label] for each in painted]
    positive = np.array([mask.sum() >= LEAST_PIXELS for mask in masks])
    settings = cs.FitSettings.of(canvas)
    training = replace(settings.training, epochs=epochs or settings.training.epochs, seed=seed, device="cpu")
    encoder = cs.fit(canvas, replace(settings, training=training))
    names = canvas.item_names
    concept = cs.concept(label, canvas, encoder, items=list(names[positive]), against=list(names[~positive]))
    print(f"{concept.origin}; cross-fitted AUROC of the score over faces: ", end="")
    print(f"{cs.evidence(concept, canvas, encoder, n_null=1).auroc:.2f}")
    rows = {}
    for kind in MAPS:
        if kind.refusal(encoder) is not None:
            continue
        found = cs.controls(canvas, encoder, concept, kind.key, masks=masks, seed=seed)
        rows[kind.key] = {"the map": found.auroc, "interval": found.interval.words}
        rows[kind.key] |= {each.name: each.auroc for each in found.controls}
        print(f"{kind.key}: {' '.join(found.sentences)}", flush=True)
    return pd.DataFrame.from_dict(rows, orient="index")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--label", choices=list(LABELS), default="eye_g", help="what the concept is of")
    parser.add_argument("--epochs", type=int, help="how long the encoder learns; as usual if left out")
    parser.add_argument("--seed", type=int, default=0, help="of the encoder and of the controls")
    given = parser.parse_args()
    print(main(given.label, given.epochs, given.seed).round(2).to_string(na_rep=""))
