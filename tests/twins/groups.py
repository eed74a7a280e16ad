"""Groups with one covariance, written out in float64: densities one item and one group at a time."""

from __future__ import annotations

import math

import numpy as np


def ledoit_wolf(inside: np.ndarray) -> np.ndarray:
    """Ledoit & Wolf (2004), equations 8 to 14: the covariance, shrunk towards a multiple of the identity.

    ``inside`` are deviations from the group means, ``(n, p)``.
    """
    n, p = inside.shape
    sample = sum(np.outer(x, x) for x in inside) / n
    m = np.trace(sample) / p
    d2 = ((sample - m * np.eye(p)) ** 2).sum() / p
    b2 = min(sum(((np.outer(x, x) - sample) ** 2).sum() / p for x in inside) / n**2, d2)
    shrinkage = b2 / d2 if d2 else 0.0
    return shrinkage * m * np.eye(p) + (1 - shrinkage) * sample


def against_others(z: np.ndarray, members: list[np.ndarray], *, whitened: bool) -> np.ndarray:
    """``log p_k - log sum_(j != k) p_j`` of every item for every group."""
    z = z.astype(float)
    means = [sum(z[i] for i in group) / len(group) for group in members]
    inside = np.array([z[i] - mean for group, mean in zip(members, means, strict=True) for i in group])
    covariance = ledoit_wolf(inside) if whitened else (inside**2).mean() * np.eye(z.shape[1])
    scores = np.empty((len(z), len(members)))
    for item in range(len(z)):
        log_p = [-0.5 * (z[item] - mean) @ np.linalg.solve(covariance, z[item] - mean) for mean in means]
        for k in range(len(members)):
            others = [value for j, value in enumerate(log_p) if j != k]
            largest = max(others)
            scores[item, k] = log_p[k] - largest - math.log(sum(math.exp(value - largest) for value in others))
    return scores
