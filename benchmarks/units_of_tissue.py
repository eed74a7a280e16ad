"""Do single units of networks see layers of the olfactory bulb? IoU on Rep11, beside all that has to be beaten.

    CONCEPTSTAIN_DATA=... python benchmarks/units_of_tissue.py [--seeds 3] [--draws 2] [--genes 3000] [--cache FOLDER]

Dissection against five layers. A unit is active at the median prevalence of the layers. Of every layer the IoU of the
best unit is told, and how many layers have a unit of their own with an IoU above twice that of an active set drawn by
chance, ``2 qp / (q + p - qp)``: 0.04 is below chance where a label covers a fifth of the tissue.

The best of many units is chosen in hindsight. So are the best of all controls: the layer's channels *rotated*, the
*untrained* network (``--draws`` of each per seed), and the labels *turned* about the middle of the tissue by 90, 180
and 270 degrees, each spot with the label of the labelled spot nearest to where it comes to lie. The layers lie around
each other, so that turning leaves much as it was: what beats it sees more than depth. Labels *shuffled* among the spots
are easier to beat; on gene pictures, which share one map of labels, there is nothing to shuffle.

*Pictures*: the bundled encoder (Rep1 and Rep2), and encoders fitted to Rep11 without labels, over some of the genes,
evenly spread. *Spots*: encoders of 1,000 genes fitted to Rep11, Gaussian and negative binomial. *Classifier*: of the
layers, on one half of the tissue, dissected on the other, which its training does not touch; both sides of two cuts.
*Genes*: without a network, all 1,000, and as many at random as a layer has units, twenty draws. Ranges are over seeds
and draws, of the classifier over halves and seeds, too. Encoders are fitted once and kept in ``--cache``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from bulb import sections
from bulb.encoders import LIKELIHOODS, Encoders, profiles
from bulb.sections import LABELLED, cuts
from scipy.spatial import cKDTree
from unit_tables import Found, by_kind, chance, joined, line

import conceptstain as cs
from conceptstain.canvas.label_maps import LabelMaps
from conceptstain.methods.dissection import Dissection

LAYERS = {"1": "GCL", "2": "MCL", "3": "EPL", "4": "GL", "5": "ONL"}
TURNS = (90, 180, 270)
SMALL_DRAWS = 20
Canvas = cs.GenePictures | cs.SpotProfiles


def told_at(turn: int) -> np.ndarray:
    """The layer of every spot of Rep11 when the labels are turned by so many degrees; "" where there is none."""
    told = np.array([LAYERS.get(number, "") for number in sections.labels()])
    if turn == 0:
        return told
    places = np.asarray(sections.section(LABELLED).spots, dtype=float)
    known = told != ""
    middle = places[known].mean(axis=0)
    cos, sin = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    came_from = (places - middle) @ np.array([[cos, -sin], [sin, cos]]) + middle
    nearest = cKDTree(places[known]).query(came_from)[1]
    return np.where(known, told[known][nearest], "")


@cache
def labelled() -> cs.Section:
    """Rep11 with the layers, as they are and turned."""
    section = sections.section(LABELLED)
    for turn in (0, *TURNS):
        section.adata.obs[f"turned {turn}"] = [each or None for each in told_at(turn)]
    return section


def maps(canvas: Canvas, turn: int = 0) -> LabelMaps:
    found = cs.section_labels(canvas, f"turned {turn}")
    return replace(found, labels=tuple(label._replace(category="layer") for label in found.labels))


def with_controls(
    encoder: cs.Encoder, layer: str, canvas: Canvas, items: np.ndarray, *, seed: int, draws: int
) -> Found:
    beside = cs.dissection_controls(encoder, layer, canvas, maps(canvas), items=items, draws=draws, seed=draws * seed)
    turned = [cs.dissect(encoder, layer, canvas, maps(canvas, turn), items=items) for turn in TURNS]
    return {**by_kind(beside), "turned": turned}


def own_unit(found: Dissection) -> float:
    """Twice what chance gives: an IoU from which on a layer counts as having a unit of its own."""
    return float(2 * np.median(chance(found)))


def tell(name: str, found: Found) -> None:
    for kind, each in found.items():
        tell_row(f"{name}, {kind}", each)


def tell_row(name: str, found: Sequence[Dissection], ious: Sequence[np.ndarray] = ()) -> None:
    """A row, of some of the units where their IoUs are given."""
    names = [label.name for label in found[0].labels]
    order = [names.index(layer) for layer in LAYERS.values()]
    uniques = [] if len(ious) else [float(each.unique_detectors(own_unit(each)).sum()) for each in found]
    print(line(name, [each[:, order] for each in ious or [one.iou for one in found]], uniques), flush=True)


def few_genes(found: Dissection, n: int) -> list[np.ndarray]:
    """IoUs of genes drawn at random, as many as a layer has units."""
    rng = np.random.default_rng(0)
    return [found.iou[rng.choice(found.n_units, n, replace=False)] for _ in range(SMALL_DRAWS)]


def pictures(encoders: Encoders, seeds: int, draws: int, n_genes: int) -> None:
    canvas = labelled().view("genes")
    chosen = canvas.trainable[np.linspace(0, len(canvas.trainable) - 1, n_genes).astype(int)]
    for layer in ("conv2", "conv3"):
        tell(f"pictures, bundled, {layer}", with_controls(cs.bundled(), layer, canvas, chosen, seed=0, draws=draws))
        fitted = [
            with_controls(encoders.pictures("fitted", seed), layer, canvas, chosen, seed=seed, draws=draws)
            for seed in range(seeds)
        ]
        tell(f"pictures, fitted, {layer}", joined(fitted))


def spots(encoders: Encoders, seeds: int, draws: int) -> None:
    canvas = labelled().view("spots", n_genes=1000)
    known = maps(canvas).items
    genes = cs.dissect_inputs(canvas, maps(canvas))
    print(f"q = {genes.quantile:.3f}, {len(known)} spots, an own unit from an IoU of {own_unit(genes):.3f} on")
    tell_row(f"genes, all {genes.n_units}", [genes])
    tell_row("genes, all, turned", [cs.dissect_inputs(canvas, maps(canvas, turn)) for turn in TURNS])
    for likelihood in LIKELIHOODS:
        fitted = encoders.profiles("fitted", profiles("fitted"), likelihood, seeds)
        each = [
            with_controls(encoder, "encoder.relu1", canvas, known, seed=seed, draws=draws)
            for seed, encoder in enumerate(fitted)
        ]
        n_units = each[0]["trained"][0].n_units
        tell_row(f"genes, {n_units} at random", [genes], few_genes(genes, n_units))
        tell(f"spots, {likelihood} ({n_units})", joined(each))


def classifiers(seeds: int, draws: int) -> None:
    canvas = labelled().view("spots", n_genes=1000)
    classes = cs.class_labels(canvas, obs="turned 0")
    settings = cs.ClassifierSettings.of(canvas)
    accuracies, by_unit, by_gene = [], [], []
    for side in cuts(labelled().spots):
        learned, left = (np.intersect1d(classes.labelled, np.flatnonzero(each)) for each in (side, ~side))
        genes = cs.dissect_inputs(canvas, maps(canvas), items=left)
        for seed in range(seeds):
            training = replace(settings.training, seed=seed)
            classifier = cs.fit_classifier(canvas, classes, replace(settings, training=training), items=learned)
            accuracies.append(cs.confusion(classifier, canvas, classes, left).balanced_accuracy)
            by_unit.append(with_controls(classifier.encoder, "relu1", canvas, left, seed=seed, draws=draws))
        by_gene.append((genes, few_genes(genes, by_unit[-1]["trained"][0].n_units)))
    n_units = by_unit[0]["trained"][0].n_units
    print(f"balanced accuracy on the other half {np.mean(accuracies):.1%}")
    tell_row("genes, all, other half", [genes for genes, _ in by_gene])
    drawn = [iou for _, each in by_gene for iou in each]
    tell_row(f"genes, {n_units} at random, other half", [by_gene[0][0]], drawn)
    tell(f"classifier, other half ({n_units})", joined(by_unit))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=2, help="of each control per seed")
    parser.add_argument("--genes", type=int, default=3000, help="gene pictures that are looked at")
    parser.add_argument("--cache", type=Path, default=Path("build") / "units", help="folder of fitted encoders")
    parser.add_argument("--part", choices=("pictures", "spots", "classifiers"), action="append")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    parts = asked.part or ["spots", "classifiers", "pictures"]
    print(f"| network | {' | '.join(LAYERS.values())} | mean | own unit |\n|---|{'---|' * (len(LAYERS) + 2)}")
    if "spots" in parts:
        spots(Encoders(asked.cache), asked.seeds, asked.draws)
    if "classifiers" in parts:
        classifiers(asked.seeds, asked.draws)
    if "pictures" in parts:
        pictures(Encoders(asked.cache), asked.seeds, asked.draws, asked.genes)


if __name__ == "__main__":
    main()
