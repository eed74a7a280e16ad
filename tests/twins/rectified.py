"""Slow twin of the rectified gradient: the chain rule by hand, with the percentile rule at every ReLU."""

from __future__ import annotations

import numpy as np

from tiny_networks import TinyVAE
from twins.layers import AtReLU, backward, forward, layers_of


def rectified(network: TinyVAE, picture: np.ndarray, direction: np.ndarray, percentile: float) -> np.ndarray:
    """The rectified gradient of the score ``<z_mean(x), v_c>`` at one picture."""
    layers = layers_of(network.chain, network.mean, at_relu=at_relu(percentile))
    return backward(layers, forward(layers, picture), np.asarray(direction, dtype=np.float64))


def at_relu(percentile: float) -> AtReLU:
    """``R' = R * 1[a R > tau]``, ``tau`` the percentile of ``a R`` over the layer, the nearest rank."""

    def rule(incoming: np.ndarray, left: np.ndarray, _: np.ndarray) -> np.ndarray:
        importance = [float(a * r) for a, r in zip(left.ravel(), incoming.ravel(), strict=True)]
        largest_first = sorted(importance, reverse=True)
        tau = largest_first[round((len(importance) - 1) * (1 - percentile / 100))]
        kept = [r if each > tau else 0.0 for r, each in zip(incoming.ravel(), importance, strict=True)]
        return np.array(kept).reshape(incoming.shape)

    return rule
