"""Slow twins of guided backpropagation and deconvolution: the chain rule by hand, ReLU by ReLU."""

from __future__ import annotations

import numpy as np

from tiny_networks import TinyVAE
from twins.layers import AtReLU, backward, forward, layers_of


def guided(network: TinyVAE, picture: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Gradients pass a ReLU where they are positive and the unit was on."""

    def rule(incoming: np.ndarray, _: np.ndarray, entered: np.ndarray) -> np.ndarray:
        return _unit_by_unit(incoming, entered, lambda r, u: r if r > 0 and u > 0 else 0.0)

    return _back(network, picture, direction, rule)


def deconvolution(network: TinyVAE, picture: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Gradients pass a ReLU where they are positive."""

    def rule(incoming: np.ndarray, _: np.ndarray, entered: np.ndarray) -> np.ndarray:
        return _unit_by_unit(incoming, entered, lambda r, _: r if r > 0 else 0.0)

    return _back(network, picture, direction, rule)


def _unit_by_unit(incoming: np.ndarray, entered: np.ndarray, rule) -> np.ndarray:
    passed = [rule(float(r), float(u)) for r, u in zip(incoming.ravel(), entered.ravel(), strict=True)]
    return np.array(passed).reshape(incoming.shape)


def _back(network: TinyVAE, picture: np.ndarray, direction: np.ndarray, rule: AtReLU) -> np.ndarray:
    layers = layers_of(network.chain, network.mean, at_relu=rule)
    return backward(layers, forward(layers, picture), np.asarray(direction, dtype=np.float64))
