"""How well classes are told without some units, drawn: curves over their number, and every class by itself."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from conceptstain.errors import InputError
from conceptstain.methods.ablation_curves import AblationCurves, Choice

__all__ = ["ablation_figure"]

TEXT = 7  # points
INK = "#222222"
COLOURS: dict[Choice, str] = {
    "important": "#0072B2",
    "overlapping": "#D55E00",
    "rotated": "#009E73",
    "random": "#8a8a8a",
}
WIDTH = 7.0  # inches: two columns of a page
ROW, LEAST_HEIGHT = 0.15, 2.4  # inches
APART = {
    "important": 0.3,
    "overlapping": 0.1,
    "rotated": -0.1,
    "random": -0.3,
}  # rows of a class, in parts of its height


def ablation_figure(
    curves: AblationCurves, *, measure: str | None = None, number: int | None = None, title: str = ""
) -> Figure:
    """Curves of the mean over the classes, and beside them every class without so many units.

    Bands and bars are 95 % over groups of items; of random units and of rotations, from the least to the greatest draw.

    Parameters
    ----------
    curves
        From :func:`conceptstain.ablation_curves`.
    measure
        ``"balanced accuracy"`` or, of parts, ``"IoU"``; None: of parts the IoU.
    number
        How many units each class is shown without; None: 8, or the next smaller number there is.
    title
        What stands above it.

    Returns
    -------
    matplotlib.figure.Figure
        Write it with :func:`conceptstain.save_figure`.

    Raises
    ------
    InputError
        No such measure or number.
    """
    measure = measure or curves.measures[-1]
    number = (
        max((each for each in curves.numbers if each <= 8), default=curves.numbers[0]) if number is None else number
    )
    if number not in curves.numbers:
        raise InputError(
            "No curve has that number of units",
            got=str(number),
            cure=f"Choose one of: {', '.join(map(str, curves.numbers))}",
        )
    drawn = Figure(figsize=(WIDTH, max(LEAST_HEIGHT, ROW * len(curves.classes) + 0.9)), layout="constrained")
    left, right = drawn.subplots(1, 2, width_ratios=(1.0, 0.9))
    _draw_means(left, curves, measure)
    _draw_classes(right, curves, measure, number)
    for axes in (left, right):
        axes.tick_params(colors=INK, labelsize=TEXT)
        axes.spines[["top", "right"]].set_visible(False)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set(color=INK, fontsize=TEXT)
    handles, names = left.get_legend_handles_labels()
    drawn.legend(
        handles,
        names,
        loc="outside lower left",
        ncols=len(curves.choices),
        frameon=False,
        fontsize=TEXT,
        labelcolor=INK,
    )
    told = title or f"Units of {curves.layer} of {curves.name}"
    drawn.suptitle(told, fontsize=TEXT * 1.15, color=INK, x=0.01, ha="left", parse_math=False)
    return drawn


def _draw_means(axes: Axes, curves: AblationCurves, measure: str) -> None:
    for choice in curves.choices:
        for done, style in (("removed", "o-"), ("kept", "s--")):
            rows = curves.mean(done, choice, measure)  # type: ignore[arg-type]
            colour = COLOURS[choice]
            axes.fill_between(rows.index, rows["low"], rows["high"], color=colour, alpha=0.2, linewidth=0)
            axes.plot(
                rows.index,
                rows["value"],
                style,
                color=colour,
                label=f"{_called(choice)} {done}",
                linewidth=1.3,
                markersize=2.5,
            )
    axes.set_xscale("symlog", linthresh=1)
    shown = [each for each in (0, *curves.numbers) if each not in {3, 5}]  # too near the others for their numbers
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _place: f"{value:g}")
    axes.set_xlabel("units removed, or kept")
    axes.set_ylabel(f"{measure}, mean of {len(curves.classes)} classes")


def _draw_classes(axes: Axes, curves: AblationCurves, measure: str, number: int) -> None:
    whole = {name: curves.of_class(name, "removed", "important", measure).loc[0, "value"] for name in curves.classes}
    order = sorted(curves.classes, key=lambda name: whole[name])
    for row, name in enumerate(order):
        axes.plot([whole[name]] * 2, [row - 0.4, row + 0.4], color=INK, linewidth=1.3)
        for choice in curves.choices:
            found = curves.of_class(name, "removed", choice, measure).loc[number]
            at = row + APART[choice]
            axes.plot([found["low"], found["high"]], [at, at], color=COLOURS[choice], linewidth=1.0, alpha=0.6)
            axes.plot([found["value"]], [at], "o", color=COLOURS[choice], markersize=2.5)
    axes.set_yticks(range(len(order)), order)
    axes.set_ylim(-0.7, len(order) - 0.3)
    units = "unit" if number == 1 else "units"
    axes.set_xlabel(f"{measure} without {number} {units}; line: with all")


def _called(choice: Choice) -> str:
    return "rotated axes" if choice == "rotated" else f"{choice} units"
