"""What the checks of a map found, drawn: on axes of a window, or as a figure."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from conceptstain.methods.checks import Checked
from conceptstain.methods.faithfulness import Perturbation, Sensitivity
from conceptstain.methods.randomisation import ALIKE, Randomisation

__all__ = ["check_figure", "draw_check"]

TEXT = 7  # points
GREY = "#8a8a8a"  # seen on light and on dark paper
INK = "#222222"
SIZE = (3.5, 1.6)  # inches: one column of a page
BLUE = "#0072B2"


def check_figure(checked: Checked, *, title: str = "", colour: str = BLUE) -> Figure:
    """What a check found as a figure of one column, for :func:`conceptstain.figures.save_figure`.

    Parameters
    ----------
    checked
        See :meth:`conceptstain.methods.checks.CheckKind.make`.
    title
        What stands above it.
    colour
        Of the map.
    """
    drawn = Figure(figsize=SIZE, layout="constrained")
    axes = drawn.add_subplot()
    draw_check(axes, checked, colour, ink=INK)
    axes.tick_params(colors=INK, labelsize=TEXT)
    axes.xaxis.label.set_fontsize(TEXT)
    axes.spines[["top", "right"]].set_visible(False)
    if title:
        drawn.suptitle(title, fontsize=TEXT * 1.15, color=INK, x=0.01, ha="left", parse_math=False)
    return drawn


def draw_check(axes: Axes, checked: Checked, colour: str, *, ink: str) -> str:
    """Draw what a check found on empty axes; what is drawn is told in words.

    Correlations with the threshold and the gradient's beside them; scores beside those in random orders, with the gain
    as an area; or changes beside the noise itself, with their mean and its interval.
    """
    if isinstance(checked.result, Randomisation):
        told = _draw_randomisation(axes, checked.result, checked.gradient, colour, ink)
    elif isinstance(checked.result, Perturbation):
        told = _draw_perturbation(axes, checked.result, colour)
    else:
        told = _draw_sensitivity(axes, checked.result, colour, ink)
    above: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 0.97), "ncols": 3, "columnspacing": 1.0}
    axes.legend(frameon=False, fontsize=TEXT, labelcolor=ink, handlelength=1.4, borderpad=0.0, **above)
    axes.yaxis.label.set(color=ink, fontsize=TEXT)
    return told


def _draw_randomisation(axes: Axes, found: Randomisation, gradient: Randomisation | None, colour: str, ink: str) -> str:
    table = found.table()
    forgotten = range(len(table) + 1)
    mean, low, high = ([1.0, *table[column]] for column in ("mean", "low", "high"))
    axes.axhline(ALIKE, color=ink, linewidth=0.8, linestyle=":", label=f"stays above {ALIKE}")
    if gradient is not None:
        axes.plot(forgotten, [1.0, *gradient.table()["mean"]], color=GREY, linewidth=1.5, label="gradient")
    axes.fill_between(forgotten, low, high, color=colour, alpha=0.3, linewidth=0)
    axes.plot(forgotten, mean, "o-", color=colour, linewidth=1.5, markersize=3, label="this map")
    lowest = min(mean) if len(found.correlations[0]) == 1 else min(low)  # of one item there is no interval
    axes.set_ylim(min(-0.1, lowest), 1.05)
    axes.set_xlabel("layers forgotten, from the latents down to the input")
    axes.set_ylabel("rank correlation")
    axes.set_yticks([0, 0.5, 1])
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    layers = "\n".join(f"{number}  {layer}" for number, layer in enumerate(found.layers, 1))
    return f"Likeness of the map to itself while layers begin anew; band: 95 % of the mean.\n{layers}"


def _draw_perturbation(axes: Axes, found: Perturbation, colour: str) -> str:
    table = found.table()
    for name, style in (("deletion", "-"), ("insertion", "--")):
        of_map, at_random = table[name], table[f"random {name}"]
        axes.fill_between(found.parts, of_map, at_random, color=colour, alpha=0.2, linewidth=0)
        axes.plot(found.parts, at_random, style, color=GREY, linewidth=1.2)
        axes.plot(found.parts, of_map, style, color=colour, linewidth=1.5, label=name)
    axes.plot([], [], color=GREY, linewidth=1.2, label="random order")
    axes.set_xlim(0, 1)
    axes.set_xlabel("part of the pixels, the most important first")
    axes.set_ylabel("concept score")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    gains = f"by deletion {found.deletion_gain}, by insertion {found.insertion_gain}"
    return (
        "Concept score while pixels are deleted from the picture, or inserted into a blurred one: mean over the items, "
        f"in their standard deviations.\nColoured area, the gain over random orders (95 %): {gains}"
    )


def _draw_sensitivity(axes: Axes, found: Sensitivity, colour: str, ink: str) -> str:
    mean, ones = found.interval, [1.0] * len(found.changes)
    axes.plot(found.noise, ones, "|", color=GREY, markersize=9, label="noise itself")
    axes.plot(found.changes, ones, "o", color=colour, alpha=0.5, markersize=4, label="change of the map")
    if len(ones) > 1:  # of one item there is no interval
        axes.plot([mean.low, mean.high], [0.5, 0.5], color=ink, linewidth=1.5)
    axes.plot([mean.mean], [0.5], "D", color=ink, markersize=4, label="mean")
    axes.set_ylim(0, 1.5)
    axes.set_yticks([1.0, 0.5], ["items", "mean"])
    axes.set_xlim(left=0)
    axes.set_xlabel("largest relative change")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(lambda value, _place: f"{value:.3g}")
    return f"Largest relative change of the map at each item; mean {mean} (95 %)"
