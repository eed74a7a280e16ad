"""What training makes small: how badly items are reconstructed, and how far latents are from the prior.

Each is a mean over the items of a batch; :mod:`conceptstain.nets.terms` weighs and sums them.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from conceptstain.nets.encoder import Encoding

__all__ = [
    "PAPER_KL_WEIGHT",
    "bernoulli_error",
    "calibrated_error",
    "divergence",
    "negative_binomial_error",
    "paper_error",
    "squared_error",
]

PAPER_KL_WEIGHT = 1e-4  # the notebook's 0.5e-4 includes the half of the divergence
LEAST_VARIANCE = 1e-6  # of pixels in 0..1: far below the steps of 8 bits


def divergence(encoding: Encoding) -> Float[Tensor, "batch latent"]:
    """KL(q(z | x) || N(0, 1)) of each latent dimension, in nats (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (encoding.mean**2 + encoding.log_var.exp() - 1 - encoding.log_var)


def squared_error(
    x: Float[Tensor, "batch ..."], decoded: Float[Tensor, "batch ..."], mask: Float[Tensor, "..."]
) -> Float[Tensor, ""]:
    """Half the squared error summed over the tissue; mean over the items.

    With the divergence it is, but for a constant, the negative evidence bound of pictures with Gaussian noise of
    variance 1, that of a z-score without any signal.
    """
    return 0.5 * ((decoded - x) ** 2 * mask).flatten(1).sum(1).mean()


def calibrated_error(x: Float[Tensor, "batch ..."], decoded: Float[Tensor, "batch ..."]) -> Float[Tensor, ""]:
    """Negative log likelihood under Gaussian noise of the variance that fits best; mean over the items, in nats.

    With the mean squared error ``e`` of the batch and ``D`` numbers in an item it is ``D / 2 (log(2 pi e) + 1)``: no
    weight has to be found for the reconstruction (Rybkin, Daniilidis & Levine 2021, "Simple and effective VAE training
    with calibrated decoders", optimal sigma-VAE).
    """
    variance = ((decoded - x) ** 2).mean().clamp_min(LEAST_VARIANCE)
    return 0.5 * x[0].numel() * (torch.log(2 * math.pi * variance) + 1)


def bernoulli_error(x: Float[Tensor, "batch ..."], decoded: Float[Tensor, "batch ..."]) -> Float[Tensor, ""]:
    """Cross-entropy summed over the pixels of an item; mean over the items, in nats.

    The negative log likelihood of black and white pixels, and what the literature of disentangling trains with
    (Kim & Mnih 2018). Values between 0 and 1 are taken as the probability of white.
    """
    return functional.binary_cross_entropy(decoded, x, reduction="sum") / len(x)


def paper_error(x: Float[Tensor, "batch ..."], decoded: Float[Tensor, "batch ..."]) -> Float[Tensor, ""]:
    """Reconstruction of the released notebook: mean cross-entropy of all pixels.

    Beside it stands the *mean* of the divergence over the latents with a weight of beta / 10,000.
    """
    return functional.binary_cross_entropy(decoded, x)


def negative_binomial_error(
    counts: Float[Tensor, "batch features"],
    log_mean: Float[Tensor, "batch features"],
    log_dispersion: Float[Tensor, " features"],
    *,
    mask: Float[Tensor, " features"],
) -> Float[Tensor, ""]:
    """Negative log likelihood of counts summed over the features; mean over the items, in nats.

    ``NB(k; m, t) = G(k + t) / (G(t) k!) (t / (t + m))^t (m / (t + m))^k``, with mean ``m``, variance ``m + m^2 / t``
    and ``log_dispersion = log t``.
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
    return -(log_likelihood * mask).sum(1).mean()
