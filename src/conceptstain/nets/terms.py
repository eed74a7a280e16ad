"""Terms of a loss: each looks at one pass of a batch through the network, and has a name and a weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from conceptstain.nets.attention_loss import Attending
from conceptstain.nets.batches import Batch
from conceptstain.nets.encoder import Encoding
from conceptstain.nets.losses import (
    PAPER_KL_WEIGHT,
    bernoulli_error,
    calibrated_error,
    divergence,
    negative_binomial_error,
    paper_error,
    squared_error,
)
from conceptstain.nets.tap import tap
from conceptstain.nets.training_settings import Loss

__all__ = ["Pass", "Term", "latent_sample", "learns_counts", "passed", "plain_terms", "weighed"]


@final
@dataclass(frozen=True, eq=False)
class Pass:
    """A batch with everything that the network made of it.

    Attributes
    ----------
    batch
        What went in.
    encoding, z
        q(z | x), and the latents that were decoded.
    decoded
        What came out; of a network that learns counts, the logarithm of the expected ones.
    maps
        Attention maps of two latents, where a term asks for them: ``(2, batch, height, width)``.
    """

    batch: Batch
    encoding: Encoding
    z: Float[Tensor, "batch latent"]
    decoded: Float[Tensor, "batch ..."]
    maps: Float[Tensor, "2 batch height width"] | None = None


class Term(NamedTuple):
    """A named part of the loss; one with a weight of 0 is watched only."""

    name: str
    weight: float
    value: Callable[[Pass], Float[Tensor, ""]]


def weighed(terms: Sequence[Term], step: Pass) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of the terms, and what each is without its weight."""
    total: Tensor = torch.zeros((), device=step.z.device)
    values = {}
    for term in terms:
        value = term.value(step)
        values[term.name] = value.detach()
        if term.weight:
            total = total + term.weight * value
    return total, values


def passed(
    network: Any,
    batch: Batch,
    loss: Loss,
    *,
    generator: torch.Generator | None = None,
    attending: Attending | None = None,
) -> Pass:
    """One pass at a sample of q(z | x), or at its mean where there is no generator."""
    with nullcontext() if attending is None else tap(network, attending.layer) as tapped:
        encoding: Encoding = network.encode(batch.x)
        activation = None if tapped is None else tapped.take()
    z = latent_sample(encoding, loss, generator)
    maps = None if attending is None or activation is None else attending(z, activation)
    if batch.counts is not None and batch.depths is not None:
        decoded = network.log_rates(z) + batch.depths.log()[:, None]
    else:
        decoded = network.decode(z)
    return Pass(batch, encoding, z, decoded, maps)


def latent_sample(encoding: Encoding, loss: Loss, generator: torch.Generator | None) -> Float[Tensor, "batch latent"]:
    """A sample of q(z | x), or its mean where there is no generator."""
    if generator is None:
        return encoding.mean
    noise = torch.randn(encoding.mean.shape, generator=generator).to(encoding.mean)
    # The notebooks take the variance for the deviation when they sample.
    deviation = encoding.log_var.exp() if loss == "paper" else (0.5 * encoding.log_var).exp()
    return encoding.mean + deviation * noise


def learns_counts(network: Any) -> bool:
    """Whether the network learns counts, by a likelihood of its own."""
    return bool(getattr(network, "learns_counts", False))


def plain_terms(network: nn.Module, loss: Loss, beta: float) -> tuple[Term, Term]:
    """Reconstruction and divergence: with beta = 1 the negative evidence bound, but for the loss ``"paper"``."""
    if loss == "paper":
        return (
            Term("reconstruction", 1.0, lambda step: paper_error(step.batch.x, step.decoded)),
            Term("divergence", PAPER_KL_WEIGHT * beta, lambda step: divergence(step.encoding).mean()),
        )
    return (
        Term("reconstruction", 1.0, _reconstruction(network, loss)),
        Term("divergence", beta, lambda step: divergence(step.encoding).sum(1).mean()),
    )


def _reconstruction(network: Any, loss: Loss) -> Callable[[Pass], Tensor]:
    if learns_counts(network):
        return lambda step: _error_of_counts(network, step)
    if loss == "calibrated":
        return lambda step: calibrated_error(step.batch.x, step.decoded)
    if loss == "bernoulli":
        return lambda step: bernoulli_error(step.batch.x, step.decoded)
    return lambda step: squared_error(step.batch.x, step.decoded, step.batch.mask)


def _error_of_counts(network: Any, step: Pass) -> Tensor:
    counts = step.batch.counts
    if counts is None:
        raise TypeError("a batch without counts")
    return negative_binomial_error(counts, step.decoded, network.log_dispersion, mask=step.batch.mask)
