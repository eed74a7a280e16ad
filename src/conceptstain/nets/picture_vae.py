"""Variational autoencoders of small pictures: one class, three networks.

``"average-pool"``: convolutions of stride 1 with average pooling, so that gradients keep their places and every layer
can be asked for an attention map. ``"mlp"``: dense layers on the pixels. ``"paper"``: the network of the released
Concept Saliency Maps notebook (Brocki & Chung 2019), strided convolutions with batch normalisation.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from conceptstain.errors import InputError
from conceptstain.nets.encoder import Encoding
from conceptstain.nets.first_weights import begin_as_keras, begin_convolutions_as_he, keras_norm

__all__ = ["Network", "PictureVAE", "PictureVAESettings"]

Network = Literal["average-pool", "mlp", "paper"]

HALVINGS = 3  # every network with convolutions halves the picture this often


@final
@dataclass(frozen=True)
class PictureVAESettings:
    """What to build.

    Attributes
    ----------
    network
        ``"average-pool"``, ``"mlp"`` or ``"paper"``.
    latent
        Number of latent dimensions.
    widths
        Channels of the three convolutions; the mlp has none.
    hidden
        Units of the dense layers: of the encoder (mlp, paper), and in reverse order of the decoder (average-pool, mlp).
    unit_range
        Decode to 0..1, for pictures in the paper's scaling; else to any value.
    """

    network: Network = "average-pool"
    latent: int = 16
    widths: tuple[int, ...] = (8, 16, 32)
    hidden: tuple[int, ...] = (256,)
    unit_range: bool = False

    @classmethod
    def of(cls, network: Network, latent: int | None = None) -> PictureVAESettings:
        """The settings that suit each network; ``latent`` replaces its number of latent dimensions.

        Raises
        ------
        InputError
            No network of that name.
        """
        if network == "average-pool":
            return cls(latent=16 if latent is None else latent)
        if network == "mlp":
            return cls("mlp", latent=16 if latent is None else latent, widths=(), hidden=(256,))
        if network == "paper":
            n_latent = 20 if latent is None else latent
            return cls("paper", latent=n_latent, widths=(16, 32, 64), hidden=(256, 256), unit_range=True)
        raise InputError("There is no network of that name", got=repr(network), cure="Use average-pool, mlp or paper")


@final
class PictureVAE(nn.Module):
    """A VAE of pictures ``(channels, height, width)``.

    Every activation is a module of its own, used once and not in place: gradient rules and attention hook them.

    Parameters
    ----------
    shape
        ``(channels, height, width)``; height and width multiples of 8.
    settings
        What to build.
    seed
        Seed of the first weights. torch's global random state is left as it was.

    Attributes
    ----------
    encoder
        ``conv1, relu1, pool1, ... flatten`` (average-pool), ``conv1, relu1, norm1, ... dense1, ...`` (paper),
        ``flatten, dense1, relu1, ...`` (mlp).
    mean, log_var
        Linear heads onto q(z | x).
    decoder
        The way back.
    """

    def __init__(self, shape: tuple[int, ...], settings: PictureVAESettings | None = None, *, seed: int = 0) -> None:
        super().__init__()
        settings = settings or PictureVAESettings()
        _check(shape, settings)
        self.shape = (int(shape[0]), int(shape[1]), int(shape[2]))
        self.settings = settings
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            build = {"average-pool": _average_pool, "mlp": _mlp, "paper": _paper}[settings.network]
            self.encoder, features, self.decoder = build(self.shape, settings)
            if settings.unit_range:
                self.decoder.add_module("sigmoid", nn.Sigmoid())
            self.mean = nn.Linear(features, settings.latent)
            self.log_var = nn.Linear(features, settings.latent)
            begin = {"average-pool": begin_convolutions_as_he, "mlp": _as_built, "paper": begin_as_keras}
            self.apply(begin[settings.network])

    def encode(self, x: Float[Tensor, "batch channels height width"]) -> Encoding:
        """Pictures to mean and log variance of q(z | x)."""
        features = self.encoder(x)
        return Encoding(self.mean(features), self.log_var(features))

    def decode(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channels height width"]:
        """The latent space back to pictures."""
        pictures: Tensor = self.decoder(z)
        return pictures


def _check(shape: tuple[int, ...], settings: PictureVAESettings) -> None:
    multiple = 2**HALVINGS
    if len(shape) != 3 or min(shape) < 1 or shape[1] % multiple or shape[2] % multiple:
        raise InputError(
            f"Pictures need a height and width that are multiples of {multiple}",
            got=f"shape {tuple(shape)}",
            cure="Pad them to (channels, height, width) with such a frame",
        )
    convolutions = 0 if settings.network == "mlp" else HALVINGS
    if settings.latent < 1 or len(settings.widths) != convolutions or not all(n > 0 for n in _sizes(settings)):
        raise InputError(
            f"These settings do not describe a network of the kind {settings.network!r}",
            got=f"latent {settings.latent}, widths {settings.widths}, hidden {settings.hidden}",
            cure=f"Give 1 latent dimension or more, {convolutions} widths and positive sizes",
        )


def _sizes(settings: PictureVAESettings) -> tuple[int, ...]:
    return (*settings.widths, *settings.hidden)


def _average_pool(
    shape: tuple[int, int, int], settings: PictureVAESettings
) -> tuple[nn.Sequential, int, nn.Sequential]:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = (shape[0], *settings.widths)
    for i in range(1, len(channels)):
        layers[f"conv{i}"] = nn.Conv2d(channels[i - 1], channels[i], kernel_size=3, padding=1)
        layers[f"relu{i}"] = nn.ReLU()
        layers[f"pool{i}"] = nn.AvgPool2d(2)
    layers["flatten"] = nn.Flatten()
    features = channels[-1] * _cells(shape, HALVINGS)
    return nn.Sequential(layers), features, _dense_decoder(shape, settings)


def _mlp(shape: tuple[int, int, int], settings: PictureVAESettings) -> tuple[nn.Sequential, int, nn.Sequential]:
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    units = (math.prod(shape), *settings.hidden)
    _add_dense(layers, units)
    return nn.Sequential(layers), units[-1], _dense_decoder(shape, settings)


def _dense_decoder(shape: tuple[int, int, int], settings: PictureVAESettings) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    units = (settings.latent, *reversed(settings.hidden))
    _add_dense(layers, units)
    layers["pixels"] = nn.Linear(units[-1], math.prod(shape))
    layers["unflatten"] = nn.Unflatten(1, shape)
    return nn.Sequential(layers)


def _add_dense(layers: OrderedDict[str, nn.Module], units: tuple[int, ...], *, normalised: bool = False) -> None:
    """Append dense layers with their activations."""
    for i in range(1, len(units)):
        name = f"_dense{i}" if normalised else str(i)
        layers[f"dense{i}"] = nn.Linear(units[i - 1], units[i])
        layers[f"relu{name}"] = nn.ReLU()
        if normalised:
            layers[f"norm{name}"] = keras_norm(nn.BatchNorm1d, units[i])


def _paper(shape: tuple[int, int, int], settings: PictureVAESettings) -> tuple[nn.Sequential, int, nn.Sequential]:
    encoder: OrderedDict[str, nn.Module] = OrderedDict()
    channels = (shape[0], *settings.widths)
    for i in range(1, len(channels)):
        encoder[f"conv{i}"] = nn.Conv2d(channels[i - 1], channels[i], kernel_size=4, stride=2, padding=1)
        encoder[f"relu{i}"] = nn.ReLU()
        encoder[f"norm{i}"] = keras_norm(nn.BatchNorm2d, channels[i])
    encoder["flatten"] = nn.Flatten()
    features = channels[-1] * _cells(shape, HALVINGS)
    _add_dense(encoder, (features, *settings.hidden), normalised=True)

    small = (channels[-1], shape[1] // 2**HALVINGS, shape[2] // 2**HALVINGS)
    decoder: OrderedDict[str, nn.Module] = OrderedDict()
    decoder["dense1"] = nn.Linear(settings.latent, features)
    decoder["relu1"] = nn.ReLU()
    decoder["unflatten"] = nn.Unflatten(1, small)
    decoder["norm1"] = keras_norm(nn.BatchNorm2d, channels[-1])
    back = (channels[-1], *reversed(settings.widths))
    for i in range(1, len(back)):
        decoder[f"upconv{i}"] = nn.ConvTranspose2d(back[i - 1], back[i], kernel_size=4, stride=2, padding=1)
        decoder[f"relu{i + 1}"] = nn.ReLU()
        decoder[f"norm{i + 1}"] = keras_norm(nn.BatchNorm2d, back[i])
    decoder["pad"] = nn.ZeroPad2d((1, 2, 1, 2))  # "same" for a kernel of 4, as Keras pads it
    decoder["pixels"] = nn.Conv2d(back[-1], shape[0], kernel_size=4)
    last = settings.hidden[-1] if settings.hidden else features
    return nn.Sequential(encoder), last, nn.Sequential(decoder)


def _as_built(module: nn.Module) -> None:
    """Leave what torch made."""


def _cells(shape: tuple[int, int, int], halvings: int) -> int:
    side: int = 2**halvings
    return (shape[1] // side) * (shape[2] // side)
