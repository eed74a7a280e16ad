"""Classifiers and VAEs that are linear, so that what a link has to find is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from conceptstain.canvas.class_labels import ClassLabels, class_labels
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.opening import open_source
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder, Encoding

SIDE, LATENT, UNITS = 8, 3, 5


class Seen(nn.Module):
    """Pictures become numbers by a matrix; back by its transpose, where it has orthonormal rows."""

    def __init__(self, rows: np.ndarray, centre: np.ndarray) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.tensor(rows))
        self.register_buffer("centre", torch.tensor(centre))
        self.layer = nn.Identity()

    def encode(self, x: Tensor) -> Encoding:
        mean = self.layer((x.flatten(1) - self.centre) @ self.rows.T)
        return Encoding(mean, torch.full_like(mean, -torch.inf))


class SeenAndBack(Seen):
    """The same with a way back."""

    def decode(self, z: Tensor) -> Tensor:
        return (z @ self.rows + self.centre).reshape(-1, 1, SIDE, SIDE)


class World(NamedTuple):
    """Pictures that three numbers make, who tells their classes, and who encodes them."""

    classifier: Classifier
    encoder: Encoder
    canvas: ImageSet
    labels: ClassLabels
    wanted: np.ndarray
    """What a link has to find: how latents follow from units."""


def linear_world(n: int = 80, seed: int = 0, *, mislabelled: int = 0) -> World:
    """Units are latents turned and stretched, with two that say nothing new; classes are signs of the first latent."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(SIDE * SIDE, LATENT)))[0].T
    latents = rng.uniform(-1, 1, (n, LATENT))
    centre = np.full(SIDE * SIDE, 0.5)
    pictures = (latents @ basis + centre).reshape(n, SIDE, SIDE)
    canvas = open_source(pictures.astype(np.float32), as_="images").view("images", frame=SIDE)
    mixing = rng.normal(size=(UNITS, LATENT))
    shape = (1, SIDE, SIDE)
    encoder = Encoder("vae", SeenAndBack(basis, centre), shape, "unit", LATENT)
    units = Encoder("units", Seen(mixing @ basis, centre), shape, "unit", UNITS)
    first = np.linalg.pinv(mixing)[0]
    classifier = Classifier("signs", units, 9 * np.stack([first, -first]), np.zeros(2), ("plus", "minus"))
    names = np.where(latents[:, 0] > 0, "plus", "minus")
    names[:mislabelled] = np.where(names[:mislabelled] == "plus", "minus", "plus")
    labels = class_labels(canvas, values=dict(zip(canvas.item_names, names, strict=True)))
    return World(classifier, encoder, canvas, labels, np.linalg.pinv(mixing))
