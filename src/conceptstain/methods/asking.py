"""Asking a network through captum: a concept score as a plain function of inputs, chunk by chunk, without traces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.scores import asked, score_of
from conceptstain.errors import MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.gradient import as_evaluated
from conceptstain.methods.items import checked_items, concept_items
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report, Step

__all__ = ["ScoreOf", "concept_score", "explained", "items_asked", "refuse", "without_traces"]

ScoreOf: TypeAlias = Callable[[Tensor], Tensor]
"""``(batch, *shape)`` to one score per input."""


def items_asked(
    canvas: Canvas, encoder: Encoder, concept: Concept, items: ItemIndices | None
) -> tuple[NDArray[np.integer], tuple[str, ...]]:
    """The items a concept is asked at, and the names of those of its own that the canvas does not have.

    Raises
    ------
    MismatchError, InputError
        Canvas, encoder and concept do not belong together; no such item.
    """
    encoder.check(canvas)
    concept.check(encoder)
    return concept_items(canvas, concept) if items is None else (checked_items(canvas, items), ())


def refuse(method: str, reason: str | None) -> None:
    """Stop where a network cannot be asked.

    Raises
    ------
    MismatchError
        There is a reason.
    """
    if reason is not None:
        raise MismatchError(f"{method} would not be itself in this network", got=reason, cure="Choose another map")


def explained(
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    items: NDArray[np.integer],
    explain: Callable[[ScoreOf, Tensor, NDArray[np.integer]], Tensor],
    *,
    at_once: int,
    message: str,
    report: Report,
) -> Float[np.ndarray, "items ..."]:
    """Values of the inputs' shape for every item, from ``explain(score, inputs, items)``; float32.

    Parameters
    ----------
    explain
        Gets the score as a function, a batch of inputs that require gradients, and their indices.
    at_once
        Items in a batch.
    """
    values = np.empty((len(items), *canvas.shape), dtype=np.float32)
    with concept_score(encoder, concept) as score:
        for start in range(0, len(items), at_once):
            part = slice(start, start + at_once)
            x = encoder.tensor(canvas.inputs(items[part])).requires_grad_()
            values[part] = explain(score, x, items[part]).detach().cpu().numpy()
            report(Step(min(start + at_once, len(items)), len(items), message))
    return values


@contextmanager
def concept_score(encoder: Encoder, concept: Concept) -> Iterator[ScoreOf]:
    """The concept score as a function within a ``with`` block, of a network that is in evaluation and frozen."""
    with (
        as_evaluated(encoder.network),
        without_traces(encoder.network),
        asked(encoder, [score_of(concept)]) as ask,
    ):

        def score(x: Tensor) -> Tensor:
            (only,) = ask(x)
            return only

        yield score


@contextmanager
def without_traces(network: nn.Module) -> Iterator[None]:
    """Take away what captum leaves on modules: activations it noted, the more so when it was interrupted."""
    before = [(module, set(vars(module))) for module in network.modules()]
    try:
        yield
    finally:
        for module, known in before:
            for name in set(vars(module)) - known:
                del vars(module)[name]
