"""What figures of sections and of pictures share: sizes, titles that fit, scale bars and colour bars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from conceptstain.colours import Limits, colormap
from conceptstain.errors import InputError

__all__ = [
    "BELOW",
    "INK",
    "Bar",
    "FigureSettings",
    "common_power",
    "draw_colour_bar",
    "draw_scale_bar",
    "fitted_text",
    "length_text",
    "placed",
    "scale_bar_length",
    "title_panel",
]

BELOW = 4.2  # lines of text that the scale bar and the colour bar take
INK = "#1a1a1a"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Bar(NamedTuple):
    """What a colour bar says."""

    values: Float[np.ndarray, "..."]
    limits: Limits
    signed: bool
    label: str


@final
@dataclass(frozen=True)
class FigureSettings:
    """How a figure looks; lengths in inches.

    Attributes
    ----------
    panel_width
        Width of one panel.
    columns
        Most panels in a row; None: four. Rows are filled evenly.
    tissue
        Draw the tissue image, where there is one.
    tissue_opacity
        1: as it is; less: fading into white, so that the colours of the spots lead.
    image_dpi
        Pixels of the tissue image per inch of a panel; more make a larger file.
    font_size
        In points.
    most
        Of pictures, how many are drawn of each map or score.
    """

    panel_width: float = 2.2
    columns: int | None = None
    tissue: bool = True
    tissue_opacity: float = 0.6
    image_dpi: int = 160
    font_size: float = 7.0
    most: int = 12

    def __post_init__(self) -> None:
        for name in ("panel_width", "tissue_opacity", "image_dpi", "font_size", "most"):
            if not getattr(self, name) > 0:
                raise InputError(
                    "A figure cannot look that way", got=f"{name}={getattr(self, name)}", cure="Use more than 0"
                )
        if self.columns is not None and self.columns < 1:
            raise InputError("A figure has one column or more", got=f"columns={self.columns}", cure="Use 1 or more")


def scale_bar_length(width: float) -> float:
    """A round length, 1, 2 or 5 times a power of ten, of about a quarter of a panel's width."""
    target = width / 4
    power = 10.0 ** math.floor(math.log10(target))
    return max((step * power for step in (1, 2, 5) if step * power <= target * 1.2), default=power)


def length_text(length: float, unit: str) -> str:
    """A length for people: micrometres from 1,000 on in millimetres."""
    if unit == "µm" and length >= 1000:
        return f"{length / 1000:g} mm"
    return f"{length:,g} {unit}"


def common_power(largest: float) -> int:
    """Power of ten to take out of the numbers of a colour bar, 0 where they are short as they are."""
    power = math.floor(math.log10(largest)) if largest > 0 else 0
    return power if power < -2 or power > 3 else 0


def fitted_text(text: str, width: float, size: float) -> tuple[str, float]:
    """A text and its size in points such that it is no wider than ``width`` inches: smaller first, then shortened."""
    font = FontProperties()
    across, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    across *= size / font.get_size_in_points() / 72
    if across <= width:
        return text, size
    smallest = 0.75 * size
    if across * smallest / size <= width:
        return text, size * width / across
    kept = int(len(text) * width / (across * smallest / size)) - 1
    return text[: max(kept, 1)].rstrip() + "\N{HORIZONTAL ELLIPSIS}", smallest


def placed(drawing: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place of the figure, in inches, without their own lines."""
    across, up = drawing.get_size_inches()
    axes = drawing.add_axes((left / across, bottom / up, width / across, height / up))
    axes.set_axis_off()
    return axes


def title_panel(axes: Axes, name: str, width: float, settings: FigureSettings) -> None:
    """A title above a panel, no wider than that."""
    shown, size = fitted_text(name, width, settings.font_size * 1.15)
    axes.set_title(shown, fontsize=size, color=INK, pad=settings.font_size * 0.5, loc="left", parse_math=False)


def draw_scale_bar(axes: Axes, width: float, unit: str, settings: FigureSettings) -> None:
    """A bar in world units below the panel, where no tissue hides it; the axes share the panel's left and right."""
    length = scale_bar_length(width)
    axes.set(xlim=(0, width), ylim=(0, BELOW))
    axes.fill_between([0, length], 3.12, 3.32, color=INK, linewidth=0, gid="scale-bar")
    text = length_text(length, unit)
    axes.text(0, 2.8, text, fontsize=settings.font_size, color=INK, va="top", ha="left")


def draw_colour_bar(drawing: Figure, axes: Axes, panel: Bar, settings: FigureSettings) -> None:
    """A colour bar with its limits; pointed ends say that some values lie beyond them."""
    low, high = panel.limits
    beyond = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    extend = beyond[bool(np.nanmin(panel.values) < low), bool(np.nanmax(panel.values) > high)]
    colours = ScalarMappable(Normalize(low, high), colormap(signed=panel.signed))
    axes.set_axis_on()
    bar = drawing.colorbar(colours, cax=axes, orientation="horizontal", extend=extend, extendfrac=0.06)
    bar.outline.set_linewidth(0)
    if bar.solids is not None:
        # vector, as all but the tissue; the hairlines close the seams that viewers show between the colours
        bar.solids.set(edgecolor="face", linewidth=0.2, rasterized=False)
    ticks = [low, 0.0, high] if panel.signed else [low, high]
    power = common_power(max(abs(low), abs(high)))
    bar.set_ticks(ticks, labels=[_short(tick / 10.0**power) for tick in ticks])
    axes.tick_params(labelsize=settings.font_size, length=1.8, width=0.5, pad=1.5, color=INK, labelcolor=INK)
    axes.minorticks_off()
    label = f"{panel.label} (\N{MULTIPLICATION SIGN} 10{str(power).translate(RAISED)})" if power else panel.label
    shown, size = fitted_text(label, 0.96 * settings.panel_width, settings.font_size)
    bar.set_label(shown, fontsize=size, color=INK, labelpad=1.5, loc="right", parse_math=False)


def _short(value: float) -> str:
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"
    return digits.replace("-", "\N{MINUS SIGN}") if value else "0"
