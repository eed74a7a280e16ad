"""Layers written out as loops over single numbers, forwards and backwards, in float64.

Every twin of a gradient method runs on these: nothing here knows torch's operations, only its weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from torch import nn

# (R, a, u) of one input's layer -> what leaves the ReLU towards the input
AtReLU = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def true_derivative(incoming: np.ndarray, _: np.ndarray, entered: np.ndarray) -> np.ndarray:
    """The ReLU's own derivative: 1 where its input is positive."""
    return np.where(entered > 0, incoming, 0.0)


@dataclass
class Convolution:
    """Stride 1, zeros around."""

    weight: np.ndarray
    bias: np.ndarray
    padding: int

    def _taps(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Every (output k, row, column, input c, row, column, kernel row, column) that is multiplied."""
        _, height, width = shape
        n_out, n_in, tall, wide = self.weight.shape
        return [
            (k, i, j, c, i + di - self.padding, j + dj - self.padding, di, dj)
            for k in range(n_out)
            for i in range(height)
            for j in range(width)
            for c in range(n_in)
            for di in range(tall)
            for dj in range(wide)
            if 0 <= i + di - self.padding < height and 0 <= j + dj - self.padding < width
        ]

    def forward(self, x: np.ndarray) -> np.ndarray:
        out = np.zeros((len(self.weight), *x.shape[1:])) + self.bias[:, None, None]
        for k, i, j, c, row, column, di, dj in self._taps(x.shape):
            out[k, i, j] += self.weight[k, c, di, dj] * x[c, row, column]
        return out

    def backward(self, incoming: np.ndarray, x: np.ndarray) -> np.ndarray:
        out = np.zeros_like(x)
        for k, i, j, c, row, column, di, dj in self._taps(x.shape):
            out[c, row, column] += self.weight[k, c, di, dj] * incoming[k, i, j]
        return out


@dataclass
class ReLU:
    at_relu: AtReLU = field(default=true_derivative)

    def forward(self, x: np.ndarray) -> np.ndarray:
        return np.maximum(x, 0.0)

    def backward(self, incoming: np.ndarray, x: np.ndarray) -> np.ndarray:
        return self.at_relu(incoming, self.forward(x), x)


@dataclass
class AveragePool:
    size: int

    def forward(self, x: np.ndarray) -> np.ndarray:
        channels, height, width = x.shape
        out = np.zeros((channels, height // self.size, width // self.size))
        for c, i, j in np.ndindex(out.shape):
            rows, columns = (slice(at * self.size, (at + 1) * self.size) for at in (i, j))
            out[c, i, j] = x[c, rows, columns].mean()
        return out

    def backward(self, incoming: np.ndarray, x: np.ndarray) -> np.ndarray:
        out = np.zeros_like(x)
        for c, i, j in np.ndindex(incoming.shape):
            rows, columns = (slice(at * self.size, (at + 1) * self.size) for at in (i, j))
            out[c, rows, columns] = incoming[c, i, j] / self.size**2
        return out


@dataclass
class Flatten:
    def forward(self, x: np.ndarray) -> np.ndarray:
        return x.ravel()

    def backward(self, incoming: np.ndarray, x: np.ndarray) -> np.ndarray:
        return incoming.reshape(x.shape)


@dataclass
class Dense:
    weight: np.ndarray
    bias: np.ndarray

    def forward(self, x: np.ndarray) -> np.ndarray:
        return np.array([sum(w * v for w, v in zip(row, x, strict=True)) for row in self.weight]) + self.bias

    def backward(self, incoming: np.ndarray, x: np.ndarray) -> np.ndarray:
        return np.array([sum(self.weight[k, n] * incoming[k] for k in range(len(incoming))) for n in range(len(x))])


Layer = Convolution | ReLU | AveragePool | Flatten | Dense


def layers_of(*modules: nn.Module, at_relu: AtReLU = true_derivative) -> list[Layer]:
    """The layers of modules in a row, chains unrolled."""
    layers: list[Layer] = []
    for module in modules:
        match module:
            case nn.Sequential():
                layers += layers_of(*module, at_relu=at_relu)
            case nn.Conv2d():
                layers.append(Convolution(module.weight.numpy(), module.bias.numpy(), module.padding[0]))
            case nn.ReLU():
                layers.append(ReLU(at_relu))
            case nn.AvgPool2d():
                layers.append(AveragePool(module.kernel_size))
            case nn.Flatten():
                layers.append(Flatten())
            case nn.Linear():
                layers.append(Dense(module.weight.numpy(), module.bias.numpy()))
            case _:
                raise TypeError(f"the twin does not know {type(module).__name__}")
    return layers


def forward(layers: list[Layer], x: np.ndarray) -> list[np.ndarray]:
    """What enters every layer, and at the end what leaves the last."""
    passed = [np.asarray(x, dtype=np.float64)]
    for layer in layers:
        passed.append(layer.forward(passed[-1]))
    return passed


def backward(layers: list[Layer], passed: list[np.ndarray], incoming: np.ndarray) -> np.ndarray:
    """The gradient at the first layer's input from the gradient at the last layer's output."""
    for layer, entered in zip(reversed(layers), reversed(passed[:-1]), strict=True):
        incoming = layer.backward(incoming, entered)
    return incoming
