"""Slow readings of what classifiers compute."""

from __future__ import annotations

import math

import numpy as np


def slow_cross_entropy(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """Place by place and class by class; scores and targets are ``(items, classes, places)``."""
    total, weight = 0.0, 0.0
    for item in range(len(scores)):
        for place in range(scores.shape[2]):
            powers = [math.exp(score) for score in scores[item, :, place]]
            for one, power in enumerate(powers):
                counts = weights[one] * targets[item, one, place]
                total -= counts * math.log(power / sum(powers))
                weight += counts
    return total / weight


def slow_confusion(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Place by place; scores and targets are ``(items, classes, places)``."""
    n_classes = scores.shape[1]
    counts = np.zeros((n_classes, n_classes))
    for item in range(len(scores)):
        for place in range(scores.shape[2]):
            taken = max(range(n_classes), key=lambda each: scores[item, each, place])
            for one in range(n_classes):
                counts[one, taken] += targets[item, one, place]
    return counts


def slow_part_scores(activation: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """``(channels, rows, columns)`` of one item to ``(classes, rows, columns)``: the map of Zhou et al., equation 2."""
    _, rows, columns = activation.shape
    found = np.zeros((len(bias), rows, columns))
    for one in range(len(bias)):
        for row in range(rows):
            for column in range(columns):
                found[one, row, column] = bias[one] + sum(
                    weights[one, unit] * activation[unit, row, column] for unit in range(len(activation))
                )
    return found
