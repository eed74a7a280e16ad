"""Adam, written out.

``torch.optim`` loads torch's compiler at its first step, which takes seconds in which a click on *Cancel* is not heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

import torch
from torch import Tensor, nn

__all__ = ["Adam"]

DECAY = (0.9, 0.999)
EPS = 1e-8


@final
class Adam:
    """Kingma & Ba 2015, algorithm 1, with its defaults.

    Parameters
    ----------
    parameters
        What to optimise; those without a gradient are left as they are.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self._parameters = list(parameters)
        self._first: list[Tensor] = [torch.zeros_like(each) for each in self._parameters]
        self._second: list[Tensor] = [torch.zeros_like(each) for each in self._parameters]
        self._n_steps = 0

    def step(self, rate: float) -> None:
        """One step of this learning rate along the gradients, which are then forgotten."""
        self._n_steps += 1
        first_bias, second_bias = (1 - decay**self._n_steps for decay in DECAY)
        with torch.no_grad():
            for parameter, first, second in zip(self._parameters, self._first, self._second, strict=True):
                gradient = parameter.grad
                if gradient is None:
                    continue
                first.lerp_(gradient, 1 - DECAY[0])
                second.mul_(DECAY[1]).addcmul_(gradient, gradient, value=1 - DECAY[1])
                scale = second.sqrt().div_(second_bias**0.5).add_(EPS)
                parameter.addcdiv_(first, scale, value=-rate / first_bias)
                parameter.grad = None
