"""Penk's latent neighbours under the paper's settings, beside the four values of the released notebook.

    CONCEPTSTAIN_DATA=... python benchmarks/penk_neighbours.py [--seeds 3]

The notebook (Concept Saliency Maps, Brocki & Chung 2019) trains on Rep1 and prints Pearson's r over the 20 latent
dimensions between Penk and four genes. Its encoder draws a new sample of z at every call, so its values are one draw.
Here every seed trains the preset ``paper`` anew, on all genes, and compares mean latents and one sample of them.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from bulb.sections import published

import conceptstain as cs
from conceptstain.concepts.concept import latent_neighbours

PRINTED = {"Kcnh3": 0.936, "Nrgn": 0.898, "Epha4": 0.897, "Tenm3": 0.891}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    canvas = cs.open(published("Rep1_MOB_count_matrix-1.tsv")).view("genes", scaling="paper", min_spots=0)
    print(f"| seed | latents | {' | '.join(f'{gene}: r (rank)' for gene in PRINTED)} | nearest three |")
    print("|---|---|" + "---|" * (len(PRINTED) + 1))
    print("| notebook | sampled | " + " | ".join(f"{r:.3f}" for r in PRINTED.values()) + " | not printed |")
    for seed in range(arguments.seeds):
        encoder = cs.fit(canvas, cs.FitSettings.paper(seed))
        for kind, noise in (("mean", None), ("sampled", torch.Generator().manual_seed(seed))):
            row(canvas, encoder.latents(canvas, noise=noise), f"{seed} | {kind}")


def row(canvas: cs.GenePictures, latents: np.ndarray, title: str) -> None:
    """Print r and rank (1 is the nearest) of the notebook's four genes."""
    table = latent_neighbours("Penk", canvas, latents, number=len(canvas))
    found = [f"{table['r'][gene]:.3f} ({table.index.get_loc(gene)})" for gene in PRINTED]
    nearest = ", ".join(f"{gene} {table['r'][gene]:.3f}" for gene in table.index[1:4])
    print(f"| {title} | {' | '.join(found)} | {nearest} |", flush=True)


if __name__ == "__main__":
    main()
