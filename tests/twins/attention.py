"""Slow twin of latent attention: weights, sum, ReLU and enlargement as loops."""

from __future__ import annotations

import math

import numpy as np

from tiny_networks import TinyVAE
from twins.layers import backward, forward, layers_of


def attention(network: TinyVAE, picture: np.ndarray, latent: int, layer: str) -> np.ndarray:
    """``ReLU(sum_k alpha_k A_k)`` of one latent at one picture, ``(height, width)`` of the picture."""
    n_before = 1 + [f"chain.{name}" for name, _ in network.chain.named_children()].index(layer)
    layers = layers_of(network.chain, network.mean)
    passed = forward(layers, picture)
    activation = passed[n_before]
    one_latent = np.array([1.0 if index == latent else 0.0 for index in range(len(passed[-1]))])
    gradient = backward(layers[n_before:], passed[n_before:], one_latent)
    channels, height, width = activation.shape
    small = np.zeros((height, width))
    for k in range(channels):
        alpha = sum(gradient[k, i, j] for i in range(height) for j in range(width)) / (height * width)
        small += alpha * activation[k]
    return enlarged(np.maximum(small, 0.0), picture.shape[1:])


def enlarged(small: np.ndarray, frame: tuple[int, ...]) -> np.ndarray:
    """Bilinear enlargement where pixels are squares: centres at halves, edges held."""
    large = np.zeros(frame)
    for row, column in np.ndindex(frame):
        y, x = (
            min(max((at + 0.5) * n / wanted - 0.5, 0.0), n - 1)
            for at, n, wanted in zip((row, column), small.shape, frame, strict=True)
        )
        top, left = math.floor(y), math.floor(x)
        below, right = min(top + 1, small.shape[0] - 1), min(left + 1, small.shape[1] - 1)
        down, across = y - top, x - left
        upper = small[top, left] * (1 - across) + small[top, right] * across
        lower = small[below, left] * (1 - across) + small[below, right] * across
        large[row, column] = upper * (1 - down) + lower * down
    return large


def aggregate(network: TinyVAE, picture: np.ndarray, layer: str) -> np.ndarray:
    """``1/D sum_i M_i``: the mean of the maps of all latents."""
    maps = [attention(network, picture, latent, layer) for latent in range(network.mean.out_features)]
    return np.sum(maps, axis=0) / len(maps)


def released(network: TinyVAE, pictures: np.ndarray, layer: str) -> list[np.ndarray]:
    """The released code's maps of a batch: of ``sum_i mu_i``, scaled by the gradients of the whole batch."""
    n_before = 1 + [f"chain.{name}" for name, _ in network.chain.named_children()].index(layer)
    layers = layers_of(network.chain, network.mean)
    activations, gradients = [], []
    for picture in pictures:
        passed = forward(layers, picture)
        activations.append(passed[n_before])
        gradients.append(backward(layers[n_before:], passed[n_before:], np.ones(len(passed[-1]))))
    squares = [value**2 for gradient in gradients for value in gradient.ravel().tolist()]
    scale = math.sqrt(sum(squares) / len(squares)) + 1e-5
    maps = []
    for picture, activation, gradient in zip(pictures, activations, gradients, strict=True):
        channels, height, width = activation.shape
        small = np.zeros((height, width))
        for k in range(channels):
            weight = sum(gradient[k, i, j] / scale for i in range(height) for j in range(width)) / (height * width)
            small += weight * activation[k]
        maps.append(np.abs(enlarged(small, picture.shape[1:])))
    return maps
