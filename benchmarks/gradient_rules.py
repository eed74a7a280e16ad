"""What the gradient rules show: layers of the olfactory bulb, the genes themselves, or what was learned.

    CONCEPTSTAIN_DATA=... python benchmarks/gradient_rules.py [--seeds 3]

Encoders are fitted to Rep11; a concept is the mean latent of the 50 genes nearest to a layer's marker. For each rule:
AUROC of its map for the layers, and Spearman's rho over the spots, mean over the concepts, with

- *gene mean*: the mean z-score of the same genes. High: the map redraws its input.
- *untrained*: the same rule and genes through an untrained network of the same kind. High: training does not matter.
- *another concept*: the same rule for the next marker's direction, asked at the same genes. High: the concept does not
  matter.

Rep11 is the section that the default settings were chosen on, so AUROCs are optimistic.
"""

from __future__ import annotations

import argparse
import dataclasses

import numpy as np
import pandas as pd
from bulb.sections import LAYERS, labelled_canvas
from scipy.stats import spearmanr

import conceptstain as cs
from conceptstain.concepts.cross_fit import auroc
from conceptstain.nets.untrained import untrained

MARKERS = {"GCL": "Penk", "MCL+OPL": "Doc2g", "GL": "Th", "ONL": "Kctd12"}
RULES = {
    "gradient": "gradient",
    "input-gradient": "input-gradient",
    "guided": "guided",
    "deconvolution": "deconvolution",
    "rectified": "rectified",
    "rectified, padding": cs.rectified(padding=True),
    "rectified, modified": cs.rectified(variant="modified"),
    "rectified, constant": cs.rectified(variant="constant"),
}


def rho(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's; 0 where a map is empty."""
    return 0.0 if np.ptp(one) == 0 or np.ptp(other) == 0 else float(spearmanr(one, other).statistic)


def rows_of(canvas: cs.GenePictures, labels: np.ndarray, encoder: cs.Encoder, seed: int) -> pd.DataFrame:
    """One row per rule."""
    twin = untrained(encoder, seed=seed)
    known = labels != ""
    concepts = [cs.concept(marker, canvas, encoder, like=marker) for marker in MARKERS.values()]
    rows: dict[str, dict[str, float]] = {}
    for name, rule in RULES.items():
        layers, alike = {}, []
        for number, (layer, concept) in enumerate(zip(MARKERS, concepts, strict=True)):
            other = concepts[(number + 1) % len(concepts)]
            items = [canvas.item(gene) for gene in concept.items]
            shown, elsewhere = (
                canvas.place(found.mean())
                for found in cs.saliencies(canvas, encoder, [concept, other], rule=rule, items=items)
            )
            fresh = cs.concept(concept.name, canvas, twin, items=concept.items)
            through = canvas.place(cs.saliency(canvas, twin, fresh, rule=rule, items=items).mean())
            genes = canvas.place(cs.score_map(canvas, concept).mean())
            layers[layer] = auroc(shown[known], np.isin(labels[known], list(LAYERS[layer])))
            alike.append([rho(shown, genes), rho(shown, through), rho(shown, elsewhere)])
        means = np.mean(alike, axis=0)
        rows[name] = {**layers, **dict(zip(("gene mean", "untrained", "another concept"), means, strict=True))}
    return pd.DataFrame(rows).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    canvas, labels = labelled_canvas()
    tables = []
    for seed in range(seeds):
        settings = cs.FitSettings(training=dataclasses.replace(cs.FitSettings().training, seed=seed))
        tables.append(rows_of(canvas, labels, cs.fit(canvas, settings), seed))
    mean = pd.concat(tables).groupby(level=0, sort=False).mean()
    print(f"| rule | {' | '.join(mean.columns)} |\n|---|{'---|' * len(mean.columns)}")
    for name, row in mean.iterrows():
        print(f"| {name} | {' | '.join(f'{value:.2f}' for value in row)} |")
    print(f"\nMean of {seeds} seeds. Left: AUROC of the layers. Right: Spearman's rho with ..., mean of the concepts.")


if __name__ == "__main__":
    main()
