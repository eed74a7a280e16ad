"""What was dissected, drawn: bars of detectors beside the controls, of one layer or several, and their course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from conceptstain.errors import InputError
from conceptstain.figure_parts import INK, fitted_text
from conceptstain.methods.detector_counts import ALL
from conceptstain.methods.dissection import DETECTOR, CountingRule, Dissection
from conceptstain.methods.dissection_comparison import Compared, compare_dissections
from conceptstain.methods.dissection_controls import DissectionControls

__all__ = ["Counted", "detector_curves", "detector_figure", "draw_detectors"]

TEXT = 7.0  # points
BAR, GAP = 0.12, 0.6  # inches that a bar takes; bars that lie between two groups
PANEL, CURVES = (1.6, 0.3), (1.9, 1.3)  # inches
NARROWEST = 3.0  # inches: the legend fits
LONGEST = 2.0  # inches of a name
BLUE = "#0072B2"
COLOURS = {"rotated": "#E69F00", "shuffled": "#009E73", "untrained": "#8a8a8a"}  # on light and dark paper, for all eyes

Counted = Literal["unique", "detectors"]
"""What is drawn: ``"unique"`` detectors (labels that have a unit), or all units that are ``"detectors"``."""

WORDS = {"unique": "unique detectors", "detectors": "detectors"}


def detector_figure(
    found: Dissection | DissectionControls | Compared,
    *,
    counted: Counted = "unique",
    least: float = DETECTOR,
    rule: CountingRule = "published",
    title: str = "",
    colour: str = BLUE,
) -> Figure:
    """Bars of detectors beside the controls, for :func:`conceptstain.save_figure`.

    Of one dissection, a group of bars for every category. Of several, a panel for every category with a group of bars
    for every dissection. Black lines are the 95 % interval over items of a network itself, and the range of the draws
    of a control.

    Parameters
    ----------
    found
        A dissection, with or without controls; or several, as for :func:`conceptstain.compare_dissections`.
    counted
        Which number: ``"unique"`` detectors or ``"detectors"``.
    least, rule
        As for :func:`conceptstain.compare_dissections`.
    title
        What stands above it.
    colour
        Of the networks themselves.

    Raises
    ------
    InputError
        No such number, or dissections that cannot be compared.
    """
    if isinstance(found, Dissection | DissectionControls):
        panels = {"": _table({"": found}, counted, least, rule).loc[""]}
    else:
        table = _table(found, counted, least, rule)
        panels = {category: table.xs(category, level="category") for category in _names(table, "category")}
    (first, *_) = panels.values()
    groups = _names(first, first.index.names[0])
    inches = BAR * (len(first) + GAP * len(groups))
    drawing, every = _panels(len(panels), (PANEL[0], max(PANEL[1], inches)), groups, title)
    for axes, (name, panel) in zip(every, panels.items(), strict=True):
        _draw_bars(axes, panel, counted, colour, INK)
        _dress(axes, name)
    _name_colours(drawing, first, colour)
    return drawing


def draw_detectors(
    axes: Axes,
    found: Dissection | DissectionControls,
    *,
    ink: str,
    counted: Counted = "unique",
    least: float = DETECTOR,
    rule: CountingRule = "published",
    colour: str = BLUE,
) -> str:
    """The bars of one dissection on empty axes, such as those of a window; what is drawn is told in words.

    Parameters
    ----------
    axes
        At the left of them the names of the categories need room; above them one line for the legend.
    found, counted, least, rule, colour
        As for :func:`detector_figure`.
    ink
        Colour of text and lines.
    """
    panel = _table({"": found}, counted, least, rule).loc[""]
    _draw_bars(axes, panel, counted, colour, ink)
    axes.tick_params(labelsize=TEXT)
    axes.legend(
        handles=_handles(panel, colour),
        loc="lower right",
        bbox_to_anchor=(1.0, 0.98),
        ncols=4,
        frameon=False,
        fontsize=TEXT,
        labelcolor=ink,
        handlelength=0.8,
        handletextpad=0.4,
        columnspacing=1.0,
        borderpad=0.0,
    )
    total = panel.loc[_names(panel, "category")[0]]
    rows = [f"{kind} {_number(row[counted])}" for kind, row in total.iterrows()]
    return (
        f"{WORDS[counted].capitalize()} by category (IoU above {least:g}). In all: {', '.join(rows)}.\n"
        "Lines: 95 % over groups of items for the network itself, the range of the draws for controls."
    )


def detector_curves(
    found: Mapping[Any, Dissection | DissectionControls],
    *,
    along: str = "epoch",
    counted: Counted = "unique",
    least: float = DETECTOR,
    rule: CountingRule = "published",
    title: str = "",
    colour: str = BLUE,
) -> Figure:
    """Detectors along a series, such as a network's epochs or parts of a rotation: a panel for every category.

    Parameters
    ----------
    found
        Dissections by where they lie in the series: numbers.
    along
        What the series runs along.
    counted, least, rule, title, colour
        As for :func:`detector_figure`. Bands are the intervals.

    Raises
    ------
    InputError
        No such number, or dissections that cannot be compared.
    """
    table = _table({str(place): found[place] for place in sorted(found)}, counted, least, rule)
    places = sorted(found)
    categories = _names(table, "category")
    drawing, every = _panels(len(categories), CURVES, [], title)
    for axes, category in zip(every, categories, strict=True):
        of_category = table.xs(category, level="category")
        for kind in _names(of_category, "network"):
            rows = of_category.xs(kind, level="network")
            at = [place for place in places if str(place) in rows.index]
            shade = COLOURS.get(kind, colour)
            axes.fill_between(at, rows[f"{counted} low"], rows[f"{counted} high"], color=shade, alpha=0.25, linewidth=0)
            axes.plot(at, rows[counted], "o-", color=shade, linewidth=1.3, markersize=3, label=kind)
        axes.set_xlabel(along, fontsize=TEXT, color=INK)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=all(float(place).is_integer() for place in places)))
        _dress(axes, category)
    every[0].set_ylabel(WORDS[counted], fontsize=TEXT, color=INK)
    _name_colours(drawing, table, colour)
    return drawing


# -- drawing -----------------------------------------------------------------------------------------------------------


def _table(found: Compared, counted: Counted, least: float, rule: CountingRule) -> pd.DataFrame:
    if counted not in get_args(Counted):
        raise InputError("That is not counted", got=repr(counted), cure='Use "unique" or "detectors"')
    table = compare_dissections(found, least=least, rule=rule)
    one_category = len(_names(table, "category")) == 2
    return table.drop(index=ALL, level="category") if one_category else table  # where it says the same


def _names(table: pd.DataFrame, level: str) -> list[str]:
    return list(dict.fromkeys(table.index.get_level_values(level)))


def _panels(n: int, size: tuple[float, float], names: Sequence[str], title: str) -> tuple[Figure, Sequence[Axes]]:
    """A row of panels of about this size, in inches, with room for names at the left and for lines above."""
    left = min(LONGEST, 0.06 * max((len(name) for name in names), default=0)) + 0.3
    width, height = max(left + n * size[0], NARROWEST), size[1] + (0.8 if title else 0.6)
    drawing = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    if title:
        shown, points = fitted_text(title, width - 0.2, TEXT * 1.15)
        drawing.suptitle(shown, fontsize=points, color=INK, x=0.02, ha="left", parse_math=False)
    return drawing, drawing.subplots(1, n, sharey=True, squeeze=False)[0]


def _draw_bars(axes: Axes, panel: pd.DataFrame, counted: Counted, colour: str, ink: str) -> None:
    """Groups of bars from the top down, each with its interval and its number."""
    most = max(panel[counted].max(), panel[f"{counted} high"].max(), 1.0)
    groups = list(dict.fromkeys(panel.index.get_level_values(0)))
    groups = _names(panel, panel.index.names[0])
    down, ticks = 0.0, []
    for group in groups:
        rows = panel.loc[group]
        ticks.append(down + (len(rows) - 1) / 2)
        for kind, row in rows.iterrows():
            axes.barh(down, row[counted], height=0.82, color=COLOURS.get(str(kind), colour), linewidth=0)
            low, high = row[f"{counted} low"], row[f"{counted} high"]
            if high > low:  # of one group of items, or of one draw, there is none
                axes.plot([low, high], [down, down], color=ink, linewidth=0.9, solid_capstyle="butt")
            end = max(row[counted], high if high > low else 0.0) + 0.025 * most
            axes.text(end, down, _number(row[counted]), fontsize=TEXT * 0.85, color=ink, va="center", ha="left")
            down += 1
        down += GAP
    axes.set(xlim=(0, 1.18 * most), ylim=(down - GAP - 0.4, -0.6))
    axes.set_yticks(ticks, [fitted_text(str(group), LONGEST, TEXT)[0] for group in groups], parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_xlabel(WORDS[counted], fontsize=TEXT, color=ink)


def _dress(axes: Axes, name: str) -> None:
    axes.tick_params(colors=INK, labelsize=TEXT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    if name:
        axes.set_title(name, fontsize=TEXT, color=INK, loc="left", parse_math=False)


def _name_colours(drawing: Figure, table: pd.DataFrame, colour: str) -> None:
    handles = _handles(table, colour)
    if len(handles) > 1:
        drawing.legend(
            handles=handles,
            loc="outside lower left",
            ncols=len(handles),
            frameon=False,
            fontsize=TEXT,
            labelcolor=INK,
            handlelength=0.8,
            handletextpad=0.4,
            columnspacing=1.2,
            borderpad=0.0,
        )


def _handles(table: pd.DataFrame, colour: str) -> list[Patch]:
    return [Patch(facecolor=COLOURS.get(kind, colour), label=kind) for kind in _names(table, "network")]


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
