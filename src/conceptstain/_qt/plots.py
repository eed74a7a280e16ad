"""Small matplotlib plots in the viewer's own colours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.widgets import SpanSelector
from qtpy.QtCore import QEvent, Signal
from qtpy.QtGui import QPalette, QResizeEvent
from qtpy.QtWidgets import QWidget

from conceptstain.concepts.sentences import fraction

if TYPE_CHECKING:
    from conceptstain.concepts.evidence import Histogram

__all__ = ["ColourBar", "ControlsPlot", "EvidencePlot", "LossPlot", "Plot"]

TEXT = 7  # points
ROW = 15  # pixels that a bar of a control takes
EVIDENCE = (
    "Scores of what had no part in making the concept. Colour: belongs to it; line: does not. "
    "Grey: where nine of ten concepts without meaning have theirs"
)
CURVES, SCALED = (42, 8, 40, 8), (34, 178, 40, 8)  # margins of curves, and of curves with their legend beside them
CHOOSE = "Draw over a range: choose its spots"
GREY = "#8a8a8a"  # seen on light and on dark paper


class Plot(FigureCanvasQTAgg):
    """A plot of fixed height whose margins, in pixels, hold its text at any width."""

    def __init__(self, height: int, margins: tuple[int, int, int, int], parent: QWidget | None) -> None:
        self._figure = Figure()
        self.axes: Axes = self._figure.add_subplot()
        self._margins = margins  # left, right, bottom, top
        self._again: Callable[[], None] = self._dress
        super().__init__(self._figure)
        self.setParent(parent)
        self.setFixedHeight(height)
        self.setMinimumWidth(120)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the margins."""
        self._keep_margins()
        super().resizeEvent(event)

    def _keep_margins(self) -> None:
        left, right, bottom, top = self._margins
        width, height = max(self.width(), 1), max(self.height(), 1)
        if width > left + right and height > bottom + top:
            self._figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height)

    def changeEvent(self, event: QEvent) -> None:
        """Draw again in the colours of another theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange):
            self._again()

    @property
    def _ink(self) -> str:
        return str(self.palette().color(QPalette.ColorRole.WindowText).name())

    def _dress(self, *spines: str) -> None:
        paper = self.palette().color(QPalette.ColorRole.Window).name()
        self._figure.set_facecolor(paper)
        self.axes.set_facecolor(paper)
        self.axes.tick_params(colors=self._ink, labelsize=TEXT)
        self.axes.xaxis.label.set(color=self._ink, fontsize=TEXT)
        for name, spine in self.axes.spines.items():
            spine.set_color(self._ink)
            spine.set_visible(name in spines)
        self.draw_idle()


class LossPlot(Plot):
    """Curves over the epochs of a training."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(126, CURVES, parent)
        self.setAccessibleName("Loss over epochs")
        self.setToolTip("Loss over epochs: on the genes learned from, and on genes held out")

    def draw_curves(self, curves: Mapping[str, Sequence[float]]) -> None:
        """Draw each named curve on one scale."""
        self._again = lambda: self.draw_curves(curves)
        self._begin(CURVES)
        for (name, values), style in zip(curves.items(), ("-", "--", ":"), strict=False):
            self.axes.plot(range(1, len(values) + 1), values, style, label=name, lw=1.5)
        self.axes.yaxis.set_major_locator(MaxNLocator(3))
        if curves:
            self.axes.legend(frameon=False, fontsize=TEXT, labelcolor=self._ink, loc="upper right")
        self._dress("left", "bottom")

    def draw_scaled(self, curves: Mapping[str, Sequence[float]]) -> None:
        """Draw each named curve between its own lowest and highest value; a legend beside says its last one."""
        self._again = lambda: self.draw_scaled(curves)
        self._begin(SCALED)
        for name, values in curves.items():
            low, span = min(values), (max(values) - min(values)) or 1.0
            scaled = [(value - low) / span for value in values]
            self.axes.plot(range(1, len(values) + 1), scaled, label=f"{name} {values[-1]:.3g}", lw=1.5)
        self.axes.set_ylim(-0.06, 1.06)
        self.axes.set_yticks([0, 1], ["min", "max"])
        if curves:
            beside: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "handlelength": 1.0}
            self.axes.legend(frameon=False, fontsize=TEXT, labelcolor=self._ink, borderaxespad=0.4, **beside)
        self._dress("left", "bottom")

    def _begin(self, margins: tuple[int, int, int, int]) -> None:
        self._margins = margins
        self._keep_margins()
        self.axes.clear()
        self.axes.set_xlabel("epoch")
        self.axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


class EvidencePlot(Plot):
    """Cross-fitted scores inside and outside of a concept, and where the insides of null regions lie.

    Emits which range of scores the mouse was drawn over.
    """

    range_chosen = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(124, (44, 8, 38, 18), parent)
        self._marked: Sequence[float] = ()
        self._marks: LineCollection | None = None
        self._span: SpanSelector | None = None
        self.setAccessibleName("Evidence for the concept")
        self.setToolTip(f"{EVIDENCE}. {CHOOSE}")

    def draw_evidence(self, histogram: Histogram, noun: str, colour: str) -> None:
        """Draw the histogram of a concept; ``noun`` says what is counted."""
        self._again = lambda: self.draw_evidence(histogram, noun, colour)
        axes, edges = self.axes, histogram.edges
        axes.clear()
        low, high = ([*values, values[-1]] for values in (histogram.null_low, histogram.null_high))
        axes.fill_between(edges, low, high, step="post", color=GREY, alpha=0.45, linewidth=0, label="chance")
        axes.stairs(histogram.inside, edges, fill=True, color=colour, alpha=0.75, label="inside")
        axes.stairs(histogram.outside, edges, color=self._ink, linewidth=1.2, label="outside")
        axes.set_xlabel("score when held back")
        axes.set_ylabel(f"part of {noun}", fontsize=TEXT, color=self._ink)
        axes.set_ylim(bottom=0)
        axes.set_xlim(edges[0], edges[-1])
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(3))
        above: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 0.94), "ncols": 3, "columnspacing": 1.0}
        axes.legend(frameon=False, fontsize=TEXT, labelcolor=self._ink, handlelength=1.0, borderpad=0.0, **above)
        self._marks = None
        self.mark(self._marked)
        of_spots = noun == "spots"  # nothing else is chosen by a range
        self.setToolTip(f"{EVIDENCE}. {CHOOSE}" if of_spots else EVIDENCE)
        props = {"color": colour, "alpha": 0.2}
        self._span = SpanSelector(axes, self._choose, "horizontal", props=props) if of_spots else None
        self._dress("left", "bottom")

    def mark(self, scores: Sequence[float]) -> None:
        """Mark scores at the foot of the histogram: those of the chosen spots."""
        self._marked = scores
        if self._marks is not None:
            self._marks.remove()
        foot = self.axes.get_xaxis_transform()
        self._marks = self.axes.vlines(scores, 0, 0.12, color=self._ink, linewidth=0.8, transform=foot)
        self.draw_idle()

    def _choose(self, low: float, high: float) -> None:
        if high > low:
            self.range_chosen.emit(low, high)


class ControlsPlot(Plot):
    """A map beside what it has to beat: one bar each."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(6 * ROW, (112, 30, 4, ROW), parent)
        self.setAccessibleName("Controls of the map")

    def draw_controls(self, values: Mapping[str, float], colour: str, *, measure: str, middle: float) -> None:
        """Draw a bar for each name, the map itself first; bars start at ``middle``, which means nothing was found."""
        self._again = lambda: self.draw_controls(values, colour, measure=measure, middle=middle)
        axes = self.axes
        axes.clear()
        names, numbers = list(values), [float(value) for value in values.values()]
        self.setFixedHeight(ROW * (len(names) + 1) + 8)
        axes.set_title(measure, fontsize=TEXT, color=self._ink, loc="right", pad=3)
        colours = [colour] + [GREY] * (len(names) - 1)
        axes.barh(range(len(names)), [number - middle for number in numbers], left=middle, color=colours, height=0.7)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        lowest = min(0.0 if middle == 0 else middle - 0.5, *numbers)
        axes.set_xlim(min(lowest, middle), 1.0)
        for row, number in enumerate(numbers):
            axes.text(
                1.02,
                row,
                fraction(number),
                fontsize=TEXT,
                color=self._ink,
                va="center",
                transform=axes.get_yaxis_transform(),
            )
        axes.axvline(middle, color=self._ink, linewidth=0.8)
        axes.set_xticks([])
        axes.tick_params(axis="y", length=0)
        self._dress()


class ColourBar(Plot):
    """The colours of a map between its limits."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(40, (16, 16, 22, 4), parent)
        self.setAccessibleName("Colour bar")

    def clear(self) -> None:
        """Draw no bar."""
        self._again = self.clear
        self.axes.clear()
        self.axes.set_axis_off()
        self._dress()

    def draw_bar(self, colormap: str, low: float, high: float) -> None:
        """Draw the bar."""
        self._again = lambda: self.draw_bar(colormap, low, high)
        self.axes.set_axis_on()
        self.axes.clear()
        colours = ScalarMappable(Normalize(low, high), mpl.colormaps[colormap])
        self._figure.colorbar(colours, cax=self.axes, orientation="horizontal", ticks=MaxNLocator(4))
        self.axes.xaxis.set_major_formatter(lambda value, _place: f"{value:.3g}")
        self._dress()
