"""Small networks as users write them, and what they look like when torch exports them."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, max_pool2d, relu

SHAPE = (3, 16, 16)


class Plain(nn.Module):
    """Convolutions, maximum pooling and two dense layers, all modules."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(4, 6, 3, padding="same")
        self.relu2 = nn.ReLU()
        self.dense = nn.Linear(6 * 8 * 8, 5)
        self.relu3 = nn.ReLU()
        self.out = nn.Linear(5, 4)
        generator = torch.Generator().manual_seed(6)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.normal_(0, 0.2, generator=generator)
            self.dense.bias.fill_(0.5)  # units that are never on would hide what a test looks for

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2(self.pool(self.relu1(self.conv1(x))))
        x = self.relu2(x).view(x.size(0), -1)
        return self.out(self.relu3(self.dense(x)))


class Functional(Plain):
    """The same with functions in the place of modules without weights."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2(max_pool2d(relu(self.conv1(x)), 2))
        x = relu(x).view(x.size(0), -1)
        return self.out(relu(self.dense(x)))


class Block(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, *, inplace: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu1 = nn.ReLU(inplace=inplace)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.relu2 = nn.ReLU(inplace=inplace)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu2(self.conv2(self.relu1(self.norm(self.conv1(x)))) + x)


class Residual(nn.Module):
    """Two blocks, batch normalisation and a mean over places."""

    def __init__(self, *, inplace: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=inplace))
        self.blocks = nn.Sequential(Block(inplace=inplace), Block(inplace=inplace))
        self.out = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(adaptive_avg_pool2d(self.blocks(self.stem(x)), 1).flatten(1))


class InPlace(Residual):
    """The same, written over."""

    def __init__(self) -> None:
        super().__init__(inplace=True)


class MeanAndVariance(nn.Module):
    """The encoding half of a VAE."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.mean = nn.Linear(16, 4)
        self.log_var = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(x)
        return self.mean(features), self.log_var(features)


class WholeVAE(nn.Module):
    """A VAE as many are written: encode and decode, and a forward that nobody needs here."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = MeanAndVariance()
        self.back = nn.Sequential(nn.Linear(4, 3 * 16 * 16), nn.Sigmoid(), nn.Unflatten(1, SHAPE))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.back(z)


def of_gene_pictures(network: nn.Module) -> nn.Module:
    """The network behind a layer that makes its inputs of pictures with one channel, of any size."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(SHAPE[1:]), nn.Conv2d(1, 3, 1), network)


def with_weights(network: nn.Module, seed: int = 0) -> nn.Module:
    """In evaluation, with weights and running statistics of the seed."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in sorted(network.state_dict().items()):
        if tensor.is_floating_point():
            drawn = torch.randn(tensor.shape, generator=generator) * 0.3
            tensor.copy_(drawn.abs() + 0.5 if name.endswith("running_var") else drawn)
    return network.eval()


def some_inputs(n: int = 5) -> Tensor:
    """Pictures of noise."""
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(3))


def exported(network: nn.Module, path: Path, *, shape: tuple[int, ...] = SHAPE, dynamic: bool = True) -> Path:
    """The network as ``torch.export`` writes it."""
    batch = ({0: torch.export.Dim("batch")},) if dynamic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(network, (torch.zeros(2, *shape),), dynamic_shapes=batch), path)
    return path


def build() -> nn.Module:
    """What a user names as ``package.module:build``."""
    return Plain()


def build_nothing() -> str:
    return "no network"


def build_and_fail() -> nn.Module:
    raise OSError("no such disk")
