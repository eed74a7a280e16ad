"""What training a classifier makes small, and how many items of every class there are to learn from."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from conceptstain.inputs import ItemIndices, Targets

__all__ = ["balanced_cross_entropy", "class_weights", "counted_confusion", "masses_of"]

MOST_READ = 512  # items that the areas of parts are measured on
CHUNK = 32


def masses_of(targets: Targets, items: ItemIndices) -> Float[np.ndarray, " classes"]:
    """Items of every class; of parts, the area of each, in pictures, measured on 512 of them spread evenly."""
    chosen = np.asarray(items, dtype=int)
    if targets.parts and len(chosen) > MOST_READ:
        chosen = chosen[np.linspace(0, len(chosen) - 1, MOST_READ).astype(int)]
    total = np.zeros(len(targets.classes))
    for start in range(0, len(chosen), CHUNK):
        told = targets.of(chosen[start : start + CHUNK])
        total += told.reshape(*told.shape[:2], -1).mean(axis=2, dtype=np.float64).sum(axis=0)
    return total


def class_weights(masses: Float[np.ndarray, " classes"], balance: float) -> Float[np.ndarray, " classes"]:
    """``w_c = m_c^-balance``, scaled so that the mean weight of an item is 1; 0 of a class that is not there."""
    weights = np.where(masses > 0, np.where(masses > 0, masses, 1.0) ** -balance, 0.0)
    return np.asarray(weights * masses.sum() / (weights @ masses))


def balanced_cross_entropy(
    scores: Float[Tensor, "batch classes *places"],
    targets: Float[Tensor, "batch classes *places"],
    weights: Float[Tensor, " classes"],
) -> Float[Tensor, ""]:
    """``-sum w_c t_c log softmax(s)_c / sum w_c t_c`` over items and places.

    A target is 1 for a class, or, of a place that holds several parts, the fraction of each. What is not labelled has
    targets of 0 and does not count.
    """
    weighed = targets * weights.reshape(-1, *[1] * (targets.ndim - 2))
    total = weighed.sum()
    return -(weighed * functional.log_softmax(scores, dim=1)).sum() / total.clamp_min(torch.finfo(total.dtype).tiny)


def counted_confusion(
    scores: Float[Tensor, "batch classes *places"], targets: Float[Tensor, "batch classes *places"]
) -> Float[np.ndarray, "classes classes"]:
    """How much of every class (rows) was taken for each (columns)."""
    n_classes = scores.shape[1]
    taken = functional.one_hot(scores.argmax(dim=1), n_classes).flatten(0, -2).double()
    told = targets.movedim(1, -1).flatten(0, -2).double()
    return np.asarray((told.T @ taken).cpu().numpy())
