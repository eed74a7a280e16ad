"""Scores: what of the latent space is asked about, as one differentiable number per input.

A method differentiates a score; it does not care whether the score is a concept or a single latent. A score of a layer
reads what that layer puts out in place of the latent space.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import LATENT
from conceptstain.concepts.groups import Groups
from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.encoder import Encoder, Encoding
from conceptstain.nets.tap import over_places, tap

__all__ = [
    "Against",
    "Along",
    "AlongLayer",
    "Dimension",
    "LayerScore",
    "Score",
    "along",
    "along_layer",
    "asked",
    "dimension",
    "ends_of",
    "score_of",
]


class Score(Protocol):
    """One number per input, differentiable, of where the input lies in the latent space."""

    def __call__(self, encoding: Encoding) -> Float[Tensor, " batch"]:
        """The score of every input of a batch."""
        ...


@runtime_checkable
class LayerScore(Protocol):
    """One number per input, differentiable, of what a layer puts out."""

    @property
    def layer(self) -> str:
        """Name of the layer it reads, as in ``network.named_modules()``."""
        ...

    def __call__(self, channels: Float[Tensor, "batch channels"]) -> Float[Tensor, " batch"]:
        """The score of every input of a batch, of the layer's channels with their places averaged."""
        ...


@final
@dataclass(frozen=True, eq=False)
class Along:
    """The concept score ``s_c(x) = <z_mean(x), v_c>``. Make one with :func:`along`."""

    direction: Float[np.ndarray, " latent"]

    def __call__(self, encoding: Encoding) -> Float[Tensor, " batch"]:
        """The product of the mean with the direction."""
        mean = encoding.mean
        if mean.shape[-1] != len(self.direction):
            raise MismatchError(
                "The direction belongs to another latent space",
                got=f"{len(self.direction)} numbers for {mean.shape[-1]} latents",
                cure="Make the concept with this encoder",
            )
        score: Tensor = mean @ torch.as_tensor(self.direction).to(device=mean.device, dtype=mean.dtype)
        return score


@final
@dataclass(frozen=True, eq=False)
class AlongLayer:
    """The concept score in a layer, ``<a(x), v_c>`` with ``a`` its channels. Make one with :func:`along_layer`."""

    direction: Float[np.ndarray, " channels"]
    layer: str

    def __call__(self, channels: Float[Tensor, "batch channels"]) -> Float[Tensor, " batch"]:
        """The product of the channels with the direction."""
        if channels.shape[-1] != len(self.direction):
            raise MismatchError(
                f"The direction does not belong to the layer {self.layer!r}",
                got=f"{len(self.direction)} numbers for {channels.shape[-1]} channels",
                cure="Make the concept with this encoder",
            )
        score: Tensor = channels @ torch.as_tensor(self.direction).to(device=channels.device, dtype=channels.dtype)
        return score


@final
@dataclass(frozen=True)
class Dimension:
    """The mean of one latent, ``mu_i(x)``. Make one with :func:`dimension`."""

    index: int

    def __call__(self, encoding: Encoding) -> Float[Tensor, " batch"]:
        """The mean of this latent."""
        latent = encoding.mean.shape[-1]
        if self.index >= latent:
            raise InputError(
                "The encoder has no latent of that number",
                got=f"{self.index} for {latent} latents",
                cure=f"Choose one of 0 to {latent - 1}",
            )
        return encoding.mean[:, self.index]


@final
@dataclass(frozen=True, eq=False)
class Against:
    """Log density of one group against the sum of the others, ``log p_k(z_mean) - log sum_(j != k) p_j(z_mean)``.

    Attributes
    ----------
    groups
        Normal distributions with one covariance.
    number
        Of the group that is scored.
    """

    groups: Groups
    number: int

    def __call__(self, encoding: Encoding) -> Float[Tensor, " batch"]:
        """The score of every input of a batch."""
        mean = encoding.mean
        means, precision = (
            torch.as_tensor(values).to(device=mean.device, dtype=mean.dtype)
            for values in (self.groups.means, self.groups.precision)
        )
        if mean.shape[-1] != means.shape[-1]:
            raise MismatchError(
                "The groups belong to another latent space",
                got=f"{means.shape[-1]} numbers for {mean.shape[-1]} latents",
                cure="Make the concept with this encoder",
            )
        apart = mean[:, None] - means
        log_p = -0.5 * torch.einsum("nki,ij,nkj->nk", apart, precision, apart)
        others = torch.cat([log_p[:, : self.number], log_p[:, self.number + 1 :]], dim=1)
        score: Tensor = log_p[:, self.number] - others.logsumexp(dim=1)
        return score


def along(direction: Float[np.ndarray, "..."]) -> Along:
    """Score along a direction: ``<z_mean(x), v_c>`` (Brocki & Chung 2019).

    Parameters
    ----------
    direction
        ``v_c``, one finite number per latent; its length counts, a longer one gives larger scores.

    Raises
    ------
    InputError
        Not a vector of finite numbers.
    """
    return Along(_checked(direction))


def along_layer(direction: Float[np.ndarray, "..."], layer: str) -> AlongLayer:
    """Score along a direction in the channels of a layer, each the mean over its places.

    Raises
    ------
    InputError
        Not a vector of finite numbers; a layer that the encoder does not have is refused when it is asked.
    """
    return AlongLayer(_checked(direction), layer)


def score_of(concept: Concept) -> Along | AlongLayer:
    """The score of a concept, in the space where it lives."""
    if concept.space == LATENT:
        return along(concept.direction)
    return along_layer(concept.direction, concept.space)


def ends_of(scores: Sequence[Score | LayerScore]) -> tuple[str | None, ...]:
    """The layers that scores read, each once; None stands for the latent space."""
    return tuple(dict.fromkeys(score.layer if isinstance(score, LayerScore) else None for score in scores))


@contextmanager
def asked(
    encoder: Encoder, scores: Sequence[Score | LayerScore]
) -> Iterator[Callable[[Float[Tensor, "batch ..."]], list[Float[Tensor, " batch"]]]]:
    """Scores as a function of a batch of inputs, in a ``with`` block: one pass of the network, tapped if need be."""
    with ExitStack() as stack:
        taps = {layer: stack.enter_context(tap(encoder.network, layer)) for layer in ends_of(scores) if layer}

        def ask(x: Float[Tensor, "batch ..."]) -> list[Float[Tensor, " batch"]]:
            encoding = encoder.encode(x)
            channels = {layer: over_places(tapped.take()) for layer, tapped in taps.items()}
            return [
                score(channels[score.layer]) if isinstance(score, LayerScore) else score(encoding) for score in scores
            ]

        yield ask


def _checked(direction: Float[np.ndarray, "..."]) -> Float[np.ndarray, " numbers"]:
    vector = np.asarray(direction, dtype=np.float64)
    if vector.ndim != 1 or not np.isfinite(vector).all():
        raise InputError(
            "A direction is one finite number per latent",
            got=f"shape {vector.shape}" if vector.ndim != 1 else "a value that is not finite",
            cure="Use the direction of a concept",
        )
    return vector


def dimension(index: int) -> Dimension:
    """Score of one latent: its mean ``mu_i(x)``.

    Raises
    ------
    InputError
        A negative number; one that the encoder does not have is refused when it is asked.
    """
    if index < 0:
        raise InputError("Latents are numbered from 0", got=str(index), cure="Choose 0 or more")
    return Dimension(int(index))
