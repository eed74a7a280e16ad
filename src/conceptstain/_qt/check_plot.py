"""What the checks of a map found, as a small plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

from conceptstain._qt.plots import Plot

if TYPE_CHECKING:
    from conceptstain.methods.checks import Checked

__all__ = ["CheckPlot"]

HEIGHT = 140  # pixels


class CheckPlot(Plot):
    """Correlations while a network forgets, scores while pixels are deleted, or changes under noise."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(HEIGHT, (44, 8, 38, 18), parent)
        self.setAccessibleName("Check of the map")

    def draw_check(self, checked: Checked, colour: str) -> None:
        """Draw what was found, in the colour of the concept."""
        from conceptstain.check_figures import draw_check  # torch is there with the result

        self._again = lambda: self.draw_check(checked, colour)
        self.axes.clear()
        self.setToolTip(draw_check(self.axes, checked, colour, ink=self._ink))
        self._dress("left", "bottom")
