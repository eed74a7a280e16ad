"""How well a classifier's penultimate layer is linked to the latents of a VAE, on pictures that nothing learned from.

    CONCEPTSTAIN_DATA=... python benchmarks/linking.py [--only mnist|faces] [--kept FOLDER] [--figure FILE.png]

*MNIST*: VAE (32 latents) and classifier (10 digits) learn from the same 12,000 digits of the training files, padded to
32 pixels; links learn from these and are measured on 2,000 digits of the test files. *Faces*: ``faces128`` on a frame
of 64 pixels; a VAE (64 latents) and a network that tells the 19 parts of the masks learn from 600 faces; classifiers
(eyeglasses or not, hat or not) are logistic regressions on its units over the same faces. Links learn from these, and
are measured on 400 others.

Told are, for each method: explained variance, centred cosine, how often the class survives the way from the picture
through the link to a sample and back to the classifier (against the label, and against what the classifier said of the
picture; the ceiling is the same without the link: samples of the pictures' own latents), and rank correlations of
distances; beside each the same of links that learned shuffled pairs. Then, by least squares and on the same held-out
pictures: links of fewer pairs, and a link of 2,000 sampled pairs, drawn from a normal distribution for every class.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from kept_networks import (
    FACES_SIDE,
    LEARNED_FACES,
    MASKS,
    PARTS,
    SIDE,
    digits,
    fitted,
    read_off,
    recognised,
)
from PIL import Image
from sklearn.model_selection import train_test_split

import conceptstain as cs
from conceptstain.methods.link import METHODS
from conceptstain.methods.link_measures import measured
from conceptstain.methods.link_pairs import encoded_pairs, read_samples
from conceptstain.methods.link_quality import ACCURACY, AGREEMENT, BALANCED, COSINE, RETURNED, VARIANCE
from conceptstain.nets.image_vae import ImageVAESettings

FEWER = (50, 200, 1000)
SAMPLED = 2000
TOLD = (VARIANCE, COSINE, RETURNED, ACCURACY, ACCURACY + BALANCED, AGREEMENT)
DIGITS, SHOWN = 12_000, 2_000


@dataclass(frozen=True, eq=False)
class Case:
    """What is linked, and what it is measured on."""

    name: str
    encoder: cs.Encoder
    classifier: cs.Classifier
    canvas: cs.ImageSet
    labels: cs.ClassLabels
    learned: np.ndarray
    held_out: np.ndarray


def mnist(data: Path, kept: Path) -> list[Case]:
    pictures, known = digits(data, "train")
    shown, shown_known = digits(data, "t10k")
    every = np.concatenate([pictures[:DIGITS], shown[:SHOWN]])
    canvas = cs.open(list(every), name="digits").view("images", frame=SIDE)
    told = np.concatenate([known[:DIGITS], shown_known[:SHOWN]]).astype(str)
    labels = cs.class_labels(canvas, values=pd.Series(told, index=canvas.item_names))
    learned, held_out = np.arange(DIGITS), np.arange(DIGITS, DIGITS + SHOWN)
    seen = cs.open(list(pictures[:DIGITS]), name="digits").view("images", frame=SIDE)
    encoder = fitted(kept / "mnist-vae", lambda: cs.fit(seen, vae(seen, latent=32, epochs=20)))
    classifier = recognised(kept / "mnist-classifier", lambda: told_apart(canvas, labels, learned, epochs=12))
    return [Case("MNIST", encoder, classifier, canvas, labels, learned, held_out)]


def faces(data: Path, kept: Path) -> list[Case]:
    folder = data / "faces128"
    paths = sorted((folder / "images").glob("*.jpg"))
    masks = np.stack([np.asarray(Image.open(folder / "masks" / f"{path.stem}.png")) for path in paths])
    canvas = cs.open(paths, name="faces").view("images", frame=FACES_SIDE)
    having = {part: (masks == number).any(axis=(1, 2)) for part, number in PARTS.items()}
    kinds = sum(2**place * there for place, there in enumerate(having.values()))
    learned, held_out = train_test_split(
        np.arange(len(paths)), train_size=LEARNED_FACES, stratify=kinds, random_state=0
    )
    seen = cs.open([paths[item] for item in learned], name="faces").view("images", frame=FACES_SIDE)
    encoder = fitted(kept / "faces-vae", lambda: cs.fit(seen, vae(seen, latent=64, epochs=60)))
    maps = cs.painted_labels(canvas, folder / "masks", names=MASKS.split())
    told_parts = cs.part_labels(canvas, maps, background="background")
    parts = recognised(kept / "faces-parts", lambda: told_apart(canvas, told_parts, learned, epochs=20))
    cases = []
    for part, there in having.items():
        told = np.where(there, part, f"no {part}")
        labels = cs.class_labels(canvas, values=pd.Series(told, index=canvas.item_names))
        classifier = read_off(parts, canvas, labels, learned)
        cases.append(Case(f"faces, {part}", encoder, classifier, canvas, labels, learned, held_out))
    return cases


def vae(canvas: cs.ImageSet, *, latent: int, epochs: int) -> cs.FitSettings:
    settings = cs.FitSettings.of(canvas)
    network = ImageVAESettings.of(side=canvas.shape[-1], latent=latent)
    return replace(settings, network=network, training=replace(settings.training, epochs=epochs, items_per_epoch=None))


def told_apart(
    canvas: cs.ImageSet, labels: cs.ClassLabels | cs.PartLabels, items: np.ndarray, *, epochs: int
) -> cs.Classifier:
    settings = cs.ClassifierSettings.of(canvas, parts=labels.parts)
    return cs.fit_classifier(
        canvas, labels, replace(settings, training=replace(settings.training, epochs=epochs)), items=items
    )


def tell(case: Case) -> cs.Link:
    """Every method, then least squares of fewer and of sampled pairs."""
    counts = ", ".join(f"{number} of {name}" for name, number in case.labels.counts.items())
    found = cs.confusion(case.classifier, case.canvas, case.labels, case.held_out)
    print(f"\n## {case.name} ({counts})\n")
    print(f"Classifier on held-out pictures: accuracy {found.accuracy:.3f}, balanced {found.balanced_accuracy:.3f}.\n")
    first = cs.link(case.classifier, case.encoder, case.canvas, **asked(case))
    for method in METHODS:
        link = first
        if method != METHODS[0]:
            link = cs.link(case.classifier, case.encoder, case.canvas, method=method, **asked(case))
        alpha = link.card["alpha"]
        print(f"{method}{'' if alpha is None else f', alpha {alpha:g}'}:\n")
        print("| measure | link | shuffled | ceiling |\n|---|---|---|---|")
        for name, each in link.quality.measures.items():
            print(f"| {name} | {each.value} | {each.shuffled} | {'' if each.ceiling is None else each.ceiling} |")
        print(flush=True)
    print(f"| least squares of | {' | '.join(TOLD)} |\n|---|{'---|' * len(TOLD)}")
    for number in (each for each in FEWER if each < len(case.learned)):
        some = np.random.default_rng(0).choice(case.learned, number, replace=False)
        link = cs.link(case.classifier, case.encoder, case.canvas, **(asked(case) | {"items": some}))
        told = [str(link.quality[word].value) for word in TOLD]
        print(f"| {len(some):,} encoded pairs | {' | '.join(told)} |", flush=True)
    print(f"| {len(case.learned):,} encoded pairs | {' | '.join(str(first.quality[word].value) for word in TOLD)} |")
    tell_sampled(case)
    return first


def asked(case: Case) -> dict[str, Any]:
    return {"labels": case.labels, "items": case.learned, "held_out": case.held_out}


def tell_sampled(case: Case) -> None:
    """A link of what is drawn, on the pictures that were held out."""
    made = cs.generator(case.encoder, canvas=case.canvas, labels=case.labels, items=case.learned)
    link = cs.link(case.classifier, made, pairs="sampled", n_pairs=SAMPLED)
    left, learned = (
        encoded_pairs(case.classifier, made, case.canvas, items=items, labels=case.labels, layer=None)
        for items in (case.held_out, case.learned)
    )
    found = measured(
        link.latents,
        [link.latents],
        left,
        learned,
        read=lambda latents: read_samples(case.classifier, made.samples(latents)),
    )
    kept = ", ".join(f"{name} {kept} of {drawn}" for name, (kept, drawn) in link.card["drawn"].items())
    told = " | ".join(str(found[word].value) for word in TOLD)
    print(f"| {link.quality.n_learned:,} sampled pairs | {told} |\n\nKept of those drawn: {kept}.", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("mnist", "faces"))
    parser.add_argument("--kept", type=Path, default=Path("runs/linking"), help="where networks are kept")
    parser.add_argument("--figure", type=Path, help="of digits, which may be shown")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = Path(os.environ["CONCEPTSTAIN_DATA"])
    for name, cases in (("mnist", mnist), ("faces", faces)):
        if options.only in {None, name}:
            for case in cases(data, options.kept):
                link = tell(case)
                if options.figure is not None and name == "mnist":
                    shown = case.held_out[:12]
                    drawn = cs.link_figure(link, case.classifier, case.encoder, case.canvas, shown, most=12)
                    cs.save_figure(drawn, options.figure, dpi=150, overwrite=True)


if __name__ == "__main__":
    main()
