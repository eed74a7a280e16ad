"""What units see of nuclei in two stains: IoU beside all controls, on pictures that classifiers did not learn from.

    CONCEPTSTAIN_DATA=... python benchmarks/units_of_nuclei.py [--seeds 3] [--draws 2] [--fit crop] [--figure f.png]

40 pictures of histology and 57 of fluorescence (2018 Data Science Bowl, CC0), in colour, the middle of each on a frame
of 64 pixels: units answer to the edge of what a frame is padded with. Labels are the stain of the whole picture, the
nuclei of either stain, pixel by pixel, and the colours of the pixels. Each seed leaves out a third of the pictures of
either stain; these alone are dissected.

*Stains*: a classifier of whole pictures. *Nuclei*: a classifier of every place: a nucleus of histology, one of
fluorescence, or background. *Encoder*: a variational autoencoder, fitted to all pictures without labels. Of each the
last convolution, before its ReLU: behind it a unit that is 0 nearly everywhere has the threshold 0, and enlarging its
map lifts all that lies around above that. *Channels*: red, green and blue, without a network.

A unit is active at a part q of the places: 0.005 as in the paper, or 0.1, about as much as nuclei cover. With a label
that covers a part p no IoU can be above q/p: at 0.005, of the stains, not above about 0.01.

*Figure*: of the first seed's classifier of nuclei the best units of the labels, at q = 0.1, and the left-out pictures
that excite each most.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from unit_tables import Found, by_kind, joined, tell

import conceptstain as cs
from conceptstain.canvas.label_maps import Label, LabelMaps
from conceptstain.methods.dissection import Dissection

FRAME = 64
QUANTILES = (0.005, 0.1)
LEAST = 0.04
STAINS = ("histology", "fluorescence")
TOLD = (*STAINS, *(f"nucleus of {stain}" for stain in STAINS))


def opened(fit: str) -> tuple[cs.ImageSet, LabelMaps]:
    """The pictures, and what is said of the nuclei."""
    folder = Path(os.environ["CONCEPTSTAIN_DATA"]) / "nuclei"
    files = {stain: sorted((folder / stain).glob("*_labels.png")) for stain in STAINS}
    pictures = [path.with_name(path.name.replace("_labels", "")) for stain in STAINS for path in files[stain]]
    canvas = cs.open(pictures, as_="images").view("images", frame=FRAME, fit=fit)
    one, other = (
        cs.painted_labels(canvas, files[stain], category="nucleus", instances=f"nucleus of {stain}") for stain in STAINS
    )
    return canvas, one + other


def left_out(stains: cs.ClassLabels, seed: int) -> np.ndarray:
    """A third of the pictures of either stain."""
    rng = np.random.default_rng(seed)
    groups = [rng.permutation(np.flatnonzero(stains.codes == code)) for code in range(len(stains.classes))]
    return np.sort(np.concatenate([group[: len(group) // 3] for group in groups]))


def of_pictures(canvas: cs.ImageSet, stains: cs.ClassLabels) -> LabelMaps:
    """The stain of each whole picture."""
    on_whole = np.zeros((len(canvas), 1 + len(STAINS)), dtype=bool)
    for column, stain in enumerate(STAINS, 1):
        on_whole[:, column] = stains.codes == stains.classes.index(stain)
    labels = tuple(Label(stain, "stain") for stain in STAINS)
    return LabelMaps("folders", labels, canvas.shape[1:], np.arange(len(canvas)), on_whole=on_whole)


def trained(
    canvas: cs.ImageSet, labels: cs.ClassLabels | cs.PartLabels, learned: np.ndarray, seed: int, epochs: int
) -> cs.Classifier:
    settings = cs.ClassifierSettings.of(canvas, parts=labels.parts)
    training = replace(settings.training, seed=seed, epochs=epochs, batch_size=16)
    return cs.fit_classifier(canvas, labels, replace(settings, training=training), items=learned)


def draw(encoder: cs.Encoder, canvas: cs.ImageSet, labels: LabelMaps, items: np.ndarray, path: Path) -> None:
    layer = next(name for name in reversed(cs.layers_with_places(encoder)) if "conv" in name)
    found = cs.dissect(encoder, layer, canvas, labels, quantile=QUANTILES[1], items=items)
    title = "Units of a classifier of nuclei, on pictures that it did not learn from"
    cs.save_figure(cs.unit_figure(found, encoder, canvas, items=items, most=4, title=title), path, overwrite=True)


def columns(found: Dissection) -> list[int]:
    """Which labels are told on their own."""
    names = [label.name for label in found.labels]
    return [names.index(name) for name in TOLD]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=2, help="of each control per seed")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--encoder-epochs", type=int, default=80)
    parser.add_argument("--fit", choices=("crop", "pad", "stretch"), default="crop", help="onto the frame")
    parser.add_argument("--figure", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    canvas, nuclei = opened(asked.fit)
    stains = cs.class_labels(canvas, folders=True)
    labels = of_pictures(canvas, stains) + nuclei + cs.colour_labels(canvas)
    parts = cs.part_labels(canvas, nuclei, background="background")
    rows: dict[tuple[str, float], list[Found]] = {}

    def look(name: str, encoder: cs.Encoder, seed: int) -> None:
        items = left_out(stains, seed)
        layer = next(name for name in reversed(cs.layers_with_places(encoder)) if "conv" in name)
        for quantile in QUANTILES:
            beside = cs.dissection_controls(
                encoder,
                layer,
                canvas,
                labels,
                quantile=quantile,
                items=items,
                draws=asked.draws,
                seed=asked.draws * seed,
            )
            rows.setdefault((name, quantile), []).append(by_kind(beside))

    accuracies: dict[str, list[float]] = {"stains": [], "nuclei": []}
    for seed in range(asked.seeds):
        items = left_out(stains, seed)
        learned = np.setdiff1d(np.arange(len(canvas)), items)
        for name, said in (("stains", stains), ("nuclei", parts)):
            classifier = trained(canvas, said, learned, seed, asked.epochs)
            accuracies[name].append(cs.confusion(classifier, canvas, said, items).balanced_accuracy)
            look(name, classifier.encoder, seed)
            if asked.figure and name == "nuclei" and not seed:
                draw(classifier.encoder, canvas, labels, items, asked.figure)
        settings = cs.FitSettings.of(canvas)
        training = replace(settings.training, seed=seed, device="cpu", epochs=asked.encoder_epochs)
        encoder = cs.fit(canvas, replace(settings, training=training))
        look("encoder", encoder, seed)
    for name, each in accuracies.items():
        print(f"{name}: balanced accuracy of pictures left out {min(each):.1%} to {max(each):.1%}")
    for quantile in QUANTILES:
        print(f"\nq = {quantile}\n\n| network | {' | '.join(TOLD)} | mean | unique |\n|---|{'---|' * (len(TOLD) + 2)}")
        inputs = [
            cs.dissect_inputs(canvas, labels, quantile=quantile, items=left_out(stains, seed))
            for seed in range(asked.seeds)
        ]
        tell("channels", {"themselves": inputs}, columns(inputs[0]), LEAST)
        for (name, at), found in rows.items():
            if at == quantile:
                tell(name, joined(found), columns(inputs[0]), LEAST)


if __name__ == "__main__":
    main()
