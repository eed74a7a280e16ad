"""Slow twin of the latent traversal."""

from __future__ import annotations

import numpy as np

from tiny_networks import TinyVAE
from twins.layers import forward, layers_of


def traversal(network: TinyVAE, start: np.ndarray, dimension: int, span: float, steps: int) -> np.ndarray:
    """``dec(start + t e_i)``, step by step."""
    pictures = []
    for step in range(steps):
        place = np.array(start, dtype=np.float64)
        place[dimension] += -span + 2 * span * step / (steps - 1)
        pictures.append(forward(layers_of(network.decoder), place)[-1].reshape(network.shape))
    return np.stack(pictures)
