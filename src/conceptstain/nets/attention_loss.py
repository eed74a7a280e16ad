"""The attention disentanglement loss: maps of different latents are kept apart (Liu et al. 2020, equation 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from conceptstain.errors import MismatchError
from conceptstain.nets.tap import convolutions_of

__all__ = ["Attending", "attention_overlap", "differentiable_maps", "layer_to_attend"]

THIRD = 3
LEAST_MASS = 1e-6  # sums of two maps below it count as this much: dead maps have no overlap, and no endless gradient


def differentiable_maps(
    z: Float[Tensor, "batch latent"],
    activation: Float[Tensor, "batch channels height width"],
    latents: Sequence[int],
    *,
    create_graph: bool = True,
) -> Float[Tensor, "latents batch height width"]:
    """``M_i = ReLU(sum_k alpha_k A_k)``, with ``alpha_k`` the mean over places of ``d z_i / d A_k``.

    Parameters
    ----------
    z
        Latents, with a graph to the activation.
    activation
        What a layer put out in the pass that gave z.
    latents
        Which maps.
    create_graph
        Let gradients pass through alpha, too: it is made of all weights behind the layer.

    Notes
    -----
    Two public re-implementations differ. One computes the loss where no gradient is recorded, so that it trains
    nothing. The other leaves ``create_graph`` out, so that the loss moves ``A`` and holds ``alpha`` for a constant,
    takes the ReLU of every channel before their sum, and divides by the batch once more than the mean does. Here the
    ReLU comes after the sum, and the loss is the mean over the batch.
    """
    maps = []
    for latent in latents:
        (gradient,) = torch.autograd.grad(z[:, latent].sum(), activation, create_graph=create_graph, retain_graph=True)
        alpha = gradient.mean(dim=(2, 3), keepdim=True)
        maps.append((alpha * activation).sum(dim=1).relu())
    return torch.stack(maps)


def attention_overlap(
    first: Float[Tensor, "batch height width"], second: Float[Tensor, "batch height width"]
) -> Float[Tensor, " batch"]:
    """``2 sum min(A1, A2) / sum (A1 + A2)`` of each item: 0 for maps apart, 1 for equal ones.

    Two maps that are 0 everywhere have an overlap of 0: dead maps make the loss small without being apart.
    """
    shared = torch.minimum(first, second).sum(dim=(1, 2))
    both = (first + second).sum(dim=(1, 2))
    return 2 * shared / both.clamp_min(LEAST_MASS)


@final
class Attending:
    """The maps of two latents drawn anew at every step, at one layer.

    Parameters
    ----------
    network
        With ``encode``.
    example
        One input, to find the layers with.
    layer
        Name of the layer, or the end of it; None: the third convolution, or the last of fewer.
    seed
        Of the latents that are drawn.

    Attributes
    ----------
    layer
        Full name of the layer.

    Raises
    ------
    MismatchError
        The network has no convolution, no such layer among them, or a single latent.
    """

    def __init__(
        self, network: nn.Module, example: Float[Tensor, "batch ..."], layer: str | None, *, seed: int
    ) -> None:
        self.layer = layer_to_attend(network, example, layer)
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(
        self, z: Float[Tensor, "batch latent"], activation: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "2 batch height width"]:
        """The maps of two latents at random, with a graph through alpha."""
        pair = torch.randperm(z.shape[1], generator=self._generator)[:2].tolist()
        return differentiable_maps(z, activation, pair)


def layer_to_attend(network: nn.Module, example: Float[Tensor, "batch ..."], layer: str | None) -> str:
    """The full name of the layer whose maps are compared; None: the third convolution, or the last of fewer.

    Raises
    ------
    MismatchError
        No convolution, or no such one.
    """
    layers = convolutions_of(network, example)
    if not layers:
        raise MismatchError(
            "The attention loss compares maps, and this network has no convolution",
            got=type(network).__name__,
            cure="Use the objective factor-vae, or a network with convolutions such as average-pool",
        )
    if layer is None:
        return layers[min(THIRD, len(layers)) - 1]
    found = [name for name in layers if name == layer or name.endswith(f".{layer}")]
    if len(found) != 1:
        raise MismatchError(
            "The attention loss needs a convolution of the encoder",
            got=f"the layer {layer!r}",
            cure=f"Choose one of: {', '.join(layers)}",
        )
    return found[0]
