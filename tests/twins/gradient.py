"""Slow twin of the gradient: central differences of the score, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tiny_networks import TinyVAE
from twins.layers import forward, layers_of

STEP = 1e-6


def score_of(network: TinyVAE, picture: np.ndarray, direction: np.ndarray) -> float:
    """``<z_mean(x), v_c>`` of one picture."""
    mean = forward(layers_of(network.chain, network.mean), picture)[-1]
    return float(sum(z * v for z, v in zip(mean, direction, strict=True)))


def layer_score_of(network: TinyVAE, layer: str, picture: np.ndarray, direction: np.ndarray) -> float:
    """``<a(x), v_c>`` of one picture, ``a`` the channels of a layer of the chain, each the mean over its places."""
    until = list(dict(network.chain.named_children())).index(layer)
    channels = forward(layers_of(*network.chain[: until + 1]), picture)[-1]
    return float(sum(channel.mean() * v for channel, v in zip(channels, direction, strict=True)))


def gradient(network: TinyVAE, picture: np.ndarray, direction: np.ndarray, layer: str = "") -> np.ndarray:
    """The derivative of the score, or of that of a layer, at every pixel of one picture."""
    if layer:
        return central_differences(lambda x: layer_score_of(network, layer, x, direction), picture)
    return central_differences(lambda x: score_of(network, x, direction), picture)


def central_differences(score: Callable[[np.ndarray], float], picture: np.ndarray) -> np.ndarray:
    """The derivative of a function at every pixel of one picture."""
    picture = picture.astype(np.float64)
    result = np.zeros_like(picture)
    for pixel in np.ndindex(picture.shape):
        more, less = picture.copy(), picture.copy()
        more[pixel] += STEP
        less[pixel] -= STEP
        result[pixel] = (score(more) - score(less)) / (2 * STEP)
    return result
