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
# (R at one place of the output, the values of its window) -> what each value of the window gets
AtWindow = Callable[[float, list[float]], list[float]]
# the gradient that reaches a padded convolution -> what goes through it
AtPadded = Callable[[np.ndarray], np.ndarray]


def true_derivative(incoming: np.ndarray, _: np.ndarray, entered: np.ndarray) -> np.ndarray:
    """The ReLU's own derivative: 1 where its input is positive."""
    return np.where(entered > 0, incoming, 0.0)


def all_to_the_largest(incoming: float, window: list[float]) -> list[float]:
    """The maximum's own derivative; the first of several largest has it."""
    return [incoming if at == window.index(max(window)) else 0.0 for at in range(len(window))]


def as_it_is(incoming: np.ndarray) -> np.ndarray:
    """No rule."""
    return incoming


@dataclass
class Convolution:
    """Stride 1, zeros around."""

    weight: np.ndarray
    bias: np.ndarray
    padding: int
    at_padded: AtPadded = field(default=as_it_is)

    def _taps(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Every (output k, row, column, input c, row, column, kernel row, column) that is multiplied."""
        _, height, width = shape
        n_out, n_in, tall, wide = self.weight.shape
        return [
            (k, i, j, c, i + di - self.padding, j + dj - self.padding, di, dj)
            for k in range(n_out)
            for i in range(height + 2 * self.padding - tall + 1)
            for j in range(width + 2 * self.padding - wide + 1)
            for c in range(n_in)
            for di in range(tall)
            for dj in range(wide)
            if 0 <= i + di - self.padding < height and 0 <= j + dj - self.padding < width
        ]

    def forward(self, x: np.ndarray) -> np.ndarray:
        less = [n - 1 - 2 * self.padding for n in self.weight.shape[2:]]
        frame = [n - by for n, by in zip(x.shape[1:], less, strict=True)]
        out = np.zeros((len(self.weight), *frame)) + self.bias[:, None, None]
        for k, i, j, c, row, column, di, dj in self._taps(x.shape):
            out[k, i, j] += self.weight[k, c, di, dj] * x[c, row, column]
        return out

    def backward(self, incoming: np.ndarray, x: np.ndarray) -> np.ndarray:
        if self.padding:
            incoming = self.at_padded(incoming)
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
class MaximumPool:
    """Windows of any size and stride, cut off at the border."""

    size: int
    stride: int
    padding: int
    at_window: AtWindow = field(default=all_to_the_largest)

    def _windows(self, shape: tuple[int, ...]) -> dict[tuple[int, ...], list[tuple[int, ...]]]:
        """The pixels (channel, row, column) under every place of the output."""
        channels, height, width = shape
        rows, columns = ((n + 2 * self.padding - self.size) // self.stride + 1 for n in (height, width))
        begins = {
            (c, i, j): (i * self.stride - self.padding, j * self.stride - self.padding)
            for c, i, j in np.ndindex(channels, rows, columns)
        }
        return {
            place: [
                (place[0], row, column)
                for row in range(top, top + self.size)
                for column in range(left, left + self.size)
                if 0 <= row < height and 0 <= column < width
            ]
            for place, (top, left) in begins.items()
        }

    def forward(self, x: np.ndarray) -> np.ndarray:
        windows = self._windows(x.shape)
        out = np.zeros(np.max(list(windows), axis=0) + 1)
        for place, pixels in windows.items():
            out[place] = max(float(x[pixel]) for pixel in pixels)
        return out

    def backward(self, incoming: np.ndarray, x: np.ndarray) -> np.ndarray:
        out = np.zeros_like(x)
        for place, pixels in self._windows(x.shape).items():
            given = self.at_window(float(incoming[place]), [float(x[pixel]) for pixel in pixels])
            for pixel, share in zip(pixels, given, strict=True):
                out[pixel] += share
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


Layer = Convolution | ReLU | AveragePool | MaximumPool | Flatten | Dense


def layers_of(
    *modules: nn.Module,
    at_relu: AtReLU = true_derivative,
    at_window: AtWindow = all_to_the_largest,
    at_padded: AtPadded = as_it_is,
) -> list[Layer]:
    """The layers of modules in a row, chains unrolled."""
    layers: list[Layer] = []
    for module in modules:
        match module:
            case nn.Sequential():
                layers += layers_of(*module, at_relu=at_relu, at_window=at_window, at_padded=at_padded)
            case nn.Conv2d():
                layers.append(Convolution(module.weight.numpy(), module.bias.numpy(), module.padding[0], at_padded))
            case nn.ReLU():
                layers.append(ReLU(at_relu))
            case nn.AvgPool2d():
                layers.append(AveragePool(module.kernel_size))
            case nn.MaxPool2d():
                layers.append(MaximumPool(module.kernel_size, module.stride, module.padding, at_window))
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
