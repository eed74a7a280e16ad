"""Network dissection as it is defined, one unit and one picture after the other, in float64."""

from __future__ import annotations

import numpy as np


def threshold(activations: np.ndarray, quantile: float) -> float:
    """The activation below the ``floor(q N)`` highest of a unit, given all its activations."""
    ordered = np.sort(np.asarray(activations, dtype=np.float64).ravel())[::-1]
    return float(ordered[int(quantile * ordered.size)])


def enlarged(activation: np.ndarray, shape: tuple[int, int], offset: float, stride: float) -> np.ndarray:
    """A map at the pixels of a mask: bilinear between the centres ``offset + stride * index``, level outside."""
    height, width = activation.shape
    picture = np.empty(shape)
    for y in range(shape[0]):
        for x in range(shape[1]):
            v = min(max((y - offset) / stride, 0.0), height - 1.0)
            u = min(max((x - offset) / stride, 0.0), width - 1.0)
            top, left = int(v), int(u)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            fv, fu = v - top, u - left
            above = (1 - fu) * activation[top, left] + fu * activation[top, right]
            below = (1 - fu) * activation[bottom, left] + fu * activation[bottom, right]
            picture[y, x] = (1 - fv) * above + fv * below
    return picture


def overlaps(
    activations: np.ndarray,
    thresholds: np.ndarray,
    labels: np.ndarray,
    *,
    offset: float,
    stride: float,
    n_labels: int,
    counted: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Active pixels of every picture and unit, and shared pixels of every unit and label."""
    n_items, n_units = activations.shape[:2]
    active = np.zeros((n_items, n_units), dtype=int)
    shared = np.zeros((n_units, n_labels), dtype=int)
    for item in range(n_items):
        for unit in range(n_units):
            picture = enlarged(activations[item, unit].astype(np.float64), labels.shape[1:3], offset, stride)
            on = (picture > thresholds[unit]) & counted[item]
            active[item, unit] = on.sum()
            for plane in range(labels.shape[3]):
                for label in labels[item, ..., plane][on]:
                    shared[unit, label] += 1
    return active, shared
