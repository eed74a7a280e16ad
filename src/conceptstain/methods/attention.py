"""Attention maps: where latents of a convolutional encoder look (Liu et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import LATENT
from conceptstain.concepts.scores import LayerScore, Score, along, score_of
from conceptstain.concepts.scores import dimension as of_latent
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.gradient import as_evaluated, copies_at_once
from conceptstain.methods.items import checked_items
from conceptstain.methods.layer_attention import attended, attended_layer, weighing
from conceptstain.methods.map_settings import ATTENTIONS, AttentionVariant
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.tap import convolutional_layers
from conceptstain.progress import Report, Step, silent

__all__ = ["attention", "attention_maps", "convolutional_layers"]

ALL, CONCEPT = "all", "concept"  # in place of the number of a latent, as it is written among the settings


def attention(
    canvas: Canvas,
    encoder: Encoder,
    *,
    dimension: int | None = None,
    concept: Concept | None = None,
    layer: str | None = None,
    items: ItemIndices | None = None,
    variant: AttentionVariant = "paper",
    report: Report = silent,
) -> Attribution:
    """The attention map of one latent, of all latents together, or of a concept.

    Of a latent it is ``M_i`` of :func:`attention_maps`; of all, the aggregate ``M = 1/D sum_i M_i`` of the paper. Of a
    concept, its score takes the latent's place; that is Grad-CAM of the score (:func:`conceptstain.grad_cam`).

    Parameters
    ----------
    canvas, encoder, layer, items, report
        As for :func:`attention_maps`.
    dimension
        Number of a latent, from 0; None: all of them, or the concept.
    concept
        Whose score is attended; None: latents.
    variant
        ``"paper"``, as above; or ``"released"``, what the released code does in its place: the gradient of
        ``sum_i mu_i`` (or of the latent or concept chosen) is divided by its root mean square *over all pictures of a
        batch* plus 1e-5, and the map is ``|sum_k alpha_k A_k|``, the magnitude taken behind the enlargement. A batch is
        what goes through the network at once, up to 256 of the items in their order (``settings["batch"]``): the same
        picture has other values beside others, by one factor for the batch.

    Returns
    -------
    Attribution
        Not negative; in the paper's variant every item by itself, and positively homogeneous in the concept.

    Raises
    ------
    InputError
        The encoder has no such latent, a latent and a concept are both given, no such variant, item or layer.
    MismatchError
        As for :func:`attention_maps`, or the concept is another encoder's.

    References
    ----------
    Liu et al. 2020, arXiv:1911.07389, and the released code for MNIST (github.com/liuem607/expVAE, ``gradcam.py``).
    """
    encoder.check(canvas)
    scores: Sequence[Score | LayerScore]
    of: int | str
    if concept is not None:
        if dimension is not None:
            raise InputError(
                "Attention is of a latent or of a concept", got="both", cure="Leave dimension or concept out"
            )
        concept.check(encoder)
        name, of, scores = concept.name, CONCEPT, [score_of(concept)]
    elif dimension is not None:
        name, of, scores = f"latent {dimension}", dimension, [_score(encoder, dimension)]
    else:
        name, of = "all latents", ALL
        everything = variant == "released"
        scores = [along(np.ones(encoder.latent))] if everything else [_score(encoder, n) for n in range(encoder.latent)]
    (made,) = _attention(
        canvas,
        encoder,
        scores,
        [(name, of)],
        layer=attended_layer(encoder, layer, LATENT if concept is None else concept.space),
        items=items,
        variant=variant,
        report=report,
        together=len(scores) > 1,
    )
    return replace(made, concept=concept)


def attention_maps(
    canvas: Canvas,
    encoder: Encoder,
    *,
    dimensions: Sequence[int] | None = None,
    layer: str | None = None,
    items: ItemIndices | None = None,
    variant: AttentionVariant = "paper",
    report: Report = silent,
) -> tuple[Attribution, ...]:
    """One attention map per latent, of one forward pass.

    ``M_i = ReLU(sum_k alpha_k A_k)`` with ``alpha_k`` the mean over places of ``d mu_i / d A_k``. ``A`` is the output
    of the layer as it is named: of a convolution, that is before its ReLU, as in the released code; name the ReLU to
    have it after. The map is enlarged bilinearly to the picture (``align_corners=False``).

    Where nothing but layers that keep channels apart and dense ones lies between the layer and the mean, the weights of
    all latents are made at once without forming their gradients (:mod:`conceptstain.nets.contraction`); in any other
    network there is one pass back for each latent. Both give the same maps up to rounding. Memory holds the maps and
    one batch of items: up to 256, fewer of large pictures.

    Parameters
    ----------
    canvas
        The pictures.
    encoder
        A network with convolutions.
    dimensions
        Numbers of the latents, from 0; None: all.
    layer
        Name of a layer; None: the last convolution (:func:`conceptstain.nets.tap.convolutional_layers` lists them).
    items
        Indices of the pictures, one map each. None: a single map per latent, the mean over all trainable items.
    variant
        ``"paper"`` or ``"released"``, each latent by itself; see :func:`attention`.
    report
        Called after every chunk.

    Returns
    -------
    tuple of Attribution
        One per latent, in the order asked; not negative.

    Raises
    ------
    MismatchError
        The canvas is not the encoder's; the network has no convolution, or the layer no places, or no way to the mean.
    InputError
        No such latent, layer, variant or item.

    References
    ----------
    Liu et al. 2020, arXiv:1911.07389; the mean ``mu_i`` takes the place of the sample ``z_i``, as in the released code,
    so that a map does not change from one call to the next.
    """
    asked = range(encoder.latent) if dimensions is None else tuple(dimensions)
    scores = [_score(encoder, index) for index in asked]
    if not scores:
        raise InputError("No latent is chosen", got="none", cure="Give the number of one or more, or leave it out")
    named = [(f"latent {index}", index) for index in asked]
    encoder.check(canvas)
    layer = attended_layer(encoder, layer)
    return _attention(
        canvas, encoder, scores, named, layer=layer, items=items, variant=variant, report=report, together=False
    )


def _attention(
    canvas: Canvas,
    encoder: Encoder,
    scores: Sequence[Score | LayerScore],
    named: Sequence[tuple[str, int | str]],
    *,
    layer: str,
    items: ItemIndices | None,
    variant: AttentionVariant,
    report: Report,
    together: bool,
) -> tuple[Attribution, ...]:
    if variant not in ATTENTIONS:
        raise InputError("Attention has no such variant", got=repr(variant), cure=f"Use {' or '.join(ATTENTIONS)}")
    chosen = canvas.trainable if items is None else checked_items(canvas, items)
    maps = np.zeros((len(named), 1 if items is None else len(chosen), *canvas.shape), dtype=np.float32)
    total = np.zeros((len(named), *canvas.shape[-2:]))
    at_once = copies_at_once(canvas.shape)
    with as_evaluated(encoder.network), weighing(encoder, layer, scores, variant=variant) as weigh:
        for begin in range(0, len(chosen), at_once):
            part = slice(begin, begin + at_once)
            x = encoder.tensor(canvas.inputs(chosen[part]))
            activation, weights = weigh(x)
            # Map by map, so that what is enlarged does not lie in memory twice.
            for number, group in enumerate([weights] if together else torch.split(weights, 1, dim=1)):
                enlarged = attended(activation, group, canvas.shape[-2:], variant=variant, together=together)
                seen = enlarged[:, 0].cpu().numpy()
                if items is None:
                    total[number] += seen.sum(axis=0, dtype=np.float64)
                else:
                    maps[number, part] = seen[:, None]  # one map for all channels
            report(Step(min(begin + at_once, len(chosen)), len(chosen), "Attending"))
    if items is None:
        maps[:] = (total / len(chosen))[:, None, None]
    settings: dict[str, Any] = {"layer": layer, "mean over": len(chosen) if items is None else 1}
    if variant != "paper":
        settings |= {"variant": variant, "batch": min(at_once, len(chosen))}
    return tuple(
        Attribution(
            method="attention",
            name=name,
            values=values,
            items=() if items is None else tuple(int(item) for item in chosen),
            signed=False,
            encoder=encoder.fingerprint,
            settings={"dimension": of, **settings},
            detail="" if variant == "paper" else variant,
        )
        for (name, of), values in zip(named, maps, strict=True)
    )


def _score(encoder: Encoder, index: int) -> Score:
    if not 0 <= index < encoder.latent:
        raise InputError(
            "The encoder has no latent of that number",
            got=f"{index} for {encoder.latent} latents",
            cure=f"Choose one of 0 to {encoder.latent - 1}",
        )
    return of_latent(index)
