"""Networks and pictures that several benchmarks ask about: trained once, and kept where one is told to keep them."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import conceptstain as cs

SIDE, FACES_SIDE = 32, 64  # of the frames
LEARNED_FACES = 600
PARTS = {"eyeglasses": 3, "hat": 14}  # their labels in the masks
MASKS = (
    "background skin nose eye_g l_eye r_eye l_brow r_brow l_ear r_ear "
    "mouth u_lip l_lip hair hat ear_r neck_l neck cloth"
)


def digits(data: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of 32 x 32 pixels, and what they show."""
    read = [
        np.frombuffer(gzip.decompress((data / "mnist" / f"{part}-{kind}-ubyte.gz").read_bytes()), np.uint8, offset=skip)
        for kind, skip in (("images-idx3", 16), ("labels-idx1", 8))
    ]
    return np.pad(read[0].reshape(-1, 28, 28), ((0, 0), (2, 2), (2, 2))), read[1]


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


def read_off(parts: cs.Classifier, canvas: cs.ImageSet, labels: cs.ClassLabels, items: np.ndarray) -> cs.Classifier:
    """Two classes by logistic regression on what a network that tells parts represents of whole pictures.

    35 pictures with the part are too few to train a network on; of its 128 units they are enough.
    """
    r = parts.encoder.latents(canvas, items).astype(np.float64)
    width = r.std(axis=0) + 1e-9
    found = GridSearchCV(
        LogisticRegression(class_weight="balanced", max_iter=5000),
        {"C": [1e-3, 1e-2, 0.1, 1.0, 10.0]},
        scoring="balanced_accuracy",
    )
    peer = found.fit(r / width, labels.codes[items]).best_estimator_
    row, bias = peer.coef_[0] / width, float(peer.intercept_[0])
    return replace(
        parts,
        name=labels.classes[1],
        weights=np.stack([-row, row]) / 2,
        bias=np.array([-bias, bias]) / 2,
        classes=labels.classes,
        parts=False,
    )
