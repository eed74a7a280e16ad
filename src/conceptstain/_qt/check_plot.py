"""What the checks of a map found, as a small plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.ticker import MaxNLocator
from qtpy.QtWidgets import QWidget

from conceptstain._qt.plots import GREY, TEXT, Plot

if TYPE_CHECKING:
    from conceptstain.methods.checks import Checked
    from conceptstain.methods.faithfulness import Perturbation, Sensitivity
    from conceptstain.methods.randomisation import Randomisation

__all__ = ["CheckPlot"]

HEIGHT = 140  # pixels


class CheckPlot(Plot):
    """Correlations while a network forgets, scores while pixels are deleted, or changes under noise."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(HEIGHT, (44, 8, 38, 18), parent)
        self.setAccessibleName("Check of the map")

    def draw_check(self, checked: Checked, colour: str) -> None:
        """Draw what was found, in the colour of the concept."""
        from conceptstain.methods.faithfulness import Perturbation  # torch is there with the result
        from conceptstain.methods.randomisation import Randomisation

        self._again = lambda: self.draw_check(checked, colour)
        self.axes.clear()
        if isinstance(checked.result, Randomisation):
            self._draw_randomisation(checked.result, checked.gradient, colour)
        elif isinstance(checked.result, Perturbation):
            self._draw_perturbation(checked.result, colour)
        else:
            self._draw_sensitivity(checked.result, colour)
        self._dress("left", "bottom")

    def _draw_randomisation(self, found: Randomisation, gradient: Randomisation | None, colour: str) -> None:
        from conceptstain.methods.randomisation import ALIKE

        axes, table = self.axes, found.table()
        forgotten = range(len(table) + 1)
        mean, low, high = ([1.0, *table[column]] for column in ("mean", "low", "high"))
        axes.axhline(ALIKE, color=self._ink, linewidth=0.8, linestyle=":", label=f"stays above {ALIKE}")
        if gradient is not None:
            axes.plot(forgotten, [1.0, *gradient.table()["mean"]], color=GREY, linewidth=1.5, label="gradient")
        axes.fill_between(forgotten, low, high, color=colour, alpha=0.3, linewidth=0)
        axes.plot(forgotten, mean, "o-", color=colour, linewidth=1.5, markersize=3, label="this map")
        axes.set_ylim(min(-0.1, *mean, float(table["low"].min(skipna=True))), 1.05)
        axes.set_xlabel("layers forgotten, from the latents down to the input")
        self._name_height("rank correlation")
        axes.set_yticks([0, 0.5, 1])
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        self._name_curves()
        layers = "\n".join(f"{number}  {layer}" for number, layer in enumerate(found.layers, 1))
        self.setToolTip(f"Likeness of the map to itself while layers begin anew; band: 95 % of the mean.\n{layers}")

    def _draw_perturbation(self, found: Perturbation, colour: str) -> None:
        axes, table = self.axes, found.table()
        for name, style in (("deletion", "-"), ("insertion", "--")):
            of_map, at_random = table[name], table[f"random {name}"]
            axes.fill_between(found.parts, of_map, at_random, color=colour, alpha=0.2, linewidth=0)
            axes.plot(found.parts, at_random, style, color=GREY, linewidth=1.2)
            axes.plot(found.parts, of_map, style, color=colour, linewidth=1.5, label=name)
        axes.plot([], [], color=GREY, linewidth=1.2, label="random order")
        axes.set_xlim(0, 1)
        axes.set_xlabel("part of the pixels, the most important first")
        self._name_height("concept score")
        self._name_curves()
        gains = f"by deletion {found.deletion_gain}, by insertion {found.insertion_gain}"
        self.setToolTip(
            "Concept score while pixels are deleted from the picture, or inserted into a blurred one: mean over the "
            f"items, in their standard deviations.\nColoured area, the gain over random orders (95 %): {gains}"
        )

    def _draw_sensitivity(self, found: Sensitivity, colour: str) -> None:
        axes, mean = self.axes, found.interval
        ones = [1.0] * len(found.changes)
        axes.plot(found.noise, ones, "|", color=GREY, markersize=9, label="noise itself")
        axes.plot(found.changes, ones, "o", color=colour, alpha=0.5, markersize=4, label="change of the map")
        if len(found.changes) > 1:  # of one item there is no interval
            axes.plot([mean.low, mean.high], [0.5, 0.5], color=self._ink, linewidth=1.5)
        axes.plot([mean.mean], [0.5], "D", color=self._ink, markersize=4, label="mean")
        axes.set_ylim(0, 1.5)
        axes.set_yticks([1.0, 0.5], ["items", "mean"])
        axes.set_xlim(left=0)
        axes.xaxis.set_major_formatter(lambda value, _place: f"{value:.3g}")
        axes.set_xlabel("largest relative change")
        self._name_curves()
        axes.xaxis.set_major_locator(MaxNLocator(5))
        self.setToolTip(f"Largest relative change of the map at each item; mean {mean} (95 %)")

    def _name_height(self, name: str) -> None:
        self.axes.set_ylabel(name, fontsize=TEXT, color=self._ink)
        self.axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        self.axes.yaxis.set_major_locator(MaxNLocator(4))

    def _name_curves(self) -> None:
        above: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 0.97), "ncols": 3, "columnspacing": 1.0}
        self.axes.legend(frameon=False, fontsize=TEXT, labelcolor=self._ink, handlelength=1.4, borderpad=0.0, **above)
