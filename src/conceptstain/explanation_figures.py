"""An explanation by units, drawn: the item, the units that pulled its score up with their masks, what each added."""

from __future__ import annotations

from typing import cast

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError, MismatchError
from conceptstain.figure_parts import INK, fitted_text
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.methods.explanation import Explanation

__all__ = ["explanation_figure"]

UP, DOWN, OTHERS = "#0072B2", "#D55E00", "#8a8a8a"
EDGE = "#E69F00"  # of masks: seen on light and on dark tissue and skin
TEXT = 7.0  # points
WIDTH = 7.0  # inches: two columns of a page
OUTSIDE = 0.45  # brightness of what lies outside of a mask
MOST_PANELS = 5
MINUS = str.maketrans("-", "\N{MINUS SIGN}")


def explanation_figure(explanation: Explanation, canvas: Canvas, *, most: int = 8) -> Figure:
    """Draw an explanation, for :func:`conceptstain.save_figure`.

    Above, the item, and beside it what of it excites the units that pulled its score up most: their masks are outlined,
    and what lies outside is darkened. Below, what each unit added; grey are all others together, the score without any
    unit, and what integrated gradients miss, so that the bars add up to the score. Of spots there are bars alone.

    Parameters
    ----------
    explanation
        From :func:`conceptstain.explain`.
    canvas
        What the item is of.
    most
        How many units are named, those that added or took most.

    Raises
    ------
    MismatchError
        The item is not of this canvas.
    InputError
        No unit is to be named.
    """
    if most < 1:
        raise InputError("A figure of an explanation names units", got=f"most={most}", cure="Use 8")
    names = canvas.item_names
    if explanation.item >= len(canvas) or str(names[explanation.item]) != explanation.item_name:
        raise MismatchError(
            f"There is no item {explanation.item_name!r} on this canvas",
            got=f"{len(canvas)} items of {canvas.source.name}",
            cure="Give the canvas that was explained",
        )
    strongest = np.argsort(-np.abs(explanation.contributions), kind="stable")[:most]
    named = strongest[np.argsort(-explanation.contributions[strongest], kind="stable")]
    pulling = [int(unit) for unit in named if explanation.contributions[unit] > 0][: MOST_PANELS - 1]
    bars_high = 0.35 + 0.17 * (len(named) + 3)
    if isinstance(canvas, SpotProfiles):
        drawn = Figure(figsize=(WIDTH / 2, bars_high + 0.3), layout="constrained", facecolor="white")
        axes = drawn.add_subplot()
    else:
        height, width = canvas.shape[-2:]
        panel_high = WIDTH / MOST_PANELS * height / width + 0.35
        drawn = Figure(figsize=(WIDTH, panel_high + bars_high + 0.3), layout="constrained", facecolor="white")
        above, below = cast("list[SubFigure]", drawn.subfigures(2, 1, height_ratios=[panel_high, bars_high]))
        panels = above.subplots(1, MOST_PANELS)
        picture = _picture(canvas.inputs([explanation.item])[0])
        _draw_item(panels[0], picture, explanation)
        for axes, unit in zip(panels[1:], pulling, strict=False):
            _draw_unit(axes, picture, explanation, unit)
        for axes in panels[1 + len(pulling) :]:
            axes.set_axis_off()
        axes = below.add_subplot()
    _draw_bars(axes, explanation, named)
    heading = explanation.title.translate(MINUS)
    if explanation.wrong:
        heading += f"  (taken for {explanation.predicted}; labelled {explanation.truth})"
    drawn.suptitle(heading, fontsize=TEXT * 1.15, color=INK, x=0.01, ha="left", parse_math=False)
    return drawn


def _draw_item(axes: Axes, picture: Float[np.ndarray, "rows columns 3"], explanation: Explanation) -> None:
    _show(axes, picture)
    if explanation.within is not None:
        _outline(axes, explanation.within, "white", 2.2)
        _outline(axes, explanation.within, INK, 0.9)
    title = "explained inside the line" if explanation.within is not None else explanation.item_name
    _title(axes, title)


def _draw_unit(axes: Axes, picture: Float[np.ndarray, "rows columns 3"], explanation: Explanation, unit: int) -> None:
    mask = explanation.mask(unit)
    _show(axes, np.where(mask[..., None], picture, OUTSIDE * picture))
    _outline(axes, mask, EDGE, 1.2)
    told = explanation.called(unit).partition(", IoU")
    _title(axes, (told[0] + ")" if told[1] else told[0]) + ("" if mask.any() else ", not active"))


def _draw_bars(axes: Axes, explanation: Explanation, named: NDArray[np.integer]) -> None:
    contributions = explanation.contributions
    others = np.delete(contributions, named)
    beside = {f"{len(others)} other units": float(others.sum())} if len(others) else {}
    beside |= {"without any unit": explanation.rest}
    beside |= {} if explanation.linear else {"missed by the sum": explanation.gap}
    values = [*contributions[named], *beside.values()]
    words = [*(explanation.called(int(unit)) for unit in named), *beside]
    colours = [UP if value > 0 else DOWN for value in contributions[named]]
    colours += [OTHERS] * (len(values) - len(named))
    places = [float(place) for place in range(len(values))]
    axes.barh(places, values, color=colours, height=0.72)
    axes.axvline(0, color=INK, linewidth=0.6)
    for place, value in zip(places, values, strict=True):
        side = "left" if value >= 0 else "right"
        text = f" {value:+.2f} ".translate(MINUS)
        axes.text(value, place, text, fontsize=TEXT, color=INK, va="center", ha=side)
    axes.set_yticks(places, words, fontsize=TEXT, color=INK, parse_math=False)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.tick_params(axis="x", labelsize=TEXT, colors=INK)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    how = "" if explanation.linear else ", integrated gradients"
    label = f"part of the score of {explanation.question} ({explanation.dissection.layer}{how})"
    axes.set_xlabel(label, fontsize=TEXT, color=INK, parse_math=False)


def _show(axes: Axes, picture: Float[np.ndarray, "rows columns 3"]) -> None:
    axes.imshow(picture, interpolation="nearest", vmin=0, vmax=1)
    axes.set_axis_off()


def _outline(axes: Axes, mask: Bool[np.ndarray, "rows columns"], colour: str, width: float) -> None:
    if mask.any():
        padded = np.pad(mask.astype(float), 1)  # so that an outline closes at the frame's edge
        places = [np.arange(-1, side + 1) for side in mask.shape]
        axes.contour(places[1], places[0], padded, levels=[0.5], colors=colour, linewidths=width)
        axes.set(xlim=(-0.5, mask.shape[1] - 0.5), ylim=(mask.shape[0] - 0.5, -0.5))


def _title(axes: Axes, text: str) -> None:
    shown, size = fitted_text(text, 0.9 * WIDTH / MOST_PANELS, TEXT)
    axes.set_title(shown, fontsize=size, color=INK, loc="left", parse_math=False)


def _picture(values: Float[np.ndarray, "channels rows columns"]) -> Float[np.ndarray, "rows columns 3"]:
    """Colours of an input; one channel, or the mean of several that are no colours, as grey between its extremes."""
    seen = values if len(values) == 3 else values.mean(axis=0, keepdims=True)
    if seen.min() < 0 or seen.max() > 1:
        seen = (seen - seen.min()) / max(float(np.ptp(seen)), 1e-12)
    return np.asarray(np.moveaxis(np.broadcast_to(seen, (3, *seen.shape[1:])), 0, -1), dtype=np.float32)
