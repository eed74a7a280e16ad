"""Sweeps of units, drawn: a strip of samples for each item, or genes and classes step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import matplotlib as mpl
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.colours import colormap, limits
from conceptstain.errors import InputError, MismatchError
from conceptstain.figure_parts import INK, fitted_text, placed
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.methods.segmenters import Segmenter
from conceptstain.methods.sweep import Sweep

__all__ = ["sweep_figure"]

PANEL, GAP, EDGE, BETWEEN = 0.85, 0.05, 0.1, 0.1  # inches
NAME, HEAD = 0.17, 0.15  # inches above a strip, and for the names of its columns
TEXT = 7.0  # points
NOWHERE = "#f2f2f2"
SPOT_WIDTH, GENE_ROW, LEAST_HEIGHT = 6.6, 0.14, 2.0  # inches
MINUS = str.maketrans("-", "\N{MINUS SIGN}")


@final
@dataclass(frozen=True, eq=False)
class _Strip:
    """One item through a sweep."""

    sweep: Sweep
    row: int
    under: Float[np.ndarray, "channels rows columns"]
    parts: Int[np.ndarray, "steps rows columns"] | None
    n_parts: int


def sweep_figure(
    sweeps: Sweep | Sequence[Sweep],
    canvas: Canvas,
    *,
    segmenter: Segmenter | None = None,
    pictures: bool = True,
    most: int = 3,
    genes: int = 16,
    title: str | None = None,
) -> Figure:
    """Draw sweeps, for :func:`conceptstain.save_figure`.

    Of pictures, a strip for every item: itself, the samples from the unit's lowest value to its highest, and what the
    last has more (red) or less (blue) than the first. Gene pictures of all strips share their colours. Of spots, how
    the genes that change most and the classes go on the mean over the items.

    Parameters
    ----------
    sweeps
        One or several, each from :func:`conceptstain.sweep`; of spots one.
    canvas
        What the items are of.
    segmenter
        Whose parts are outlined.
    pictures
        False: parts alone are drawn, in colours, where the pictures may not be shown.
    most
        Items of each sweep.
    genes
        Of spots, how many.
    title
        What stands above each; None: the unit and what the classes become.

    Raises
    ------
    InputError
        Nothing to draw, or parts alone without a segmenter.
    MismatchError
        A canvas of other items.
    """
    each = [sweeps] if isinstance(sweeps, Sweep) else list(sweeps)
    if not each or most < 1 or genes < 1 or not (pictures or segmenter):
        raise InputError(
            "There is nothing to draw",
            got=f"{len(each)} sweeps, most={most}, genes={genes}, pictures={pictures}",
            cure="Give a sweep, one item or more, and a segmenter where pictures are not drawn",
        )
    for one in each:
        names = [str(canvas.item_names[item]) for item in one.items if item < len(canvas)]
        if names != list(one.item_names):
            raise MismatchError(
                "The sweep starts from items of another canvas",
                got=", ".join(one.item_names[:3]),
                cure="Give the canvas that was swept",
            )
    if each[0].features:
        if len(each) > 1:
            raise InputError("A figure of spots is of one sweep", got=str(len(each)), cure="Draw one figure for each")
        return _of_spots(each[0], genes, title)
    return _of_pictures([_strips(one, canvas, segmenter, most) for one in each], canvas, pictures=pictures, title=title)


def _strips(sweep: Sweep, canvas: Canvas, segmenter: Segmenter | None, most: int) -> list[_Strip]:
    under = canvas.inputs(sweep.items[:most])
    strips = []
    for row, picture in enumerate(under):
        parts = None if segmenter is None else segmenter.segment(sweep.samples[row], sweep.latents[row])
        strips.append(_Strip(sweep, row, picture, parts, 0 if segmenter is None else len(segmenter.parts)))
    return strips


def _of_pictures(groups: list[list[_Strip]], canvas: Canvas, *, pictures: bool, title: str | None) -> Figure:
    _, rows, columns = groups[0][0].under.shape
    panel = PANEL * rows / columns
    steps = max(strips[0].sweep.values.shape[1] for strips in groups)
    width = 2 * EDGE + (2 + steps) * (PANEL + GAP)
    height = 2 * EDGE + sum(NAME + HEAD + len(strips) * (panel + GAP) + BETWEEN for strips in groups)
    drawing = Figure(figsize=(width, height), facecolor="white")
    every = np.concatenate([strip.sweep.samples[strip.row] for strips in groups for strip in strips])
    signed = every.min() < 0
    span = limits(every, signed=signed) if isinstance(canvas, GenePictures) else (0.0, 1.0)
    top = height - EDGE
    for strips in groups:
        one = strips[0].sweep
        name, size = fitted_text(_told(one) if title is None else title, width - 2 * EDGE, TEXT)
        drawing.text(EDGE / width, top / height, name, fontsize=size, color=INK, va="top", parse_math=False)
        top -= NAME
        heads = ["item", *_numbers(one), "change"] if pictures else ["", *_numbers(one)]
        for column, head in enumerate(heads):
            place = ((EDGE + column * (PANEL + GAP)) / width, top / height)
            drawing.text(*place, head, fontsize=TEXT * 0.9, color=INK, va="top", parse_math=False)
        top -= HEAD
        change = limits(np.concatenate([strip.sweep.change[strip.row] for strip in strips]), signed=True)
        for strip in strips:
            _draw_strip(drawing, strip, canvas, top - panel, panel, span=span, change=change, pictures=pictures)
            top -= panel + GAP
        top -= BETWEEN
    return drawing


def _draw_strip(
    drawing: Figure,
    strip: _Strip,
    canvas: Canvas,
    bottom: float,
    panel: float,
    *,
    span: tuple[float, float],
    change: tuple[float, float],
    pictures: bool,
) -> None:
    samples = strip.sweep.samples[strip.row]
    drawn = [strip.under, *samples, strip.sweep.change[strip.row]]
    for column, values in enumerate(drawn):
        if not pictures and column in {0, len(drawn) - 1}:
            continue
        axes = placed(drawing, EDGE + column * (PANEL + GAP), bottom, PANEL, panel)
        step = column - 1
        if column == len(drawn) - 1:
            grey = np.where(_shown(canvas), values.mean(axis=0), np.nan)
            axes.imshow(grey, cmap=colormap(signed=True), vmin=change[0], vmax=change[1], interpolation="nearest")
        elif not pictures and strip.parts is not None:
            axes.imshow(_coloured(strip.parts[step], strip.n_parts), interpolation="nearest")
        else:
            _draw_picture(axes, values, canvas, span)
            if strip.parts is not None and step >= 0 and not isinstance(canvas, GenePictures):
                _outline(axes, strip.parts[step], strip.n_parts)


def _draw_picture(
    axes: Axes, values: Float[np.ndarray, "channels rows columns"], canvas: Canvas, span: tuple[float, float]
) -> None:
    if isinstance(canvas, GenePictures):
        shown = np.where(_shown(canvas), values[0], np.nan)
        axes.imshow(shown, cmap=colormap(signed=span[0] < 0), vmin=span[0], vmax=span[1], interpolation="nearest")
        return
    colours = np.broadcast_to(values if len(values) == 3 else values[:1], (3, *values.shape[1:]))
    axes.imshow(np.clip(np.moveaxis(colours, 0, -1), 0, 1), interpolation="nearest")


def _shown(canvas: Canvas) -> np.ndarray:
    return canvas.mask if isinstance(canvas, GenePictures) else np.ones(canvas.shape[-2:], dtype=bool)


def _outline(axes: Axes, labels: Int[np.ndarray, "rows columns"], n_parts: int) -> None:
    rows, columns = labels.shape
    for part in range(n_parts):
        inside = np.pad((labels == part).astype(float), 1)  # so that an outline closes at the edge
        if inside.any():
            across, down = np.arange(-1, columns + 1), np.arange(-1, rows + 1)
            axes.contour(across, down, inside, levels=[0.5], colors=[_colour(part)], linewidths=0.8)
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))


def _coloured(labels: Int[np.ndarray, "rows columns"], n_parts: int) -> Float[np.ndarray, "rows columns 3"]:
    table = np.array([*(_colour(part) for part in range(n_parts)), to_rgb(NOWHERE)])
    return np.asarray(table[labels])  # -1, which is none, is the last


def _colour(part: int) -> tuple[float, float, float]:
    return to_rgb(mpl.colormaps["tab20"](part % 20))


def _of_spots(sweep: Sweep, genes: int, title: str | None) -> Figure:
    chosen = sweep.gene_table["change"].abs().sort_values(ascending=False, kind="stable").index[:genes]
    table = sweep.gene_table.loc[sweep.gene_table.index.isin(chosen)]
    columns = [sweep.features.index(gene) for gene in table.index]
    mean = sweep.samples[:, :, columns].mean(axis=0).T
    height = max(LEAST_HEIGHT, GENE_ROW * len(table) + 0.8)
    drawing = Figure(figsize=(SPOT_WIDTH, height), layout="constrained", facecolor="white")
    left, right = drawing.subplots(1, 2, width_ratios=(1.0, 1.0))
    low, high = limits(mean, signed=True)
    image = left.imshow(mean, cmap=colormap(signed=True), vmin=low, vmax=high, aspect="auto", interpolation="nearest")
    left.set_yticks(range(len(table)), list(table.index))
    left.set_xticks(range(len(_numbers(sweep))), _numbers(sweep))
    bar = drawing.colorbar(image, ax=left, fraction=0.06, pad=0.03)
    bar.ax.tick_params(labelsize=TEXT)
    bar.set_label("expression (z-score)", fontsize=TEXT, color=INK)
    steps = np.arange(sweep.values.shape[1])
    for number, name in enumerate(sweep.classes):
        right.plot(steps, sweep.probabilities[:, :, number].mean(axis=0), marker="o", ms=3, lw=1.2, label=name)
    right.set_xticks(steps, _numbers(sweep))
    right.set(ylim=(-0.02, 1.02), ylabel="probability of the class")
    right.spines[["top", "right"]].set_visible(False)
    right.legend(fontsize=TEXT, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for axes in (left, right):
        axes.tick_params(labelsize=TEXT, colors=INK)
        axes.set_xlabel("value of the unit", fontsize=TEXT, color=INK)
        axes.yaxis.label.set(fontsize=TEXT, color=INK)
    drawing.suptitle(sweep.title if title is None else title, fontsize=TEXT, color=INK, x=0.01, ha="left")
    return drawing


def _told(sweep: Sweep) -> str:
    """The unit, and the class that changes most."""
    table = sweep.class_table
    most = table["change"].abs().idxmax()
    first, last = table.loc[most, "first"], table.loc[most, "last"]
    return f"{sweep.title}: probability of {most} from {first:.2f} to {last:.2f}"


def _numbers(sweep: Sweep) -> list[str]:
    """Values of the first unit at every step, as the others go through theirs alongside."""
    return [f"{value:.2g}".translate(MINUS) for value in sweep.values[0]]
