"""Genes that change in counterfactuals of spots, drawn: those that rise and those that fall, markers in colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from conceptstain.canvas.expression import counted
from conceptstain.errors import InputError
from conceptstain.figure_parts import INK

__all__ = ["gene_change_figure"]

WIDTH, ROW, HEAD = 4.6, 0.15, 0.9  # inches
TEXT = 7.0  # points
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2")  # Okabe & Ito's
OTHERS = "#999999"


def gene_change_figure(
    table: pd.DataFrame,
    *,
    markers: Mapping[str, Sequence[str]] | None = None,
    most: int = 12,
    title: str | None = None,
) -> Figure:
    """Draw the genes that change most, for :func:`conceptstain.save_figure`.

    Parameters
    ----------
    table
        Of :func:`conceptstain.changed_genes`: mean changes with their intervals, and the part of the spots that agree.
    markers
        Names of genes by the name of their list; these are coloured, and drawn with their rank also where they are not
        among those that change most.
    most
        How many genes that rise, and as many that fall.
    title
        None: how many spots.

    Returns
    -------
    matplotlib.figure.Figure
        A row for every gene, by falling change, with the interval of 95 %.

    Raises
    ------
    InputError
        No genes, fewer than one to show, more than six lists of markers, or a table of something else.
    """
    lists = dict(markers or {})
    missing = {"change", "low", "high", "agreeing", "rank"} - set(table.columns)
    if missing or not len(table) or most < 1 or len(lists) > len(COLOURS):
        raise InputError(
            "This cannot be drawn as genes that change",
            got=f"{len(table)} rows without {', '.join(sorted(missing)) or 'nothing'}, most={most}, {len(lists)} lists",
            cure=f"Give the table of changed_genes, and up to {len(COLOURS)} lists of markers",
        )
    of_list = {gene: name for name, genes in lists.items() for gene in genes if gene in table.index}
    shown = table[(table["rank"] <= most) | (table["rank"] > len(table) - most) | table.index.isin(list(of_list))]
    colours = {name: COLOURS[number] for number, name in enumerate(lists)}
    drawn = Figure(figsize=(WIDTH, HEAD + ROW * len(shown)), layout="constrained")
    axes = drawn.subplots()
    _draw(axes, shown, [colours.get(of_list.get(str(gene), ""), OTHERS) for gene in shown.index], len(table))
    told = title or f"Counterfactuals of {counted(int(table.attrs.get('spots', 0)), 'spot')}"
    axes.set_title(told, fontsize=TEXT * 1.15, color=INK, loc="left", parse_math=False)
    if lists:
        handles = [Line2D([], [], marker="o", linestyle="", color=colours[name], markersize=3) for name in lists]
        axes.legend(handles, list(lists), frameon=False, fontsize=TEXT, labelcolor=INK, loc="lower right")
    return drawn


def _draw(axes: Axes, shown: pd.DataFrame, colours: Sequence[str], n_genes: int) -> None:
    rows = np.arange(len(shown))[::-1]
    axes.axvline(0, color=INK, linewidth=0.6)
    for row, colour, (_, told) in zip(rows, colours, shown.iterrows(), strict=True):
        axes.plot([told["low"], told["high"]], [row, row], color=colour, linewidth=1.4)
        axes.plot([told["change"]], [row], "o", color=colour, markersize=3)
    ranks = shown["rank"].to_numpy()
    for below in np.flatnonzero(np.diff(ranks) > 1):  # genes between these two are not shown
        axes.axhline(rows[below] - 0.5, color=OTHERS, linewidth=0.5, linestyle=":")
    axes.set_yticks(rows, [f"{gene}  {rank:,}" for gene, rank in zip(shown.index, ranks, strict=True)])
    axes.set_ylim(-0.7, len(shown) - 0.3)
    axes.set_xlabel(f"mean change in z-scores, with its interval; gene and its rank of {n_genes:,}")
    axes.tick_params(colors=INK, labelsize=TEXT)
    axes.xaxis.label.set(color=INK, fontsize=TEXT)
    axes.spines[["top", "right"]].set_visible(False)
