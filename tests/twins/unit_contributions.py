"""Integrated gradients of a layer from zero, one small step after the other, in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def integrated(score: Callable[[Tensor], Tensor], activation: np.ndarray, steps: int = 400) -> np.ndarray:
    """What each value of ``activation`` adds to ``score`` on the straight way from zero, by the middles of steps."""
    values = torch.as_tensor(activation, dtype=torch.float64)
    total = np.zeros(activation.shape)
    for step in range(steps):
        at = ((step + 0.5) / steps * values).requires_grad_()
        (gradient,) = torch.autograd.grad(score(at), at)
        total += gradient.numpy() / steps
    return total * np.asarray(activation, dtype=np.float64)
