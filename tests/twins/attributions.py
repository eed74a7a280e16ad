"""Slow twins of the attribution methods of the literature, from their definitions, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from tiny_networks import TinyVAE
from twins.gradient import score_of
from twins.layers import ReLU, backward, forward, layers_of


def gradient_at(network: TinyVAE, picture: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The derivative of the score, by the chain rule."""
    layers = layers_of(network.chain, network.mean)
    return backward(layers, forward(layers, picture), np.asarray(direction, dtype=np.float64))


def integrated(
    network: TinyVAE, picture: np.ndarray, direction: np.ndarray, *, baseline: np.ndarray, steps: int, quadrature: str
) -> np.ndarray:
    """``(x - b) * sum_k w_k dT/dX(b + t_k (x - b))``."""
    places = [(k / steps, 1 / steps) for k in range(1, steps + 1)]
    if quadrature == "gauss-legendre":
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        places = [((node + 1) / 2, weight / 2) for node, weight in zip(nodes, weights, strict=True)]
    way = picture.astype(np.float64) - baseline
    total = np.zeros_like(way)
    for place, weight in places:
        total += weight * gradient_at(network, baseline + place * way, direction)
    return way * total


def smoothed(
    network: TinyVAE, picture: np.ndarray, direction: np.ndarray, *, noise: float, samples: int, seed: int
) -> np.ndarray:
    """``(1/n) sum_i dT/dX(x + e_i)``, ``e_i ~ N(0, (noise (max - min))^2)``; drawn in two halves."""
    deviation = noise * float(picture.max() - picture.min())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        halves = (samples // 2, samples - samples // 2)
        drawn = [torch.normal(0, torch.full((half, *picture.shape), deviation)).double().numpy() for half in halves]
    maps = [gradient_at(network, picture + each, direction) for half in drawn for each in half]
    return np.sum(maps, axis=0) / samples


def rescaled(network: TinyVAE, picture: np.ndarray, direction: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """``G_in = G (a - a_b) / (u - u_b)``, where they differ by more than 1e-5; ``A = (x - b) dT/dX``."""
    layers = layers_of(network.chain, network.mean)
    entered, compared = forward(layers, picture), forward(layers, baseline)
    incoming = np.asarray(direction, dtype=np.float64)
    for number in reversed(range(len(layers))):
        layer, u, u_b = layers[number], entered[number], compared[number]
        if isinstance(layer, ReLU):
            quotient = np.zeros_like(u)
            for unit in np.ndindex(u.shape):
                apart = u[unit] - u_b[unit]
                change = max(u[unit], 0.0) - max(u_b[unit], 0.0)
                quotient[unit] = change / apart if abs(apart) > 1e-5 else float(u[unit] > 0)
            incoming = incoming * quotient
        else:
            incoming = layer.backward(incoming, u)
    return (picture.astype(np.float64) - baseline) * incoming


def relevance(network: TinyVAE, picture: np.ndarray, direction: np.ndarray, epsilon: float) -> np.ndarray:
    """``G_in = G a / (u + epsilon sgn(u))``, ``sgn(0) = 1``; ``A = x dT/dX``."""

    def rule(incoming: np.ndarray, left: np.ndarray, entered: np.ndarray) -> np.ndarray:
        return incoming * left / np.where(entered >= 0, entered + epsilon, entered - epsilon)

    layers = layers_of(network.chain, network.mean, at_relu=rule)
    return picture * backward(layers, forward(layers, picture), np.asarray(direction, dtype=np.float64))


def occluded(
    network: TinyVAE, picture: np.ndarray, direction: np.ndarray, *, baseline: np.ndarray, window: int, stride: int
) -> np.ndarray:
    """The mean over the windows on a pixel of ``f(x) - f(x covered)``, the last windows cut off at the edges."""
    picture = picture.astype(np.float64)
    score = score_of(network, picture, direction)
    lost, counted = np.zeros_like(picture), np.zeros_like(picture)
    begins = [[at * stride for at in range(math.ceil((side - window) / stride) + 1)] for side in picture.shape[1:]]
    for top in begins[0]:
        for left in begins[1]:
            under = np.s_[:, top : top + window, left : left + window]
            covered = picture.copy()
            covered[under] = baseline[under]
            lost[under] += score - score_of(network, covered, direction)
            counted[under] += 1
    return lost / counted


def blurred(picture: np.ndarray, part: float = 0.1) -> np.ndarray:
    """Through a Gaussian, cut off at four deviations, the edge repeated; pixel by pixel."""
    _, height, width = picture.shape
    sigma = part * width
    radius = int(4 * sigma + 0.5)
    weight = [math.exp(-0.5 * (step / sigma) ** 2) for step in range(-radius, radius + 1)]
    weight = [each / sum(weight) for each in weight]
    result = np.zeros(picture.shape)
    for c, i, j in np.ndindex(picture.shape):
        for di in range(-radius, radius + 1):
            for dj in range(-radius, radius + 1):
                row, column = min(max(i + di, 0), height - 1), min(max(j + dj, 0), width - 1)
                result[c, i, j] += weight[di + radius] * weight[dj + radius] * float(picture[c, row, column])
    return result


def each(twin: Callable[..., np.ndarray], pictures: np.ndarray) -> np.ndarray:
    """A twin of one picture, asked at several."""
    return np.stack([twin(picture) for picture in pictures])
