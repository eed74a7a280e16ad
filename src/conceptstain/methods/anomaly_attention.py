"""Anomalies by attention to how latents differ from the normal (Liu et al. 2020, equation 4), and as released."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from conceptstain.concepts.normal import Normal
from conceptstain.concepts.scores import Score
from conceptstain.methods.layer_attention import attended, weighing
from conceptstain.nets.encoder import Encoder, Encoding

__all__ = ["density_attention", "released_attention", "sampled_attention"]

Scores = Callable[[Encoding], Float[Tensor, "batch latent"]]


def sampled_attention(
    encoder: Encoder,
    x: Float[Tensor, "batch channels height width"],
    items: NDArray[np.integer],
    *,
    normal: Normal,
    layer: str,
    seed: int,
) -> Float[Tensor, "batch height width"]:
    """Attention of ``u_i = (mu_i^x - mu_i^y) + sqrt(var_i^x + var_i^y) eps_i``, mean over the latents.

    Equation 4 of Liu et al. 2020 read as a distribution to sample from: ``x`` is the normal, ``y`` the picture, and the
    sample is reparameterised so that it can be differentiated. Every item has its own noise of the seed.
    """
    mean, variance = (encoder.tensor(each) for each in (normal.mean, normal.variance))
    drawn = [np.random.default_rng([seed, int(item)]).standard_normal(encoder.latent) for item in items]
    noise = encoder.tensor(np.stack(drawn))

    def difference(encoding: Encoding) -> Tensor:
        return mean - encoding.mean + (variance + encoding.log_var.exp()).sqrt() * noise

    return _aggregate(encoder, x, layer, difference)


def density_attention(
    encoder: Encoder,
    x: Float[Tensor, "batch channels height width"],
    *,
    normal: Normal,
    layer: str,
) -> Float[Tensor, "batch height width"]:
    """Attention of the density of the normal difference distribution at 0, mean over the latents.

    Equation 4 of Liu et al. 2020 read as the score itself: how probable it is that picture and normal do not differ,
    ``exp(-(mu_i^x - mu_i^y)^2 / 2 v_i) / sqrt(2 pi v_i)`` with ``v_i = var_i^x + var_i^y``. The paper does not say
    where the density is taken; at a sample of the difference the means would cancel out of it.
    """
    mean, variance = (encoder.tensor(each) for each in (normal.mean, normal.variance))

    def density(encoding: Encoding) -> Tensor:
        together = variance + encoding.log_var.exp()
        far = (mean - encoding.mean).square() / (2 * together)
        return (-far).exp() / (2 * math.pi * together).sqrt()

    return _aggregate(encoder, x, layer, density)


def released_attention(
    encoder: Encoder, x: Float[Tensor, "batch channels height width"], *, layer: str
) -> Float[Tensor, "batch height width"]:
    """``|sum_k w_k A_k|`` with ``w_k`` the mean over places of ``d sum_i mu_i / d A_k``, enlarged before the magnitude.

    As the released code has it, which does not ask what is normal: the sum of all latent means, and magnitudes in the
    place of the ReLU. It divides by the root of the mean squared gradient of the whole batch; that is one factor for
    all maps of a batch, and is left out, so that a map does not depend on what is asked with it.
    """

    def total(encoding: Encoding) -> Tensor:
        return encoding.mean.sum(dim=1)

    with weighing(encoder, layer, [total]) as weigh:
        activation, weights = weigh(x)
    return attended(activation, weights, x.shape[-2:], variant="released")[:, 0]


def _aggregate(
    encoder: Encoder, x: Float[Tensor, "batch channels height width"], layer: str, scores: Scores
) -> Float[Tensor, "batch height width"]:
    """``M = mean_i ReLU(sum_k alpha_k^i A_k)``, ``alpha_k^i`` the mean over places of ``d score_i / d A_k``."""

    def of_latent(index: int) -> Score:
        return lambda encoding: scores(encoding)[:, index]

    with weighing(encoder, layer, [of_latent(index) for index in range(encoder.latent)]) as weigh:
        activation, weights = weigh(x)
    return attended(activation, weights, x.shape[-2:], together=True)[:, 0]
