"""Small matplotlib plots in the viewer's own colours."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QWidget

__all__ = ["ColourBar", "LossPlot"]


class _Plot(FigureCanvasQTAgg):
    def __init__(self, height: int, parent: QWidget | None = None) -> None:
        self._figure = Figure(layout="constrained")
        super().__init__(self._figure)
        self.setParent(parent)
        self.setFixedHeight(height)
        self.setMinimumWidth(60)
        self.axes = self._figure.add_subplot()

    def _dress(self) -> None:
        ink = self.palette().color(QPalette.ColorRole.WindowText).name()
        paper = self.palette().color(QPalette.ColorRole.Window).name()
        self._figure.set_facecolor(paper)
        self.axes.set_facecolor(paper)
        self.axes.tick_params(colors=ink, labelsize=7)
        for text in (self.axes.xaxis.label, self.axes.yaxis.label):
            text.set_color(ink)
            text.set_fontsize(7)
        for name, spine in self.axes.spines.items():
            spine.set_color(ink)
            spine.set_visible(name in self._spines)

    _spines: tuple[str, ...] = ("left", "bottom")


class LossPlot(_Plot):
    """Training and validation loss over epochs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(110, parent)
        self.setAccessibleName("Loss over epochs")
        self.setToolTip("Loss over epochs: on the genes learned from, and on genes held out")

    def draw_curves(self, curves: dict[str, Sequence[float]]) -> None:
        """Draw each named curve."""
        self.axes.clear()
        for (name, values), style in zip(curves.items(), ("-", "--", ":"), strict=False):
            self.axes.plot(range(1, len(values) + 1), values, style, label=name, lw=1.5)
        self.axes.set_xlabel("epoch")
        self._dress()
        if curves:
            ink = self.palette().color(QPalette.ColorRole.WindowText).name()
            self.axes.legend(frameon=False, fontsize=7, labelcolor=ink)
        self.draw_idle()


class ColourBar(_Plot):
    """The colours of a map between its limits."""

    _spines = ()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(42, parent)
        self.setAccessibleName("Colour bar")

    def draw_bar(self, colormap: str, low: float, high: float) -> None:
        """Draw the bar."""
        self.axes.clear()
        norm = mpl.colors.Normalize(low, high)
        self._figure.colorbar(
            mpl.cm.ScalarMappable(norm, mpl.colormaps[colormap]), cax=self.axes, orientation="horizontal"
        )
        self._dress()
        self.draw_idle()
