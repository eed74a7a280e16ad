"""Where units look."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from conceptstain.nets.encoder import Encoder, Encoding
from conceptstain.nets.receptive_field import geometry
from factories import tiny_encoder


class Chain(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def encode(self, x: torch.Tensor) -> Encoding:
        mean = self.layers(x).flatten(1)
        return Encoding(mean, mean)


class Residual(Chain):
    def encode(self, x: torch.Tensor) -> Encoding:
        mean = (x + self.layers(x)).flatten(1)
        return Encoding(mean, mean)


def seen_by(encoder: Encoder, layer: str, row: int, column: int) -> tuple[float, float]:
    """The middle of the pixels that a unit depends on, by its gradient."""
    x = torch.ones(1, *encoder.shape, requires_grad=True)
    outputs: list[torch.Tensor] = []
    hook = dict(encoder.network.named_modules())[layer].register_forward_hook(lambda *given: outputs.append(given[2]))
    encoder.encode(x)
    hook.remove()
    outputs[0][0, :, row, column].sum().backward()
    assert x.grad is not None
    rows, columns = np.nonzero(x.grad[0].abs().sum(0).numpy())
    return (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2


def positive(*layers: nn.Module, side: int = 40) -> Encoder:
    network = Chain(*layers).double()
    for parameter in network.parameters():
        nn.init.constant_(parameter, 0.1)
    return Encoder("chain", network, (1, side, side), "unit", 1)


@pytest.mark.parametrize(
    "layers",
    [
        (nn.Conv2d(1, 1, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(1, 1, 5, padding=2), nn.AvgPool2d(2)),
        (nn.Conv2d(1, 1, 4, stride=2, padding=1), nn.ELU(), nn.Conv2d(1, 1, 4, stride=2, padding=1)),
        (nn.Conv2d(1, 1, 7, stride=2), nn.BatchNorm2d(1), nn.AvgPool2d(3, stride=2), nn.Conv2d(1, 1, 3, dilation=2)),
        (nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(1, 1, 5, stride=2), nn.Conv2d(1, 1, (1, 3), padding="same")),
    ],
    ids=["pooled", "strided", "alexnet", "padded"],
)
def test_units_are_where_their_gradients_are(layers: tuple[nn.Module, ...]) -> None:
    encoder = positive(*layers)
    encoder.network.double()
    last = f"layers.{len(layers) - 1}"
    with torch.no_grad():
        height, width = encoder.network.layers(torch.ones(1, 1, 40, 40, dtype=torch.float64)).shape[-2:]
    found = geometry(encoder, last, (height, width))
    assert found.known
    torch.set_default_dtype(torch.float64)
    try:
        seen = seen_by(encoder, last, height // 2, width // 2)
    finally:
        torch.set_default_dtype(torch.float32)
    at = (found.offset[0] + found.stride[0] * (height // 2), found.offset[1] + found.stride[1] * (width // 2))
    assert at == pytest.approx(seen)


def test_halved_pictures_are_read_as_torch_would_enlarge_them() -> None:
    encoder = tiny_encoder((1, 8, 8))
    found = geometry(encoder, "chain.conv2", (4, 4))
    assert (found.offset, found.stride, found.known) == ((0.5, 0.5), (2.0, 2.0), True)


def test_what_cannot_be_followed_is_spread_evenly_and_says_so() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU())

    class Added(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block, self.last = network, nn.AvgPool2d(2)

        def encode(self, x: torch.Tensor) -> Encoding:
            mean = self.last(x + self.block(x)).flatten(1)
            return Encoding(mean, mean)

    encoder = Encoder("added", Added(), (1, 8, 8), "unit", 16)
    assert geometry(encoder, "block.1", (8, 8)).known
    found = geometry(encoder, "last", (4, 4))
    assert (found.offset, found.stride, found.known) == ((0.5, 0.5), (2.0, 2.0), False)
