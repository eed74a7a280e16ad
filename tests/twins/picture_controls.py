"""What a map on pictures is held against, picture by picture, without the one that is asked about."""

from __future__ import annotations

import numpy as np


def direction_without(latents: np.ndarray, positive: list[int], negative: list[int], item: int) -> np.ndarray:
    """Mean latent of the positives minus that of the negatives, none of them the item."""
    one = [latents[each] for each in positive if each != item]
    other = [latents[each] for each in negative if each != item]
    return np.sum(one, axis=0, dtype=float) / len(one) - np.sum(other, axis=0, dtype=float) / len(other)


def mean_difference(pictures: np.ndarray, positive: list[int], negative: list[int], item: int) -> np.ndarray:
    """Mean picture of the positives minus that of the negatives, none of them the item, pixel by pixel."""
    found = np.zeros(pictures.shape[1:])
    for pixel in np.ndindex(found.shape):
        one = [float(pictures[each][pixel]) for each in positive if each != item]
        other = [float(pictures[each][pixel]) for each in negative if each != item]
        found[pixel] = sum(one) / len(one) - sum(other) / len(other)
    return found


def pixel_auroc(values: np.ndarray, mask: np.ndarray) -> float:
    """The part of all pairs, a pixel inside and one outside, of which that inside is higher; ties count half."""
    wins = 0.0
    inside, outside = values[mask], values[~mask]
    for one in inside:
        wins += float((one > outside).sum()) + float((one == outside).sum()) / 2
    return wins / (len(inside) * len(outside))
