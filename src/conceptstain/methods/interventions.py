"""Interventions: what a network does when some of its units are put out, or forced (Bau et al. 2020)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from conceptstain.concepts.concept import Concept
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.methods.gradient import as_evaluated, copies_at_once
from conceptstain.methods.items import checked_items
from conceptstain.methods.measuring import measured
from conceptstain.methods.performance import Labels, check_labels
from conceptstain.methods.unit_effect import UnitEffect, Value
from conceptstain.methods.unit_thresholds import UnitThresholds
from conceptstain.nets.changed_layer import changed_layer
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.tap import layer_named, tap
from conceptstain.progress import Report, Step, silent

__all__ = ["PEAK", "asked_items", "axes_removed", "effect_of_units", "peaks_of_units", "units_set"]

PEAK = 0.005  # the part of its activations above which a unit is forced


@contextmanager
def units_set(
    network: nn.Module, layer: str, units: Sequence[int], values: float | Sequence[float] | NDArray[np.floating] = 0.0
) -> Iterator[None]:
    """Set units of a layer at all of their places, within a ``with`` block; the layers behind see them so.

    Nothing stays behind on the network. Ask it in the block by what keeps nothing, such as ``encoder.latents`` or
    ``classifier.scores``: concepts remember the latents of a canvas, and must not remember these. Gradients pass
    through the other units alone.

    Parameters
    ----------
    network
        Any network; of an encoder, ``encoder.network``.
    layer
        Name as in ``network.named_modules()``.
    units
        Numbers of its channels, or of the outputs of a dense layer.
    values
        One for all of them, or one for each.

    Raises
    ------
    InputError
        No such layer, units or values that are no numbers; when the network is asked, units that the layer does not
        have.
    MismatchError
        When the network is asked: a layer that does not put out one tensor.

    References
    ----------
    Bau et al. 2020, "Understanding the role of individual units in a deep neural network", PNAS 117 (48).
    """
    chosen = _whole_numbers(units)
    wanted = np.asarray(values, dtype=np.float64)
    if not np.isfinite(wanted).all():
        raise InputError("Units are set to numbers", got=str(wanted), cure="Use 0 to put them out")
    if wanted.ndim > 0 and wanted.shape != chosen.shape:
        raise InputError(
            "Every unit is set to one value",
            got=f"{wanted.size} values for {len(chosen)} units",
            cure="Give one value for all, or one for each",
        )

    def change(output: Tensor) -> Tensor:
        _check_units(layer, chosen, output.shape[1])
        changed = output.clone()
        each = torch.as_tensor(np.broadcast_to(wanted, chosen.shape).copy()).to(changed)
        changed[:, torch.as_tensor(chosen)] = each.reshape(1, -1, *[1] * (output.ndim - 2))
        return changed

    with changed_layer(network, layer, change):
        yield


@contextmanager
def axes_removed(network: nn.Module, layer: str, axes: Float[np.ndarray, "axes units"]) -> Iterator[None]:
    """Take directions out of a layer at all of its places: ``a - Q^T Q a``, within a ``with`` block.

    Of axes that are units this puts them out; see :func:`units_set`.

    Parameters
    ----------
    network, layer
        As for :func:`units_set`.
    axes
        Orthonormal rows ``Q``, such as some of :func:`~conceptstain.methods.rotation.random_rotation`.

    Raises
    ------
    InputError
        No such layer; when the network is asked, axes of another number of units.
    MismatchError
        When the network is asked: a layer that does not put out one tensor.
    """

    def change(output: Tensor) -> Tensor:
        if axes.shape[1] != output.shape[1]:
            raise InputError(
                f"These are no axes of the layer {layer!r}",
                got=f"{axes.shape[1]} numbers for {output.shape[1]} units",
                cure=f"Use rows of random_rotation({output.shape[1]})",
            )
        q = torch.as_tensor(axes).to(output)
        return output - torch.einsum("ku,kv,nv...->nu...", q, q, output)

    with changed_layer(network, layer, change):
        yield


def effect_of_units(
    network: Encoder | Classifier,
    layer: str,
    canvas: Canvas,
    units: Sequence[int],
    *,
    value: Value = 0.0,
    items: ItemIndices | None = None,
    labels: Labels | None = None,
    concepts: Sequence[Concept] = (),
    report: Report = silent,
) -> UnitEffect:
    """What a network does with some units put out, or forced, beside what it does as it is.

    Parameters
    ----------
    network
        A classifier, or an encoder: of pictures, of genes as pictures, of spots.
    layer
        Of the network (of a classifier: of its encoder); the end of its name is enough where one alone ends so.
    canvas
        What the network is shown.
    units
        Numbers of the layer's channels, set at all of their places.
    value
        What they are set to; ``"peak"``: the 99.5 % quantile of each unit's activations at all places of the items, as
        units were forced in the paper.
    items
        Indices; None: those that are labelled, without labels all that can be learned from.
    labels
        Of classifiers: what balanced accuracy is measured against.
    concepts
        Of the network: their scores are measured.
    report
        Called after every chunk of items; may raise :class:`Cancelled`.

    Raises
    ------
    InputError
        No such layer, unit, value or item, labels of other items, or scores that are no numbers.
    MismatchError
        The canvas, the labels or a concept are not of the network.

    References
    ----------
    Bau et al. 2020, "Understanding the role of individual units in a deep neural network", PNAS 117 (48).
    """
    encoder = network.encoder if isinstance(network, Classifier) else network
    name = layer_named(encoder, layer)
    chosen = asked_items(network, canvas, items, labels)
    for each in concepts:
        each.check(encoder)
    numbers = tuple(_whole_numbers(units).tolist())
    values = np.full(len(numbers), 0.0 if value == "peak" else _number(value), dtype=np.float64)
    if value == "peak":
        peaks = peaks_of_units(encoder, name, canvas, chosen, report=report)
        _check_units(name, np.array(numbers, dtype=int), len(peaks))
        values = peaks[list(numbers)]
    before, after = measured(
        network,
        canvas,
        [nullcontext, lambda: units_set(encoder.network, name, numbers, values)],
        items=chosen,
        labels=labels,
        concepts=concepts,
        report=report,
    )
    settings = {"labels": labels.name if labels else None, "concepts": [each.name for each in concepts]}
    return UnitEffect(
        network.name, name, numbers, value, values, before, after, len(chosen), encoder.fingerprint, settings
    )


def asked_items(
    network: Encoder | Classifier, canvas: Canvas, items: ItemIndices | None, labels: Labels | None
) -> NDArray[np.integer]:
    """The items that a network is asked about; refuses a canvas and labels that are not for it."""
    encoder = network.encoder if isinstance(network, Classifier) else network
    encoder.check(canvas)
    if labels is not None:
        check_labels(network, canvas, labels)
    known = canvas.trainable if labels is None else labels.labelled
    return checked_items(canvas, known if items is None else items)


def peaks_of_units(
    encoder: Encoder, layer: str, canvas: Canvas, items: ItemIndices, *, report: Report = silent
) -> Float[np.ndarray, " units"]:
    """The 99.5 % quantile of each unit's activations at all places of the items, exactly; of few, the highest.

    Parameters
    ----------
    encoder, layer, canvas
        Of whose units; the full name of a layer.
    items
        Indices.
    report
        Called after every chunk.
    """
    chosen = np.asarray(items, dtype=int)
    found: UnitThresholds | None = None
    highest: Tensor | None = None
    at_once = copies_at_once(canvas.shape)
    with as_evaluated(encoder.network), tap(encoder.network, layer) as tapped, torch.no_grad():
        for start in range(0, len(chosen), at_once):
            part = chosen[start : start + at_once]
            encoder.encode(encoder.tensor(canvas.inputs(part)))
            activation = tapped.take()
            rows = activation[..., None] if activation.ndim == 2 else activation.flatten(2)
            n_values = len(chosen) * rows.shape[2]
            if n_values * PEAK >= 1:
                found = found or UnitThresholds(rows.shape[1], n_values, PEAK)
                found.add(rows)
            most = rows.amax(dim=(0, 2))
            highest = most if highest is None else torch.maximum(highest, most)
            report(Step(min(start + at_once, len(chosen)), len(chosen), "Finding peaks"))
    peaks = found.found() if found is not None else highest
    return np.zeros(0) if peaks is None else peaks.double().cpu().numpy()


def _whole_numbers(units: Sequence[int]) -> NDArray[np.integer]:
    chosen = np.asarray(units).reshape(-1)
    if len(chosen) and not np.issubdtype(chosen.dtype, np.integer):
        raise InputError(
            "Units are chosen by whole numbers",
            got=str(chosen.dtype),
            cure="Give such as [3, 17]; of a mask, np.flatnonzero(mask)",
        )
    return chosen.astype(int)


def _number(value: Any) -> float:
    if isinstance(value, str) or not math.isfinite(value):
        raise InputError("Units are set to a number", got=repr(value), cure='Use 0 to put them out, or "peak"')
    return float(value)


def _check_units(layer: str, units: NDArray[np.integer], n_units: int) -> None:
    strangers = units[(units < 0) | (units >= n_units)]
    if len(strangers):
        raise InputError(
            f"The layer {layer!r} has no such unit", got=str(int(strangers[0])), cure=f"Choose from 0 to {n_units - 1}"
        )
