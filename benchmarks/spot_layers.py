"""Do concepts of drawn spots find the rest of a layer? AUROC on the labelled section Rep11.

    CONCEPTSTAIN_DATA=... python benchmarks/spot_layers.py [--seeds 3]

Of each layer the half that lies on one side of a line through the tissue is drawn, and what is made of it is scored on
the other side, whose labels nothing has seen. Each number is the mean over four ways to cut (each of two lines, either
side drawn) and, except for ensembles, over the seeds. Comparisons are with the drawn side only.

*One section*: encoder and z-scores see all spots, without labels. *Two sections*: the sides are sections of their own;
genes, encoder and concepts come from one, and the other is opened, scaled and scored as a new section is. Rep11 is the
section that settings were chosen on, so its figures are optimistic; it is the only one with labels, so the last table,
on Rep1 and Rep2, can only say how the scores go with a layer's published marker, one of the genes that they read.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections import defaultdict
from collections.abc import Iterator

import bulb_layers
import numpy as np
import pandas as pd
from scipy.stats import spearmanr, zscore
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_score

import conceptstain as cs
from conceptstain.concepts.groups import Groups, against_others
from conceptstain.concepts.neighbour_context import strips
from conceptstain.nets.profile_vae import ProfileVAESettings

LAYERS = {"GCL": "1", "MCL+OPL": "23", "GL": "4", "ONL": "5"}
MARKERS = {
    "GCL": ("Penk", "Nrgn"),
    "MCL+OPL": ("Doc2g", "Cdhr1"),
    "GL": ("Th", "Eomes"),
    "ONL": ("Kctd12", "Omp", "Apod", "Fabp7"),
}
LIKELIHOODS = ("gaussian", "negative binomial")
# What is added row by row; the first three are of single seeds.
WAYS = {
    "plain": cs.SpotConceptSettings("plain", contrast=False, context=0.0),
    "whitened": cs.SpotConceptSettings("whitened", contrast=False, context=0.0),
    "contrast": cs.SpotConceptSettings(context=0.0),
    "contrast, context": cs.SpotConceptSettings(),
}
STRENGTHS = 10.0 ** np.arange(-5, 2)

Rows = defaultdict[str, list[list[float]]]


def cuts(spots: np.ndarray) -> Iterator[np.ndarray]:
    """Which spots lie on the drawn side."""
    for axis in (0, 1):
        side = spots[:, axis] < np.median(spots[:, axis])
        yield side
        yield ~side


def part(section: cs.Section, kept: np.ndarray, name: str) -> cs.Section:
    """Some spots of a section as a section of their own."""
    return dataclasses.replace(
        section, name=name, adata=section.adata[kept].copy(), matrix=section.matrix[kept], spots=section.spots[kept]
    )


def aurocs(scores: np.ndarray, layer: np.ndarray) -> list[float]:
    """AUROC of each layer among labelled spots; ``layer`` is -1 where there is none."""
    known = layer >= 0
    return [bulb_layers.auroc(scores[known, k], layer[known] == k) for k in range(len(LAYERS))]


def classifier_scores(x: np.ndarray, layer: np.ndarray, spots: np.ndarray, at: np.ndarray) -> dict[str, np.ndarray]:
    """The peers, told the layers of ``x`` and asked at other profiles of the same genes."""
    members = [np.flatnonzero(layer == k) for k in range(len(LAYERS))]
    rest = [np.flatnonzero((layer >= 0) & (layer != k)) for k in range(len(LAYERS))]
    differences = [x[own].mean(axis=0) - x[other].mean(axis=0) for own, other in zip(members, rest, strict=True)]
    pca = PCA(16, random_state=0).fit(x)
    z, z_at = pca.transform(x), pca.transform(at)
    whitened = [
        against_others(Groups.of(z, [own, other], whitened=True).log_densities(z_at))[:, 0]
        for own, other in zip(members, rest, strict=True)
    ]
    known = layer >= 0
    folds = PredefinedSplit(strips(spots[known], layer[known]))

    def logistic(strength: float) -> LogisticRegression:
        return LogisticRegression(C=strength, max_iter=5000)

    losses = [
        cross_val_score(logistic(c), x[known], layer[known], cv=folds, scoring="neg_log_loss").mean() for c in STRENGTHS
    ]
    best = logistic(STRENGTHS[int(np.argmax(losses))]).fit(x[known], layer[known])
    return {
        "gene mean difference": np.stack([at @ difference for difference in differences], axis=1),
        "PCA 16, whitened": np.stack(whitened, axis=1),
        "PCA 16, contrast": against_others(Groups.of(z, members, whitened=True).log_densities(z_at)),
        "logistic regression, C tuned": against_others(best.decision_function(at)),
    }


def concept_rows(
    rows: Rows,
    encoders: dict[str, tuple[cs.Encoder, ...]],
    source: cs.SpotProfiles,
    target: cs.Section,
    *,
    drawn: np.ndarray,
    asked: np.ndarray,
) -> list[str]:
    """AUROC of every likelihood and way, singly and as an ensemble; and the weights that the context was given."""
    regions = [cs.Region.from_mask(name, drawn == k) for k, name in enumerate(LAYERS)]
    among = None if (drawn >= 0).all() else cs.Region.from_mask("drawn side", drawn >= 0)
    weights = []
    for likelihood, seeds in encoders.items():
        for way, settings in WAYS.items():
            singly = [cs.spot_concepts(regions, source, encoder, settings, among=among) for encoder in seeds]
            for concepts in singly:
                scores = concepts.score(target).table.to_numpy()
                rows[f"{likelihood}: {way}"].append(aurocs(scores, asked))
                if settings.context is None:
                    weights.append(f"{likelihood} {concepts.readings[0][0].context.weight:g}")
            together = cs.spot_concepts(regions, source, seeds, settings, among=among)
            rows[f"{likelihood}: {way}, {len(seeds)} seeds"].append(
                aurocs(together.score(target).table.to_numpy(), asked)
            )
    return weights


def fitted(canvas: cs.SpotProfiles, seeds: int) -> dict[str, tuple[cs.Encoder, ...]]:
    """Encoders of every likelihood."""
    settings = cs.FitSettings.of(canvas)
    return {
        likelihood: cs.fit_seeds(
            canvas, dataclasses.replace(settings, network=ProfileVAESettings(likelihood)), seeds=seeds
        )
        for likelihood in LIKELIHOODS
    }


def table(rows: Rows) -> str:
    """A Markdown table."""
    lines = [f"| scores | {' | '.join(LAYERS)} | mean |", f"|---|{'---|' * (len(LAYERS) + 1)}"]
    for name, values in rows.items():
        mean = np.mean(values, axis=0)
        lines.append(f"| {name} | {' | '.join(f'{value:.3f}' for value in (*mean, mean.mean()))} |")
    return "\n".join(lines)


def marker_lines(encoders: dict[str, tuple[cs.Encoder, ...]], canvas: cs.SpotProfiles, layer: np.ndarray) -> list[str]:
    """Ranks of the published markers among the genes of each layer, and how alike the lists of the seeds are."""
    regions = [cs.Region.from_mask(name, layer == k) for k, name in enumerate(LAYERS)]
    lines = []
    for likelihood, seeds in encoders.items():
        together = cs.spot_concepts(regions, canvas, seeds)
        singly = [cs.spot_concepts(regions, canvas, encoder) for encoder in seeds]
        for name in LAYERS:
            ranked = list(cs.concept_genes(together, name).index)
            ranks = [f"{gene} {ranked.index(gene) + 1}" if gene in ranked else f"{gene} -" for gene in MARKERS[name]]
            lists = [cs.concept_genes(one, name).loc[list(canvas.features)] for one in singly]
            alike = {
                column: np.mean(
                    [spearmanr(a[column], b[column]).statistic for i, a in enumerate(lists) for b in lists[:i]]
                )
                for column in ("decoded", "read")
            }
            lines.append(
                f"| {likelihood} | {name} | {', '.join(ranks)} | {alike['decoded']:.2f} | {alike['read']:.2f} |"
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    section, layer = labelled_section()
    canvas = section.view("spots")
    whole = fitted(canvas, seeds)

    rows, weights = defaultdict(list), []
    for side in cuts(section.spots):
        drawn, asked = np.where(side, layer, -1), np.where(side, -1, layer)
        x = canvas.inputs(np.arange(len(canvas)))
        for name, scores in classifier_scores(x, drawn, section.spots, x).items():
            rows[name].append(aurocs(scores, asked))
        weights += concept_rows(rows, whole, canvas, section, drawn=drawn, asked=asked)
    print(f"One section, {seeds} seeds\n\n{table(rows)}\n\nWeights of the context: {told(weights)}.\n", flush=True)

    rows, weights = defaultdict(list), []
    for side in cuts(section.spots):
        source = part(section, side & (layer >= 0), "source").view("spots")
        target = part(section, ~side & (layer >= 0), "target")
        seen, drawn, asked = target.view("spots", genes=source.features), *by_side(layer, side)
        peers = classifier_scores(
            source.inputs(np.arange(len(source))), drawn, source.places, seen.inputs(np.arange(len(seen)))
        )
        for name, scores in peers.items():
            rows[name].append(aurocs(scores, asked))
        weights += concept_rows(rows, fitted(source, seeds), source, target, drawn=drawn, asked=asked)
    print(f"Two sections, {seeds} seeds\n\n{table(rows)}\n\nWeights of the context: {told(weights)}.\n", flush=True)

    print("| likelihood | layer | ranks of its markers | decoded, between seeds | read, between seeds |")
    print("|---|---|---|---|---|")
    print("\n".join(marker_lines(whole, canvas, layer)), flush=True)

    regions = [cs.Region.from_mask(name, layer == k) for k, name in enumerate(LAYERS)]
    begun = time.perf_counter()
    concepts = cs.spot_concepts(regions, canvas, whole["negative binomial"])
    others = [cs.open(bulb_layers.published(f"{name}_MOB_count_matrix-1.tsv")) for name in ("Rep1", "Rep2")]
    print("\nRep11's concepts on sections without labels: Spearman's rho of score and mean z-score of the markers\n")
    for scored in concepts.score_all(others):
        genes = scored.section.view("genes")
        rhos = []
        for name, markers in MARKERS.items():
            expression = genes.expression[:, [genes.item(gene) for gene in markers]].toarray()
            rho = spearmanr(scored.table[name], zscore(expression, axis=0).mean(axis=1)).statistic
            rhos.append(f"{name} {rho:.2f}")
        print(f"{scored.section.name}: {', '.join(rhos)}. {' '.join(scored.notes)}")
    seconds = {
        likelihood: [encoder.card["history"]["seconds"] for encoder in encoders]
        for likelihood, encoders in whole.items()
    }
    fits = ", ".join(f"{name} {min(each):.1f} to {max(each):.1f} s" for name, each in seconds.items())
    print(f"\nFitting one seed took {fits}; drawing on Rep11 and scoring both, {time.perf_counter() - begun:.1f} s.")


def labelled_section() -> tuple[cs.Section, np.ndarray]:
    """Rep11, and the number of each spot's layer, -1 where it has none."""
    canvas, labels = bulb_layers.labelled_canvas()
    layer = np.full(len(labels), -1)
    for k, first in enumerate(LAYERS.values()):
        layer[np.isin(labels, list(first))] = k
    return canvas.section, layer


def by_side(layer: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Layers of the labelled spots of the drawn and of the other side."""
    return layer[side & (layer >= 0)], layer[~side & (layer >= 0)]


def told(weights: list[str]) -> str:
    """How often each weight was chosen."""
    return ", ".join(f"{weight} ({times} x)" for weight, times in pd.Series(weights).value_counts(sort=False).items())


if __name__ == "__main__":
    main()
