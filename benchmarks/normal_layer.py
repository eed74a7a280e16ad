"""Granule cells learned as normal: do the outer layers of the olfactory bulb stand out? AUROC on Rep11.

    CONCEPTSTAIN_DATA=... python benchmarks/normal_layer.py [--seeds 3] [--cache FOLDER]

The normal is learned from the granule cell layer (GCL) on one side of a line through the tissue; every labelled spot of
the other side is scored by its deviation, and no other: a spot that was learned from is never scored. AUROC of each
outer layer, and of all, against the GCL there; four cuts, mean and range (for encoders over the seeds, too).

Deviations are Mahalanobis distances in the latents of spot profiles (``cs.normal``, ``deviations``), of encoders fitted
to Rep11 without labels, and of their untrained twins. Beside them stand what knows no network: the same distance in 16
principal components of the same profiles, the distance to the mean profile in gene space, the nearness of a spot to the
border of the tissue (the layers lie around the GCL, so depth alone finds them), its distance from the middle of the
spots that were learned, and its few counts. Rep11 is the only labelled section and the development section.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from bulb import sections
from bulb.encoders import Encoders, profiles
from bulb.sections import DRAWN, LABELLED, cuts, layer_numbers
from scipy.spatial import ConvexHull
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA

import conceptstain as cs
from conceptstain.concepts.cross_fit import auroc
from conceptstain.concepts.normal import deviations, normal
from conceptstain.nets.untrained import untrained

LEARNED, OUTER = 0, range(1, len(DRAWN))
COMPONENTS = 16


def by_encoder(canvas: cs.SpotProfiles, encoder: cs.Encoder, learned: np.ndarray, asked: np.ndarray) -> np.ndarray:
    made = normal(DRAWN[LEARNED], canvas, encoder, items=list(canvas.item_names[learned]))
    return deviations(canvas, encoder, made, np.flatnonzero(asked))


def without_network(
    canvas: cs.SpotProfiles, learned: np.ndarray, asked: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    x = canvas.inputs(np.arange(len(canvas))).reshape(len(canvas), -1)
    z = PCA(COMPONENTS, random_state=0).fit_transform(x)
    yield f"PCA {COMPONENTS}, Mahalanobis", LedoitWolf().fit(z[learned]).mahalanobis(z[asked])
    yield "distance in gene space", np.linalg.norm(x[asked] - x[learned].mean(axis=0), axis=1)
    section = sections.section(LABELLED)
    yield "nearness to the border", -to_border(section.spots)[asked]
    yield "distance from the middle", np.linalg.norm(section.spots[asked] - section.spots[learned].mean(axis=0), axis=1)
    yield "few counts", -np.asarray(section.matrix.sum(axis=1)).ravel()[asked]


def to_border(spots: np.ndarray) -> np.ndarray:
    """Distance of each spot to the convex hull of all."""
    faces = ConvexHull(spots).equations
    return (-(spots @ faces[:, :-1].T + faces[:, -1])).min(axis=1)


def found(scores: np.ndarray, asked: np.ndarray) -> list[float]:
    """AUROC of each outer layer, and of all of them, against the normal one."""
    layers = layer_numbers()[asked]
    each = [auroc(scores[keep], layers[keep] == k) for k in OUTER for keep in [np.isin(layers, (LEARNED, k))]]
    return [*each, auroc(scores, layers != LEARNED)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=Path("build") / "layers", help="folder of fitted encoders")
    asked_for = parser.parse_args()
    (canvas,) = profiles("fitted")
    encoders = Encoders(asked_for.cache).profiles("fitted", (canvas,), "gaussian", asked_for.seeds)
    layers = layer_numbers()
    table: dict[str, list[list[float]]] = {}
    for side in cuts(sections.section(LABELLED).spots):
        learned, asked = side & (layers == LEARNED), ~side & (layers >= 0)
        for seed, encoder in enumerate(encoders):
            for name, each in (("deviation", encoder), ("deviation, untrained", untrained(encoder, seed=seed))):
                table.setdefault(name, []).append(found(by_encoder(canvas, each, learned, asked), asked))
        for name, scores in without_network(canvas, learned, asked):
            table.setdefault(name, []).append(found(scores, asked))
    print(f"{canvas.source.name}, the development section; {asked_for.seeds} seeds, four cuts\n")
    print(f"| | {' | '.join(DRAWN[k] for k in OUTER)} | all outer layers |\n|---|{'---|' * len(DRAWN)}")
    for name, rows in table.items():
        values = np.array(rows)
        cells = [
            f"{mean:.3f} ({low:.2f}-{high:.2f})"
            for mean, low, high in zip(values.mean(0), values.min(0), values.max(0), strict=True)
        ]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
