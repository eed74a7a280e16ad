"""Slow twin of the gradient: central differences of the score, pixel by pixel."""

from __future__ import annotations

import numpy as np

from tiny_networks import TinyVAE
from twins.layers import forward, layers_of

STEP = 1e-6


def score_of(network: TinyVAE, picture: np.ndarray, direction: np.ndarray) -> float:
    """``<z_mean(x), v_c>`` of one picture."""
    mean = forward(layers_of(network.chain, network.mean), picture)[-1]
    return float(sum(z * v for z, v in zip(mean, direction, strict=True)))


def gradient(network: TinyVAE, picture: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The derivative of the score at every pixel of one picture."""
    picture = picture.astype(np.float64)
    result = np.zeros_like(picture)
    for pixel in np.ndindex(picture.shape):
        more, less = picture.copy(), picture.copy()
        more[pixel] += STEP
        less[pixel] -= STEP
        result[pixel] = (score_of(network, more, direction) - score_of(network, less, direction)) / (2 * STEP)
    return result
