"""Variational autoencoders of photographs and micrographs, 32 to 256 pixels wide.

``"average-pool"``: convolutions of stride 1 with average pooling, so that gradients keep their places and every layer
can be asked for an attention map; the decoder doubles the picture by its nearest pixels and convolves. ``"places"``:
the same convolutions without a dense layer behind them, so that every latent belongs to a place of the picture.
``"paper"``: the encoder of the released faces notebook (Brocki & Chung 2019), five strided convolutions with batch
normalisation. ``"factor-vae"``: four strided convolutions, the network that the literature of disentangling compares
on (Kim & Mnih 2018, appendix A, of pictures of two-dimensional shapes).
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

__all__ = ["ImageNetwork", "ImageVAE", "ImageVAESettings"]

ImageNetwork = Literal["average-pool", "places", "paper", "factor-vae"]

PAPER_KERNELS = (5, 5, 5, 5, 2)
LARGEST = 256
SMALLEST_END = 4  # pixels that the last convolution of the default network still sees along a side
PER_PLACE = 16  # latents of the network with places
FIRST_LOG_VAR = -2.0  # little noise at first, so that the decoder learns to listen to every place


@final
@dataclass(frozen=True)
class ImageVAESettings:
    """What to build.

    Attributes
    ----------
    network
        ``"average-pool"``, ``"places"``, ``"paper"`` or ``"factor-vae"``.
    latent
        Number of latent dimensions; of ``"places"``, of all places together.
    widths
        Channels of the convolutions; each halves the picture.
    hidden
        Units of the dense layers behind them; ``"places"`` has none.
    """

    network: ImageNetwork = "average-pool"
    latent: int = 64
    widths: tuple[int, ...] = (16, 32, 64, 128)
    hidden: tuple[int, ...] = (256,)

    @classmethod
    def of(
        cls, network: ImageNetwork = "average-pool", *, side: int = 64, latent: int | None = None
    ) -> ImageVAESettings:
        """The settings that suit a network and a size; ``latent`` replaces its number of latent dimensions.

        Parameters
        ----------
        network
            Which one.
        side
            Height or width of the pictures, the smaller one: the default network and that with places halve it until 4
            pixels are left, at most six times. The paper's network always halves it five times, that of FactorVAE four.

        Raises
        ------
        InputError
            No network of that name.
        """
        if network in {"average-pool", "places"}:
            halvings = max(1, min(6, (max(side, 1) // SMALLEST_END).bit_length() - 1))
            if network == "places":
                n_latent = PER_PLACE * max(1, side // 2**halvings) ** 2 if latent is None else latent
                widths = tuple(min(16 * 2**level, 64) for level in range(halvings))
                return cls(network, latent=n_latent, widths=widths, hidden=())
            widths = tuple(min(16 * 2**level, 128) for level in range(halvings))
            return cls(latent=64 if latent is None else latent, widths=widths)
        if network == "paper":
            n_latent = 400 if latent is None else latent
            return cls("paper", latent=n_latent, widths=(64, 128, 256, 512, 1024), hidden=(512,))
        if network == "factor-vae":
            n_latent = 10 if latent is None else latent
            return cls("factor-vae", latent=n_latent, widths=(32, 32, 64, 64), hidden=(128,))
        raise InputError(
            "There is no network of that name", got=repr(network), cure="Use average-pool, places, paper or factor-vae"
        )


@final
class ImageVAE(nn.Module):
    """A VAE of images ``(channels, height, width)`` with values in 0..1.

    Every activation is a module of its own, used once and not in place: gradient rules and attention hook them.

    Parameters
    ----------
    shape
        ``(channels, height, width)``; height and width multiples of ``2 ** len(settings.widths)``.
    settings
        What to build; None: what suits the size.
    seed
        Seed of the first weights. torch's global random state is left as it was.

    Attributes
    ----------
    encoder
        ``conv1, relu1, pool1, ...`` (average-pool), ``conv1, relu1, norm1, ...`` (paper) or ``conv1, relu1, ...``
        (factor-vae), then ``flatten, dense1, ...``; with places a last ``conv, relu`` instead of the dense layers.
    mean, log_var
        Linear heads onto q(z | x); with places, the same at every place.
    decoder
        The way back, ending in a sigmoid. The notebook's decoder is not among what was published with it: that of
        ``"paper"`` mirrors its encoder.
    """

    def __init__(self, shape: tuple[int, ...], settings: ImageVAESettings | None = None, *, seed: int = 0) -> None:
        super().__init__()
        settings = settings or ImageVAESettings.of(side=min(shape[-2:]))
        _check(shape, settings)
        self.shape = (int(shape[0]), int(shape[1]), int(shape[2]))
        self.settings = settings
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            build = {"average-pool": _average_pool, "places": _places, "paper": _paper, "factor-vae": _strided}[
                settings.network
            ]
            self.encoder, self.decoder = build(self.shape, settings)
            self.mean, self.log_var = _head(self.shape, settings), _head(self.shape, settings)
            self.apply(begin_as_keras if settings.network == "paper" else begin_convolutions_as_he)
            if settings.network == "places":
                _begin_with_little_noise(self.log_var)

    def encode(self, x: Float[Tensor, "batch channels height width"]) -> Encoding:
        """Images to mean and log variance of q(z | x)."""
        features = self.encoder(x)
        return Encoding(self.mean(features), self.log_var(features))

    def decode(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channels height width"]:
        """The latent space back to images."""
        images: Tensor = self.decoder(z)
        return images


def _check(shape: tuple[int, ...], settings: ImageVAESettings) -> None:
    sizes = (settings.latent, *settings.widths, *settings.hidden)
    enough = len(settings.widths) == len(PAPER_KERNELS) if settings.network == "paper" else len(settings.widths) > 0
    dense = not settings.hidden if settings.network == "places" else len(settings.hidden) > 0
    if not enough or not dense or min(sizes) < 1:
        raise InputError(
            f"These settings do not describe a network of the kind {settings.network!r}",
            got=f"latent {settings.latent}, widths {settings.widths}, hidden {settings.hidden}",
            cure="Give positive sizes, a width for each convolution (the paper has five), and one dense layer or more "
            "(with places, none)",
        )
    multiple = 2 ** len(settings.widths)
    if len(shape) != 3 or min(shape) < 1 or max(shape[1:]) > LARGEST or any(side % multiple for side in shape[1:]):
        raise InputError(
            f"Images need a height and width that are multiples of {multiple} up to {LARGEST}",
            got=f"shape {tuple(shape)}",
            cure="View them in such a size, or use fewer widths",
        )
    n_places = math.prod(_end(shape, settings)[1:])
    if settings.network == "places" and settings.latent % n_places:
        raise InputError(
            "Every place has as many latents as every other",
            got=f"{settings.latent} latents for {n_places} places",
            cure=f"Use a multiple of {n_places}, such as {PER_PLACE * n_places}",
        )


def _head(shape: tuple[int, int, int], settings: ImageVAESettings) -> nn.Module:
    if settings.network != "places":
        return nn.Linear(settings.hidden[-1], settings.latent)
    channels, height, width = _end(shape, settings)
    return nn.Sequential(
        OrderedDict(
            places=nn.Conv2d(channels, settings.latent // (height * width), kernel_size=1), flatten=nn.Flatten()
        )
    )


def _begin_with_little_noise(head: nn.Module) -> None:
    for name, parameter in head.named_parameters():
        nn.init.constant_(parameter, FIRST_LOG_VAR if name.endswith("bias") else 0.0)


def _average_pool(shape: tuple[int, int, int], settings: ImageVAESettings) -> tuple[nn.Sequential, nn.Sequential]:
    encoder = _halved(shape, settings)
    encoder["flatten"] = nn.Flatten()
    end = _end(shape, settings)
    units = (end[0] * end[1] * end[2], *settings.hidden)
    for i in range(1, len(units)):
        encoder[f"dense{i}"] = nn.Linear(units[i - 1], units[i])
        encoder[f"relu_dense{i}"] = nn.ReLU()

    decoder: OrderedDict[str, nn.Module] = OrderedDict()
    back = (settings.latent, *reversed(settings.hidden), units[0])
    for i in range(1, len(back)):
        decoder[f"dense{i}"] = nn.Linear(back[i - 1], back[i])
        decoder[f"relu_dense{i}"] = nn.ReLU()
    decoder["unflatten"] = nn.Unflatten(1, end)
    decoder.update(_doubled(shape, settings))
    return nn.Sequential(encoder), nn.Sequential(decoder)


def _places(shape: tuple[int, int, int], settings: ImageVAESettings) -> tuple[nn.Sequential, nn.Sequential]:
    encoder = _halved(shape, settings)
    channels, height, width = _end(shape, settings)
    encoder[f"conv{len(settings.widths) + 1}"] = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
    encoder[f"relu{len(settings.widths) + 1}"] = nn.ReLU()
    per_place = settings.latent // (height * width)
    decoder: OrderedDict[str, nn.Module] = OrderedDict(
        unflatten=nn.Unflatten(1, (per_place, height, width)),
        conv0=nn.Conv2d(per_place, channels, kernel_size=3, padding=1),
        relu0=nn.ReLU(),
    )
    decoder.update(_doubled(shape, settings))
    return nn.Sequential(encoder), nn.Sequential(decoder)


def _halved(shape: tuple[int, int, int], settings: ImageVAESettings) -> OrderedDict[str, nn.Module]:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = (shape[0], *settings.widths)
    for i in range(1, len(channels)):
        layers[f"conv{i}"] = nn.Conv2d(channels[i - 1], channels[i], kernel_size=3, padding=1)
        layers[f"relu{i}"] = nn.ReLU()
        layers[f"pool{i}"] = nn.AvgPool2d(2)
    return layers


def _doubled(shape: tuple[int, int, int], settings: ImageVAESettings) -> OrderedDict[str, nn.Module]:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    widths = (*reversed(settings.widths), settings.widths[0])
    for i in range(1, len(widths)):
        layers[f"double{i}"] = nn.UpsamplingNearest2d(scale_factor=2)
        layers[f"conv{i}"] = nn.Conv2d(widths[i - 1], widths[i], kernel_size=3, padding=1)
        layers[f"relu{i}"] = nn.ReLU()
    layers["pixels"] = nn.Conv2d(widths[-1], shape[0], kernel_size=3, padding=1)
    layers["sigmoid"] = nn.Sigmoid()
    return layers


def _paper(shape: tuple[int, int, int], settings: ImageVAESettings) -> tuple[nn.Sequential, nn.Sequential]:
    encoder: OrderedDict[str, nn.Module] = OrderedDict()
    channels = (shape[0], *settings.widths)
    for i, kernel in enumerate(PAPER_KERNELS, 1):
        if kernel == 5:  # "same" for a stride of 2, as Keras pads an even size: less before than behind
            encoder[f"pad{i}"] = nn.ZeroPad2d((1, 2, 1, 2))
        encoder[f"conv{i}"] = nn.Conv2d(channels[i - 1], channels[i], kernel_size=kernel, stride=2)
        encoder[f"relu{i}"] = nn.ReLU()
        encoder[f"norm{i}"] = keras_norm(nn.BatchNorm2d, channels[i])
    encoder["flatten"] = nn.Flatten()
    end = _end(shape, settings)
    units = (end[0] * end[1] * end[2], *settings.hidden)
    for i in range(1, len(units)):
        encoder[f"dense{i}"] = nn.Linear(units[i - 1], units[i])
        encoder[f"relu_dense{i}"] = nn.ReLU()
        encoder[f"norm_dense{i}"] = keras_norm(nn.BatchNorm1d, units[i])

    decoder: OrderedDict[str, nn.Module] = OrderedDict()
    back = (settings.latent, *reversed(settings.hidden), units[0])
    for i in range(1, len(back)):
        decoder[f"dense{i}"] = nn.Linear(back[i - 1], back[i])
        decoder[f"relu_dense{i}"] = nn.ReLU()
        decoder[f"norm_dense{i}"] = keras_norm(nn.BatchNorm1d, back[i])
    decoder["unflatten"] = nn.Unflatten(1, end)
    widths = (*reversed(settings.widths), settings.widths[0])
    for i in range(1, len(widths)):
        decoder[f"upconv{i}"] = nn.ConvTranspose2d(widths[i - 1], widths[i], kernel_size=4, stride=2, padding=1)
        decoder[f"relu{i}"] = nn.ReLU()
        decoder[f"norm{i}"] = keras_norm(nn.BatchNorm2d, widths[i])
    decoder["pixels"] = nn.Conv2d(widths[-1], shape[0], kernel_size=5, padding=2)
    decoder["sigmoid"] = nn.Sigmoid()
    return nn.Sequential(encoder), nn.Sequential(decoder)


def _strided(shape: tuple[int, int, int], settings: ImageVAESettings) -> tuple[nn.Sequential, nn.Sequential]:
    encoder: OrderedDict[str, nn.Module] = OrderedDict()
    channels = (shape[0], *settings.widths)
    for i in range(1, len(channels)):
        encoder[f"conv{i}"] = nn.Conv2d(channels[i - 1], channels[i], kernel_size=4, stride=2, padding=1)
        encoder[f"relu{i}"] = nn.ReLU()
    encoder["flatten"] = nn.Flatten()
    end = _end(shape, settings)
    units = (end[0] * end[1] * end[2], *settings.hidden)
    for i in range(1, len(units)):
        encoder[f"dense{i}"] = nn.Linear(units[i - 1], units[i])
        encoder[f"relu_dense{i}"] = nn.ReLU()

    decoder: OrderedDict[str, nn.Module] = OrderedDict()
    back = (settings.latent, *reversed(settings.hidden), units[0])
    for i in range(1, len(back)):
        decoder[f"dense{i}"] = nn.Linear(back[i - 1], back[i])
        decoder[f"relu_dense{i}"] = nn.ReLU()
    decoder["unflatten"] = nn.Unflatten(1, end)
    # The last convolution gives the pixels: the widths without the first, and the channels of the picture.
    widths = (*reversed(settings.widths), shape[0])
    for i in range(1, len(widths)):
        last = i == len(widths) - 1
        name = "pixels" if last else f"upconv{i}"
        decoder[name] = nn.ConvTranspose2d(widths[i - 1], widths[i], kernel_size=4, stride=2, padding=1)
        decoder["sigmoid" if last else f"relu{i}"] = nn.Sigmoid() if last else nn.ReLU()
    return nn.Sequential(encoder), nn.Sequential(decoder)


def _end(shape: tuple[int, int, int], settings: ImageVAESettings) -> tuple[int, int, int]:
    """Shape behind the last convolution."""
    side = 2 ** len(settings.widths)
    return settings.widths[-1], shape[1] // side, shape[2] // side
