"""Spot profiles: concepts of drawn spots in every way, beside the peers, against the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import conceptstain as cs
from bulb import sections
from bulb.encoders import LIKELIHOODS, Encoders, profiles
from bulb.peers import peer_scores
from bulb.pictures import BY_STATISTIC, NEIGHBOURS, SEEDS, against_labels, alike, drawn_maps, nearest, scored, told
from bulb.sections import DRAWN as NAMES
from bulb.sections import LABELLED, PUBLISHED, cuts, layer_numbers
from bulb.tables import Result, layer_aurocs
from conceptstain.nets.untrained import untrained

RICHEST = 0.15  # of the spots
SHORT = {"gaussian": "spots, Gaussian", "negative binomial": "spots, NB"}
# What is added row by row.
WAYS = {
    "plain": cs.SpotConceptSettings("plain", contrast=False, context=0.0),
    "whitened": cs.SpotConceptSettings("whitened", contrast=False, context=0.0),
    "contrast": cs.SpotConceptSettings(context=0.0),
    "contrast + singly": cs.SpotConceptSettings(singly=True, context=0.0),
    "contrast, context": cs.SpotConceptSettings(),
}
# Of few spots; where layers are drawn whole, there is no rest.
WAYS_OF_FEW = {
    **{way: how for way, how in WAYS.items() if how.context == 0},
    "contrast, no rest": cs.SpotConceptSettings(rest=False, context=0.0),
}


@dataclass(frozen=True)
class Drawn:
    """What was drawn, and where its scores are asked for.

    Attributes
    ----------
    source
        Where it was drawn.
    target
        Where it is scored.
    masks
        Drawn spots of each layer.
    asked
        Layers of the target's spots, -1 for those that are not asked about.
    among
        Spots that a concept is compared with where it is compared with all others; None: all of the source.
    """

    source: cs.SpotProfiles
    target: cs.Section | cs.SpotProfiles
    masks: Sequence[np.ndarray]
    asked: np.ndarray
    among: np.ndarray | None = None

    def concepts(self, encoders: Sequence[cs.Encoder], how: cs.SpotConceptSettings) -> cs.SpotConcepts:
        """The concepts of all layers."""
        regions = [cs.Region.from_mask(name, mask) for name, mask in zip(NAMES, self.masks, strict=True)]
        among = None if self.among is None else cs.Region.from_mask("compared", self.among)
        return cs.spot_concepts(regions, self.source, encoders, how, among=among)

    def scores(self, encoders: Sequence[cs.Encoder], how: cs.SpotConceptSettings) -> np.ndarray:
        """Scores of the target's spots, spots x layers."""
        return self.concepts(encoders, how).score(self.target).table.to_numpy()


def ways(
    table: str,
    model: str,
    encoders: Sequence[cs.Encoder],
    drawn: Drawn,
    settings: Mapping[str, cs.SpotConceptSettings] = WAYS,
) -> list[Result]:
    """AUROC of concepts of drawn spots in every way: of each seed, and of all seeds together."""
    found = []
    for way, how in settings.items():
        for seed, group in [*enumerate([encoder] for encoder in encoders), (None, encoders)]:
            concepts = drawn.concepts(group, how)
            values = layer_aurocs(concepts.score(drawn.target).table.to_numpy(), drawn.asked, NAMES)
            weights = [reading.context.weight for each in concepts.readings for reading in each]
            said = [f"{model}: {weight:g}" for weight in weights if how.context is None and seed is not None]
            name = way if seed is not None else f"{way}, {len(encoders)} seeds"
            found.append(Result(table, model, name, values, seed, said))
    return found


def by_like(encoders: Encoders, where: str, seeds: int) -> list[Result]:
    """Concepts of the spots richest in a marker's neighbours: drawn on Rep1 (zero-shot) or on Rep11 (fitted)."""
    learned, found = profiles(where), []
    drawn_on = learned[0]
    asked = sections.section(LABELLED).view("spots", genes=drawn_on.features)
    genes = drawn_on.section.view("genes")
    chooser = encoders.pictures("zero-shot", 0)
    masks = []
    for marker in SEEDS.values():
        chosen = [gene for gene in nearest(marker, chooser)[:NEIGHBOURS] if gene in genes.item_names]
        mean = genes.revealed([genes.item(gene) for gene in chosen]).mean(axis=1)
        masks.append(mean >= np.quantile(mean, 1 - RICHEST))
    regions = [cs.Region.from_mask(name, mask) for name, mask in zip(NAMES, masks, strict=True)]
    for likelihood in LIKELIHOODS:
        each = encoders.profiles(where, learned, likelihood, seeds)
        for seed, group in [*enumerate([encoder] for encoder in each), (None, each)]:
            name = "contrast" if seed is not None else f"contrast, {seeds} seeds"
            table = cs.spot_concepts(regions, drawn_on, group, WAYS["contrast"]).score(asked).table
            values = against_labels({layer: table[layer].to_numpy() for layer in NAMES})
            found.append(
                Result(where, f"{SHORT[likelihood]}, richest spots of {drawn_on.section.name}", name, values, seed)
            )
    return found


def by_region(encoders: Encoders, where: str, seeds: int) -> list[Result]:
    """Concepts of one half of each layer, scored on the other half; encoder and z-scores see both, without labels."""
    layer, section, table, found = layer_numbers(), sections.section(LABELLED), f"regions, {where}", []
    learned = profiles(where)
    canvas = section.view("spots", genes=learned[0].features)
    x = canvas.inputs(np.arange(len(canvas)))
    depth = np.asarray(section.matrix.sum(axis=1)).ravel()
    for number, side in enumerate(cuts(section.spots)):
        masks, asked = [side & (layer == k) for k in range(len(NAMES))], np.where(side, -1, layer)
        members = [np.flatnonzero(mask) for mask in masks]
        rest = [np.flatnonzero(side & (layer >= 0) & ~mask) for mask in masks]
        for likelihood in LIKELIHOODS:
            each, name = encoders.profiles(where, learned, likelihood, seeds), SHORT[likelihood]
            drawn = Drawn(canvas, section, masks, asked, side & (layer >= 0))
            found += ways(table, f"{name}, {where}", each, drawn)
            contrast = {"contrast": WAYS["contrast"]}
            if likelihood == LIKELIHOODS[0]:  # before training, both are the same network
                fresh = [untrained(encoder, seed=seed) for seed, encoder in enumerate(each)]
                found += ways(table, "spots, untrained twin", fresh, drawn, contrast)
            random = at_random(np.random.default_rng(number), side, [len(own) for own in members])
            found += ways(table, f"{name}, random spots", each, Drawn(canvas, section, random, asked), contrast)
        for name, scores in peer_scores(x, members, rest, canvas.places, x).items():
            found.append(Result(table, "none", name, layer_aurocs(scores, asked, NAMES)))
        turned = np.stack(
            [
                depth if depth[own].mean() > depth[other].mean() else -depth
                for own, other in zip(members, rest, strict=True)
            ],
            1,
        )
        found.append(
            Result(table, "none", "sequencing depth, turned on the drawn side", layer_aurocs(turned, asked, NAMES))
        )
    return found


def at_random(rng: np.random.Generator, side: np.ndarray, numbers: Sequence[int]) -> list[np.ndarray]:
    """As many spots of the drawn side for each layer, from anywhere in it."""
    spots = rng.permutation(np.flatnonzero(side))[: sum(numbers)]
    return [np.isin(np.arange(len(side)), each) for each in np.split(spots, np.cumsum(numbers)[:-1])]


def small_selections(encoders: Encoders, size: int, wrong: int, draw: int, seeds: int) -> list[Result]:
    """Few drawn spots, some of them of other layers, from one half of the section, scored on the other half."""
    layer, section, found = layer_numbers(), sections.section(LABELLED), []
    learned = profiles("fitted")
    canvas, x = learned[0], learned[0].inputs(np.arange(section.n_spots))
    table = f"small, {size} spots, {wrong} of them wrong"
    sides = list(cuts(section.spots))
    side = sides[draw % len(sides)]
    masks, asked = (
        draw_few(np.random.default_rng(draw), np.where(side, layer, -1), size, wrong),
        np.where(side, -1, layer),
    )
    members, rest = [np.flatnonzero(mask) for mask in masks], [np.flatnonzero(side & ~mask) for mask in masks]
    pictured = encoders.pictures("fitted", draw % seeds)
    found += scored(table, "gene pictures", drawn_maps(pictured, side, masks), asked, None)
    by_statistic = drawn_maps(pictured, side, masks, "statistic")
    found += scored(table, f"gene pictures, {BY_STATISTIC}", by_statistic, asked, None)
    for likelihood in LIKELIHOODS:
        each = encoders.profiles("fitted", learned, likelihood, seeds)
        found += ways(table, SHORT[likelihood], each, Drawn(canvas, section, masks, asked, side), WAYS_OF_FEW)
    for name, scores in peer_scores(x, members, rest, canvas.places, x).items():
        found.append(Result(table, "none", name, layer_aurocs(scores, asked, NAMES)))
    return found


def draw_few(rng: np.random.Generator, drawn: np.ndarray, size: int, wrong: int) -> list[np.ndarray]:
    """Spots of each layer, as many as there are up to ``size``, some of them of another layer; none twice."""
    free, masks = np.ones(len(drawn), dtype=bool), []
    for k in range(len(NAMES)):
        right = rng.permutation(np.flatnonzero(free & (drawn == k)))[: size - wrong]
        free[right] = False
        masks.append(np.isin(np.arange(len(drawn)), right))
    for k, mask in enumerate(masks):
        others = rng.permutation(np.flatnonzero(free & (drawn >= 0) & (drawn != k)))[:wrong]
        free[others] = False
        mask[others] = True
    return masks


def ranks(encoders: Encoders, seeds: int) -> list[str]:
    """Ranks of the published markers among the genes of each layer, and how alike the lists of the seeds are."""
    canvas, layer, lines = profiles("fitted")[0], layer_numbers(), []
    regions = [cs.Region.from_mask(name, layer == k) for k, name in enumerate(NAMES)]
    x = canvas.inputs(np.arange(len(canvas)))
    for k, name in enumerate(NAMES):
        difference = x[layer == k].mean(axis=0) - x[(layer >= 0) & (layer != k)].mean(axis=0)
        plain = list(pd.Series(difference, index=canvas.features).sort_values(ascending=False).index)
        found = ", ".join(f"{gene} {told(gene, [plain])}" for gene in PUBLISHED[name])
        lines.append(f"| none, gene mean difference | {name} | {found} | |")
    for likelihood in LIKELIHOODS:
        each = encoders.profiles("fitted", (canvas,), likelihood, seeds)
        singly = [cs.spot_concepts(regions, canvas, encoder) for encoder in each]
        for name in NAMES:
            tables = [cs.concept_genes(one, name) for one in singly]
            for column in ("decoded", "read"):
                lists = [list(table[column].sort_values(ascending=False, kind="stable").index) for table in tables]
                found = ", ".join(f"{gene} {told(gene, lists)}" for gene in PUBLISHED[name])
                lines.append(f"| {SHORT[likelihood]}, {column} | {name} | {found} | {alike(lists):.2f} |")
    return lines
