"""A network that computes the same along other axes of one of its layers (Bau, Zhou et al. 2017, section 3.2)."""

from __future__ import annotations

from collections import OrderedDict
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from conceptstain.errors import InputError
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.tap import layer_named, tap

__all__ = ["ROTATED", "rotated_network"]

ROTATED = "rotated"
"""Name of the rotated layer inside the one that it took the place of."""


def rotated_network(encoder: Encoder, layer: str, rotation: Float[np.ndarray, "units units"]) -> tuple[Encoder, str]:
    """A network whose layer puts out ``Q r``, and whose next layer undoes it: ``g'(Q r) = g(Q^T Q r) = g(r)``.

    Whatever the network computes stays as it was, but for rounding: latents, concept scores, reconstructions. Only the
    axes differ that its units stand for, so that whatever depends on them is no matter of what the network knows. In
    the paper, such a rotation took most of the unique detectors away.

    Parameters
    ----------
    encoder
        It stays as it is.
    layer
        The layer whose channels are rotated.
    rotation
        ``Q``, such as :func:`conceptstain.random_rotation` gives.

    Returns
    -------
    encoder
        The rotated network, with weights of its own.
    layer
        Name of its rotated layer.

    Raises
    ------
    InputError
        No such layer, or a rotation of another size.
    """
    name = layer_named(encoder, layer)
    with torch.no_grad(), tap(encoder.network, name) as seen:
        encoder.encode(encoder.tensor(np.zeros((1, *encoder.shape), dtype=np.float32)))
        shape = tuple(seen.take().shape)
    if rotation.shape != (shape[1], shape[1]):
        raise InputError(
            "The rotation is of another number of units",
            got=f"{rotation.shape} for {shape[1]}",
            cure=f"Use random_rotation({shape[1]})",
        )
    network = deepcopy(encoder.network)
    layers = dict(network.named_modules())  # a network of the user's own keeps the names of its layers there alone
    like = next(encoder.network.parameters())
    turned = [_turning(each, with_places=len(shape) == 4).to(like) for each in (rotation, rotation.T)]
    path = OrderedDict([("axes", layers[name]), (ROTATED, turned[0]), ("undone", turned[1])])
    parent, _, last = name.rpartition(".")
    setattr(layers[parent], last, nn.Sequential(path))
    return replace(encoder, name=f"{encoder.name}, rotated", network=network), f"{name}.{ROTATED}"


def _turning(matrix: Float[np.ndarray, "units units"], *, with_places: bool) -> nn.Conv2d | nn.Linear:
    """A layer that turns channels; of places, each alone."""
    n = len(matrix)
    made = nn.Conv2d(n, n, 1, bias=False) if with_places else nn.Linear(n, n, bias=False)
    made = made.double()  # as exact as the rotation, until it takes the precision of the network
    weight = torch.as_tensor(matrix)
    with torch.no_grad():
        made.weight.copy_(weight[:, :, None, None] if with_places else weight)
    return made
