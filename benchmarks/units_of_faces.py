"""Which training makes single units of a classifier see parts of faces better than other axes of their layer do.

    CONCEPTSTAIN_DATA=... python benchmarks/units_of_faces.py [--development] [--choice NAME ...] [--seeds 3]

1,000 faces with masks of 18 parts (CelebAMask-HQ, non-commercial: no picture is shown), on a frame of 64 pixels, in the
order of their names. Choices of training are made on development faces (``--development``: learned from the first 600,
dissected on the next 200, one seed), and what was chosen is told of held-out faces (learned from the first 800,
dissected on the last 200). A fifth of what is learned from chooses the epoch.

Told are the balanced accuracy over places of the dissected faces; along how many *directions* the last convolution
varies, the participation ratio of the eigenvalues of its channels' covariance, ``(sum e)^2 / sum e^2``; and, at
q = 0.005, detectors, labels with a unit of their own (IoU above 0.04), and the mean over the parts of the best unit's
IoU: trained, rotated, against shuffled labels and untrained, before the ReLU of the last convolution and behind it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from unit_tables import Found, by_kind, joined, spread

import conceptstain as cs
from conceptstain.nets.classifier_network import ClassifierNetworkSettings
from conceptstain.nets.tap import tap

FRAME = 64
PARTS = (
    "background skin nose eye_g l_eye r_eye l_brow r_brow l_ear r_ear "
    "mouth u_lip l_lip hair hat ear_r neck_l neck cloth"
)
Change = Callable[[cs.ClassifierSettings], cs.ClassifierSettings]


def training(**changes: object) -> Change:
    return lambda settings: replace(settings, training=replace(settings.training, **changes))  # type: ignore[arg-type]


def width(last: int) -> Change:
    def change(settings: cs.ClassifierSettings) -> cs.ClassifierSettings:
        network = settings.network or ClassifierNetworkSettings()
        return replace(settings, network=replace(network, widths=(*network.widths[:-1], last)))

    return change


PLAIN = {"batch_norm": False}
CHOICES: dict[str, Change] = {
    "plain": training(**PLAIN),
    "longer": training(**PLAIN, epochs=30),
    "faster": training(**PLAIN, learning_rate=6e-3),
    "weight decay 1": training(**PLAIN, weight_decay=1.0),
    "balance 1": training(**PLAIN, balance=1.0),
    "32 units": lambda settings: width(32)(training(**PLAIN)(settings)),
    "256 units": lambda settings: width(256)(training(**PLAIN)(settings)),
    "batch norm": training(batch_norm=True),
    "batch norm, longer": training(batch_norm=True, epochs=30),
    "batch norm, balance 1": training(batch_norm=True, balance=1.0),
    "batch norm, 32 units": lambda settings: width(32)(training(batch_norm=True)(settings)),
    "batch norm, 256 units": lambda settings: width(256)(training(batch_norm=True)(settings)),
}


def directions(classifier: cs.Classifier, canvas: cs.ImageSet, items: np.ndarray) -> float:
    """Participation ratio of what the last convolution puts out."""
    encoder = classifier.encoder
    with torch.inference_mode(), tap(encoder.network, convolution(classifier)) as tapped:
        encoder.encode(encoder.tensor(canvas.inputs(items)))
        values = tapped.take().transpose(0, 1).flatten(1)
    spectrum = torch.linalg.eigvalsh(torch.cov(values.double()))
    return float(spectrum.sum() ** 2 / (spectrum**2).sum())


def convolution(classifier: cs.Classifier) -> str:
    return classifier.places.replace("relu", "conv")


def tell(name: str, found: Found) -> None:
    for kind, draws in found.items():
        detectors = spread([float(each.detectors().sum()) for each in draws], 0)
        unique = spread([float(each.unique_detectors().sum()) for each in draws], 0)
        best = spread([float(each.iou.max(axis=0).mean()) for each in draws], 3)
        print(f"| {name}, {kind} | {detectors} | {unique} | {best} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--development", action="store_true", help="choose, on development faces")
    parser.add_argument("--choice", action="append", choices=tuple(CHOICES), help="repeatable; plain and batch norm")
    parser.add_argument("--seeds", type=int, help="3, on development faces 1")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--draws", type=int, default=3, help="of each control per seed")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(os.environ["CONCEPTSTAIN_DATA"]) / "faces128"
    canvas = cs.open(folder / "images").view("images", frame=FRAME)
    masks = cs.painted_labels(canvas, folder / "masks", names=PARTS.split())
    labels = cs.part_labels(canvas, masks, background="background")
    learned, left = (
        (np.arange(600), np.arange(600, 800)) if asked.development else (np.arange(800), np.arange(800, 1000))
    )
    seeds = asked.seeds or (1 if asked.development else 3)
    print("| network | detectors | unique | mean best IoU |\n|---|---|---|---|")
    for choice in asked.choice or (CHOICES if asked.development else ("plain", "batch norm")):
        accuracies, ratios, found = [], [], {False: list[Found](), True: list[Found]()}
        for seed in range(seeds):
            settings = cs.ClassifierSettings.of(canvas, parts=True)
            settings = CHOICES[choice](training(seed=seed, epochs=asked.epochs)(settings))
            classifier = cs.fit_classifier(canvas, labels, settings, items=learned)
            accuracies.append(100 * cs.confusion(classifier, canvas, labels, left).balanced_accuracy)
            ratios.append(directions(classifier, canvas, left))
            for behind, each in found.items():
                layer = classifier.places if behind else convolution(classifier)
                beside = cs.dissection_controls(
                    classifier.encoder, layer, canvas, masks, items=left, draws=asked.draws, seed=asked.draws * seed
                )
                each.append(by_kind(beside))
        print(f"{choice}: balanced accuracy {spread(accuracies, 1)}%, {spread(ratios, 1)} directions")
        for behind, each in found.items():
            tell(f"{choice}, {'behind the ReLU' if behind else 'before'}", joined(each))


if __name__ == "__main__":
    main()
