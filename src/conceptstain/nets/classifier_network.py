"""Networks of classifiers: what a class is read from, as an encoder's latent space.

Of pictures: convolutions with average pooling between them, as in ``"average-pool"`` of
:mod:`~conceptstain.nets.image_vae`, and the mean over places behind the last one (Lin, Chen & Yan 2014, "Network in
network"; Zhou et al. 2016, "Learning deep features for discriminative localization"). Of profiles: dense layers.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from conceptstain.errors import InputError
from conceptstain.nets.encoder import Encoding
from conceptstain.nets.first_weights import begin_convolutions_as_he

__all__ = ["ClassifierNetwork", "ClassifierNetworkSettings"]

SMALLEST_END = 4  # pixels that would be left along a side behind the last pooling
PART_PLACES = 16  # places along a side that parts are told at
FIRST_WIDTH, LAST_WIDTH = 16, 128
SMALLEST_SIDE = 8


@final
@dataclass(frozen=True)
class ClassifierNetworkSettings:
    """What to build.

    Attributes
    ----------
    widths
        Of pictures, channels of the convolutions; those of the last one are the latent dimensions.
    halvings
        How many of the convolutions, from the first on, have a pooling behind them that halves the picture.
    hidden
        Of profiles, units of the dense layers; those of the last one are the latent dimensions.
    dropout
        Part of the numbers before each dense layer that is left out of every step.
    """

    widths: tuple[int, ...] = (16, 32, 64, 128)
    halvings: int = 3
    hidden: tuple[int, ...] = ()
    dropout: float = 0.0

    @classmethod
    def of(cls, shape: tuple[int, ...], *, parts: bool = False) -> ClassifierNetworkSettings:
        """The settings that suit a shape.

        Whole pictures are halved until 8 pixels are left, so that the last layer still knows places; where parts are
        told, until 16 are left, and two convolutions more see what lies around.
        """
        if len(shape) < 3:
            return cls(widths=(), halvings=0, hidden=(64,), dropout=0.2)
        side = min(shape[-2:])
        ends = PART_PLACES if parts else 2 * SMALLEST_END
        halvings = max(0, min(5, (max(side, 1) // ends).bit_length() - 1))
        n_layers = halvings + (2 if parts else 1)
        return cls(tuple(min(FIRST_WIDTH * 2**level, LAST_WIDTH) for level in range(n_layers)), halvings)

    @property
    def latent(self) -> int:
        """Number of latent dimensions."""
        return (*self.widths, *self.hidden)[-1]


@final
class ClassifierNetwork(nn.Module):
    """All of a classifier but its last, linear step; that is in the :class:`~conceptstain.nets.classifier.Classifier`.

    Every activation is a module of its own, used once and not in place: gradient rules and attention hook them.

    Parameters
    ----------
    shape
        ``(channels, height, width)`` of pictures, ``(genes,)`` of profiles.
    settings
        What to build; None: what suits the shape.
    seed
        Seed of the first weights. torch's global random state is left as it was.

    Attributes
    ----------
    encoder
        ``conv1, relu1, pool1, ..., convN, reluN`` of pictures, ``dropout1, dense1, relu1, ...`` of profiles.
    mean
        Of pictures, the mean over places; of profiles, nothing.
    """

    def __init__(
        self, shape: tuple[int, ...], settings: ClassifierNetworkSettings | None = None, *, seed: int = 0
    ) -> None:
        super().__init__()
        settings = settings or ClassifierNetworkSettings.of(shape)
        _check(shape, settings)
        self.shape = tuple(int(side) for side in shape)
        self.settings = settings
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.encoder = _convolutions(self.shape, settings) if settings.widths else _dense(self.shape, settings)
            self.mean: nn.Module = nn.Identity()
            if settings.widths:
                self.mean = nn.Sequential(OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten()))
            self.apply(begin_convolutions_as_he)

    @property
    def places(self) -> str:
        """Name of the layer whose mean over its places is the latent space; empty where there are no places."""
        return f"encoder.relu{len(self.settings.widths)}" if self.settings.widths else ""

    def encode(self, x: Float[Tensor, "batch ..."]) -> Encoding:
        """Inputs to the latent space, which has no variance: its logarithm is -inf."""
        latents: Tensor = self.mean(self.encoder(x))
        return Encoding(latents, torch.full_like(latents, -torch.inf))


def _check(shape: tuple[int, ...], settings: ClassifierNetworkSettings) -> None:
    sizes = (*settings.widths, *settings.hidden)
    of_pictures = len(shape) == 3
    right_layers = bool(settings.widths) == of_pictures and bool(settings.hidden) != of_pictures
    if not right_layers or min(sizes) < 1 or not 0 <= settings.dropout < 1:
        raise InputError(
            "These settings do not describe a classifier of such inputs",
            got=f"{settings} for inputs of shape {tuple(shape)}",
            cure="Give widths for pictures, hidden for profiles, all positive, and a dropout from 0 to below 1",
        )
    if not 0 <= settings.halvings <= len(settings.widths):
        raise InputError(
            "A picture is halved behind some of its convolutions",
            got=f"{settings.halvings} halvings for {len(settings.widths)} convolutions",
            cure="Use no more halvings than there are widths",
        )
    if of_pictures and min(shape[1:]) < max(SMALLEST_SIDE, 2**settings.halvings):
        raise InputError(
            "These pictures are too small to be told apart by convolutions",
            got=f"shape {tuple(shape)} with {settings.halvings} halvings",
            cure=f"View them in {SMALLEST_SIDE} pixels or more, or halve them less often",
        )


def _convolutions(shape: tuple[int, ...], settings: ClassifierNetworkSettings) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = (shape[0], *settings.widths)
    for i in range(1, len(channels)):
        layers[f"conv{i}"] = nn.Conv2d(channels[i - 1], channels[i], kernel_size=3, padding=1)
        layers[f"relu{i}"] = nn.ReLU()
        if i <= settings.halvings:
            layers[f"pool{i}"] = nn.AvgPool2d(2)
    return nn.Sequential(layers)


def _dense(shape: tuple[int, ...], settings: ClassifierNetworkSettings) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    units = (shape[0], *settings.hidden)
    for i in range(1, len(units)):
        if settings.dropout:
            layers[f"dropout{i}"] = nn.Dropout(settings.dropout)
        layers[f"dense{i}"] = nn.Linear(units[i - 1], units[i])
        layers[f"relu{i}"] = nn.ReLU()
    return nn.Sequential(layers)
