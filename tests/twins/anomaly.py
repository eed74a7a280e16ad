"""Slow twins of anomaly maps and of the metrics they are judged by: loops, float64, nothing kept back."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from scipy import ndimage

from tiny_networks import TinyVAE
from twins.attention import enlarged
from twins.layers import backward, forward, layers_of


def encoded(network: TinyVAE, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and logarithm of the variance."""
    return tuple(forward(layers_of(network.chain, head), picture)[-1] for head in (network.mean, network.log_var))


def decoded(network: TinyVAE, latent: np.ndarray) -> np.ndarray:
    """The decoder by hand: two linear layers with a ReLU between."""
    first, _, last = network.decoder
    inner = first.weight.numpy() @ latent + first.bias.numpy()
    return (last.weight.numpy() @ np.maximum(inner, 0) + last.bias.numpy()).reshape(network.shape)


def energy(network: TinyVAE, picture: np.ndarray, noise: float) -> float:
    """Half the squared error, plus the noise times the divergence from a standard normal."""
    mean, log_var = encoded(network, picture)
    error = sum((a - b) ** 2 for a, b in zip(picture.ravel(), decoded(network, mean).ravel(), strict=True)) / 2
    divergence = sum(0.5 * (m**2 + math.exp(v) - 1 - v) for m, v in zip(mean, log_var, strict=True))
    return error + noise * divergence


def gradient_of_energy(network: TinyVAE, picture: np.ndarray, noise: float, step: float = 1e-6) -> np.ndarray:
    """By central differences, value by value."""
    gradient = np.zeros(picture.shape)
    for at in np.ndindex(*picture.shape):
        up, down = picture.copy(), picture.copy()
        up[at] += step
        down[at] -= step
        gradient[at] = (energy(network, up, noise) - energy(network, down, noise)) / (2 * step)
    return gradient


def projected(
    network: TinyVAE, picture: np.ndarray, noise: float, *, steps: int, rate: float, sparsity: float
) -> np.ndarray:
    """The picture after weighed steps down its energy, kept within its range and 0..1."""
    now = picture.copy()
    for _ in range(steps):
        apart = now - decoded(network, encoded(network, now)[0])
        gradient = gradient_of_energy(network, now, noise)
        for at in np.ndindex(*picture.shape):
            weight = apart[at] ** 2 / (apart[at] ** 2 + noise)
            cost = sparsity * math.sqrt(noise) * np.sign(now[at] - picture[at])
            now[at] -= rate * weight * (gradient[at] + cost)
        now = np.clip(now, min(picture.min(), 0), max(picture.max(), 1))
    return now


def feature_difference(network: TinyVAE, picture: np.ndarray, layer: str) -> np.ndarray:
    """How the layer's outputs of a picture and of its decoded mean differ, length over channels, enlarged."""
    n_before = 1 + [f"chain.{name}" for name, _ in network.chain.named_children()].index(layer)
    layers = layers_of(network.chain, network.mean)[:n_before]
    drawn = decoded(network, encoded(network, picture)[0])
    apart = forward(layers, picture)[-1] - forward(layers, drawn)[-1]
    _, height, width = apart.shape
    small = np.zeros((height, width))
    for i, j in np.ndindex(height, width):
        small[i, j] = math.sqrt(sum(value**2 for value in apart[:, i, j]))
    return enlarged(small, picture.shape[1:])


def attention_of_scores(network: TinyVAE, picture: np.ndarray, layer: str, scores: np.ndarray) -> np.ndarray:
    """Mean over latents of ReLU maps; ``scores`` are, for each latent, its slopes in mean and log variance."""
    n_before = 1 + [f"chain.{name}" for name, _ in network.chain.named_children()].index(layer)
    total = np.zeros(picture.shape[1:])
    for number, slopes in enumerate(scores):
        activation, gradient = None, 0.0
        for head, slope in zip((network.mean, network.log_var), slopes, strict=True):
            layers = layers_of(network.chain, head)
            passed = forward(layers, picture)
            activation = passed[n_before]
            one = np.array([slope if index == number else 0.0 for index in range(len(passed[-1]))])
            gradient = gradient + backward(layers[n_before:], passed[n_before:], one)
        small = sum(gradient[k].mean() * activation[k] for k in range(len(activation)))
        total += enlarged(np.maximum(small, 0.0), picture.shape[1:])
    return total / len(scores)


def aupro(maps: np.ndarray, masks: np.ndarray, most: float = 0.3) -> float:
    """Mean overlap of the regions against false positives, threshold after threshold, by trapezes up to ``most``."""
    regions = []
    for map_, mask in zip(maps, masks, strict=True):
        labels, number = ndimage.label(mask, structure=np.ones((3, 3)))
        regions += [map_[labels == region] for region in range(1, number + 1)]
    normal = maps[~masks]
    curve = [(0.0, 0.0)]
    for threshold in np.unique(maps)[::-1]:
        false = float((normal >= threshold).mean())
        curve.append((false, float(np.mean([(region >= threshold).mean() for region in regions]))))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x0 >= most or x1 == x0:
            continue
        end = min(x1, most)
        at_end = y0 + (y1 - y0) * (end - x0) / (x1 - x0)
        area += (end - x0) * (y0 + at_end) / 2
    return area / most


def best_iou(maps: np.ndarray, masks: np.ndarray) -> float:
    """The best intersection over union over every threshold that there is."""
    best = 0.0
    for threshold in np.unique(maps):
        found = maps >= threshold
        best = max(best, (found & masks).sum() / (found | masks).sum())
    return best
