"""The engine of the gradient maps: derivatives of scores at the inputs, by a rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from conceptstain.concepts.scores import LayerScore, Score, asked, ends_of
from conceptstain.errors import MismatchError
from conceptstain.inputs import Inputs, ItemIndices
from conceptstain.nets.encoder import CHUNK, Encoder
from conceptstain.nets.ruled import applied
from conceptstain.nets.rules import GRADIENT, Rule
from conceptstain.progress import Report, Step, silent

__all__ = ["as_evaluated", "copies_at_once", "gradients_of_scores", "input_gradients"]

VALUES = 2**20  # of all inputs of one pass together: 85 pictures of 64 x 64 with colours


def copies_at_once(shape: tuple[int, ...]) -> int:
    """How many inputs go through the network at once: 256, fewer of large pictures, so that memory has a bound."""
    return max(1, min(CHUNK, VALUES // math.prod(shape)))


def input_gradients(
    encoder: Encoder,
    score: Score | LayerScore,
    inputs: Inputs,
    items: ItemIndices,
    *,
    rule: Rule = GRADIENT,
    times_input: bool = False,
    report: Report = silent,
) -> Float[np.ndarray, "items ..."]:
    """``d score / d x`` at each item, with its sign: :func:`gradients_of_scores` of one score.

    Returns
    -------
    numpy.ndarray
        float32, ``(len(items), *inputs.shape)``.
    """
    gradients: Float[np.ndarray, "items ..."]
    (gradients,) = gradients_of_scores(
        encoder, [score], inputs, items, rule=rule, times_input=times_input, report=report
    )
    return gradients


def gradients_of_scores(
    encoder: Encoder,
    scores: Sequence[Score | LayerScore],
    inputs: Inputs,
    items: ItemIndices,
    *,
    rule: Rule = GRADIENT,
    times_input: bool = False,
    report: Report = silent,
) -> Float[np.ndarray, "scores items ..."]:
    """``d score / d x`` of several scores at each item, with its sign: one pass forward, and one back for each score.

    Every item is asked by itself: its result does not depend on what else is in the batch. Beyond the result, memory
    holds one chunk of items and what the network keeps of it for the way back, however many items and scores there are.

    Parameters
    ----------
    encoder
        Its network is used by one job at a time.
    scores
        What is differentiated; see :mod:`conceptstain.concepts.scores`.
    inputs
        The canvas.
    items
        Indices of the items.
    rule
        What happens on the way back.
    times_input
        Multiply by the input, ``x * d score / d x``.
    report
        Called after every chunk of items, 256 or fewer of large pictures.

    Returns
    -------
    numpy.ndarray
        float32, ``(len(scores), len(items), *inputs.shape)``.

    Raises
    ------
    MismatchError
        The inputs are not the encoder's, or the network has layers that the rule does not know.
    """
    encoder.check(inputs)
    chosen = np.asarray(items, dtype=int)
    gradients = np.empty((len(scores), len(chosen), *inputs.shape), dtype=np.float32)
    with as_evaluated(encoder.network), applied(rule, encoder, ends_of(scores)), asked(encoder, scores) as ask:
        at_once = copies_at_once(inputs.shape)
        for start in range(0, len(chosen), at_once):
            part = slice(start, start + at_once)
            x = encoder.tensor(inputs.inputs(chosen[part])).requires_grad_()
            for number, gradient in enumerate(_gradients_at(x, encoder, ask)):
                made = gradient * x.detach() if times_input else gradient
                gradients[number, part] = made.cpu().numpy()
            report(Step(min(start + at_once, len(chosen)), len(chosen), "Differentiating"))
    return gradients


def _gradients_at(
    x: Float[Tensor, "batch ..."],
    encoder: Encoder,
    ask: Callable[[Float[Tensor, "batch ..."]], list[Float[Tensor, " batch"]]],
) -> Iterator[Float[Tensor, "batch ..."]]:
    """The gradient of each score in turn."""
    with torch.enable_grad():
        totals = [score.sum() for score in ask(x)]  # no item's score depends on another item
    for number, total in enumerate(totals, 1):
        if not total.requires_grad:
            raise MismatchError(
                f"The encoder {encoder.name!r} cannot be differentiated",
                cure="Let its encode run without torch.no_grad or detach",
            )
        (gradient,) = torch.autograd.grad(total, x, retain_graph=number < len(totals))
        yield gradient


@contextmanager
def as_evaluated(network: nn.Module) -> Iterator[None]:
    """Evaluation mode and frozen parameters within a ``with`` block, everything as it was afterwards.

    On a CUDA card convolutions are done in full precision: rounded to TF32, as they are by default, they put some units
    on the other side of zero, and these then pass another gradient.
    """
    training = [(module, module.training) for module in network.modules()]
    learning = [(parameter, parameter.requires_grad) for parameter in network.parameters()]
    network.eval().requires_grad_(False)
    cudnn = torch.backends.cudnn
    flags = {"enabled": cudnn.enabled, "benchmark": cudnn.benchmark, "deterministic": cudnn.deterministic}
    try:
        with cudnn.flags(**flags, allow_tf32=False):
            yield
    finally:
        for module, was in training:
            module.training = was
        for parameter, was in learning:
            parameter.requires_grad_(was)
