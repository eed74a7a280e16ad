"""The training losses written out, one number at a time, in float64."""

from __future__ import annotations

import math

import numpy as np


def divergence(mean: np.ndarray, log_var: np.ndarray) -> float:
    """KL(N(mean, exp(log_var)) || N(0, 1)) of one item, summed over its latent dimensions."""
    total = 0.0
    for m, v in zip(mean.tolist(), log_var.tolist(), strict=True):
        total += -0.5 * (1 + v - m**2 - math.exp(v))
    return total


def squared_error_loss(
    x: np.ndarray, decoded: np.ndarray, mask: np.ndarray, *, mean: np.ndarray, log_var: np.ndarray, beta: float
) -> float:
    """Half the squared error inside the mask and beta times the divergence, mean over items."""
    total = 0.0
    for item in range(len(x)):
        for place in np.ndindex(*x.shape[1:]):
            if mask[place]:
                total += 0.5 * float(x[item][place] - decoded[item][place]) ** 2
        total += beta * divergence(mean[item], log_var[item])
    return total / len(x)


def calibrated_loss(x: np.ndarray, decoded: np.ndarray, *, mean: np.ndarray, log_var: np.ndarray, beta: float) -> float:
    """Minus the log density of every number under a Gaussian of the best variance, and beta times the divergence."""
    variance = float(np.mean((x - decoded) ** 2))
    total = 0.0
    for item in range(len(x)):
        for value, guess in zip(x[item].ravel().tolist(), decoded[item].ravel().tolist(), strict=True):
            density = math.exp(-((value - guess) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
            total -= math.log(density)
        total += beta * divergence(mean[item], log_var[item])
    return total / len(x)


def bernoulli_loss(x: np.ndarray, decoded: np.ndarray, *, mean: np.ndarray, log_var: np.ndarray, beta: float) -> float:
    """Minus the log probability of every pixel under a coin of the decoded chance, and beta times the divergence."""
    total = 0.0
    for item in range(len(x)):
        for value, guess in zip(x[item].ravel().tolist(), decoded[item].ravel().tolist(), strict=True):
            total -= value * math.log(guess) + (1 - value) * math.log(1 - guess)
        total += beta * divergence(mean[item], log_var[item])
    return total / len(x)


def paper_loss(x: np.ndarray, decoded: np.ndarray, *, mean: np.ndarray, log_var: np.ndarray, beta: float) -> float:
    """The notebook's: mean binary cross-entropy - 0.5e-4 beta mean(1 + v - m^2 - exp(v))."""
    entropies = []
    for value, guess in zip(x.ravel().tolist(), decoded.ravel().tolist(), strict=True):
        entropies.append(-(value * math.log(guess) + (1 - value) * math.log(1 - guess)))
    terms = []
    for m, v in zip(mean.ravel().tolist(), log_var.ravel().tolist(), strict=True):
        terms.append(1 + v - m**2 - math.exp(v))
    return float(np.mean(entropies)) - 0.5e-4 * beta * float(np.mean(terms))


def negative_binomial_loss(
    counts: np.ndarray,
    rate: np.ndarray,
    dispersion: np.ndarray,
    mask: np.ndarray,
    *,
    mean: np.ndarray,
    log_var: np.ndarray,
    beta: float,
) -> float:
    """Minus the log probability of the counts, each multiplied out from 0 up, and beta times the divergence."""
    total = 0.0
    for item in range(len(counts)):
        for gene in range(counts.shape[1]):
            if mask[gene]:
                m, t = float(rate[item, gene]), float(dispersion[gene])
                probability = (t / (t + m)) ** t
                for k in range(int(counts[item, gene])):
                    probability *= (k + t) / (k + 1) * m / (t + m)
                total -= math.log(probability)
        total += beta * divergence(mean[item], log_var[item])
    return total / len(counts)
