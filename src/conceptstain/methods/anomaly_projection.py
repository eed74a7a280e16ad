"""Iterative projection: what has to change in a picture until the network finds it ordinary (Dehaene et al. 2020)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from conceptstain.methods.anomaly_settings import AnomalySettings
from conceptstain.nets.encoder import Encoder

__all__ = ["energy", "projected"]

LEAST_NOISE = 1e-6  # of pixels in 0..1: far below the steps of 8 bits


def energy(
    encoder: Encoder, x: Float[Tensor, "batch ..."], noise: float
) -> tuple[Float[Tensor, " batch"], Float[Tensor, "batch ..."]]:
    """The negative evidence bound of pictures at their mean latents, times the noise; and what is not redrawn.

    ``|x - dec(mu(x))|^2 / 2 + noise KL(q(z | x) || N(0, 1))``, but for a constant: Gaussian noise of the variance
    ``noise`` around what is decoded. Of a network without variances the divergence is that of its means.
    """
    encoding = encoder.encode(x)
    apart = x - encoder.decode(encoding.mean)
    # A network of the user's own that puts out no variance has one of 0, whose divergence is infinite and constant.
    log_var = torch.where(encoding.log_var.isfinite(), encoding.log_var, torch.zeros_like(encoding.log_var))
    divergence = 0.5 * (encoding.mean.square() + log_var.exp() - 1 - log_var).flatten(1).sum(dim=1)
    return 0.5 * apart.square().flatten(1).sum(dim=1) + noise * divergence, apart


def projected(
    encoder: Encoder,
    x: Float[Tensor, "batch ..."],
    noise: float,
    settings: AnomalySettings | None = None,
) -> Float[Tensor, "batch ..."]:
    """Pictures after gradient steps on their energy, which bring them to what the network knows.

    ``x_{t+1} = clip(x_t - rate w_t (dE/dx + l sign(x_t - x_0)))`` with the energy of :func:`energy`, ``l = sparsity
    sqrt(noise)`` and weights ``w_t = r_t^2 / (r_t^2 + noise)`` of what is not redrawn, ``r_t = x_t - dec(mu(x_t))``.
    Values stay within the range of the picture and 0..1.

    Parameters
    ----------
    encoder
        In evaluation and frozen; it must decode.
    x
        Pictures, ``x_0``.
    noise
        Mean squared error of a value in ordinary pictures.
    settings
        None: those by default.

    Notes
    -----
    As in the paper, steps go down the energy plus an L1 distance to the start, and are weighed by the squared error, so
    that only what is drawn wrongly changes. The paper multiplies by the squared error as it is, and asks for a rate in
    the units of its loss; here it is bounded by the usual error, so that the rate means the same whatever the pictures.
    The number of steps is fixed; a stop by the loss would make a picture's map depend on a threshold.

    References
    ----------
    Dehaene et al. 2020, "Iterative energy-based projection on a normal data manifold for anomaly localization",
    arXiv:2002.03734.
    """
    settings = settings or AnomalySettings()
    noise = max(noise, LEAST_NOISE)
    cost = settings.sparsity * noise**0.5
    low = x.flatten(1).min(dim=1).values.clamp(max=0).reshape(-1, *[1] * (x.ndim - 1))
    high = x.flatten(1).max(dim=1).values.clamp(min=1).reshape(-1, *[1] * (x.ndim - 1))
    start, now = x.detach(), x.detach().clone()
    for _ in range(settings.steps):
        with torch.enable_grad():
            now.requires_grad_()
            spent, apart = energy(encoder, now, noise)
            (gradient,) = torch.autograd.grad(spent.sum(), now)
        with torch.no_grad():
            squared = apart.detach().square()
            step = gradient + cost * torch.sign(now - start)
            now = now - settings.rate * squared / (squared + noise) * step
            now = torch.minimum(torch.maximum(now, low), high)
    return now.detach()
