"""Anomalies by what a network cannot redraw: of the picture itself, or of what its first layer makes of it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from conceptstain.nets.encoder import Encoder
from conceptstain.nets.tap import tap

__all__ = ["feature_difference", "reconstruction_error"]


def reconstruction_error(
    encoder: Encoder, x: Float[Tensor, "batch channels height width"]
) -> Float[Tensor, "batch height width"]:
    """``sum_c (x - dec(mu(x)))^2``: the squared error of the decoded mean, summed over channels."""
    with torch.inference_mode():
        drawn = encoder.decode(encoder.encode(x).mean)
        return ((x - drawn) ** 2).sum(dim=1)


def feature_difference(
    encoder: Encoder, x: Float[Tensor, "batch channels height width"], layer: str
) -> Float[Tensor, "batch height width"]:
    """``|A(x) - A(dec(mu(x)))|`` of a layer: the Euclidean length over channels, enlarged bilinearly to the picture.

    ``A`` is the output of the layer as it is named: of a convolution, that is before its ReLU.
    """
    with torch.inference_mode(), tap(encoder.network, layer) as tapped:
        mean = encoder.encode(x).mean
        seen = tapped.take()
        encoder.encode(encoder.decode(mean))
        drawn = tapped.take()
        apart = (seen - drawn).square().sum(dim=1, keepdim=True).sqrt()
        return interpolate(apart, size=x.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
