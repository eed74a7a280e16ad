"""Counterfactuals, drawn: the path of each item as a film strip, and the margins of all along theirs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from conceptstain.errors import InputError
from conceptstain.figure_parts import INK, fitted_text
from conceptstain.inputs import ItemIndices
from conceptstain.methods.concept_walk import ConceptWalk
from conceptstain.methods.counterfactual import Counterfactual
from conceptstain.methods.decision_boundary import DecisionBoundary

__all__ = ["boundary_figure", "counterfactual_figure"]

PANEL, GAP, EDGE = 0.75, 0.05, 0.12  # inches
NAME = 0.2  # inches above a row
TEXT = 7.0  # points
MOST = 8
MOST_LINES = 300
LETTERS = 52  # in a line above the margins
LINE, MIDDLE = "#0072B2", "#D55E00"


def counterfactual_figure(
    found: Counterfactual | ConceptWalk,
    items: ItemIndices | None = None,
    *,
    frames: Sequence[int] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw paths, for :func:`conceptstain.save_figure`: a row for every item, from start to end, and what changed.

    Parameters
    ----------
    found
        Of pictures, patches or gene pictures.
    items
        Indices of those to draw; None: the first eight that were asked and arrived.
    frames
        Which of the path; None: six, spread over it.
    title
        What stands above; None: what was asked.

    Raises
    ------
    InputError
        Samples that are no pictures, no item to draw, or frames that there are not.
    """
    if found.start.ndim != 4:
        raise InputError(
            "A film strip is drawn of pictures",
            got=f"samples of shape {found.start.shape[1:]}",
            cure="Of spots, draw gene_change_figure(changed_genes(...))",
        )
    arrived = found.success & found.asked
    shown = [int(item) for item in (found.items[arrived][:MOST] if items is None else np.asarray(items, dtype=int))]
    n_frames = found.path.shape[1]
    at = sorted({round(each) for each in np.linspace(0, n_frames - 1, 6)}) if frames is None else list(frames)
    if not shown or not at or not all(0 <= frame < n_frames for frame in at):
        raise InputError(
            "A figure shows one path and one frame or more",
            got=f"{len(shown)} items, frames {at}",
            cure=f"Name items that were asked about, and frames of 0 to {n_frames - 1}",
        )
    height_of = PANEL * found.start.shape[2] / found.start.shape[3]
    row_height, columns = height_of + NAME + GAP, len(at) + 1
    width = 2 * EDGE + columns * (PANEL + GAP)
    above = 0.0 if title == "" else 0.25
    height = 2 * EDGE + above + len(shown) * row_height
    drawing = Figure(figsize=(width, height), facecolor="white")
    if above:
        text, size = fitted_text(found.title if title is None else title, width - 2 * EDGE, TEXT * 1.15)
        drawing.text(EDGE / width, 1 - EDGE / height, text, fontsize=size, color=INK, va="top", parse_math=False)
    low, high = _span(found)
    for number, item in enumerate(shown):
        strip, top = found.strip(item), height - EDGE - above - number * row_height
        text, size = fitted_text(_told(found, item), width - 2 * EDGE, TEXT)
        drawing.text(EDGE / width, (top - 0.03) / height, text, fontsize=size, color=INK, va="top", parse_math=False)
        for column, picture in enumerate([*strip[at], found.difference(item)]):
            left = EDGE + column * (PANEL + GAP) + (GAP if column == len(at) else 0)
            box = (left / width, (top - NAME - height_of) / height, PANEL / width, height_of / height)
            axes = drawing.add_axes(box)
            if column < len(at):
                _picture(axes, picture, low, high)
            else:
                most = float(np.abs(picture).max()) or 1.0
                axes.imshow(picture.mean(axis=0), cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            for spine in axes.spines.values():
                spine.set(linewidth=0.4, color="#bbbbbb")
    return drawing


def boundary_figure(boundary: DecisionBoundary, *, title: str | None = None) -> Figure:
    """Draw margins along paths, with where items cross, for :func:`conceptstain.save_figure`.

    Parameters
    ----------
    boundary
        Of any number of items; of more than 300, as many spread over them are drawn.
    title
        What stands above; None: how many cross, and where.
    """
    drawing = Figure(figsize=(3.4, 3.0), facecolor="white", layout="constrained")
    upper, lower = drawing.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    spread = np.unique(np.linspace(0, len(boundary.margins) - 1, MOST_LINES).astype(int))
    opacity = float(np.clip(6 / len(spread), 0.06, 0.8))
    upper.plot(boundary.positions, boundary.margins[spread].T, color=LINE, alpha=opacity, linewidth=0.8)
    upper.plot(boundary.positions, np.median(boundary.margins, axis=0), color=MIDDLE, linewidth=1.6)
    upper.axhline(0, color=INK, linewidth=0.6)
    upper.set_ylabel("score of target\nless that of origin", fontsize=TEXT)
    lower.hist(boundary.crossings, bins=20, range=(0, 1), color=LINE)
    lower.set_ylabel("items crossing", fontsize=TEXT)
    lower.set_xlabel("position on the path, from start to end", fontsize=TEXT)
    text = textwrap.fill(boundary.sentence if title is None else title, LETTERS)
    drawing.suptitle(text, fontsize=TEXT, x=0.03, ha="left", color=INK, parse_math=False)
    for axes in (upper, lower):
        axes.tick_params(labelsize=TEXT - 1)
        axes.spines[["top", "right"]].set_visible(False)
    return drawing


def _told(found: Counterfactual | ConceptWalk, item: int) -> str:
    row = found.row(item)
    name = found.item_names[row]
    if isinstance(found, ConceptWalk):
        return f"{name}: score {found.scores[row, 0]:.3g} to {found.scores[row, -1]:.3g}"
    ways = f"{found.classes[found.origins[row]]} to {found.classes[found.targets[row]]}"
    judged = "" if found.confirmed is None else ", confirmed" if found.confirmed[row] else ", not confirmed"
    return f"{name}: {ways}, p {found.probabilities[row, -1]:.2f}{judged}"


def _span(found: Counterfactual | ConceptWalk) -> tuple[float, float]:
    """Pictures of 0..1 are drawn so; others by the lowest and highest value of all."""
    low = min(float(found.start.min()), float(found.end.min()))
    high = max(float(found.start.max()), float(found.end.max()))
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def _picture(axes: Axes, picture: Float[np.ndarray, "channels rows columns"], low: float, high: float) -> None:
    if len(picture) == 3:
        axes.imshow(np.clip((np.moveaxis(picture, 0, -1) - low) / (high - low), 0, 1), interpolation="nearest")
    else:
        axes.imshow(picture.mean(axis=0), cmap="gray", vmin=low, vmax=high, interpolation="nearest")
