"""Slow twin of the rectified gradient: the chain rule by hand, with the rule of each variant layer by layer."""

from __future__ import annotations

import numpy as np

from tiny_networks import TinyVAE
from twins.layers import AtReLU, all_to_the_largest, as_it_is, backward, forward, layers_of


def rectified(
    network: TinyVAE,
    picture: np.ndarray,
    direction: np.ndarray,
    percentile: float = 95.0,
    *,
    variant: str = "plain",
    threshold: float = 0.0,
    padding: bool = False,
) -> np.ndarray:
    """The rectified gradient of the score ``<z_mean(x), v_c>`` at one picture."""
    layers = layers_of(
        network.chain,
        network.mean,
        at_relu=at_relu(percentile, variant, threshold),
        at_window=shares if variant == "proportional" else all_to_the_largest,
        at_padded=without_border if padding else as_it_is,
    )
    return backward(layers, forward(layers, picture), np.asarray(direction, dtype=np.float64))


def rectified_in_layer(
    network: TinyVAE, layer: str, picture: np.ndarray, direction: np.ndarray, percentile: float
) -> np.ndarray:
    """The same of a layer's score ``<a(x), v_c>``: the gradient starts there, spread evenly over its places."""
    until = list(dict(network.chain.named_children())).index(layer)
    layers = layers_of(*network.chain[: until + 1], at_relu=at_relu(percentile, "plain", 0.0))
    passed = forward(layers, picture)
    start = np.zeros_like(passed[-1])
    for channel, v in enumerate(direction):
        start[channel] = v / start[channel].size
    return backward(layers, passed, start)


def at_relu(percentile: float, variant: str, threshold: float) -> AtReLU:
    """``R' = R * 1[a R > tau]``; ``tau`` the percentile of ``a R`` over the layer, the nearest rank, or a number."""

    def rule(incoming: np.ndarray, left: np.ndarray, _: np.ndarray) -> np.ndarray:
        importance = [float(a * r) for a, r in zip(left.ravel(), incoming.ravel(), strict=True)]
        if variant == "modified":
            importance = [abs(each) for each in importance]
        largest_first = sorted(importance, reverse=True)
        tau = largest_first[round((len(importance) - 1) * (1 - percentile / 100))]
        if variant == "constant":
            tau = threshold
        kept = [r if each > tau else 0.0 for r, each in zip(incoming.ravel(), importance, strict=True)]
        return np.array(kept).reshape(incoming.shape)

    return rule


def shares(incoming: float, window: list[float]) -> list[float]:
    """Every value of a window gets its share of the window's sum."""
    mean = sum(window) / len(window) + 1e-10
    return [value * incoming / (mean * len(window)) for value in window]


def without_border(incoming: np.ndarray) -> np.ndarray:
    """0 at the outermost places of every channel."""
    _, height, width = incoming.shape
    out = incoming.copy()
    for c, i, j in np.ndindex(incoming.shape):
        if i in {0, height - 1} or j in {0, width - 1}:
            out[c, i, j] = 0.0
    return out
