"""Attention maps and the attention disentanglement loss written out, one number at a time, in float64."""

from __future__ import annotations

import numpy as np


def latent_map(gradient: np.ndarray, activation: np.ndarray) -> np.ndarray:
    """ReLU(sum_k alpha_k A_k) of one item, alpha_k the mean over places of the gradient of channel k."""
    channels, height, width = activation.shape
    attended = np.zeros((height, width))
    for channel in range(channels):
        alpha = sum(float(value) for value in gradient[channel].ravel()) / (height * width)
        for row, column in np.ndindex(height, width):
            attended[row, column] += alpha * float(activation[channel, row, column])
    return np.array([[max(value, 0.0) for value in row] for row in attended])


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Equation 5 of one item: 2 sum min(A1, A2) / sum (A1 + A2); 0 for two maps of zeros."""
    shared, both = 0.0, 0.0
    for one, other in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True):
        shared += min(one, other)
        both += one + other
    return 2 * shared / both if both else 0.0
