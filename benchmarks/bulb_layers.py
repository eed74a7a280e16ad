"""Do concept maps find the layers of the olfactory bulb? AUROC on the labelled section Rep11.

    CONCEPTSTAIN_DATA=... python benchmarks/bulb_layers.py [--seeds 3]

A concept is the mean latent of the 50 genes nearest to a layer's published marker; its map is compared with the layer's
labels. MCL is counted twice: the mitral layer alone, and with the outer plexiform layer. Rep11 is the section that the
default settings were chosen on, so its own figures are optimistic; the bundled encoder has never seen it.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

import conceptstain as cs
from conceptstain.nets.picture_vae import PictureVAE

MARKERS = {"GCL": "Penk", "MCL": "Doc2g", "MCL+OPL": "Doc2g", "GL": "Th", "ONL": "Kctd12"}
LAYERS = {"GCL": "1", "MCL": "2", "MCL+OPL": "23", "GL": "4", "ONL": "5"}
NEIGHBOURS = 50

Maps = dict[str, dict[str, np.ndarray]]


def published(name: str) -> Path:
    """A file of the published sections, in either layout, packed or not."""
    root = os.environ.get("CONCEPTSTAIN_DATA")
    if not root:
        sys.exit("Set CONCEPTSTAIN_DATA to the folder of the published sections.")
    tried = [Path(root) / folder / f"{name}{packed}" for folder in ("mob", "") for packed in ("", ".gz")]
    for path in tried:
        if path.is_file():
            return path
    sys.exit(f"There is no {name} in {root}.")


def labelled_canvas() -> tuple[cs.GenePictures, np.ndarray]:
    """Rep11 and the number of each spot's layer, "" where it has none."""
    canvas = cs.open(published("Rep11_MERINGUE_counts.tsv")).view("genes")
    labels = pd.read_csv(published("Rep11_layers.csv"), index_col="spot")["layer"].fillna("").astype(str)
    return canvas, labels.reindex(canvas.section.adata.obs_names).fillna("").str[:1].to_numpy()


def auroc(values: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve; ties count half."""
    n = int(positive.sum())
    return float((rankdata(values)[positive].sum() - n * (n + 1) / 2) / (n * (len(values) - n)))


def encoder_maps(canvas: cs.GenePictures, encoder: cs.Encoder) -> Maps:
    """Values at the spots: for each kind of map, one map per layer's marker."""
    maps: Maps = {"decoded": {}, "gradient": {}, "rectified": {}, "score map": {}}
    for marker in set(MARKERS.values()):
        concept = cs.concept(marker, canvas, encoder, like=marker)
        found = {
            "decoded": cs.decoded(canvas, encoder, concept),
            "gradient": cs.saliency(canvas, encoder, concept, rule="gradient"),
            "rectified": cs.saliency(canvas, encoder, concept, rule="rectified"),
            "score map": cs.score_map(canvas, concept),
        }
        for kind, attribution in found.items():
            maps[kind][marker] = canvas.place(attribution.mean())
    return maps


def plain_maps(canvas: cs.GenePictures) -> Maps:
    """The baselines that need no network."""
    items = canvas.trainable
    pictures = np.array([canvas.place(picture) for picture in canvas.inputs(items)])
    centred = pictures - pictures.mean(axis=1, keepdims=True)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    depth = np.asarray(canvas.section.matrix.sum(axis=1)).ravel()
    correlated = {}
    for marker in set(MARKERS.values()):
        r = unit @ unit[np.searchsorted(items, canvas.item(marker))]
        correlated[marker] = pictures[np.argsort(-r)[:NEIGHBOURS]].mean(axis=0)
    return {"gene mean": correlated, "sequencing depth": dict.fromkeys(MARKERS.values(), depth)}


def scores(maps: Maps, labels: np.ndarray) -> pd.DataFrame:
    """AUROC of each kind of map for each layer."""
    known = labels != ""
    return pd.DataFrame(
        {
            layer: {
                kind: auroc(by_marker[marker][known], np.isin(labels[known], list(LAYERS[layer])))
                for kind, by_marker in maps.items()
            }
            for layer, marker in MARKERS.items()
        }
    )


def untrained(encoder: cs.Encoder, seed: int) -> cs.Encoder:
    """An encoder of the same kind with its first weights."""
    network = PictureVAE(encoder.shape, encoder.network.settings, seed=seed)
    return dataclasses.replace(encoder, name="untrained", network=network)


def over_seeds(
    seeds: int, encoder_of: Callable[[int], cs.Encoder], canvas, labels
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean AUROC, and half the range between the seeds."""
    tables = [scores(encoder_maps(canvas, encoder_of(seed)), labels) for seed in range(seeds)]
    stacked = pd.concat(tables, keys=range(seeds)).groupby(level=1, sort=False)
    return stacked.mean(), (stacked.max() - stacked.min()) / 2


def lines(model: str, mean: pd.DataFrame, spread: pd.DataFrame | None = None) -> Iterator[str]:
    """Rows of a Markdown table."""
    for kind, row in mean.iterrows():
        cells = [
            f"{value:.3f}" + (f" ± {spread.loc[kind, layer]:.3f}" if spread is not None else "")
            for layer, value in row.items()
        ]
        yield f"| {model} | {kind} | {' | '.join(cells)} |"


def header() -> list[str]:
    """Head of the Markdown table."""
    return [f"| encoder | map | {' | '.join(MARKERS)} |", f"|---|---|{'---|' * len(MARKERS)}"]


def bundled_lines(encoder: cs.Encoder) -> list[str]:
    """The table of one encoder that has not seen Rep11, with the baselines."""
    canvas, labels = labelled_canvas()
    return [
        *header(),
        *lines("bundled (zero-shot)", scores(encoder_maps(canvas, encoder), labels)),
        *lines("bundled, untrained", scores(encoder_maps(canvas, untrained(encoder, 0)), labels)),
        *lines("none", scores(plain_maps(canvas), labels)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--network", default="average-pool", choices=["average-pool", "mlp"])
    arguments = parser.parse_args()
    canvas, labels = labelled_canvas()
    fitted: dict[int, cs.Encoder] = {}

    def fit(seed: int) -> cs.Encoder:
        settings = cs.FitSettings(
            network=cs.FitSettings().network.of(arguments.network),
            training=dataclasses.replace(cs.FitSettings().training, seed=seed),
        )
        fitted[seed] = cs.fit(canvas, settings)
        return fitted[seed]

    print("\n".join(header()))
    name = f"own section ({arguments.network}), {arguments.seeds} seeds"
    print("\n".join(lines(name, *over_seeds(arguments.seeds, fit, canvas, labels))), flush=True)
    fresh = over_seeds(arguments.seeds, lambda seed: untrained(fitted[seed], seed), canvas, labels)
    print("\n".join(lines("own section, untrained", *fresh)), flush=True)
    print("\n".join(bundled_lines(cs.bundled())[2:]))
    seconds = [encoder.card["history"]["seconds"] for encoder in fitted.values()]
    device = fitted[0].card["history"]["device"]
    print(f"\nFitting took {min(seconds):.0f} to {max(seconds):.0f} s on {device}; ± is half the range of the seeds.")


if __name__ == "__main__":
    main()
