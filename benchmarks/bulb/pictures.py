"""Gene pictures: concepts by a marker's neighbours and by drawn spots, painted with every map, against the labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

import conceptstain as cs
from bulb import sections
from bulb.encoders import Encoders
from bulb.sections import DRAWN, LABELLED, LAYERS, MARKERS, PUBLISHED, UNLABELLED, cuts, layer_numbers
from bulb.tables import Result, layer_aurocs, markdown
from conceptstain.concepts.cross_fit import auroc
from conceptstain.concepts.enrichment import enriched_genes
from conceptstain.concepts.latents import latents_of
from conceptstain.methods.maps import MAPS
from conceptstain.nets.untrained import untrained

NEIGHBOURS = 50
DRAWS = 3
SEEDS = {layer: MARKERS[layer] for layer in DRAWN}
NO_MODEL = "gene-mean"
BY_STATISTIC = "genes by rank-sum statistic"  # the product orders them by fold change


def maps(canvas: cs.GenePictures, encoder: cs.Encoder, concept: cs.Concept) -> Iterator[tuple[str, np.ndarray]]:
    """Every map that the network supports, at the spots; attention to the latent that the concept has most of."""
    most = int(np.argmax(np.abs(concept.direction)))
    for kind in MAPS:
        if kind.refusal(encoder) is None:
            made = kind.make(canvas, encoder, concept, settings=cs.MapSettings(most))
            yield kind.key, np.asarray(canvas.place(made.mean()))


def against_labels(by_layer: dict[str, np.ndarray]) -> dict[str, float]:
    """AUROC of one map per drawn layer, over all labelled spots of Rep11; the mitral layer is asked of its map, too."""
    told = sections.labels()
    known = told != ""
    return {
        layer: auroc(by_layer["MCL+OPL" if layer == "MCL" else layer][known], np.isin(told[known], list(numbers)))
        for layer, numbers in LAYERS.items()
    }


@cache
def unit_pictures(name: str) -> tuple[pd.Index, np.ndarray]:
    """Trainable genes of a section, and their values at the spots, centred and of length 1."""
    canvas = sections.pictures(name)
    values = canvas.revealed(canvas.trainable).T
    return canvas.item_names[canvas.trainable], values / np.linalg.norm(values, axis=1, keepdims=True)


@cache
def latent_units(name: str, encoder: cs.Encoder) -> tuple[pd.Index, np.ndarray]:
    """Trainable genes of a section, and their latents, centred and of length 1."""
    canvas = sections.pictures(name)
    latents = latents_of(canvas, encoder)[canvas.trainable]
    centred = latents - latents.mean(axis=1, keepdims=True)
    return canvas.item_names[canvas.trainable], centred / np.linalg.norm(centred, axis=1, keepdims=True)


def nearest(marker: str, encoder: cs.Encoder | None) -> list[str]:
    """All genes by mean correlation with a marker's, over Rep1 and Rep2; in latent space, or of the pictures."""
    found = []
    for name in UNLABELLED:
        names, units = unit_pictures(name) if encoder is None else latent_units(name, encoder)
        found.append(pd.Series(units @ units[names.get_loc(marker)], index=names))
    r = pd.concat(found, axis=1, join="inner").mean(axis=1)
    there = r.index.intersection(sections.pictures(LABELLED).item_names)
    return list(r[there].sort_values(ascending=False, kind="stable").index)


def painted(table: str, model: str, lists: dict[str, Sequence[str]], encoder: cs.Encoder, seed: int) -> list[Result]:
    """AUROC of every map of lists of genes, one per layer."""
    canvas = sections.pictures(LABELLED)
    by_map: dict[str, dict[str, np.ndarray]] = {}
    for layer, genes in lists.items():
        concept = cs.concept(layer, canvas, encoder, items=genes)
        for key, values in maps(canvas, encoder, concept):
            by_map.setdefault(key, {})[layer] = values
    return [Result(table, model, key, against_labels(values), seed) for key, values in by_map.items()]


def by_like(encoders: Encoders, where: str, seed: int) -> list[Result]:
    """Concepts of a marker's neighbours on Rep1 and Rep2, painted on Rep11."""
    canvas = sections.pictures(LABELLED)
    chooser, encoder = encoders.pictures("zero-shot", seed), encoders.pictures(where, seed)
    lists = {layer: nearest(marker, chooser)[:NEIGHBOURS] for layer, marker in SEEDS.items()}
    found = painted(where, where, lists, encoder, seed)
    if where == "fitted":
        own = {layer: cs.concept(layer, canvas, encoder, like=marker).items for layer, marker in SEEDS.items()}
        found += painted(where, "fitted, neighbours on Rep11", own, encoder, seed)
    twin = untrained(encoder, seed=seed)
    found += [each for each in painted(where, "untrained twin", lists, twin, seed) if each.scores != NO_MODEL]
    rng = np.random.default_rng(seed)
    for _ in range(DRAWS):
        drawn = {
            layer: list(canvas.item_names[rng.choice(canvas.trainable, NEIGHBOURS, replace=False)]) for layer in DRAWN
        }
        found += painted(where, "random concept", drawn, encoder, seed)
    return found


def by_like_without_model(table: str) -> list[Result]:
    """What needs no network: genes that correlate with the marker on Rep1 and Rep2, and depth."""
    canvas = sections.pictures(LABELLED)
    means = {}
    for layer, marker in SEEDS.items():
        genes = [canvas.item(gene) for gene in nearest(marker, None)[:NEIGHBOURS]]
        means[layer] = canvas.revealed(genes).mean(axis=1)
    depth = np.asarray(canvas.section.matrix.sum(axis=1)).ravel()
    up, down = (against_labels(dict.fromkeys(DRAWN, values)) for values in (depth, -depth))
    turned = {column: max(up[column], down[column]) for column in up}
    return [
        Result(table, "none", "mean of the genes correlated with the marker", against_labels(means)),
        Result(table, "none", "sequencing depth, turned to suit", turned),
    ]


def bundled_lines(encoder: cs.Encoder) -> list[str]:
    """The table for the model card of an encoder that has not seen Rep11: concepts of each marker's own neighbours."""
    canvas, found = sections.pictures(LABELLED), []
    for model, each in (("bundled (zero-shot)", encoder), ("bundled, untrained", untrained(encoder))):
        lists = {layer: cs.concept(layer, canvas, each, like=marker).items for layer, marker in SEEDS.items()}
        found += painted("card", model, lists, each, 0)
    return markdown([*found, *by_like_without_model("card")], "card").split("\n")


def drawn_maps(
    encoder: cs.Encoder, side: np.ndarray, drawn: Sequence[np.ndarray], order: str = "log2_fold"
) -> dict[str, np.ndarray]:
    """Every map of concepts of drawn spots, spots x layers; their genes are chosen with the other side hidden."""
    canvas = sections.pictures(LABELLED)
    seen = hidden_beyond(tuple(side))
    columns: dict[str, list[np.ndarray]] = {}
    for name, mask in zip(DRAWN, drawn, strict=True):
        concept = cs.concept(name, canvas, encoder, items=enriched(seen, cs.Region.from_mask(name, mask), order))
        for key, values in maps(canvas, encoder, concept):
            columns.setdefault(key, []).append(values)
    return {key: np.stack(values, axis=1) for key, values in columns.items()}


def enriched(canvas: cs.GenePictures, region: cs.Region, order: str) -> list[str]:
    """Those genes that the product finds good enough, the first in its order or by another column."""
    try:
        table = enriched_genes(canvas, region, number=len(canvas))
    except cs.InputError:  # of random spots
        table = enriched_genes(canvas, region, number=len(canvas), min_auroc=0.0, min_fraction=0.0)
    return list(table.sort_values(order, ascending=False, kind="stable").index[:NEIGHBOURS])


@cache
def hidden_beyond(side: tuple[bool, ...]) -> cs.GenePictures:
    """Rep11 with the spots of the other side hidden."""
    return sections.pictures(LABELLED).hiding(~np.array(side))


def scored(table: str, model: str, by_map: dict[str, np.ndarray], asked: np.ndarray, seed: int | None) -> list[Result]:
    """AUROC among the spots asked about."""
    return [Result(table, model, key, layer_aurocs(values, asked, DRAWN), seed) for key, values in by_map.items()]


def by_region(encoders: Encoders, where: str, seed: int) -> list[Result]:
    """Concepts of one half of each layer, scored on the other half."""
    layer, table, found = layer_numbers(), f"regions, {where}", []
    encoder = encoders.pictures(where, seed)
    twin = untrained(encoder, seed=seed)
    for side in cuts(sections.section(LABELLED).spots):
        drawn, asked = [side & (layer == k) for k in range(len(DRAWN))], np.where(side, -1, layer)
        found += scored(table, f"gene pictures, {where}", drawn_maps(encoder, side, drawn), asked, seed)
        by_statistic = drawn_maps(encoder, side, drawn, "statistic")
        found += scored(table, f"gene pictures, {where}, {BY_STATISTIC}", by_statistic, asked, seed)
        fresh = drawn_maps(twin, side, drawn)
        fresh.pop(NO_MODEL)
        found += scored(table, "gene pictures, untrained twin", fresh, asked, seed)
        rng = np.random.default_rng(seed)
        random = [np.isin(np.arange(len(layer)), rng.choice(np.flatnonzero(side), mask.sum(), False)) for mask in drawn]
        found += scored(table, "gene pictures, random spots", drawn_maps(encoder, side, random), asked, seed)
    return found


def ranks(encoders: Encoders, seeds: int) -> list[str]:
    """Ranks of the published markers in the lists of concepts, and how alike the lists of the seeds are."""
    lines = []
    whole = {where: [encoders.pictures(where, seed) for seed in range(seeds)] for where in ("zero-shot", "fitted")}
    canvas, layer = sections.pictures(LABELLED), layer_numbers()
    for k, (name, marker) in enumerate(SEEDS.items()):
        orders = {"neighbours on Rep1 + Rep2": [nearest(marker, each) for each in whole["zero-shot"]]}
        region = cs.Region.from_mask(name, layer == k)
        for where, each in whole.items():
            orders[f"score, region, {where}"] = [scored_genes(canvas, one, region) for one in each]
        for kind, lists in orders.items():
            found = [f"{gene} {told(gene, lists)}" for gene in PUBLISHED[name]]
            lines.append(f"| gene pictures, {kind} | {name} | {', '.join(found)} | {alike(lists):.2f} |")
    return lines


def scored_genes(canvas: cs.GenePictures, encoder: cs.Encoder, region: cs.Region) -> list[str]:
    """Trainable genes by the concept score of a region."""
    concept = cs.concept(region.name, canvas, encoder, region=region, form="contrast")
    scores = pd.Series(concept.scores(latents_of(canvas, encoder)), index=canvas.item_names)
    return list(scores.iloc[canvas.trainable].sort_values(ascending=False, kind="stable").index)


def told(gene: str, lists: Sequence[Sequence[str]]) -> str:
    """Median rank of a gene in some lists."""
    found = [list(each).index(gene) + 1 for each in lists if gene in each]
    return f"{np.median(found):.0f}" if found else "-"


def alike(lists: Sequence[Sequence[str]]) -> float:
    """Mean rank correlation of pairs of lists of the same genes."""
    places = [pd.Series(np.arange(len(each)), index=list(each)) for each in lists]
    pairs = [(one, places[j]) for i, one in enumerate(places) for j in range(i)]
    return float(np.mean([spearmanr(one, other[one.index]).statistic for one, other in pairs])) if pairs else np.nan
