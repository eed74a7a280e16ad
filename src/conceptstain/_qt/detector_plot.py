"""Bars of unique detectors in every category, beside the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.ticker import MaxNLocator
from qtpy.QtWidgets import QWidget

from conceptstain._qt.plots import TEXT, Plot

__all__ = ["Bar", "DetectorPlot"]

HEIGHT = 150  # pixels


class Bar(NamedTuple):
    """A number of unique detectors, and where it lies."""

    value: float
    low: float
    high: float


class DetectorPlot(Plot):
    """A group of bars for each category: the network first, then its controls."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(HEIGHT, (30, 8, 22, 22), parent)
        self.setAccessibleName("Unique detectors by category")
        self.setToolTip(
            "Labels that have a unit of their own, by category. Whiskers: of the network 95 % over groups of items, "
            "of controls the least and the greatest of their draws"
        )

    def draw_bars(self, bars: Mapping[str, Mapping[str, Bar]], first: str) -> None:
        """Draw, by category, the bars of the network and of its controls; ``first`` is what the network is called."""
        from conceptstain.dissection_figures import BLUE, COLOURS  # torch is there with the result

        self._again = lambda: self.draw_bars(bars, first)
        axes = self.axes
        axes.clear()
        kinds = list(dict.fromkeys(kind for of_category in bars.values() for kind in of_category))
        width = 0.8 / max(len(kinds), 1)
        whiskers: dict[str, Any] = {"ecolor": self._ink, "elinewidth": 0.8, "capsize": 1.5}
        for number, kind in enumerate(kinds):
            places = [place + (number - (len(kinds) - 1) / 2) * width for place in range(len(bars))]
            found = [of_category[kind] for of_category in bars.values()]
            heights = [each.value for each in found]
            ends = [_below(found), _above(found)]
            name = first if kind == "trained" else kind
            axes.bar(
                places, heights, width * 0.92, yerr=ends, color=COLOURS.get(kind, BLUE), label=name, error_kw=whiskers
            )
        axes.set_xticks(range(len(bars)), list(bars))
        axes.tick_params(axis="x", length=0)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_ylim(0, max(axes.get_ylim()[1], 1))  # where no unit is a detector, counts are whole numbers still
        above: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 0.98), "ncols": 4, "columnspacing": 1.0}
        axes.legend(frameon=False, fontsize=TEXT, labelcolor=self._ink, handlelength=1.0, borderpad=0.0, **above)
        self._dress("left", "bottom")


def _below(bars: Sequence[Bar]) -> list[float]:
    return [_length(bar.value - bar.low) for bar in bars]


def _above(bars: Sequence[Bar]) -> list[float]:
    return [_length(bar.high - bar.value) for bar in bars]


def _length(difference: float) -> float:
    """Of a whisker: one that nobody knows, as of a single item, has none."""
    return max(difference, 0.0) if difference == difference else 0.0  # noqa: PLR0124 - not a number is not itself
