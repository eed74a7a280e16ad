"""Which genes would have to change for spots of one layer of the olfactory bulb to be taken for another.

    CONCEPTSTAIN_DATA=... python benchmarks/layer_counterfactuals.py [--seeds 3] [--shuffles 19] [--cache FOLDER]

Rep11, the only labelled section. *What was learned from what*: encoders learn from all spots, without labels. Spots are
dealt into five folds; of the four that are not asked, two teach the classifier that is asked and the other two the
second one, so that neither saw a label of the spots in question, nor one that the other saw. Which layer a spot is of
is what the first classifier says: labels of the asked spots are used nowhere. The markers are published lists.

*Tests*: for every pair of layers, whether the markers of the target are among the genes that rise and those of the
origin among those that fall, by exact rank-sum tests against all 1,000 genes, corrected over all pairs (Holm). Rank
tests take genes for independent, which they are not. So the same is asked of directions drawn at random, as far and
with the covariance of the latents, and of the same search where labels were dealt anew among the spots (there the end
of every search counts, as hardly any arrives). The plain difference of the mean profiles of the two layers uses labels
of all spots and no network: it is what anyone would look at first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
from bulb import sections
from bulb.encoders import Encoders
from sklearn.model_selection import StratifiedKFold

import conceptstain as cs
from conceptstain.concepts.evidence import holm

LAYERS = {"1": "GCL", "2": "MCL", "3": "OPL", "4": "GL", "5": "ONL"}
MARKERS = {
    "GCL": ("Penk", "Nrgn"),
    "MCL": ("Doc2g", "Cdhr1"),
    "GL": ("Th", "Eomes"),
    "ONL": ("Kctd12", "Omp", "Apod", "Fabp7"),
}
PAIRS = tuple(permutations(LAYERS.values(), 2))
METHOD = "line search"  # of all that is told of genes
METHODS = (None, "line search", "gradient")  # None: the default
FOLDS = 5
FEWEST = 4  # counterfactuals that a mean is taken of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="of encoders")
    parser.add_argument("--shuffles", type=int, default=19, help="of labels")
    parser.add_argument("--directions", type=int, default=199, help="at random")
    parser.add_argument("--epochs", type=int, default=40, help="of classifiers")
    parser.add_argument("--cache", type=Path, default=Path("build") / "layers", help="folder of fitted encoders")
    parser.add_argument("--figures", type=Path, help="folder to draw into")
    options = parser.parse_args()
    canvas = sections.section(sections.LABELLED).view("spots")
    told = {name: LAYERS[label] for name, label in zip(canvas.item_names, sections.labels(), strict=True) if label}
    labels = cs.class_labels(canvas, values=told)
    encoders = Encoders(options.cache).profiles("counterfactuals", [canvas], "gaussian", options.seeds)

    bench = Bench.of(canvas, labels, options.epochs)
    tell_classifiers(bench, encoders[0])
    tell_searches(bench, encoders[0])
    runs = [bench.all_pairs(encoder) for encoder in encoders]
    tell_pairs(runs)
    tell_genes(runs[0]["GCL", "MCL"], options.figures)
    tell_controls(bench, encoders[0], runs[0], options)


@dataclass(frozen=True, eq=False)
class Bench:
    """Spots in folds, with two classifiers for each that saw no label of it."""

    canvas: cs.SpotProfiles
    labels: cs.ClassLabels
    folds: tuple[np.ndarray, ...]
    first: tuple[cs.Classifier, ...]
    second: tuple[cs.Classifier, ...]

    @classmethod
    def of(cls, canvas: cs.SpotProfiles, labels: cs.ClassLabels, epochs: int, *, twice: bool = True) -> Bench:
        """Deal spots into folds, and fit."""
        known = labels.labelled
        split = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(known, labels.codes[known])
        folds = tuple(known[left] for _, left in split)

        def fitted(seed: int, *behind: int) -> tuple[cs.Classifier, ...]:
            settings = cs.ClassifierSettings.of(canvas)
            settings = replace(settings, training=replace(settings.training, epochs=epochs, seed=seed, device="cpu"))
            return tuple(
                cs.fit_classifier(
                    canvas, labels, settings, items=np.concatenate([folds[(k + each) % FOLDS] for each in behind])
                )
                for k in range(FOLDS)
            )

        return cls(canvas, labels, folds, fitted(0, 1, 2), fitted(1, 3, 4) if twice else ())

    def pair(
        self, encoder: cs.Encoder, origin: str, target: str, method: str | None = METHOD
    ) -> list[cs.Counterfactual]:
        """Counterfactuals of the spots that are taken for the origin, one result for each fold."""
        found = []
        for number, (fold, classifier) in enumerate(zip(self.folds, self.first, strict=True)):
            told = classifier.predictions(self.canvas, fold)
            items = fold[told == classifier.number(origin)]
            if not len(items) or target not in classifier.classes:
                continue
            second = self.second[number] if self.second else None
            how = {} if method is None else {"method": method}
            try:
                made = cs.counterfactual(classifier, encoder, self.canvas, items, target, second=second, **how)
            except cs.MismatchError:  # of shuffled labels: no spot at all is taken for one of the two
                continue
            found.append(made)
        return found

    def layer_means(self) -> dict[str, pd.Series]:
        """Mean profiles of the labelled spots."""
        profiles, genes = self.canvas.inputs(np.arange(len(self.canvas))), list(self.canvas.features)
        return {
            name: pd.Series(profiles[self.labels.codes == row].mean(axis=0, dtype=np.float64), index=genes)
            for row, name in enumerate(self.labels.classes)
        }

    def all_pairs(self, encoder: cs.Encoder) -> dict[tuple[str, str], list[cs.Counterfactual]]:
        """By origin and target."""
        return {pair: self.pair(encoder, *pair) for pair in PAIRS}


def changes(found: list[cs.Counterfactual], *, arrived: bool = True) -> pd.Series:
    """Mean change of every gene over the counterfactuals of all folds that arrived; empty where those are few."""
    if sum(int((each.asked & (each.success | (not arrived))).sum()) for each in found) < FEWEST:
        return pd.Series(dtype=float)
    return cs.changed_genes(*found, count="success" if arrived else "all")["change"].sort_index()


@dataclass(frozen=True)
class Tested:
    """Markers of the target among the genes that rise, and of the origin among those that fall."""

    changes: pd.Series
    origin: str
    target: str

    @cached_property
    def table(self) -> pd.DataFrame:
        """All lists, held against all genes."""
        return cs.marker_enrichment(self.changes, MARKERS)

    @property
    def sides(self) -> Iterator[tuple[str, float, float, str]]:
        """Which markers; how often one changes as it should against another gene; p; the ranks."""
        if not self.told:
            return
        for layer, rises in ((self.target, True), (self.origin, False)):
            if layer in MARKERS:
                row = self.table.loc[layer]
                auroc, p = (row["auroc"], row["p_rise"]) if rises else (1 - row["auroc"], row["p_fall"])
                yield f"{layer} {'rise' if rises else 'fall'}", float(auroc), float(p), row["ranks"]

    @property
    def told(self) -> bool:
        """Whether enough searches arrived to say anything."""
        return len(self.changes) > 0

    @property
    def auroc(self) -> float:
        """The mean of both sides."""
        return float(np.mean([auroc for _, auroc, _, _ in self.sides]))


def tell_classifiers(bench: Bench, encoder: cs.Encoder) -> None:
    for name, classifiers in (("first", bench.first), ("second", bench.second)):
        asked = list(zip(classifiers, bench.folds, strict=True))
        said = [cs.confusion(each, bench.canvas, bench.labels, fold) for each, fold in asked]
        right = []
        for each, fold in asked:
            drawn = encoder.decode(encoder.tensor(encoder.latents(bench.canvas, fold)))
            scores = each.scores_of(each.encoder.encode(drawn).mean.numpy())
            right += list(scores.argmax(axis=1) == bench.labels.codes[fold])
        of_profiles = sum(said[1:], start=said[0])
        print(
            f"{name} classifiers, on spots that they did not learn from: balanced accuracy "
            f"{of_profiles.balanced_accuracy:.1%}, accuracy {of_profiles.accuracy:.1%}; of decoded profiles "
            f"{np.mean(right):.1%}; guessing {of_profiles.chance:.1%}"
        )


def tell_searches(bench: Bench, encoder: cs.Encoder) -> None:
    """How the methods fare over all pairs."""
    print("\n| method | asked | success | confirmed | mean change | nearest spot's | plausibility |")
    print("|---|---|---|---|---|---|---|")
    for method in METHODS:
        found = [each for pair in PAIRS for each in bench.pair(encoder, *pair, method)]
        asked = np.concatenate([each.asked for each in found])
        success = asked & np.concatenate([each.success for each in found])
        confirmed = success & np.concatenate([each.confirmed for each in found])
        size, nearest, plausibility = (
            np.nanmedian(np.concatenate([getattr(each, word) for each in found])[success])
            for word in ("changes", "nearest_changes", "plausibility")
        )
        name = f"{found[0].method} (default)" if method is None else method
        print(
            f"| {name} | {asked.sum()} | {success.sum() / asked.sum():.1%} | {confirmed.sum() / asked.sum():.1%} "
            f"| {size:.3f} | {nearest:.3f} | {plausibility:.2f} |",
            flush=True,
        )


def tell_pairs(runs: list[dict[tuple[str, str], list[cs.Counterfactual]]]) -> None:
    rows = []
    for pair, found in runs[0].items():
        asked = sum(int(each.asked.sum()) for each in found)
        success = sum(int((each.asked & each.success).sum()) for each in found)
        confirmed = sum(int((each.asked & each.success & each.confirmed).sum()) for each in found)
        tests = [list(Tested(changes(run[pair]), *pair).sides) for run in runs]
        for number, (side, auroc, p, ranks) in enumerate(tests[0]):
            of_seeds = [test[number] for test in tests if len(test) > number]
            worst = max(each[2] for each in of_seeds)
            lowest = min(each[1] for each in of_seeds)
            rows.append((*pair, asked, success, confirmed, side, ranks, auroc, lowest, p, worst))
    corrected = holm([row[-1] for row in rows])
    print(
        f"\nAll pairs; {len(rows)} tests. AUROC and p: of the first encoder, and the worst of {len(runs)} seeds.\n"
        "\n| pair | asked | success | confirmed | markers | ranks of 1,000 | AUROC (worst) | p | worst p | Holm |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for row, holds in zip(rows, corrected, strict=True):
        origin, target, asked, success, confirmed, side, ranks, auroc, lowest, p, worst = row
        print(
            f"| {origin} -> {target} | {asked} | {success} | {confirmed} | {side} | {ranks} "
            f"| {auroc:.3f} ({lowest:.3f}) | {p:.1g} | {worst:.1g} | {holds:.1g} |"
        )
    held = int((corrected < 0.05).sum())
    print(f"\n{held} of {len(rows)} hold at .05 after Holm's correction, in the worst seed.", flush=True)


def tell_genes(found: list[cs.Counterfactual], figures: Path | None) -> None:
    """What rises and falls from GCL to MCL; and, in a folder, as figures."""
    table = cs.changed_genes(*found)
    for word, chosen in (("rise", table.head(12)), ("fall", table.tail(12)[::-1])):
        told = ", ".join(f"{gene} {row.change:+.2f} ({row.agreeing:.0%})" for gene, row in chosen.iterrows())
        print(f"\nGCL -> MCL, {table.attrs['spots']} spots, genes that {word} most (z-scores, agreeing):\n{told}")
    if figures is not None:
        figures.mkdir(parents=True, exist_ok=True)
        shown = {"mitral": MARKERS["MCL"], "granule": MARKERS["GCL"], "others": MARKERS["GL"] + MARKERS["ONL"]}
        drawn = cs.gene_change_figure(table, markers=shown, title="From granule to mitral cell layer, Rep11")
        cs.save_figure(drawn, figures / "counterfactual-genes.png", dpi=150, overwrite=True)


def tell_controls(
    bench: Bench,
    encoder: cs.Encoder,
    found: dict[tuple[str, str], list[cs.Counterfactual]],
    options: argparse.Namespace,
) -> None:
    """What the counterfactuals have to beat."""
    means = bench.layer_means()
    rows = {
        "counterfactuals": [Tested(changes(each), *pair) for pair, each in found.items()],
        "difference of layer means": [Tested(means[b] - means[a], a, b) for a, b in PAIRS],
        "random directions": list(at_random(encoder, bench, found, options.directions)),
        "labels dealt anew": list(dealt_anew(encoder, bench, options)),
    }
    print("\n| what changes genes | pairs | AUROC of both sides: median | 95 % of pairs below | tests with p < .05 |")
    print("|---|---|---|---|---|")
    for name, tested in rows.items():
        made = [each for each in tested if each.told]
        if not made:
            continue
        aurocs = np.array([each.auroc for each in made])
        p = np.array([p for each in made for _, _, p, _ in each.sides])
        print(
            f"| {name} | {len(made)} of {len(tested)} | {np.median(aurocs):.3f} | {np.quantile(aurocs, 0.95):.3f} "
            f"| {(p < 0.05).mean():.1%} |",
            flush=True,
        )
    print("\n| pair | AUROC | p by random directions | p by dealt labels | r with the difference of layer means |")
    print("|---|---|---|---|---|")
    for seen in rows["counterfactuals"]:
        pair = seen.origin, seen.target
        if not seen.told:
            print(f"| {' -> '.join(pair)} | too few arrive | | | |")
            continue
        nulls = [part_above(seen, rows[name]) for name in ("random directions", "labels dealt anew")]
        similar = seen.changes.corr(means[pair[1]] - means[pair[0]])
        print(f"| {' -> '.join(pair)} | {seen.auroc:.3f} | {' | '.join(nulls)} | {similar:.2f} |")


def part_above(seen: Tested, others: list[Tested]) -> str:
    """P by what was drawn for the same pair, and how many of these there are."""
    null = [each.auroc for each in others if (each.origin, each.target) == (seen.origin, seen.target) and each.told]
    return f"{(1 + sum(auroc >= seen.auroc for auroc in null)) / (1 + len(null)):.2g} of {len(null)}"


def dealt_anew(encoder: cs.Encoder, bench: Bench, options: argparse.Namespace) -> Iterator[Tested]:
    """The same search by classifiers that learned labels which say nothing."""
    rng, codes = np.random.default_rng(0), bench.labels.codes
    asked = success = 0
    for _ in range(options.shuffles):
        dealt = codes.copy()
        dealt[codes >= 0] = rng.permutation(codes[codes >= 0])
        shuffled = Bench.of(bench.canvas, replace(bench.labels, codes=dealt), options.epochs, twice=False)
        for pair, each in shuffled.all_pairs(encoder).items():
            asked += sum(int(part.asked.sum()) for part in each)
            success += sum(int((part.asked & part.success).sum()) for part in each)
            yield Tested(changes(each, arrived=False), *pair)
    print(f"\nOf labels dealt anew, {success} of {asked} searches arrive.")


def at_random(
    encoder: cs.Encoder, bench: Bench, found: dict[tuple[str, str], list[cs.Counterfactual]], number: int
) -> Iterator[Tested]:
    """As far, from the same spots, along one direction that has the latents' covariance."""
    latents = encoder.latents(bench.canvas).astype(np.float64)
    root = np.linalg.cholesky(np.cov(latents.T))
    rng = np.random.default_rng(1)
    for pair, made in found.items():
        use = [each.asked & each.success for each in made]
        path = (
            np.concatenate([each.path[which] for each, which in zip(made, use, strict=True)]) if made else np.empty(0)
        )
        if len(path) < FEWEST:
            continue
        start, far = path[:, 0], np.linalg.norm(path[:, -1] - path[:, 0], axis=1, keepdims=True)
        before = encoder.decode(encoder.tensor(start)).numpy()
        for _ in range(number):
            drawn = root @ rng.standard_normal(latents.shape[1])
            after = encoder.decode(encoder.tensor(start + far * drawn / np.linalg.norm(drawn))).numpy()
            mean = (after - before).mean(axis=0, dtype=np.float64)
            yield Tested(pd.Series(mean, index=list(bench.canvas.features)), *pair)


if __name__ == "__main__":
    main()
