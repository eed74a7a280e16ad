"""Attention maps: where a latent of a convolutional encoder looks (Liu et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.scores import Score, dimension
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.gradient import as_evaluated
from conceptstain.methods.items import checked_items
from conceptstain.nets.encoder import CHUNK, Encoder
from conceptstain.nets.tap import Tap, convolutional_layers, tap
from conceptstain.progress import Report, Step, silent

__all__ = ["attention", "attention_maps", "convolutional_layers"]


def attention(
    canvas: Canvas,
    encoder: Encoder,
    *,
    dimension: int,
    layer: str | None = None,
    items: ItemIndices | None = None,
    report: Report = silent,
) -> Attribution:
    """The attention map of one latent; see :func:`attention_maps`.

    Raises
    ------
    InputError
        The encoder has no such latent, or see :func:`attention_maps`.
    """
    if not 0 <= dimension < encoder.latent:
        raise InputError(
            "The encoder has no latent of that number",
            got=f"{dimension} for {encoder.latent} latents",
            cure=f"Choose one of 0 to {encoder.latent - 1}",
        )
    return _attention(canvas, encoder, (dimension,), layer=layer, items=items, report=report)[0]


def attention_maps(
    canvas: Canvas,
    encoder: Encoder,
    *,
    layer: str | None = None,
    items: ItemIndices | None = None,
    report: Report = silent,
) -> tuple[Attribution, ...]:
    """One attention map per latent, of one forward pass.

    ``M_i = ReLU(sum_k alpha_k A_k)`` with ``alpha_k`` the mean over places of ``d mu_i / d A_k``. ``A`` is the output
    of the layer as it is named: of a convolution, that is before its ReLU, as in the released code; name the ReLU to
    have it after. The map is enlarged bilinearly to the picture (``align_corners=False``).

    Parameters
    ----------
    canvas
        The pictures.
    encoder
        A network with convolutions.
    layer
        Name of a layer; None: the last convolution (:func:`conceptstain.nets.tap.convolutional_layers` lists them).
    items
        Indices of the pictures, one map each. None: a single map per latent, the mean over all trainable items.
    report
        Called after every chunk.

    Returns
    -------
    tuple of Attribution
        One per latent, in order; not negative.

    Raises
    ------
    MismatchError
        The canvas is not the encoder's; the network has no convolution, or the layer no places, or no way to the mean.
    InputError
        No such layer or item.

    References
    ----------
    Liu et al. 2020, arXiv:1911.07389; the mean ``mu_i`` takes the place of the sample ``z_i``, as in the released code.
    """
    return _attention(canvas, encoder, range(encoder.latent), layer=layer, items=items, report=report)


def _attention(
    canvas: Canvas,
    encoder: Encoder,
    dimensions: Sequence[int],
    *,
    layer: str | None,
    items: ItemIndices | None,
    report: Report,
) -> tuple[Attribution, ...]:
    encoder.check(canvas)
    layer = _checked_layer(encoder, layer)
    chosen = canvas.trainable if items is None else checked_items(canvas, items)
    scores = [dimension(index) for index in dimensions]
    maps = np.zeros((len(scores), 1 if items is None else len(chosen), *canvas.shape), dtype=np.float32)
    total = np.zeros((len(scores), *canvas.shape[-2:]))
    with as_evaluated(encoder.network), tap(encoder.network, layer, start=True) as tapped:
        for begin in range(0, len(chosen), CHUNK):
            part = slice(begin, begin + CHUNK)
            x = encoder.tensor(canvas.inputs(chosen[part]))
            seen = _maps_of(x, encoder, tapped, scores)
            if items is None:
                total += seen.sum(axis=1, dtype=np.float64)
            else:
                maps[:, part] = seen[:, :, None]  # one map for all channels
            report(Step(min(begin + CHUNK, len(chosen)), len(chosen), "Attending"))
    if items is None:
        maps[:] = (total / len(chosen))[:, None, None]
    return tuple(
        Attribution(
            method="attention",
            name=f"latent {index}",
            values=values,
            items=() if items is None else tuple(int(item) for item in chosen),
            signed=False,
            encoder=encoder.fingerprint,
            settings={"dimension": index, "layer": layer, "mean over": len(chosen) if items is None else 1},
        )
        for index, values in zip(dimensions, maps, strict=True)
    )


def _maps_of(
    x: Float[Tensor, "batch ..."], encoder: Encoder, tapped: Tap, scores: Sequence[Score]
) -> Float[np.ndarray, "latents batch height width"]:
    maps = np.empty((len(scores), len(x), *x.shape[-2:]), dtype=np.float32)
    with torch.enable_grad():
        encoding = encoder.encode(x)
    activation = tapped.take()
    for number, score in enumerate(scores):
        more = number + 1 < len(scores)
        with torch.enable_grad():
            total = score(encoding).sum()
        (gradient,) = torch.autograd.grad(total, activation, retain_graph=more)
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        with torch.no_grad():
            attended = (weights * activation).sum(dim=1, keepdim=True).relu()
            enlarged = interpolate(attended, size=x.shape[-2:], mode="bilinear", align_corners=False)
        maps[number] = enlarged[:, 0].cpu().numpy()
    return maps


def _checked_layer(encoder: Encoder, layer: str | None) -> str:
    """The layer to attend at, tried out on an empty input."""
    layers = convolutional_layers(encoder)
    if layer is None and not layers:
        raise MismatchError(
            f"The encoder {encoder.name!r} has no convolution, so none of its layers knows places",
            cure="Choose saliency or the decoded map, or fit a convolutional encoder",
        )
    layer = layers[-1] if layer is None else layer
    with as_evaluated(encoder.network), tap(encoder.network, layer, start=True) as tapped, torch.enable_grad():
        mean = encoder.encode(encoder.tensor(np.zeros((1, *encoder.shape), dtype=np.float32))).mean
        activation = tapped.take()
    cure = f"Choose one of: {', '.join(layers)}" if layers else "Choose saliency: this encoder has no convolution"
    if activation.ndim != 4:
        raise MismatchError(
            f"The layer {layer!r} has no places to attend to",
            got=f"an output of shape {tuple(activation.shape)}",
            cure=cure,
        )
    if not mean.requires_grad:
        raise MismatchError(f"The latent mean does not depend on the layer {layer!r}", cure=cure)
    return layer
