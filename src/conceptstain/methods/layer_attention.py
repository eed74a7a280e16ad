"""Attention at a layer, in tensors and of any differentiable scores: of latents, concepts and anomalies alike.

``M = ReLU(sum_c alpha_c A_c)`` with ``alpha_c = 1/T sum_p d s / d A_cp`` for a score ``s`` (Liu et al. 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from conceptstain.concepts.definition import LATENT
from conceptstain.concepts.scores import Dimension, LayerScore, Score, asked
from conceptstain.errors import MismatchError
from conceptstain.methods.gradient import as_evaluated
from conceptstain.methods.map_settings import AttentionVariant
from conceptstain.nets.contraction import Weigh, contraction
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.tap import convolutional_layers, tap

__all__ = ["attended", "attended_layer", "score_attention", "weighing"]

LEAST_NORM = 1e-5  # of the released code: what keeps a gradient of zeros from a division by zero


def score_attention(
    x: Float[Tensor, "batch channels height width"],
    encoder: Encoder,
    score: Score | LayerScore,
    layer: str,
    *,
    variant: AttentionVariant = "paper",
) -> Float[Tensor, "batch height width"]:
    """The attention map of one score at each input, of the input's size; not negative.

    The score is a function of the encoding, one differentiable number per input: of a sample ``z`` in place of the
    mean, draw the noise before and close over it.

    Parameters
    ----------
    x
        Inputs in the encoder's precision, where the network is (:meth:`conceptstain.nets.encoder.Encoder.tensor`).
    encoder
        Its network in evaluation and frozen; see :func:`conceptstain.methods.gradient.as_evaluated`.
    score
        See :mod:`conceptstain.concepts.scores`.
    layer
        As :func:`attended_layer` found it.
    variant
        ``"paper"``, or ``"released"``: see :func:`conceptstain.methods.attention.attention`; the batch is ``x``.
    """
    with weighing(encoder, layer, [score], variant=variant) as weigh:
        activation, weights = weigh(x)
    return attended(activation, weights, x.shape[-2:], variant=variant)[:, 0]


@contextmanager
def weighing(
    encoder: Encoder, layer: str, scores: Sequence[Score | LayerScore], *, variant: AttentionVariant = "paper"
) -> Iterator[Weigh]:
    """The weights ``alpha`` of a layer's channels for each score, in a ``with`` block; as of a batch of inputs.

    Several latents are asked in one pass without forming their gradients, where the network allows it
    (:mod:`conceptstain.nets.contraction`); all else is one pass forward, and one back for each score.
    """
    latents = [score.index for score in scores if isinstance(score, Dimension)]
    plan = contraction(encoder, layer) if variant == "paper" and len(latents) == len(scores) > 1 else None
    if plan is None:
        with _by_backpropagation(encoder, layer, scores, variant) as weigh:
            yield weigh
    else:
        directions = None
        if latents != list(range(encoder.latent)):
            directions = encoder.tensor(np.eye(encoder.latent, dtype=np.float32)[latents])
        with plan.asked(encoder, directions) as weigh:
            yield weigh


def attended(
    activation: Float[Tensor, "batch channels height width"],
    weights: Float[Tensor, "batch scores channels"],
    size: Sequence[int],
    *,
    variant: AttentionVariant = "paper",
    together: bool = False,
) -> Float[Tensor, "batch maps rows columns"]:
    """Maps of weights of channels, enlarged bilinearly (``align_corners=False``) to a size in pixels.

    ``ReLU(sum_c alpha_c A_c)``, enlarged; or, as in the released code, ``|sum_c alpha_c A_c|`` with the magnitude taken
    of what was enlarged. ``together``: one map, the mean over the scores, behind the ReLU or before the magnitude.
    """
    with torch.no_grad():
        flat = weights @ activation.flatten(2)
        if variant == "paper":
            flat = flat.relu_()
        if together:
            flat = flat.mean(dim=1, keepdim=True)
        small = flat.reshape(*flat.shape[:2], *activation.shape[2:])
        enlarged = interpolate(small, size=tuple(size), mode="bilinear", align_corners=False)
        return enlarged.abs_() if variant == "released" else enlarged


def attended_layer(encoder: Encoder, layer: str | None, space: str = LATENT) -> str:
    """The layer to attend at, None being the last convolution, tried out on an empty input.

    Parameters
    ----------
    encoder
        Any encoder.
    layer
        Name of a layer.
    space
        Where the score is read: the latent space, or a layer.

    Raises
    ------
    MismatchError
        There is no convolution, the layer has no places, or what is read does not depend on it.
    InputError
        No such layer.
    """
    layers = tuple(
        known for known in convolutional_layers(encoder) if space == LATENT or _leads_to(encoder, known, space)
    )
    if layer is None and not layers:
        raise MismatchError(
            f"The encoder {encoder.name!r} has no convolution, so none of its layers knows places"
            if space == LATENT
            else f"There is no convolution before the layer {space!r}",
            cure="Choose saliency or the decoded map, or fit a convolutional encoder",
        )
    layer = layers[-1] if layer is None else layer
    cure = f"Choose one of: {', '.join(layers)}" if layers else "Choose saliency: this encoder has no convolution"
    activation, end = _tried(encoder, layer, space)
    if activation.ndim != 4:
        raise MismatchError(
            f"The layer {layer!r} has no places to attend to",
            got=f"an output of shape {tuple(activation.shape)}",
            cure=cure,
        )
    if end is None or not end.requires_grad:
        what = "latent mean" if space == LATENT else f"layer {space!r}"
        raise MismatchError(f"The {what} does not depend on the layer {layer!r}", cure=cure)
    return layer


def _leads_to(encoder: Encoder, layer: str, space: str) -> bool:
    activation, end = _tried(encoder, layer, space)
    return activation.ndim == 4 and end is not None and end.requires_grad


def _tried(encoder: Encoder, layer: str, space: str) -> tuple[Tensor, Tensor | None]:
    """What the layer puts out for an empty input, and what is then read; None of the layer itself."""
    empty = encoder.tensor(np.zeros((1, *encoder.shape), dtype=np.float32))
    with (
        as_evaluated(encoder.network),
        tap(encoder.network, layer, start=True) as tapped,
        tap(encoder.network, layer if space == LATENT else space) as read,
        torch.enable_grad(),
    ):
        mean = encoder.encode(empty).mean
        activation = tapped.take()
        if space == LATENT:
            return activation, mean
        return activation, None if space == layer else read.take()


@contextmanager
def _by_backpropagation(
    encoder: Encoder, layer: str, scores: Sequence[Score | LayerScore], variant: AttentionVariant
) -> Iterator[Weigh]:
    with tap(encoder.network, layer, start=True) as tapped, asked(encoder, scores) as ask:

        def weigh(x: Float[Tensor, "batch ..."]) -> tuple[Tensor, Tensor]:
            with torch.enable_grad():
                totals = [score.sum() for score in ask(x)]  # no item's score depends on another item
            activation = tapped.take()
            weights = activation.new_empty((len(activation), len(scores), activation.shape[1]))
            for number, total in enumerate(totals):
                (gradient,) = torch.autograd.grad(total, activation, retain_graph=number + 1 < len(totals))
                if variant == "released":
                    gradient = gradient / (gradient.square().mean().sqrt() + LEAST_NORM)
                weights[:, number] = gradient.mean(dim=(2, 3))
            return activation.detach(), weights

        yield weigh
