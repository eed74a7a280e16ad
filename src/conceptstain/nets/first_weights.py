"""Weights to begin with, and the normalisation that goes with Keras' ones."""

from __future__ import annotations

from torch import nn

__all__ = ["begin_as_keras", "begin_convolutions_as_he", "keras_norm"]

# Keras' batch normalisation, with which the paper's networks were trained.
NORM_EPS = 1e-3
NORM_MOMENTUM = 0.01


def keras_norm(kind: type[nn.BatchNorm1d | nn.BatchNorm2d], features: int) -> nn.Module:
    """Batch normalisation as Keras has it."""
    return kind(features, eps=NORM_EPS, momentum=NORM_MOMENTUM)


def begin_convolutions_as_he(module: nn.Module) -> None:
    """He's weights, which keep the signal through ReLU: with smaller ones the first epochs learn nothing."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def begin_as_keras(module: nn.Module) -> None:
    """Glorot-uniform weights and zero biases, Keras' way to begin."""
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
