"""Pictures of bright and dark squares, with a VAE of them that decodes, and two classifiers that know them apart."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from classes import quick, squares
from conceptstain.canvas.image_set import ImageSet
from conceptstain.classifying import fit_classifier
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from tiny_networks import TinyVAE, tiny_vae

LATENT = 6


class Decoding(nn.Module):
    """The decoder of an encoder, as a network of somebody's own."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.network = encoder.network

    def decode(self, z: Tensor) -> Tensor:
        return self.network.decode(z)


@cache
def squares_with_models() -> tuple[ImageSet, Encoder, Classifier, Classifier]:
    """A canvas, an encoder that learned to redraw it, and two classifiers of other seeds."""
    canvas, labels, _ = squares(n=30)
    one, other = (fit_classifier(canvas, labels, quick(epochs=25, seed=seed)) for seed in (0, 1))
    return canvas, Encoder("squares", _redrawing(canvas), canvas.shape, canvas.scaling, LATENT), one, other


def _redrawing(canvas: ImageSet, steps: int = 300) -> TinyVAE:
    network = tiny_vae(canvas.shape, kind="dense", latent=LATENT).float()
    x = torch.as_tensor(canvas.inputs(np.arange(len(canvas))))
    adam = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(steps):
        mean = network.encode(x).mean
        loss = (network.decode(mean) - x).square().mean() + 1e-4 * mean.square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    return network
