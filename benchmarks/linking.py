"""How well a classifier's penultimate layer is linked to the latents of a VAE, on pictures that nothing learned from.

    CONCEPTSTAIN_DATA=... python benchmarks/linking.py [--only mnist|faces] [--kept FOLDER] [--figure FILE.png]

*MNIST*: VAE (32 latents) and classifier (10 digits) learn from the same 12,000 digits of the training files, padded to
32 pixels; links learn from these and are measured on 2,000 digits of the test files. *Faces*: ``faces128`` on a frame
of 64 pixels; VAE (64 latents) and classifiers (eyeglasses or not, hat or not, by the masks) learn from 600 faces, links
from these, and they are measured on 400 others.

Told are, for each method: explained variance, centred cosine, how often the class survives the way from the picture
through the link to a sample and back to the classifier (against the label, and against what the classifier said of the
picture; the ceiling is the same without the link: samples of the pictures' own latents), and rank correlations of
distances; beside each the same of a link that learned shuffled pairs. Then: links of fewer pairs, links of sampled
pairs, and links to representations of decoded samples.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.model_selection import train_test_split

import conceptstain as cs
from conceptstain.nets.image_vae import ImageVAESettings

DIGITS, SHOWN = 12_000, 2_000
SIDE, FACES_SIDE = 32, 64
PARTS = {"eyeglasses": 3, "hat": 14}  # their labels in the masks
LEARNED_FACES = 600


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


def digits(data: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of 32 x 32 pixels, and what they show."""
    read = [
        np.frombuffer(gzip.decompress((data / "mnist" / f"{part}-{kind}-ubyte.gz").read_bytes()), np.uint8, offset=skip)
        for kind, skip in (("images-idx3", 16), ("labels-idx1", 8))
    ]
    return np.pad(read[0].reshape(-1, 28, 28), ((0, 0), (2, 2), (2, 2))), read[1]


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
    cases = []
    for part, there in having.items():
        told = np.where(there, part, f"no {part}")
        labels = cs.class_labels(canvas, values=pd.Series(told, index=canvas.item_names))
        classifier = recognised(
            kept / f"faces-{part}",
            lambda labels=labels: told_apart(canvas, labels, learned, epochs=30),  # type: ignore[misc]
        )
        cases.append(Case(f"faces, {part}", encoder, classifier, canvas, labels, learned, held_out))
    return cases


def vae(canvas: cs.ImageSet, *, latent: int, epochs: int) -> cs.FitSettings:
    settings = cs.FitSettings.of(canvas)
    network = ImageVAESettings.of(side=canvas.shape[-1], latent=latent)
    return replace(settings, network=network, training=replace(settings.training, epochs=epochs, items_per_epoch=None))


def told_apart(canvas: cs.ImageSet, labels: cs.ClassLabels, items: np.ndarray, *, epochs: int) -> cs.Classifier:
    settings = cs.ClassifierSettings.of(canvas)
    return cs.fit_classifier(
        canvas, labels, replace(settings, training=replace(settings.training, epochs=epochs)), items=items
    )


def fitted(path: Path, fit: Callable[[], cs.Encoder]) -> cs.Encoder:
    """What was fitted before, or is fitted now and kept."""
    path = path.with_suffix(".safetensors")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        cs.save_encoder(fit(), path)
    return cs.load_encoder(path)


def recognised(path: Path, fit: Callable[[], cs.Classifier]) -> cs.Classifier:
    path = path.with_suffix(".safetensors")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        cs.save_classifier(fit(), path)
    return cs.load_classifier(path)
