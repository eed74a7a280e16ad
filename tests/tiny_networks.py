"""VAEs small enough to be worked through by hand, in float64 so that a twin can agree to many digits."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Literal

import torch
from torch import Tensor, nn

from conceptstain.nets.encoder import Encoder, Encoding

Kind = Literal["convolutional", "pooled", "dense"]


class TinyVAE(nn.Module):
    """An encoder that is one chain of layers, two linear heads, and a dense decoder."""

    def __init__(self, chain: OrderedDict[str, nn.Module], shape: tuple[int, ...], latent: int) -> None:
        super().__init__()
        self.shape = shape
        self.chain = nn.Sequential(chain)
        features = self.chain(torch.zeros(1, *shape)).shape[1]
        self.mean = nn.Linear(features, latent)
        self.log_var = nn.Linear(features, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, 9), nn.ReLU(), nn.Linear(9, math.prod(shape)))

    def encode(self, x: Tensor) -> Encoding:
        features = self.chain(x)
        return Encoding(self.mean(features), self.log_var(features))

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z).reshape(-1, *self.shape)


def convolutional_chain(shape: tuple[int, ...]) -> OrderedDict[str, nn.Module]:
    """Two convolutions with average pooling between, and a dense layer."""
    channels, height, width = shape
    return OrderedDict(
        conv1=nn.Conv2d(channels, 3, kernel_size=3, padding=1),
        relu1=nn.ReLU(),
        pool1=nn.AvgPool2d(2),
        conv2=nn.Conv2d(3, 4, kernel_size=3, padding=1),
        relu2=nn.ReLU(),
        flatten=nn.Flatten(),
        dense=nn.Linear(4 * (height // 2) * (width // 2), 10),
        relu3=nn.ReLU(),
    )


def pooled_chain(shape: tuple[int, ...]) -> OrderedDict[str, nn.Module]:
    """Maximum pooling with windows side by side and with windows that overlap, a convolution that does not pad."""
    channels, height, width = shape
    return OrderedDict(
        conv1=nn.Conv2d(channels, 3, kernel_size=3, padding=1),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(3, stride=2, padding=1),
        conv2=nn.Conv2d(3, 4, kernel_size=3, padding=1),
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(2),
        conv3=nn.Conv2d(4, 5, kernel_size=2),
        relu3=nn.ReLU(),
        flatten=nn.Flatten(),
        dense=nn.Linear(5 * (height // 4 - 1) * (width // 4 - 1), 10),
        relu4=nn.ReLU(),
    )


def dense_chain(shape: tuple[int, ...]) -> OrderedDict[str, nn.Module]:
    """Two dense layers."""
    return OrderedDict(
        flatten=nn.Flatten(),
        dense1=nn.Linear(math.prod(shape), 12),
        relu1=nn.ReLU(),
        dense2=nn.Linear(12, 7),
        relu2=nn.ReLU(),
    )


def tiny_vae(shape: tuple[int, ...], seed: int = 0, kind: Kind = "convolutional", latent: int = 4) -> TinyVAE:
    """A network with weights of its own seed, in float64; torch's global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        chains = {"convolutional": convolutional_chain, "pooled": pooled_chain, "dense": dense_chain}
        chain = chains[kind](shape)
        return TinyVAE(chain, shape, latent).double()


def encoder_of(network: nn.Module, shape: tuple[int, ...], scaling: str = "z-score", latent: int = 4) -> Encoder:
    """A network as an encoder."""
    return Encoder("tiny", network, shape, scaling, latent)
