"""The best units of a layer, drawn: what excites each most, with where it counts as active."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError
from conceptstain.figure_parts import INK, fitted_text
from conceptstain.inputs import ItemIndices
from conceptstain.methods.dissection import Dissection
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.methods.unit_maps import unit_mask, unit_peaks
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report, silent

__all__ = ["unit_figure"]

PANEL, GAP, EDGE = 0.85, 0.05, 0.1  # inches
NAME = 0.2  # inches above a row
TEXT = 7.0  # points
OUTLINE = "#E69F00"  # seen on light and on dark pictures
OUTSIDE = 0.5  # brightness of what lies outside of a mask


def unit_figure(
    dissection: Dissection,
    encoder: Encoder,
    canvas: Canvas,
    *,
    units: Sequence[int] | None = None,
    most: int = 6,
    each: int = 5,
    items: ItemIndices | None = None,
    title: str | None = None,
    report: Report = silent,
) -> Figure:
    """Draw what excites units most, for :func:`conceptstain.save_figure`: a row for every unit, as in the paper.

    The items are those with the highest activations; where the unit counts as active is outlined, and what lies outside
    is darkened. Items of the same peak come in their order.

    Parameters
    ----------
    dissection
        Whose thresholds and labels are shown.
    encoder
        The network that was dissected.
    canvas
        Pictures, patches or gene pictures.
    units
        Which. None: the best by IoU, of each label one.
    most
        How many, where the units are not named.
    each
        Items of each unit.
    items
        Among which those of the highest activation are sought; None: all of the canvas.
    title
        What stands above; None: what was dissected.
    report
        Called after every chunk.

    Raises
    ------
    InputError
        Spot profiles, which have no picture; no unit or item to draw; a unit that there is not; rotated axes.
    MismatchError
        Another network or canvas.
    """
    if isinstance(canvas, SpotProfiles):
        raise InputError(
            "A unit of spots has no pictures", got=canvas.source.name, cure="Paint unit_map on the section: figure(...)"
        )
    if most < 1 or each < 1:
        raise InputError("A figure shows one unit and one item or more", got=f"most={most}, each={each}", cure="Use 5")
    peaks = unit_peaks(encoder, dissection.layer, canvas, items, report=report)
    looked_at = np.arange(len(canvas)) if items is None else np.asarray(items, dtype=int)
    if not len(looked_at):
        raise InputError("A figure of units shows items", got="none", cure="Leave items out for all")
    shown = best_units(dissection, most) if units is None else [int(unit) for unit in units]
    if not shown:
        raise InputError("A figure of units shows units", got="none", cure="Leave units out for the best")
    if not all(0 <= unit < dissection.n_units for unit in shown):
        raise InputError("There is no such unit", got=str(shown), cure=f"Choose of 0 to {dissection.n_units - 1}")
    columns = min(each, len(looked_at))
    row = PANEL * canvas.shape[-2] / canvas.shape[-1] + NAME
    width = max(2 * EDGE + columns * (PANEL + GAP) - GAP, 2.4)
    above = 0.25 if title != "" else 0.0
    height = 2 * EDGE + above + len(shown) * row
    drawing = Figure(figsize=(width, height), facecolor="white")
    if above:
        text, size = fitted_text(dissection.title if title is None else title, width - 2 * EDGE, TEXT * 1.15)
        place = (EDGE / width, 1 - EDGE / height)
        drawing.text(*place, text, fontsize=size, color=INK, va="top", parse_math=False)
    for number, unit in enumerate(shown):
        masks_of, pictures = _excited(
            dissection, encoder, canvas, unit, peaks=peaks[:, unit], items=looked_at, n=columns
        )
        top = height - EDGE - above - number * row
        text, size = fitted_text(_called(dissection, unit), width - 2 * EDGE, TEXT)
        place = (EDGE / width, (top - 0.03) / height)
        drawing.text(*place, text, fontsize=size, color=INK, va="top", parse_math=False)
        for column, (mask, picture) in enumerate(zip(masks_of, pictures, strict=True)):
            left = EDGE + column * (PANEL + GAP)
            box = (left / width, (top - row + GAP / 2) / height, PANEL / width, (row - NAME) / height)
            _draw(drawing.add_axes(box), picture, mask)
    return drawing


def best_units(dissection: Dissection, most: int) -> list[int]:
    """Of each label the unit that overlaps with it most, the best first; no unit that overlaps with nothing."""
    table = dissection.table()
    found = table[table["IoU"] > 0].drop_duplicates(["label", "category"])
    return [int(unit) for unit in found.index[:most]]


def _excited(
    dissection: Dissection,
    encoder: Encoder,
    canvas: Canvas,
    unit: int,
    *,
    peaks: Float[np.ndarray, " items"],
    items: NDArray[np.integer],
    n: int,
) -> tuple[Bool[np.ndarray, "n rows columns"], list[Float[np.ndarray, "rows columns 3"]]]:
    """The items that excite a unit most, and where on them it is active."""
    chosen = items[np.argsort(-peaks, kind="stable")[:n]]
    return unit_mask(dissection, encoder, canvas, unit, chosen), [_colours(each) for each in canvas.inputs(chosen)]


def _called(dissection: Dissection, unit: int) -> str:
    label = int(dissection.best[unit])
    iou = dissection.iou[unit, label]
    return f"unit {unit}: {dissection.labels[label]}, IoU {iou:.3f} of at most {dissection.unit_bounds[unit]:.2f}"


def _colours(values: Float[np.ndarray, "channels rows columns"]) -> Float[np.ndarray, "rows columns 3"]:
    """Colours of an input; what is no colour picture as grey between its extremes."""
    seen = values if len(values) == 3 else values.mean(axis=0, keepdims=True)
    if seen.min() < 0 or seen.max() > 1:
        seen = (seen - seen.min()) / max(float(np.ptp(seen)), 1e-12)
    return np.asarray(np.moveaxis(np.broadcast_to(seen, (3, *seen.shape[1:])), 0, -1), dtype=np.float32)


def _draw(axes: Axes, picture: Float[np.ndarray, "rows columns 3"], mask: Bool[np.ndarray, "rows columns"]) -> None:
    axes.imshow(np.where(mask[..., None], picture, OUTSIDE * picture), interpolation="nearest", vmin=0, vmax=1)
    if mask.any():
        padded = np.pad(mask.astype(float), 1)  # so that an outline closes at the frame's edge
        down, across = (np.arange(-1, side + 1) for side in mask.shape)
        axes.contour(across, down, padded, levels=[0.5], colors=OUTLINE, linewidths=0.9)
    axes.set(xlim=(-0.5, mask.shape[1] - 0.5), ylim=(mask.shape[0] - 0.5, -0.5))
    axes.set_axis_off()
