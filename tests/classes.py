"""Tiny things to tell apart: pictures with a bright or a dark square, and where it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import nn

from conceptstain.canvas.class_labels import ClassLabels, class_labels
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.opening import open_source
from conceptstain.canvas.painted_labels import painted_labels
from conceptstain.canvas.part_labels import PartLabels, part_labels
from conceptstain.classifying import ClassifierSettings, fit_classifier
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.classifier_network import ClassifierNetworkSettings
from conceptstain.nets.classifier_settings import ClassifierTrainingSettings
from conceptstain.nets.own_classifier import own_classifier

SIDE = 16


def squares(n: int = 24, seed: int = 0) -> tuple[ImageSet, ClassLabels, np.ndarray]:
    """Grey pictures of noise; every third has a dark square, the others a bright one; and masks of 1 (bright), 2."""
    rng = np.random.default_rng(seed)
    pictures = rng.uniform(0.4, 0.6, (n, SIDE, SIDE))
    masks = np.zeros(pictures.shape, dtype=np.int64)
    kinds = np.where(np.arange(n) % 3 == 0, "dark", "bright")
    for picture, mask, kind in zip(pictures, masks, kinds, strict=True):
        row, column = rng.integers(0, SIDE - 7, 2)
        picture[row : row + 8, column : column + 8] = 0.05 if kind == "dark" else 0.95
        mask[row : row + 8, column : column + 8] = 1 + (kind == "dark")
    canvas = open_source(pictures.astype(np.float32), as_="images").view("images", frame=SIDE)
    return canvas, class_labels(canvas, values=pd.Series(kinds, index=canvas.item_names)), masks


def quick(epochs: int = 12, seed: int = 0, **changes: float) -> ClassifierSettings:
    """A network of a few weights, trained in a moment."""
    training = ClassifierTrainingSettings(
        epochs, batch_size=8, learning_rate=0.02, seed=seed, device="cpu", validation_fraction=0.25
    )
    return ClassifierSettings(ClassifierNetworkSettings((4, 6), halvings=1, **changes), training)


def fitted_to_squares(epochs: int = 12) -> tuple[Classifier, ImageSet, ClassLabels]:
    """A classifier of squares, with what it learned from."""
    canvas, labels, _ = squares()
    return fit_classifier(canvas, labels, quick(epochs)), canvas, labels


def fitted_to_parts(epochs: int = 8) -> tuple[Classifier, ImageSet, PartLabels]:
    """A classifier of the squares' pixels, and of what lies around them, with what it learned from."""
    canvas, _, masks = squares()
    maps = painted_labels(canvas, masks, names={1: "bright", 2: "dark"})
    labels = part_labels(canvas, maps, background="none")
    return fit_classifier(canvas, labels, quick(epochs)), canvas, labels


def own_of_squares() -> Classifier:
    """A classifier of somebody's own, drawn from a seed, with batch normalisation and ReLUs in place."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        convolutions = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 6, 3, padding=1)
        first = nn.Sequential(convolutions[0], nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        network = nn.Sequential(first, convolutions[1], nn.ReLU(inplace=True), pooled, nn.Linear(6, 2))
    return own_classifier(network, classes=["bright", "dark"], shape=(1, SIDE, SIDE))
