"""Anomaly maps: where pictures or patches deviate from what is normal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.normal import Normal
from conceptstain.errors import MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.anomaly_attention import density_attention, released_attention, sampled_attention
from conceptstain.methods.anomaly_pasted import DefectFinder, finder_of
from conceptstain.methods.anomaly_projection import projected
from conceptstain.methods.anomaly_reconstruction import feature_difference, reconstruction_error
from conceptstain.methods.anomaly_settings import DEFAULT_ANOMALY, AnomalyMethod, AnomalySettings, checked_method
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.gradient import as_evaluated, copies_at_once
from conceptstain.methods.items import checked_items
from conceptstain.methods.layer_attention import attended_layer
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.tap import convolutional_layers
from conceptstain.progress import Report, Step, silent

__all__ = ["MapsOfItems", "anomaly", "anomaly_maps", "anomaly_refusal"]

SURROUNDINGS = 0.1  # of the width: standard deviation of the blur that a place is held against by its contrast

Family: TypeAlias = Callable[[Encoder, Tensor, NDArray[np.integer]], Tensor]


class MapsOfItems(NamedTuple):
    """Anomaly maps of some items: their indices, and ``(items, height, width)``, float32, not negative."""

    items: NDArray[np.integer]
    maps: Float[np.ndarray, "items height width"]


def anomaly(
    canvas: Canvas,
    encoder: Encoder,
    normal: Normal,
    *,
    method: str = DEFAULT_ANOMALY,
    items: ItemIndices | None = None,
    settings: AnomalySettings | None = None,
    report: Report = silent,
) -> Attribution:
    """Where items deviate from the normal: one map each.

    Parameters
    ----------
    canvas
        Pictures, or patches of a slide.
    encoder
        The one that the normal was learned with.
    normal
        What is ordinary. Of ``"reconstruction"``, ``"features"`` and ``"attention-released"`` it is what the encoder
        learned from that counts, whatever the normal: fit it to ordinary data. ``"projection"`` takes the usual error
        from the normal, the other attention maps its latents, and ``"pasted"`` learns from its pictures.
    method
        See :data:`~conceptstain.methods.anomaly_settings.ANOMALY_METHODS`, and for what each computes the modules
        ``anomaly_pasted``, ``anomaly_reconstruction``, ``anomaly_projection`` and ``anomaly_attention``.
        ``"intensity"`` is the mean of the channels, ``"contrast"`` the magnitude of a picture less itself blurred by a
        tenth of its width, summed over the channels.
    items
        Indices; None: all. Of a slide take those that are looked at, or go through it with :func:`anomaly_maps`.
    settings
        What else can be chosen; None: as usual.
    report
        Called after every chunk of items.

    Returns
    -------
    Attribution
        Values of the inputs' shape, not negative, the same for all channels; ``detail`` is the method. In squared
        values (reconstruction), values (projection, contrast, intensity), or units of the layer.

    Raises
    ------
    MismatchError
        Canvas, encoder and normal do not belong together, or the network cannot be asked that way.
    InputError
        No such method, item or layer.

    References
    ----------
    Attention: Liu et al. 2020, arXiv:1911.07389. Projection: Dehaene et al. 2020, arXiv:2002.03734.
    """
    chosen = np.arange(len(canvas)) if items is None else checked_items(canvas, items)
    values = np.empty((len(chosen), *canvas.shape), dtype=np.float32)
    settings = settings or AnomalySettings()
    done = 0
    for found in anomaly_maps(canvas, encoder, normal, method=method, items=chosen, settings=settings, report=report):
        values[done : done + len(found.items)] = found.maps[:, None]  # one map for all channels
        done += len(found.items)
    return Attribution(
        method="deviation",
        name=normal.name,
        values=values,
        items=tuple(int(item) for item in chosen),
        signed=False,
        encoder=encoder.fingerprint,
        settings={"anomaly": method, **asdict(settings), "normal": _sum_of(normal)},
        detail=method,
    )


def anomaly_maps(
    canvas: Canvas,
    encoder: Encoder,
    normal: Normal,
    *,
    method: str = DEFAULT_ANOMALY,
    items: ItemIndices | None = None,
    settings: AnomalySettings | None = None,
    report: Report = silent,
) -> Iterator[MapsOfItems]:
    """The maps of :func:`anomaly` chunk by chunk, one value per pixel: memory does not grow with the items.

    Parameters and errors are those of :func:`anomaly`; it refuses before the first chunk is asked for.
    """
    encoder.check(canvas)
    normal.check(encoder)
    named = checked_method(method)
    reason = anomaly_refusal(encoder, named)
    if reason is not None:
        raise MismatchError(
            f"Anomalies cannot be looked for by {named!r} with the encoder {encoder.name!r}",
            got=reason,
            cure="Choose another method, or fit an encoder of this package",
        )
    chosen = np.arange(len(canvas)) if items is None else checked_items(canvas, items)
    settings = settings or AnomalySettings()
    family = _family(named, encoder, normal, settings, report)
    blur = (
        0.0
        if named in {"pasted", "intensity"} or named.startswith("attention")
        else settings.smoothing * canvas.shape[-1]
    )
    return _chunks(canvas, encoder, chosen, _Made(family, blur), report)


def anomaly_refusal(encoder: Encoder, method: AnomalyMethod = DEFAULT_ANOMALY) -> str | None:
    """Why a network cannot be asked for anomaly maps that way, or None."""
    if len(encoder.shape) != 3:
        return "its inputs are no pictures, so no place of them can deviate; deviations() has one number for each"
    if method in {"reconstruction", "projection", "features"} and not hasattr(encoder.network, "decode"):
        return "it has no decoder"
    if (method == "features" or method.startswith("attention")) and not convolutional_layers(encoder):
        return "it has no convolutional layer, so no place to look at"
    return None


class _Made(NamedTuple):
    """How maps are made of a batch, and the standard deviation of their blur in pixels."""

    family: Family
    sigma: float


def _family(
    method: AnomalyMethod, encoder: Encoder, normal: Normal, settings: AnomalySettings, report: Report
) -> Family:
    if method == "reconstruction":
        return lambda encoder, x, _: reconstruction_error(encoder, x)
    if method == "projection":
        return partial(_changed, noise=normal.noise, settings=settings)
    if method == "pasted":
        return partial(_looked_over, finder=finder_of(normal, report=report))
    if method in {"intensity", "contrast"}:
        return _intensity if method == "intensity" else _contrast
    first = convolutional_layers(encoder)[0] if method == "features" else None
    at = attended_layer(encoder, settings.layer or first)
    if method == "features":
        return lambda encoder, x, _: feature_difference(encoder, x, at)
    if method == "attention-sampled":
        return partial(sampled_attention, normal=normal, layer=at, seed=settings.seed)
    if method == "attention-density":
        return lambda encoder, x, _: density_attention(encoder, x, normal=normal, layer=at)
    return lambda encoder, x, _: released_attention(encoder, x, layer=at)


def _chunks(
    canvas: Canvas, encoder: Encoder, chosen: NDArray[np.integer], made: _Made, report: Report
) -> Iterator[MapsOfItems]:
    at_once = copies_at_once(canvas.shape)
    for start in range(0, len(chosen), at_once):
        part = chosen[start : start + at_once]
        # Entered for each chunk: whoever takes the maps may stop in between, and finds the network as it was.
        with as_evaluated(encoder.network):
            maps = made.family(encoder, encoder.tensor(canvas.inputs(part)), part).detach().cpu().numpy()
        if made.sigma:
            maps = gaussian_filter(maps, (0, made.sigma, made.sigma), mode="nearest")
        yield MapsOfItems(part, maps.astype(np.float32))
        report(Step(min(start + at_once, len(chosen)), len(chosen), "Looking for anomalies"))


def _changed(
    encoder: Encoder, x: Tensor, _items: NDArray[np.integer], *, noise: float, settings: AnomalySettings
) -> Tensor:
    """What the projection changed, summed over channels."""
    return (x - projected(encoder, x, noise, settings)).abs().sum(dim=1)


def _looked_over(_encoder: Encoder, x: Tensor, _items: NDArray[np.integer], *, finder: DefectFinder) -> Tensor:
    return torch.from_numpy(finder(x.cpu().numpy()))


def _intensity(_encoder: Encoder, x: Tensor, _items: NDArray[np.integer]) -> Tensor:
    return x.mean(dim=1)


def _contrast(_encoder: Encoder, x: Tensor, _items: NDArray[np.integer]) -> Tensor:
    """How each place differs from its surroundings, summed over channels."""
    sigma = SURROUNDINGS * x.shape[-1]
    pictures = x.cpu().numpy()
    blurred = gaussian_filter(pictures, (0, 0, sigma, sigma), mode="nearest")
    return torch.from_numpy(np.abs(pictures - blurred).sum(axis=1))


def _sum_of(normal: Normal) -> str:
    """Twelve digits that change with what is normal."""
    return hashlib.sha256("\n".join((normal.content, *normal.items)).encode()).hexdigest()[:12]
