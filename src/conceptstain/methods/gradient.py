"""The engine of the gradient maps: derivatives of a score at the inputs, by a rule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from conceptstain.concepts.scores import Score
from conceptstain.errors import MismatchError
from conceptstain.inputs import Inputs, ItemIndices
from conceptstain.nets.encoder import CHUNK, Encoder
from conceptstain.nets.rules import GRADIENT, Rule, applied
from conceptstain.progress import Report, Step, silent

__all__ = ["as_evaluated", "input_gradients"]


def input_gradients(
    encoder: Encoder,
    score: Score,
    inputs: Inputs,
    items: ItemIndices,
    *,
    rule: Rule = GRADIENT,
    times_input: bool = False,
    report: Report = silent,
) -> Float[np.ndarray, "items ..."]:
    """``d score / d x`` at each item, with its sign.

    Every item is asked by itself: its result does not depend on what else is in the batch.

    Parameters
    ----------
    encoder
        Its network is used by one job at a time.
    score
        What is differentiated; see :mod:`conceptstain.concepts.scores`.
    inputs
        The canvas.
    items
        Indices of the items.
    rule
        What happens at the activations.
    times_input
        Multiply by the input, ``x * d score / d x``.
    report
        Called after every chunk of 256 items.

    Returns
    -------
    numpy.ndarray
        float32, ``(len(items), *inputs.shape)``.

    Raises
    ------
    MismatchError
        The inputs are not the encoder's, or the network has activations that the rule does not know.
    """
    encoder.check(inputs)
    chosen = np.asarray(items, dtype=int)
    gradients = np.empty((len(chosen), *inputs.shape), dtype=np.float32)
    with as_evaluated(encoder.network), applied(rule, encoder):
        for start in range(0, len(chosen), CHUNK):
            part = slice(start, start + CHUNK)
            with torch.enable_grad():
                x = encoder.tensor(inputs.inputs(chosen[part])).requires_grad_()
                total = score(encoder.encode(x)).sum()  # no item's score depends on another item
            if not total.requires_grad:
                raise MismatchError(
                    f"The encoder {encoder.name!r} cannot be differentiated",
                    cure="Let its encode run without torch.no_grad or detach",
                )
            (gradient,) = torch.autograd.grad(total, x)
            if times_input:
                gradient = gradient * x.detach()
            gradients[part] = gradient.cpu().numpy()
            report(Step(min(start + CHUNK, len(chosen)), len(chosen), "Differentiating"))
    return gradients


@contextmanager
def as_evaluated(network: nn.Module) -> Iterator[None]:
    """Evaluation mode and frozen parameters within a ``with`` block, everything as it was afterwards."""
    training = [(module, module.training) for module in network.modules()]
    learning = [(parameter, parameter.requires_grad) for parameter in network.parameters()]
    network.eval().requires_grad_(False)
    try:
        yield
    finally:
        for module, was in training:
            module.training = was
        for parameter, was in learning:
            parameter.requires_grad_(was)
