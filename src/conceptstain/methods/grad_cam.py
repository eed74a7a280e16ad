"""Grad-CAM: which channels of a convolution speak for the concept, and where they are active."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import LATENT
from conceptstain.errors import MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.asking import ScoreOf, explained, items_asked
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.gradient import as_evaluated, copies_at_once
from conceptstain.methods.map_settings import MapSettings
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.tap import check_layer, convolutional_layers, tap
from conceptstain.progress import Report, silent

__all__ = ["grad_cam", "grad_cam_layers"]


def grad_cam(
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    *,
    layer: str | None = None,
    items: ItemIndices | None = None,
    report: Report = silent,
) -> Attribution:
    """Grad-CAM of the concept score: ``ReLU(sum_k alpha_k A_k)``, ``alpha_k`` the mean of ``d s_c / d A_k``.

    ``A`` is the output of the layer as it is named: of a convolution, that is before its ReLU; name the ReLU to have
    it after. The map is enlarged bilinearly to the picture, so it is as coarse as the layer. Of one latent it is the
    attention map.

    Parameters
    ----------
    canvas, encoder, concept, items, report
        As for :func:`conceptstain.methods.saliency.saliency`.
    layer
        Name of a layer; None: the last convolution before the score (:func:`grad_cam_layers` lists them).

    Returns
    -------
    Attribution
        One map per item; not negative, positively homogeneous in the concept.

    Raises
    ------
    MismatchError
        Canvas, encoder and concept do not belong together; there is no such convolution, the layer has no places, or
        the score does not depend on it.
    InputError
        No such item or layer.

    References
    ----------
    Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2; computed by captum.
    """
    chosen, missing = items_asked(canvas, encoder, concept, items)
    known = grad_cam_layers(encoder, concept.space)
    if layer is None and not known:
        raise MismatchError(
            "Grad-CAM needs a convolution before the score",
            got=f"the encoder {encoder.name!r}, the concept in {concept.space}",
            cure="Choose another map",
        )
    seen = known[-1] if layer is None else layer
    check_layer(encoder, seen)
    if not _leads_to(encoder, seen, concept.space):
        raise MismatchError(
            f"The layer {seen!r} has no places to look at, or the concept score does not depend on it",
            got=f"a concept in {concept.space}",
            cure=f"Choose one of: {', '.join(known)}" if known else "Choose another map",
        )
    from captum.attr import LayerAttribution, LayerGradCam

    at = dict(encoder.network.named_modules())[seen]

    def explain(score: ScoreOf, x: Tensor, _: NDArray[np.integer]) -> Tensor:
        small = LayerGradCam(score, at).attribute(x, relu_attributions=True)
        found: Tensor = LayerAttribution.interpolate(small, tuple(x.shape[-2:]), "bilinear")
        return found.expand(-1, canvas.shape[0], -1, -1)  # one map for all channels

    made = explained(
        canvas,
        encoder,
        concept,
        chosen,
        explain,
        at_once=copies_at_once(canvas.shape),
        message="Looking at channels",
        report=report,
    )
    return Attribution(
        method="Grad-CAM",
        name=concept.name,
        values=made,
        items=tuple(int(item) for item in chosen),
        signed=False,
        concept=concept,
        encoder=encoder.fingerprint,
        settings={"layer": seen, "missing": missing},
        detail=MapSettings(layer=layer).detail("layer"),
    )


def grad_cam_layers(encoder: Encoder, space: str = LATENT) -> tuple[str, ...]:
    """Names of the convolutions that Grad-CAM can look at, in order: those with places before the score."""
    return tuple(layer for layer in convolutional_layers(encoder) if _leads_to(encoder, layer, space))


def _leads_to(encoder: Encoder, layer: str, space: str) -> bool:
    """Whether a layer has places, and what is read in a space depends on it; tried out on an empty input."""
    if layer == space:
        return False
    empty = encoder.tensor(np.zeros((1, *encoder.shape), dtype=np.float32))
    with (
        as_evaluated(encoder.network),
        tap(encoder.network, layer, start=True) as tapped,
        tap(encoder.network, layer if space == LATENT else space) as read,
        torch.enable_grad(),
    ):
        end = encoder.encode(empty).mean
        activation = tapped.take()
        if space != LATENT:
            end = read.take()
    return activation.ndim == 4 and end.requires_grad
