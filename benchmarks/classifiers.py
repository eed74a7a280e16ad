"""How well classifiers tell what they did not see, beside simple peers on the same folds.

    CONCEPTSTAIN_DATA=... python benchmarks/classifiers.py [--folds 5] [--epochs 40]

*Layers*: five layers of the olfactory bulb (Rep11, 260 labelled spots) from spot profiles; folds at random, and as
wedges around the middle of the tissue, so that no neighbour across a whole side helps. *Layers, shuffled*: labels dealt
anew among the spots, random folds: what chance gives. *Stains*: histology against fluorescence (2018 Data Science Bowl)
from grey pictures of 64 pixels. The peer is scikit-learn's multinomial logistic regression with balanced classes: of
spots on the same profiles, of pictures on nothing but the mean and the standard deviation of their pixels. Both learn
from the same items; ours holds a fifth of these out to choose its epoch.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

import conceptstain as cs

Folds = Iterator[tuple[np.ndarray, np.ndarray]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=40)
    options = parser.parse_args()
    data = Path(os.environ["CONCEPTSTAIN_DATA"])

    spots = cs.open(data / "mob" / "Rep11_MERINGUE_counts.tsv.gz").view("spots")
    layers = cs.class_labels(spots, table=data / "mob" / "Rep11_layers.csv", column="layer")
    known = layers.labelled
    features = spots.inputs(np.arange(len(spots)))
    tell("layers", spots, layers, features, at_random(layers, known, options.folds), epochs=options.epochs)
    tell("layers, by wedges", spots, layers, features, by_wedge(spots, known, options.folds), epochs=options.epochs)
    codes = layers.codes.copy()
    codes[known] = np.random.default_rng(0).permutation(codes[known])
    dealt = replace(layers, codes=codes)
    tell("layers, shuffled", spots, dealt, features, at_random(dealt, known, options.folds), epochs=options.epochs)

    files = sorted(path for path in (data / "nuclei").glob("*/*.png") if not path.stem.endswith("_labels"))
    pictures = cs.open(files, as_="images").view("images", channels=1)
    stains = cs.class_labels(pictures, folders=True)
    pixels = pictures.inputs(np.arange(len(pictures))).reshape(len(pictures), -1)
    simple = np.stack([pixels.mean(axis=1), pixels.std(axis=1)], axis=1)
    simple = (simple - simple.mean(axis=0)) / simple.std(axis=0)
    tell("stains", pictures, stains, simple, at_random(stains, stains.labelled, options.folds), epochs=options.epochs)


def tell(
    what: str,
    canvas: cs.SpotProfiles | cs.ImageSet,
    labels: cs.ClassLabels,
    features: np.ndarray,
    folds: Folds,
    *,
    epochs: int,
) -> None:
    """One line: both, what they have to beat, and how they differ from fold to fold."""
    settings = cs.ClassifierSettings.of(canvas)
    settings = replace(settings, training=replace(settings.training, epochs=epochs))
    ours, theirs, differences = [], [], []
    for learned, left in folds:
        classifier = cs.fit_classifier(canvas, labels, settings, items=learned)
        peer = LogisticRegression(max_iter=2000, class_weight="balanced").fit(features[learned], labels.codes[learned])
        counts = np.zeros((len(labels.classes),) * 2)
        np.add.at(counts, (labels.codes[left], peer.predict(features[left])), 1)
        ours.append(cs.confusion(classifier, canvas, labels, left))
        theirs.append(cs.Confusion(labels.classes, counts))
        differences.append(ours[-1].balanced_accuracy - theirs[-1].balanced_accuracy)
    one, other = (sum(found[1:], start=found[0]) for found in (ours, theirs))
    print(
        f"{what}: balanced accuracy {one.balanced_accuracy:.1%}, logistic regression {other.balanced_accuracy:.1%} "
        f"(by fold {', '.join(f'{100 * each:+.1f}' for each in differences)} points), guessing {one.chance:.1%}; "
        f"accuracy {one.accuracy:.1%}, always the most frequent class {one.majority:.1%}",
        flush=True,
    )


def at_random(labels: cs.ClassLabels, items: np.ndarray, folds: int) -> Folds:
    for learned, left in StratifiedKFold(folds, shuffle=True, random_state=0).split(items, labels.codes[items]):
        yield items[learned], items[left]


def by_wedge(canvas: cs.SpotProfiles, items: np.ndarray, folds: int) -> Folds:
    """Wedges of as many spots around the middle of the tissue."""
    y, x = (canvas.places[items] - canvas.places[items].mean(axis=0)).T
    wedge = np.argsort(np.argsort(np.arctan2(y, x))) * folds // len(items)
    for number in range(folds):
        yield items[wedge != number], items[wedge == number]


if __name__ == "__main__":
    main()
