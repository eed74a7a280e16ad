"""Pictures with a bright square somewhere, and networks that read them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import nn

from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.opening import open_source
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import Definition
from conceptstain.nets.encoder import Encoder, Encoding

SIDE = 16


class Linear(nn.Module):
    """One number for each picture: the sum of its pixels by weight."""

    def __init__(self, weight: np.ndarray) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.mean = nn.Linear(weight.size, 1, bias=False)
        with torch.no_grad():
            self.mean.weight.copy_(torch.as_tensor(weight.reshape(1, -1), dtype=torch.float32))

    def encode(self, x: torch.Tensor) -> Encoding:
        mean = self.mean(self.flatten(x))
        return Encoding(mean, torch.zeros_like(mean))


def blobs(n: int = 24, seed: int = 0) -> tuple[ImageSet, np.ndarray]:
    """Grey pictures of noise with a square at a random place, and where it is."""
    rng = np.random.default_rng(seed)
    pictures = rng.uniform(0.2, 0.4, (n, SIDE, SIDE))
    masks = np.zeros(pictures.shape, dtype=bool)
    for picture, mask in zip(pictures, masks, strict=True):
        row, column = rng.integers(1, SIDE - 6, 2)
        mask[row : row + 5, column : column + 5] = True
        picture[mask] += rng.uniform(0.3, 0.6)
    images = open_source(pictures.astype(np.float32), as_="images")
    return images.view("images", frame=SIDE), masks


def concept_along(encoder: Encoder, direction: np.ndarray) -> Concept:
    """A concept of that direction."""
    return Concept(
        definition=Definition("square", items=("0",)),
        direction=np.asarray(direction, dtype=np.float64),
        items=("0",),
        origin="made for a test",
        encoder=encoder.fingerprint,
        table=pd.DataFrame(index=pd.Index(["0"], name="picture")),
    )


def linear_encoder(weight: np.ndarray) -> Encoder:
    """An encoder with one latent, linear in the pixels."""
    return Encoder("linear", Linear(weight), (1, SIDE, SIDE), "unit", 1)
