"""What training makes small."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from conceptstain.nets.encoder import Encoding

__all__ = ["calibrated_loss", "divergence", "negative_binomial_loss", "paper_loss", "squared_error_loss"]

PAPER_KL_WEIGHT = 1e-4  # the notebook's 0.5e-4 includes the half of the divergence
LEAST_VARIANCE = 1e-6  # of pixels in 0..1: far below the steps of 8 bits


def divergence(encoding: Encoding) -> Float[Tensor, "batch latent"]:
    """KL(q(z | x) || N(0, 1)) of each latent dimension, in nats (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (encoding.mean**2 + encoding.log_var.exp() - 1 - encoding.log_var)


def squared_error_loss(
    x: Float[Tensor, "batch ..."],
    decoded: Float[Tensor, "batch ..."],
    mask: Float[Tensor, "..."],
    encoding: Encoding,
    beta: float,
) -> Float[Tensor, ""]:
    """Half the squared error summed over the tissue, plus beta times the divergence; mean over the items.

    With beta = 1 it is, but for a constant, the negative evidence bound of pictures with Gaussian noise of variance 1,
    that of a z-score without any signal.
    """
    error = 0.5 * ((decoded - x) ** 2 * mask).flatten(1).sum(1)
    return (error + beta * divergence(encoding).sum(1)).mean()


def calibrated_loss(
    x: Float[Tensor, "batch ..."], decoded: Float[Tensor, "batch ..."], encoding: Encoding, beta: float
) -> Float[Tensor, ""]:
    """Negative evidence bound under Gaussian noise of the variance that fits best; mean over the items, in nats.

    With the mean squared error ``e`` of the batch and ``D`` numbers in an item it is ``D / 2 (log(2 pi e) + 1)`` plus
    beta times the divergence: no weight has to be found for the reconstruction (Rybkin, Daniilidis & Levine 2021,
    "Simple and effective VAE training with calibrated decoders", optimal sigma-VAE).
    """
    variance = ((decoded - x) ** 2).mean().clamp_min(LEAST_VARIANCE)
    error = 0.5 * x[0].numel() * (torch.log(2 * math.pi * variance) + 1)
    return error + beta * divergence(encoding).sum(1).mean()


def paper_loss(
    x: Float[Tensor, "batch ..."], decoded: Float[Tensor, "batch ..."], encoding: Encoding, beta: float
) -> Float[Tensor, ""]:
    """Loss of the released notebook: mean cross-entropy of all pixels, plus beta / 10,000 times the mean divergence."""
    return functional.binary_cross_entropy(decoded, x) + PAPER_KL_WEIGHT * beta * divergence(encoding).mean()


def negative_binomial_loss(
    counts: Float[Tensor, "batch features"],
    log_mean: Float[Tensor, "batch features"],
    log_dispersion: Float[Tensor, " features"],
    *,
    mask: Float[Tensor, " features"],
    encoding: Encoding,
    beta: float,
) -> Float[Tensor, ""]:
    """Negative log likelihood of counts summed over the features, plus beta times the divergence; mean over the items.

    ``NB(k; m, t) = G(k + t) / (G(t) k!) (t / (t + m))^t (m / (t + m))^k``, with mean ``m``, variance ``m + m^2 / t``
    and ``log_dispersion = log t``. With beta = 1 it is the negative evidence bound in nats.
    """
    theta = log_dispersion.exp()
    log_sum = torch.logaddexp(log_dispersion, log_mean)
    log_likelihood = (
        torch.lgamma(counts + theta)
        - torch.lgamma(theta)
        - torch.lgamma(counts + 1)
        + theta * (log_dispersion - log_sum)
        + counts * (log_mean - log_sum)
    )
    return (beta * divergence(encoding).sum(1) - (log_likelihood * mask).sum(1)).mean()
