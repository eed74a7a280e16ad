"""Network dissection: layers, genes and channels held against labels (Bau, Zhou et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from conceptstain.canvas.expression import counted, several
from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.label_maps import LabelMaps
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.dissection import Dissection
from conceptstain.methods.dissection_passes import Asked, Canvas, Read, frame_of, passed
from conceptstain.methods.gradient import as_evaluated
from conceptstain.methods.items import checked_items
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.receptive_field import Geometry, geometry
from conceptstain.nets.tap import encoder_layers, layer_named, tap
from conceptstain.progress import Report, silent

__all__ = [
    "QUANTILE",
    "Alignment",
    "dissect",
    "dissect_inputs",
    "dissect_layers",
    "geometry_of",
    "layers_with_places",
    "with_places",
]

QUANTILE = 0.005

Alignment = Literal["receptive field", "bilinear"]
"""How activations are enlarged. ``"receptive field"``: each lies at the centre of what its unit sees, as in the paper.
``"bilinear"``: spread evenly over the input, as in the released light version."""


def dissect(
    encoder: Encoder,
    layer: str,
    canvas: Canvas,
    annotation: LabelMaps,
    *,
    quantile: float | None = None,
    items: ItemIndices | None = None,
    alignment: Alignment = "receptive field",
    rotation: Float[np.ndarray, "units units"] | None = None,
    shuffled: int | None = None,
    report: Report = silent,
) -> Dissection:
    """Dissect one layer; see :func:`dissect_layers`."""
    (found,) = dissect_layers(
        encoder,
        [layer],
        canvas,
        annotation,
        quantile=quantile,
        items=items,
        alignment=alignment,
        rotation=rotation,
        shuffled=shuffled,
        report=report,
    )
    return found


def dissect_layers(
    encoder: Encoder,
    layers: Sequence[str],
    canvas: Canvas,
    annotation: LabelMaps,
    *,
    quantile: float | None = None,
    items: ItemIndices | None = None,
    alignment: Alignment = "receptive field",
    rotation: Float[np.ndarray, "units units"] | None = None,
    shuffled: int | None = None,
    report: Report = silent,
) -> tuple[Dissection, ...]:
    """Dissect several layers of a network in the same two passes over the items.

    The first pass finds the threshold of every unit, exactly (:class:`UnitThresholds`); the second enlarges the
    activation maps to the frame, cuts them there and counts what they share with the labels. Neither keeps an
    activation map.

    Parameters
    ----------
    encoder
        Any network that was made an encoder: a VAE, a classifier's, one of your own.
    layers
        Names as in ``network.named_modules()``, or the ends of them where one alone ends so, such as ``"conv3"``. On
        pictures their outputs need places; on spot profiles the spots are the places.
    canvas
        What the network is shown.
    annotation
        What its units are held against.
    quantile
        ``q`` of :math:`P(a_k > T_k) = q`. None: 0.005, as in the paper, on pictures; on tissue the median of the
        labels' prevalences, as no unit that is active at one place of two hundred can overlap much with a layer.
    items
        Indices of the items looked at; None: all of which the annotation says something.
    alignment
        How activations are enlarged.
    rotation
        Of the channels of every layer, a control: :func:`conceptstain.methods.rotation.random_rotation`.
    shuffled
        Seed of a shuffle: each item is held against the labels of another. A control that keeps what there is of each
        label, and where in a picture it usually lies.
    report
        Called after every chunk of each pass; may raise :class:`Cancelled`.

    Returns
    -------
    tuple of Dissection
        One for each layer, in order.

    Raises
    ------
    InputError
        No such layer, a layer without places, no labelled item, a quantile out of range, a rotation of another size, or
        activations that are no numbers.
    MismatchError
        The canvas is not the encoder's, or the annotation not of the canvas.

    References
    ----------
    Bau, Zhou et al. 2017, arXiv:1704.05796, section 2; Zhou, Bau et al. 2018, arXiv:1711.05611.
    """
    encoder.check(canvas)
    names = [layer_named(encoder, layer) for layer in layers]
    geometries: dict[str, Geometry] = {}

    def read(chosen: NDArray[np.integer]) -> Mapping[str, Tensor]:
        with torch.no_grad(), ExitStack() as open_taps:
            taps = {name: open_taps.enter_context(tap(encoder.network, name)) for name in dict.fromkeys(names)}
            encoder.encode(encoder.tensor(canvas.inputs(chosen)))
            found = {name: each.take().detach() for name, each in taps.items()}
        return {
            name: _turned(with_places(activation, name, canvas, encoder), rotation).float()  # as thresholds are kept
            for name, activation in found.items()
        }

    def place(name: str, shape: tuple[int, int]) -> Geometry:
        if name not in geometries:
            geometries[name] = geometry_of(encoder, name, shape, canvas, alignment)
        return geometries[name]

    asked = _asked(canvas, annotation, read, quantile=quantile, items=items, shuffled=shuffled, report=report)
    with as_evaluated(encoder.network):
        made = passed(asked, names, place)
    settings = {
        "alignment": alignment,
        "rotated": rotation is not None,
        "shuffled": shuffled,
        "annotation": annotation.name,
    }
    detail = ", ".join(
        word for word, on in (("rotated", rotation is not None), ("shuffled", shuffled is not None)) if on
    )
    return tuple(
        Dissection(
            encoder.name,
            name,
            annotation.labels,
            **made[name],
            n_items=len(asked.items),
            quantile=asked.quantile,
            encoder=encoder.fingerprint,
            settings={**settings, "followed": geometries[name].known},
            detail=detail,
        )
        for name in names
    )


def dissect_inputs(
    canvas: Canvas,
    annotation: LabelMaps,
    *,
    quantile: float | None = None,
    items: ItemIndices | None = None,
    shuffled: int | None = None,
    report: Report = silent,
) -> Dissection:
    """Hold the inputs themselves against labels as if they were units: the genes of spots, the channels of pictures.

    What a unit has to beat: where one gene alone overlaps with a layer as well, a network need not have learned it.

    Parameters
    ----------
    canvas, annotation, quantile, items, shuffled, report
        As for :func:`dissect_layers`.
    """

    def read(chosen: NDArray[np.integer]) -> Mapping[str, Tensor]:
        values = torch.as_tensor(canvas.inputs(chosen))
        return {"input": values if values.ndim == 4 else values[..., None, None]}

    asked = _asked(canvas, annotation, read, quantile=quantile, items=items, shuffled=shuffled, report=report)
    made = passed(asked, ["input"], lambda _name, _shape: Geometry((0.0, 0.0), (1.0, 1.0)))
    return Dissection(
        canvas.source.name,
        "input",
        annotation.labels,
        **made["input"],
        n_items=len(asked.items),
        quantile=asked.quantile,
        settings={"shuffled": shuffled, "annotation": annotation.name},
        detail="" if shuffled is None else "shuffled",
    )


def layers_with_places(encoder: Encoder) -> tuple[str, ...]:
    """Layers that can be dissected on pictures: those with more than one place, in order."""
    names = encoder_layers(encoder)
    with torch.no_grad(), ExitStack() as open_taps, as_evaluated(encoder.network):
        taps = {name: open_taps.enter_context(tap(encoder.network, name)) for name in names}
        encoder.encode(encoder.tensor(np.zeros((1, *encoder.shape), dtype=np.float32)))
        shapes = {name: each.take().shape for name, each in taps.items()}
    return tuple(name for name, shape in shapes.items() if len(shape) == 4 and shape[2] * shape[3] > 1)


def _asked(
    canvas: Canvas,
    annotation: LabelMaps,
    read: Read,
    *,
    quantile: float | None,
    items: ItemIndices | None,
    shuffled: int | None,
    report: Report,
) -> Asked:
    annotation.check(frame_of(canvas))
    last = int(annotation.items.max(initial=-1))
    if last >= len(canvas):
        raise MismatchError(
            f"The labels of {annotation.name} are not of this canvas",
            got=f"labels of item {last} for {counted(len(canvas), canvas.noun)}",
            cure="Make them for the canvas that is asked about",
        )
    chosen = annotation.items if items is None else np.intersect1d(checked_items(canvas, items), annotation.items)
    if not len(chosen):
        raise InputError(
            f"{annotation.name} says nothing of these {several(canvas.noun)}",
            got=f"labels of {counted(len(annotation.items), canvas.noun)}",
            cure="Choose items that are labelled",
        )
    others = chosen
    if shuffled is not None:
        if len(chosen) < 2:
            raise InputError(
                "One item keeps its own labels when they are shuffled",
                got=counted(len(chosen), canvas.noun),
                cure="Leave shuffled out, or give more items",
            )
        order = np.random.default_rng(shuffled).permutation(len(chosen))
        others = chosen.copy()
        others[order] = chosen[np.roll(order, 1)]  # along one cycle, so that no item keeps its own labels
    on_tissue = isinstance(canvas, GenePictures | SpotProfiles)
    if quantile is None:
        quantile = _median_prevalence(canvas, annotation, chosen) if on_tissue else QUANTILE
    return Asked(canvas, annotation, chosen, others, quantile, read, report)


def _median_prevalence(canvas: Canvas, annotation: LabelMaps, items: NDArray[np.integer]) -> float:
    # Gene pictures have one map for all.
    asked = items[:1] if isinstance(canvas, GenePictures) else items
    found = annotation.of(asked)
    pixels = np.bincount(found.planes.ravel(), minlength=len(annotation.labels) + 1)[1:]
    n_counted = (found.planes > 0).any(axis=-1).sum()
    prevalences = pixels[pixels > 0] / n_counted
    return float(np.median(prevalences)) if len(prevalences) else QUANTILE


def geometry_of(encoder: Encoder, name: str, shape: tuple[int, int], canvas: Canvas, alignment: Alignment) -> Geometry:
    """Where the units of a layer lie on the frame, as they are enlarged; an InputError for no such alignment."""
    if alignment not in get_args(Alignment):
        raise InputError(
            "Activations cannot be enlarged that way", got=repr(alignment), cure='Use "receptive field" or "bilinear"'
        )
    frame = frame_of(canvas)
    if alignment == "receptive field" and frame != (1, 1):
        return geometry(encoder, name, shape)
    stride = (frame[0] / shape[0], frame[1] / shape[1])
    return Geometry(((stride[0] - 1) / 2, (stride[1] - 1) / 2), stride, known=False)


def with_places(activation: Tensor, name: str, canvas: Canvas, encoder: Encoder) -> Tensor:
    """What a layer puts out, with places: a spot is one; an InputError where there are none."""
    if isinstance(canvas, SpotProfiles) and activation.ndim == 2:
        return activation[..., None, None]
    if activation.ndim != 4 or (activation.shape[2] * activation.shape[3] == 1 and frame_of(canvas) != (1, 1)):
        raise InputError(
            f"The layer {name!r} has no places",
            got=f"an output of shape {tuple(activation.shape)}",
            cure=f"Choose one of: {', '.join(layers_with_places(encoder)) or 'none of this network has any'}",
        )
    return activation


def _turned(activation: Tensor, rotation: Float[np.ndarray, "units units"] | None) -> Tensor:
    if rotation is None:
        return activation
    n = activation.shape[1]
    if rotation.shape != (n, n):
        raise InputError(
            "The rotation is of another number of units",
            got=f"{rotation.shape[0]} for {n}",
            cure=f"Use random_rotation({n})",
        )
    q = torch.as_tensor(rotation).to(activation)
    return torch.einsum("ij,bjhw->bihw", q, activation)
