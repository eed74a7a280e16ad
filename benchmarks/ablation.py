"""What a classifier of parts loses without some of its units, beside random ones.

    CONCEPTSTAIN_DATA=... python benchmarks/ablation.py [--weights parts.safetensors] [--layer relu5] [--figure f.svg]

A classifier of the 19 parts of ``faces128`` is fitted to 800 of its 1,000 faces (drawn by seed 0) with the default
settings, or read from a file that was fitted so. On these faces units are ranked by what each part loses without
them, ``imp(u, c) = BA_c(all) - BA_c(u ablated)``, and by their IoU with the part in a dissection at q = .005. On the
other 200 faces the best units are put out, or kept alone, beside ten sets of as many random units (Bau et al. 2020),
and, in three random rotations of the layer, the axes that are ranked best in the same way.

Told are means over the parts that a tenth of these faces or more have, by IoU of what is told at the 16 x 16 places,
and every such part without eight units; in brackets 95 % over groups of faces, of random units and of rotations the
least and the greatest of the draws. *Forced*: the eight most important units set to the 99.5 % quantile of their
activations at all places, and the area that is then taken for the part, beside five sets of eight random units so
forced.

*Speed*: 40 sets of units of the layer that parts are read from, by one pass of the network and sums, beside a pass with
a hook for every set, on 32 faces, in turn; medians of three. What both count is compared.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

import conceptstain as cs
from conceptstain.ablation_figures import ablation_figure
from conceptstain.methods.interventions import units_set
from conceptstain.methods.measuring import measured
from conceptstain.methods.unit_importance import performances_without

PARTS = (  # of the masks, by number
    "background skin nose eye_g l_eye r_eye l_brow r_brow l_ear r_ear "
    "mouth u_lip l_lip hair hat ear_r neck_l neck cloth"
)
LEARNED = 800
FEW = 8
FREQUENT = 0.1  # of the faces


def words(row: object) -> str:
    return f"{row['value']:.3f} ({row['low']:.3f}-{row['high']:.3f})"  # type: ignore[index]


def frequent(labels: cs.PartLabels, items: np.ndarray) -> list[str]:
    has = np.mean([labels.of([item])[0].any(axis=(1, 2)) for item in items], axis=0)
    return [name for name, part in zip(labels.classes, has, strict=True) if part >= FREQUENT]


def tell_curves(curves: cs.AblationCurves) -> None:
    print(curves.sentence)
    for measure in curves.measures:
        print(f"\n{measure}, mean of {len(curves.classes)} parts: {', '.join(curves.classes)}")
        for done, choice in curves.curves:
            rows = curves.mean(done, choice, measure)
            told = ", ".join(f"{number}: {words(row)}" for number, row in rows.iterrows())
            print(f"  {choice} units {done}: {told}")


def tell_parts(curves: cs.AblationCurves) -> None:
    print(f"\nIoU of every part: all units; without {FEW} {', '.join(curves.choices)} ones")
    for name in curves.classes:
        rows = [curves.of_class(name, "removed", choice, "IoU") for choice in curves.choices]
        told = "  ".join(words(each.loc[FEW]) for each in rows)
        print(f"  {name:<7} {words(rows[0].loc[0])}  {told}")


def tell_forced(
    classifier: cs.Classifier, faces: cs.ImageSet, labels: cs.PartLabels, curves: cs.AblationCurves
) -> None:
    print(f"\nArea taken for a part, of all: as it is; with its {FEW} units forced; with {FEW} random units forced")
    random = np.random.default_rng(0)
    items = np.setdiff1d(np.arange(len(faces)), learned_from(len(faces)))
    n_units = len(curves.importance.values)
    draws = [random.permutation(n_units)[:FEW].tolist() for _ in range(5)]
    ask = partial(cs.effect_of_units, classifier, curves.layer, faces, value="peak", items=items, labels=labels)
    at_random = [ask(units).table.loc["taken for", "after"] for units in draws]
    for name in curves.classes:
        row = ask(curves.importance.order(name)[:FEW].tolist()).table.loc[("taken for", name)]
        others = [each[name] for each in at_random]
        low, high = row["before"] + row["low"], row["before"] + row["high"]
        print(
            f"  {name:<7} {row['before']:.3f}  {row['after']:.3f} ({low:.3f}-{high:.3f})  "
            f"{np.mean(others):.3f} ({min(others):.3f}-{max(others):.3f})"
        )


def tell_speed(classifier: cs.Classifier, faces: cs.ImageSet, labels: cs.PartLabels) -> None:
    random = np.random.default_rng(0)
    sets = [random.permutation(classifier.encoder.latent)[:FEW] for _ in range(40)]
    layer, network = classifier.places, classifier.encoder.network
    hooks = [partial(units_set, network, layer, each.tolist()) for each in sets]
    asked = {"items": np.arange(32), "labels": labels}
    ways = {
        "sums": lambda: performances_without(classifier, layer, faces, sets, **asked),
        "hooks": lambda: measured(classifier, faces, hooks, **asked),
    }
    found = {name: way() for name, way in ways.items()}  # pictures are read, too
    apart = sum(
        np.abs(one.confusion - other.confusion).sum() / 2
        for one, other in zip(found["sums"], found["hooks"], strict=True)
    )
    total = sum(each.confusion.sum() for each in found["hooks"])
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(3):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - begin)
    sums, hooked = (float(np.median(seconds[name])) for name in ("sums", "hooks"))
    print(f"\n{len(sets)} sets of units: {sums:.2f} s by sums, {hooked:.2f} s by hooks ({hooked / sums:.1f} x);")
    print(f"  {apart:.1f} of {total:,.0f} places are told otherwise.")


def learned_from(n_faces: int) -> np.ndarray:
    return np.sort(np.random.default_rng(0).permutation(n_faces)[:LEARNED])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--layer")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(os.environ["CONCEPTSTAIN_DATA"]) / "faces128"
    faces = cs.open(folder / "images").view("images", frame=128)
    background, *parts = PARTS.split()
    maps = cs.painted_labels(faces, folder / "masks", names=["", *parts])
    labels = cs.part_labels(faces, maps, background=background)
    learned = learned_from(len(faces))
    tested = np.setdiff1d(np.arange(len(faces)), learned)
    if options.weights:
        classifier = cs.load_classifier(options.weights)
    else:
        classifier = cs.fit_classifier(faces, labels, items=learned, name="parts")
    layer = options.layer or classifier.places
    dissection = cs.dissect(classifier.encoder, layer, faces, maps, items=learned)
    begin = time.perf_counter()
    curves = cs.ablation_curves(
        classifier,
        layer,
        faces,
        labels,
        items=learned,
        tested=tested,
        classes=frequent(labels, tested),
        dissection=dissection,
        rotations=3,
    )
    print(f"{time.perf_counter() - begin:.0f} s for all curves.")
    tell_curves(curves)
    tell_parts(curves)
    tell_forced(classifier, faces, labels, curves)
    tell_speed(classifier, faces, labels)
    if options.figure:
        cs.save_figure(ablation_figure(curves), options.figure, overwrite=True)


if __name__ == "__main__":
    main()
