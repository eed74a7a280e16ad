"""Slow twin of a what-if."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tiny_networks import TinyVAE
from twins.layers import forward, layers_of


def what_if(
    network: TinyVAE,
    pictures: np.ndarray,
    trainable: Sequence[int],
    items: Sequence[int],
    moves: Sequence[tuple[np.ndarray, float]],
) -> np.ndarray:
    """``dec(z + shift) - dec(z)``, with ``shift`` so many standard deviations of each score, one number at a time."""
    encoding, decoding = layers_of(network.chain, network.mean), layers_of(network.decoder)
    latents = [forward(encoding, picture)[-1] for picture in pictures]
    shift = [0.0] * len(moves[0][0])
    for direction, far in moves:
        scores = [sum(float(z * v) for z, v in zip(latents[item], direction, strict=True)) for item in trainable]
        mean = sum(scores) / len(scores)
        deviation = (sum((score - mean) ** 2 for score in scores) / len(scores)) ** 0.5
        squared = sum(float(v) ** 2 for v in direction)
        shift = [s + far * deviation * float(v) / squared for s, v in zip(shift, direction, strict=True)]
    changes = [
        forward(decoding, latents[item] + np.array(shift))[-1] - forward(decoding, latents[item])[-1] for item in items
    ]
    return np.array(changes).reshape(len(items), *network.shape)
