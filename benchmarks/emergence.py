"""When units of a network come to see parts, and what a rotation of their layer takes away.

    CONCEPTSTAIN_DATA=... python benchmarks/emergence.py [--epochs 12] [--frame 64] [--rotations 5] [--out FOLDER]

A classifier of 19 parts of faces (``faces128``) is trained with the defaults and kept at several epochs. At each, the
last convolution is dissected over all faces, beside the same network rotated and shuffled labels.

Then the trained network is *really* rotated: what the layer puts out is turned by ``Q`` drawn uniformly, and turned
back before the next layer. Told are how much the scores of the classes change by that (the greatest change, in standard
deviations of the score), and for the bundled VAE of gene pictures that of a concept's scores and of reconstructions;
and the unique detectors along ``Q ** alpha``, with the 95 % interval of their mean over draws of ``Q`` (Student's t),
and that over faces for the network itself.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy import stats

import conceptstain as cs
from conceptstain.methods.rotation import part_of_rotation, random_rotation
from conceptstain.nets.rotated import rotated_network
from conceptstain.nets.tap import convolutional_layers

PARTS = (  # of the masks, by number
    "background skin nose eye_g l_eye r_eye l_brow r_brow l_ear r_ear "
    "mouth u_lip l_lip hair hat ear_r neck_l neck cloth"
)
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
EPOCHS = (0, 1, 2, 4, 8, 16, 32)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def trained(canvas: cs.ImageSet, maps: cs.LabelMaps, epochs: int, kept: cs.Checkpoints) -> cs.Classifier:
    labels = cs.part_labels(canvas, maps, background="background")
    settings = cs.ClassifierSettings.of(canvas, parts=True)
    settings = replace(settings, training=replace(settings.training, epochs=epochs))
    begun = time.perf_counter()
    classifier = cs.fit_classifier(canvas, labels, settings, checkpoints=kept)
    accuracy = classifier.card["held out"]["balanced accuracy"]
    say(f"{epochs} epochs in {time.perf_counter() - begun:.0f} s; balanced accuracy of held-out faces {accuracy:.1%}\n")
    return classifier


def emergence(
    kept: cs.Checkpoints, layer: str, canvas: cs.ImageSet, maps: cs.LabelMaps, draws: int
) -> dict[int, cs.DissectionControls]:
    """Detectors at each checkpoint: the network itself, rotated, and against shuffled labels."""
    say("\n| epoch | unique detectors | rotated | shuffled |\n|---|---|---|---|")
    found = {}
    for epoch, classifier in kept.items():
        own = cs.dissect(classifier.encoder, layer, canvas, maps)
        turned = tuple(
            cs.dissect(classifier.encoder, layer, canvas, maps, rotation=random_rotation(own.n_units, seed))
            for seed in range(draws)
        )
        shuffled = tuple(cs.dissect(classifier.encoder, layer, canvas, maps, shuffled=seed) for seed in range(draws))
        found[epoch] = cs.DissectionControls(own, {"rotated": turned, "shuffled": shuffled})
        table = found[epoch].compared()
        say(f"| {epoch} | " + " | ".join(words(row) for _, row in table.iterrows()) + " |")
    return found


def words(row: object) -> str:
    return f"{row['unique']:.1f} ({row['unique low']:.0f}-{row['unique high']:.0f})"  # type: ignore[index]


def scores_stay(classifier: cs.Classifier, layer: str, canvas: cs.ImageSet, rotations: int) -> None:
    """Scores of a really rotated classifier beside its own."""
    scores = classifier.scores(canvas)
    n_units = classifier.encoder.network.get_submodule(layer).out_channels
    changes = []
    for seed in range(rotations):
        turned, _ = rotated_network(classifier.encoder, layer, random_rotation(n_units, seed))
        changes.append(np.abs(replace(classifier, encoder=turned).scores(canvas) - scores) / scores.std(axis=0))
    say(
        f"\n{layer} of the classifier rotated {rotations} times: scores of {scores.shape[1]} classes at "
        f"{len(canvas):,} faces change by {np.max(changes):.1e} standard deviations at most"
    )


def reconstructions_stay(rotations: int) -> None:
    """Concept scores and reconstructions of a really rotated VAE of gene pictures beside its own."""
    section = cs.sample("mob-rep1")
    encoder = cs.bundled("gene-pictures")
    canvas = section.view("genes", scaling=encoder.scaling, frame=encoder.shape[1:])
    z, x = encoder.latents(canvas), decoded(encoder, encoder.latents(canvas))
    vector = z[:50].mean(axis=0)
    for layer in convolutional_layers(encoder):
        n_units = encoder.network.get_submodule(layer).out_channels
        of_scores, of_pixels = [], []
        for seed in range(rotations):
            turned, _ = rotated_network(encoder, layer, random_rotation(n_units, seed))
            again = turned.latents(canvas)
            of_scores.append(np.abs(again @ vector - z @ vector).max() / (z @ vector).std())
            of_pixels.append(np.abs(decoded(turned, again) - x).max() / x.std())
        say(
            f"{layer} of the gene pictures' VAE: a concept's scores change by {max(of_scores):.1e} standard "
            f"deviations at most, reconstructions of {len(canvas):,} genes by {max(of_pixels):.1e}"
        )


def decoded(encoder: cs.Encoder, z: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        parts = [encoder.decode(torch.as_tensor(z[at : at + 256])) for at in range(0, len(z), 256)]
    return torch.cat(parts).numpy()


def along_the_rotation(
    classifier: cs.Classifier, layer: str, canvas: cs.ImageSet, maps: cs.LabelMaps, rotations: int
) -> None:
    """Unique detectors on the shortest path from the units to other axes."""
    own = cs.dissect(classifier.encoder, layer, canvas, maps)
    say(f"\n| part of the rotation | unique detectors of {layer} | detectors |\n|---|---|---|")
    for alpha in ALPHAS:
        q = [part_of_rotation(random_rotation(own.n_units, seed), alpha) for seed in range(rotations if alpha else 0)]
        turned = [cs.dissect(classifier.encoder, layer, canvas, maps, rotation=each) for each in q]
        cells = []
        for count in (lambda each: float(each.unique_detectors().sum()), lambda each: float(each.detectors().sum())):
            values = np.array([count(each) for each in turned])
            if alpha:
                half = stats.t.ppf(0.975, rotations - 1) * values.std(ddof=1) / np.sqrt(rotations)
                told = (values.mean(), values.mean() - half, values.mean() + half)
            else:
                told = own.interval_of(count)
            cells.append("{:.1f} ({:.1f} to {:.1f})".format(*told))
        say(f"| {alpha:g} | {' | '.join(cells)} |")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--epochs", type=int, default=12)
    asked.add_argument("--frame", type=int, default=64)
    asked.add_argument("--rotations", type=int, default=5)
    asked.add_argument("--draws", type=int, default=3)
    asked.add_argument("--out", type=Path, help="folder for the figure of the checkpoints")
    given = asked.parse_args()
    folder = Path(os.environ["CONCEPTSTAIN_DATA"]) / "faces128"
    canvas = cs.open(folder / "images").view("images", frame=given.frame)
    maps = cs.painted_labels(canvas, folder / "masks", names=PARTS.split())
    reconstructions_stay(given.rotations)
    kept = cs.Checkpoints[cs.Classifier]([each for each in EPOCHS if each < given.epochs] + [given.epochs])
    classifier = trained(canvas, maps, given.epochs, kept)
    layer = convolutional_layers(classifier.encoder)[-1]
    scores_stay(classifier, layer, canvas, given.rotations)
    along_the_rotation(classifier, layer, canvas, maps, given.rotations)
    found = emergence(kept, layer, canvas, maps, given.draws)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        cs.save_figure(cs.detector_curves(found), given.out / "emergence.svg", overwrite=True)


if __name__ == "__main__":
    main()
