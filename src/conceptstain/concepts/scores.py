"""Scores: what of the latent space is asked about, as one differentiable number per input.

A method differentiates a score; it does not care whether the score is a concept or a single latent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from conceptstain.concepts.groups import Groups
from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.encoder import Encoding

__all__ = ["Against", "Along", "Dimension", "Score", "along", "dimension"]


class Score(Protocol):
    """One number per input, differentiable, of where the input lies in the latent space."""

    def __call__(self, encoding: Encoding) -> Float[Tensor, " batch"]:
        """The score of every input of a batch."""
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
    vector = np.asarray(direction, dtype=np.float64)
    if vector.ndim != 1 or not np.isfinite(vector).all():
        raise InputError(
            "A direction is one finite number per latent",
            got=f"shape {vector.shape}" if vector.ndim != 1 else "a value that is not finite",
            cure="Use the direction of a concept",
        )
    return Along(vector)


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
