"""Variational autoencoders of profiles: vectors over named genes, such as spots.

What the network reads are z-scores. What it is compared with depends on the likelihood. ``"gaussian"``: the z-scores
themselves. ``"negative binomial"``: the counts behind them, with the depth of the spot as size factor and one
dispersion per gene (the generative model of Lopez et al., Nature Methods 15, 1053 (2018), without its zero inflation).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from conceptstain.errors import InputError
from conceptstain.inputs import Profiles
from conceptstain.nets.encoder import Encoding

__all__ = ["Likelihood", "ProfileVAE", "ProfileVAESettings"]

Likelihood = Literal["gaussian", "negative binomial"]
LIKELIHOODS: tuple[Likelihood, ...] = ("gaussian", "negative binomial")
LEAST_RATE = 1e-3  # per 10,000 counts: of genes that were found in no spot
LARGEST_LOG_RATE = math.log(1e5)  # ten times all counts of a spot


@final
@dataclass(frozen=True)
class ProfileVAESettings:
    """What to build.

    Attributes
    ----------
    likelihood
        ``"gaussian"``: of the z-scores, for any values. ``"negative binomial"``: of the counts.
    latent
        Number of latent dimensions.
    hidden
        Units of the dense layers of the encoder, and in reverse order of the decoder.
    """

    likelihood: Likelihood = "negative binomial"
    latent: int = 16
    hidden: tuple[int, ...] = (128,)


@final
class ProfileVAE(nn.Module):
    """A VAE of profiles ``(genes,)``.

    Every activation is a module of its own, used once and not in place: gradient rules hook them.

    Parameters
    ----------
    shape
        ``(genes,)``.
    settings
        What to build.
    seed
        Seed of the first weights. torch's global random state is left as it was.

    Attributes
    ----------
    encoder
        ``dense1, relu1, ...``.
    mean, log_var
        Linear heads onto q(z | x).
    decoder
        The way back: to z-scores, or to logarithms of rates relative to ``log_mean_rate``.
    log_dispersion
        Logarithm of the inverse dispersion theta of each gene; the variance of a count is ``mean + mean^2 / theta``.
    log_mean_rate
        Logarithm of each gene's mean rate in the data, in counts per 10,000.
    centre, spread
        Mean and standard deviation of each gene's ``log(1 + rate)`` in the data.
    """

    log_mean_rate: Tensor
    centre: Tensor
    spread: Tensor

    def __init__(self, shape: tuple[int, ...], settings: ProfileVAESettings | None = None, *, seed: int = 0) -> None:
        super().__init__()
        settings = settings or ProfileVAESettings()
        _check(shape, settings)
        self.shape = (int(shape[0]),)
        self.settings = settings
        (n_genes,) = self.shape
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.encoder = _dense((n_genes, *settings.hidden))
            features = (n_genes, *settings.hidden)[-1]
            self.mean = nn.Linear(features, settings.latent)
            self.log_var = nn.Linear(features, settings.latent)
            units = (settings.latent, *reversed(settings.hidden))
            self.decoder = _dense(units)
            self.decoder.add_module("genes", nn.Linear(units[-1], n_genes))
        if self.learns_counts:
            self.log_dispersion = nn.Parameter(torch.zeros(n_genes))
            self.register_buffer("log_mean_rate", torch.zeros(n_genes))
            self.register_buffer("centre", torch.zeros(n_genes))
            self.register_buffer("spread", torch.ones(n_genes))

    @property
    def learns_counts(self) -> bool:
        """Whether it is compared with counts rather than with its own inputs."""
        return self.settings.likelihood == "negative binomial"

    def begin_at(self, data: Sequence[Profiles]) -> None:
        """Take the genes' mean rates and scales from the data that will be learned from.

        Without it training would begin with learning how common each gene is. Genes that a section does not have are
        left out of its part. Does nothing for z-scores, which have no scale of their own.

        Raises
        ------
        InputError
            A section holds no counts.
        """
        if not self.learns_counts:
            return
        n_items = torch.zeros(self.shape, dtype=torch.float64)
        rate, log_rate, log_rate_squared = torch.zeros((3, *self.shape), dtype=torch.float64)
        for each in data:
            items = each.trainable
            there = torch.as_tensor(np.broadcast_to(each.mask, self.shape).astype(np.float64))
            rates = torch.as_tensor(each.counts(items)).double() / torch.as_tensor(each.depths(items)).double()[:, None]
            logs = rates.log1p()
            n_items += there * len(items)
            rate += there * rates.sum(0)
            log_rate += there * logs.sum(0)
            log_rate_squared += there * (logs**2).sum(0)
        n_items.clamp_(min=1)
        centre = log_rate / n_items
        variance = log_rate_squared / n_items - centre**2
        self.log_mean_rate.copy_((rate / n_items).clamp(min=LEAST_RATE).log())
        self.centre.copy_(centre)
        self.spread.copy_(torch.where(variance > 1e-12, variance, 1.0).sqrt())

    def encode(self, x: Float[Tensor, "batch genes"]) -> Encoding:
        """Profiles to mean and log variance of q(z | x)."""
        features = self.encoder(x)
        return Encoding(self.mean(features), self.log_var(features))

    def decode(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch genes"]:
        """The latent space back to profiles, in z-scores.

        From rates they are ``(log(1 + rate) - centre) / spread``: the z-score of the expected count, which for rare
        genes lies above the expected z-score.
        """
        if not self.learns_counts:
            profiles: Tensor = self.decoder(z)
            return profiles
        return (self.log_rates(z).exp().log1p() - self.centre) / self.spread

    def log_rates(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch genes"]:
        """Logarithm of the expected counts per 10,000 of a network that learns counts."""
        rates: Tensor = self.log_mean_rate + self.decoder(z)
        return rates.clamp(max=LARGEST_LOG_RATE)


def _check(shape: tuple[int, ...], settings: ProfileVAESettings) -> None:
    if len(shape) != 1 or shape[0] < 1:
        raise InputError(
            "Profiles have one dimension, the genes",
            got=f"shape {tuple(shape)}",
            cure='View the section with section.view("spots")',
        )
    if settings.likelihood not in LIKELIHOODS:
        raise InputError(
            "There is no likelihood of that name",
            got=repr(settings.likelihood),
            cure=f"Use one of: {', '.join(LIKELIHOODS)}",
        )
    if settings.latent < 1 or not all(units > 0 for units in settings.hidden):
        raise InputError(
            "These settings do not describe a network of profiles",
            got=f"latent {settings.latent}, hidden {settings.hidden}",
            cure="Give 1 latent dimension or more and positive sizes",
        )


def _dense(units: tuple[int, ...]) -> nn.Sequential:
    """Dense layers with their activations."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i in range(1, len(units)):
        layers[f"dense{i}"] = nn.Linear(units[i - 1], units[i])
        layers[f"relu{i}"] = nn.ReLU()
    return nn.Sequential(layers)
