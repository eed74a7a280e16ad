"""What the units of a layer add to a score, so that it adds up: exactly where they enter linearly, else along a way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from conceptstain.concepts.definition import LATENT
from conceptstain.errors import MismatchError
from conceptstain.methods.asking import without_traces
from conceptstain.methods.gradient import as_evaluated, copies_at_once
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.tap import over_places, tap

__all__ = ["Contributions", "Pool", "Question", "contributions_to", "pooled_within"]

Pool: TypeAlias = Callable[[Tensor], Tensor]
"""What a layer puts out, ``(batch, channels, height, width)``, to one number per channel."""

TRIED = 4  # inputs of noise on which it is found out whether a layer is what the latent space is the mean of


@final
@dataclass(frozen=True, eq=False)
class Question:
    """A score that is linear in the numbers that are read somewhere: ``<pool(a), v> + shift``.

    Attributes
    ----------
    direction
        ``v``.
    shift
        What is added, such as a bias.
    space
        Where it is read: ``"latent"``, or the name of a layer.
    pool
        How the places of that layer become one number per channel.
    """

    direction: Float[np.ndarray, " numbers"]
    shift: float = 0.0
    space: str = LATENT
    pool: Pool = over_places


class Contributions(NamedTuple):
    """What every unit adds to the score of one input.

    Attributes
    ----------
    each
        One number per unit.
    score
        As the network has it.
    rest
        The score with all units of the layer at zero.
    gap
        ``score - rest - sum of each``: what the sum over finitely many steps is off by; rounding where units enter
        linearly.
    linear
        Whether they do.
    activation
        What the layer puts out.
    """

    each: Float[np.ndarray, " units"]
    score: float
    rest: float
    gap: float
    linear: bool
    activation: Float[np.ndarray, "units height width"]


def contributions_to(
    question: Question, encoder: Encoder, layer: str, x: Float[Tensor, "1 ..."], *, steps: int
) -> Contributions:
    """What every unit of a layer adds to a score.

    Where the score is read in the layer itself, or in a latent space that is the layer's mean over places, unit ``n``
    adds ``v_n`` times its pooled activation. Elsewhere it is the integrated gradient (Sundararajan et al. 2017) from
    the layer put to zero to what it puts out, added up over the unit's places; by the rule of Gauss and Legendre.

    Parameters
    ----------
    question
        The score.
    encoder
        Its network is used by one job at a time.
    layer
        Full name of a layer.
    x
        One input, in the encoder's precision.
    steps
        Points at which the gradient is asked.

    Raises
    ------
    MismatchError
        The score does not depend on the layer.
    """
    with as_evaluated(encoder.network), torch.no_grad():
        numbers, activation = _read(question, encoder, layer, x)
        values = numbers[0].double().cpu().numpy()
        score = float(values @ question.direction) + question.shift
        seen = _with_places(activation[0].float().cpu().numpy())
        linear = layer == question.space or (question.space == LATENT and _is_latent_space(encoder, layer, x))
    if linear:
        each = question.direction * values
        rest = question.shift
    else:
        each, rest = _integrated(question, encoder, layer, x, activation, steps=steps)
    return Contributions(each, score, rest, score - rest - float(each.sum()), linear, seen)


def pooled_within(within: Bool[np.ndarray, "rows columns"]) -> Pool:
    """The mean of every channel over some pixels of the frame, enlarged as scores of parts are."""
    chosen = torch.as_tensor(within)

    def pool(activation: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch channels"]:
        enlarged = interpolate(activation, size=within.shape, mode="bilinear", align_corners=False)
        return enlarged[:, :, chosen.to(activation.device)].mean(dim=2)

    return pool


def _integrated(
    question: Question, encoder: Encoder, layer: str, x: Tensor, activation: Tensor, *, steps: int
) -> tuple[Float[np.ndarray, " units"], float]:
    from captum.attr import IntegratedGradients

    direction = torch.as_tensor(question.direction, dtype=torch.float64, device=activation.device)
    with as_evaluated(encoder.network), without_traces(encoder.network), _put(encoder.network, layer) as put:

        def score(values: Tensor) -> Tensor:
            put.values = values
            numbers, _ = _read(question, encoder, layer, x.expand(len(values), *x.shape[1:]))
            return numbers.double() @ direction + question.shift

        zero = torch.zeros_like(activation)
        with torch.enable_grad():
            if not score(activation.detach().requires_grad_()).requires_grad:
                where = "latent space" if question.space == LATENT else f"layer {question.space!r}"
                raise MismatchError(
                    f"The {where} does not depend on the layer {layer!r}",
                    got="a score without a gradient there",
                    cure="Explain by a layer before it",
                )
        made = IntegratedGradients(score, multiply_by_inputs=True).attribute(
            activation.detach(),
            baselines=zero,
            n_steps=steps,
            method="gausslegendre",
            internal_batch_size=copies_at_once(tuple(x.shape[1:])),
        )
        with torch.no_grad():
            rest = float(score(zero)[0])
    each: Float[np.ndarray, " units"] = made[0].double().reshape(made.shape[1], -1).sum(dim=1).cpu().numpy()
    return each, rest


def _read(question: Question, encoder: Encoder, layer: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """The numbers that the score is linear in, and what the layer puts out."""
    with ExitStack() as stack:
        asked = dict.fromkeys((layer, question.space))
        taps = {name: stack.enter_context(tap(encoder.network, name)) for name in asked if name != LATENT}
        mean: Tensor = encoder.encode(x).mean
        caught = {name: each.take() for name, each in taps.items()}
    numbers = mean if question.space == LATENT else question.pool(caught[question.space])
    return numbers, caught[layer]


def _is_latent_space(encoder: Encoder, layer: str, x: Tensor) -> bool:
    """Whether the latent space is the layer's mean over its places; found out on noise beside the input."""
    noise = np.random.default_rng(0).normal(size=(TRIED, *x.shape[1:]))
    mean, activation = _read(Question(np.zeros(0)), encoder, layer, torch.cat([x, encoder.tensor(noise)]))
    pooled = over_places(activation)
    return pooled.shape == mean.shape and bool(torch.allclose(pooled, mean, rtol=1e-5, atol=0))


class _Put:
    """What a layer puts out instead, while a :func:`_put` lasts; None: what it would."""

    values: Tensor | None = None


@contextmanager
def _put(network: nn.Module, layer: str) -> Iterator[_Put]:
    """Put values in the place of what a layer puts out, within a ``with`` block."""
    instead = _Put()

    def hook(_: nn.Module, __: object, output: Tensor) -> Tensor:
        return output if instead.values is None else instead.values

    handle = dict(network.named_modules())[layer].register_forward_hook(hook)  # by the user's names of an own network
    try:
        yield instead
    finally:
        handle.remove()


def _with_places(values: Float[np.ndarray, "units ..."]) -> Float[np.ndarray, "units height width"]:
    return values if values.ndim == 3 else values.reshape(len(values), -1, 1)
