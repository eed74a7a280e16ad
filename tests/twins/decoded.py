"""Slow twin of the decoded concept and of the score map."""

from __future__ import annotations

import numpy as np

from tiny_networks import TinyVAE
from twins.layers import forward, layers_of


def decoded(network: TinyVAE, pictures: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """``dec(z_mean + d) - dec(z_mean - d)`` around the mean latent of these pictures."""
    encoding, decoding = layers_of(network.chain, network.mean), layers_of(network.decoder)
    centre = np.zeros(len(direction))
    for picture in pictures:
        centre += forward(encoding, picture)[-1] / len(pictures)
    along = forward(decoding, centre + direction)[-1]
    against = forward(decoding, centre - direction)[-1]
    return (along - against).reshape(network.shape)


def mean_picture(pictures: np.ndarray) -> np.ndarray:
    """The mean of pictures, pixel by pixel."""
    result = np.zeros(pictures.shape[1:])
    for pixel in np.ndindex(result.shape):
        result[pixel] = sum(float(picture[pixel]) for picture in pictures) / len(pictures)
    return result
