"""One unit of a layer: how active it is where, as a finding; its peaks over items; and where it counts as active."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from conceptstain.canvas.expression import counted
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.dissecting import Alignment, geometry_of, with_places
from conceptstain.methods.dissection import Dissection
from conceptstain.methods.dissection_passes import Canvas, Places, counted_pixels, frame_of
from conceptstain.methods.gradient import as_evaluated, copies_at_once
from conceptstain.methods.items import checked_items
from conceptstain.methods.spot_score import SpotScore
from conceptstain.methods.unit_overlaps import enlarged
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.receptive_field import Geometry
from conceptstain.nets.tap import layer_named, tap
from conceptstain.progress import Report, Step, silent

__all__ = ["check_dissected", "unit_map", "unit_mask", "unit_peaks"]


def unit_peaks(
    encoder: Encoder, layer: str, canvas: Canvas, items: ItemIndices | None = None, *, report: Report = silent
) -> Float[np.ndarray, "items units"]:
    """How high every unit rises on every item: what items are shown by that excite a unit most.

    Parameters
    ----------
    encoder, layer, canvas
        As for :func:`conceptstain.dissect`.
    items
        Indices; None: all.
    report
        Called after every chunk.

    Returns
    -------
    numpy.ndarray
        float32, in the units of the activation: of each unit the highest over the item's own places, not those of its
        padding or beside the tissue; of a spot, which is one place, the activation itself.

    Raises
    ------
    InputError
        No such layer or item, a layer without places, or activations that are no numbers.
    MismatchError
        The canvas is not the encoder's.
    """
    chosen = np.arange(len(canvas)) if items is None else checked_items(canvas, items)
    peaks: list[Float[np.ndarray, "items units"]] = []
    for read in _read(
        encoder, layer, canvas, chosen, alignment="receptive field", message="Finding peaks", report=report
    ):
        values, inside = read.activation.flatten(2), read.places.of(read.items)
        if inside is not None:
            values = values.masked_fill(~torch.as_tensor(inside, device=values.device)[:, None], -torch.inf)
        peaks.append(values.amax(dim=2).float().cpu().numpy())
    return np.concatenate(peaks)


def unit_map(
    encoder: Encoder,
    layer: str,
    canvas: Canvas,
    unit: int,
    *,
    items: ItemIndices | None = None,
    alignment: Alignment = "receptive field",
    report: Report = silent,
) -> Attribution | SpotScore:
    """How active a unit is where, enlarged to the frame as :func:`conceptstain.dissect` enlarges it.

    Parameters
    ----------
    encoder, layer, canvas, alignment
        As for :func:`conceptstain.dissect`.
    unit
        Number of a channel of the layer, from 0.
    items
        Indices of pictures, genes or patches, one map each. None: a single map, the mean over all that can be learned
        from. Of spot profiles all spots have an activation: leave it out.
    report
        Called after every chunk.

    Returns
    -------
    Attribution or SpotScore
        Of method ``"activation"``, in the units of the layer's output. Of spot profiles one number per spot.

    Raises
    ------
    InputError
        No such layer, unit or item, a layer without places, items of spot profiles, or activations that are no numbers.
    MismatchError
        The canvas is not the encoder's.

    References
    ----------
    Bau, Zhou et al. 2017, arXiv:1704.05796, section 2.3: ``S_k``.
    """
    of_spots = isinstance(canvas, SpotProfiles)
    if of_spots and items is not None:
        raise InputError(
            "The activation of a unit is painted on all spots",
            got=counted(len(np.atleast_1d(items)), canvas.noun),
            cure="Leave items out; unit_peaks gives that of some",
        )
    layer = layer_named(encoder, layer)
    everything = np.arange(len(canvas)) if of_spots else canvas.trainable
    chosen = everything if items is None else checked_items(canvas, items)
    maps: list[Float[np.ndarray, "items rows columns"]] = []
    total = np.zeros(frame_of(canvas))
    for read in _read(encoder, layer, canvas, chosen, alignment=alignment, message="Reading a unit", report=report):
        seen = _enlarged(read, unit)
        if items is None and not of_spots:
            total += seen.sum(axis=0, dtype=np.float64)
        else:
            maps.append(seen)
    settings = {"unit": int(unit), "layer": layer, "alignment": alignment, "network": encoder.name}
    name, detail = f"unit {unit}", f"{layer} of {encoder.name}"
    if isinstance(canvas, SpotProfiles):
        scores = np.concatenate(maps)[:, 0, 0].astype(np.float64)
        return SpotScore(
            name=name,
            values=scores,
            section=canvas.section.name,
            concept=None,
            encoders=(encoder.fingerprint,),
            settings=settings,
            detail=detail,
            method="activation",
            signed=bool((scores < 0).any()),
        )
    made = (total[None] / len(chosen)).astype(np.float32) if items is None else np.concatenate(maps)
    return Attribution(
        method="activation",
        name=name,
        values=np.repeat(made[:, None], canvas.shape[0], axis=1),  # one map for all channels
        items=() if items is None else tuple(int(item) for item in chosen),
        signed=bool((made < 0).any()),
        encoder=encoder.fingerprint,
        settings={**settings, "mean over": len(chosen) if items is None else 1},
        detail=detail,
    )


def unit_mask(
    dissection: Dissection,
    encoder: Encoder | None,
    canvas: Canvas,
    unit: int,
    items: ItemIndices,
    *,
    report: Report = silent,
) -> Bool[np.ndarray, "items rows columns"]:
    """Where a unit counts as active: ``M_k = [S_k > T_k]``, the pixels that the dissection counted.

    Parameters
    ----------
    dissection
        Whose thresholds and alignment are taken.
    encoder
        The network that was dissected; None: it was the inputs themselves (:func:`conceptstain.dissect_inputs`).
    canvas
        What was shown; items that the dissection did not look at can be asked about, too.
    unit
        Number of the unit.
    items
        Indices.
    report
        Called after every chunk.

    Returns
    -------
    numpy.ndarray
        On the frame; False on padding. Of spot profiles every spot has one pixel.

    Raises
    ------
    InputError
        No such unit or item, or a dissection of rotated axes, which no unit of the network is.
    MismatchError
        Another network or canvas.

    References
    ----------
    Bau, Zhou et al. 2017, arXiv:1704.05796, section 2.3; ``>`` as in the released code.
    """
    chosen = checked_items(canvas, items)
    check_dissected(dissection, encoder)
    _check_unit(unit, dissection.n_units)
    alignment, threshold = dissection.settings.get("alignment", "receptive field"), dissection.thresholds[unit]
    cuts = [
        (_enlarged(read, unit) > threshold) & counted_pixels(canvas, read.items)
        for read in _read(
            encoder, dissection.layer, canvas, chosen, alignment=alignment, message="Cutting a unit", report=report
        )
    ]
    return np.concatenate(cuts)


def check_dissected(dissection: Dissection, encoder: Encoder | None) -> None:
    """Refuse a dissection of another network, or of rotated axes, which are no units; None: of the inputs themselves.

    Raises
    ------
    InputError
        It was rotated.
    MismatchError
        It is of another network.
    """
    if dissection.settings.get("rotated"):
        raise InputError(
            "The axes that were dissected are no units of the network",
            got=dissection.title,
            cure="Ask a dissection without a rotation",
        )
    of = "" if encoder is None else encoder.fingerprint
    if of != dissection.encoder:
        raise MismatchError(
            f"The dissection of {dissection.title} is of another network",
            got=f"encoder {of or 'none'} for {dissection.encoder or 'the inputs themselves'}",
            cure="Give the network that was dissected",
        )


class _Read(NamedTuple):
    """What a layer puts out for some items, and how its places lie on them."""

    items: NDArray[np.integer]
    activation: Float[Tensor, "batch units height width"]
    places: Places


def _read(
    encoder: Encoder | None,
    layer: str,
    canvas: Canvas,
    items: NDArray[np.integer],
    *,
    alignment: Alignment,
    message: str,
    report: Report,
) -> Iterator[_Read]:
    """The layer's output, some items at a time; without an encoder, the inputs themselves."""
    if encoder is not None:
        encoder.check(canvas)
        layer = layer_named(encoder, layer)
    size = copies_at_once(canvas.shape)
    where: Geometry | None = None
    for start in range(0, len(items), size):
        part = items[start : start + size]
        activation = _inputs(canvas, part) if encoder is None else _output(encoder, layer, canvas, part)
        shape = (activation.shape[2], activation.shape[3])
        where = where or _where(encoder, layer, shape, canvas, alignment)
        yield _Read(part, activation, Places(canvas, part, where, shape))
        report(Step(min(start + size, len(items)), len(items), message))


def _inputs(canvas: Canvas, items: NDArray[np.integer]) -> Float[Tensor, "batch units height width"]:
    values = torch.as_tensor(canvas.inputs(items))
    return values if values.ndim == 4 else values[..., None, None]


def _output(
    encoder: Encoder, layer: str, canvas: Canvas, items: NDArray[np.integer]
) -> Float[Tensor, "batch units height width"]:
    with torch.no_grad(), as_evaluated(encoder.network), tap(encoder.network, layer) as tapped:
        encoder.encode(encoder.tensor(canvas.inputs(items)))
        activation = with_places(tapped.take().detach(), layer, canvas, encoder)
    broken = ~torch.isfinite(activation)
    if bool(broken.any()):
        raise InputError(
            f"Some units of {layer!r} put out what is no number",
            got=f"unit {int(broken.any(dim=3).any(dim=2).any(dim=0).float().argmax())}, for one",
            cure="Check the weights of the network and the values that it is given",
        )
    return activation


def _where(
    encoder: Encoder | None, layer: str, shape: tuple[int, int], canvas: Canvas, alignment: Alignment
) -> Geometry:
    if encoder is None:
        return Geometry((0.0, 0.0), (1.0, 1.0))
    return geometry_of(encoder, layer, shape, canvas, alignment)


def _enlarged(read: _Read, unit: int) -> Float[np.ndarray, "batch rows columns"]:
    _check_unit(unit, read.activation.shape[1])
    values = read.activation[:, unit].float().cpu().numpy()
    return enlarged(values, read.places.down, read.places.across)


def _check_unit(unit: int, n_units: int) -> None:
    if not 0 <= unit < n_units:
        raise InputError(
            "There is no such unit in the layer", got=f"{unit} for {n_units} units", cure=f"Choose 0 to {n_units - 1}"
        )
