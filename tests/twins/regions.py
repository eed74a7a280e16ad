"""Slow twin of the gradient by regions: every pixel looks up who shares its region."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tiny_networks import TinyVAE
from twins.attributions import blurred, gradient_at


def by_regions(
    network: TinyVAE, picture: np.ndarray, direction: np.ndarray, cuts: Sequence[np.ndarray], smooth: float
) -> np.ndarray:
    """``(1/n) sum_k mean over {q : R_k(q) = R_k(p)} of G(q)``, ``G`` the smoothed sum of ``|d s / d x|``."""
    gradient = gradient_at(network, picture, direction)
    strength = np.zeros((1, *picture.shape[1:]))
    for channel in gradient:
        strength[0] += abs(channel)
    strength = blurred(strength, smooth)
    result = np.zeros(picture.shape)
    for row, column in np.ndindex(picture.shape[1:]):
        for cut in cuts:
            together = [strength[0][place] for place in np.ndindex(cut.shape) if cut[place] == cut[row, column]]
            result[:, row, column] += sum(together) / len(together) / len(cuts)
    return result
