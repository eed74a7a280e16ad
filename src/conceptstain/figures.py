"""Publication figures, drawn by matplotlib from the data: nothing is a screenshot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import EllipseCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.section import Section
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.colours import colormap
from conceptstain.errors import InputError
from conceptstain.methods.spot_score import SpotScore
from conceptstain.painting import Paintable, Painting, painting
from conceptstain.raster import Box, corners, pixel_size, straightened
from conceptstain.writing import written_whole

__all__ = ["FORMATS", "FigureSettings", "check_format", "figure", "save_figure", "scale_bar_length"]

FORMATS = (".svg", ".pdf", ".png")
MOST_VECTOR_SPOTS = 20_000  # beyond that, spots become pixels: no program opens so many circles quickly
BELOW = 4.2  # lines of text that the scale bar and the colour bar take
BARE = "#7a7a7a"
INK = "#1a1a1a"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


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
    """

    panel_width: float = 2.2
    columns: int | None = None
    tissue: bool = True
    tissue_opacity: float = 0.6
    image_dpi: int = 160
    font_size: float = 7.0

    def __post_init__(self) -> None:
        for name in ("panel_width", "tissue_opacity", "image_dpi", "font_size"):
            if not getattr(self, name) > 0:
                raise InputError(
                    "A figure cannot look that way", got=f"{name}={getattr(self, name)}", cure="Use more than 0"
                )
        if self.columns is not None and self.columns < 1:
            raise InputError("A figure has one column or more", got=f"columns={self.columns}", cure="Use 1 or more")


def figure(
    shown: Section | GenePictures | SpotProfiles,
    *things: Paintable,
    titles: Sequence[str] | None = None,
    settings: FigureSettings | None = None,
) -> Figure:
    """Draw maps and genes on the tissue, one panel each.

    Every panel has the tissue image, the spots as circles of their true diameter, a scale bar, a title, and a colour
    bar with its limits; pointed ends of a colour bar say that some values lie beyond them.

    Parameters
    ----------
    shown
        The canvas the maps were made with. A section, or a canvas of spots, is viewed as genes in the default way where
        something but spot scores is drawn.
    things
        Maps, spot scores, and genes by name or index. None at all: one panel with the bare spots.
    titles
        One for each thing, in place of their own.
    settings
        Sizes.

    Returns
    -------
    matplotlib.figure.Figure
        Belongs to no window and no pyplot state; write it with :func:`save_figure`.

    Raises
    ------
    InputError
        A thing that cannot be painted, or another number of titles than of things.
    """
    settings = settings or FigureSettings()
    section = shown if isinstance(shown, Section) else shown.section
    if titles is not None and len(titles) != len(things):
        raise InputError(
            "Every panel needs one title", got=f"{len(titles)} titles for {len(things)} panels", cure="Give as many"
        )
    canvas: GenePictures | Section = shown if isinstance(shown, GenePictures) else section
    if isinstance(canvas, Section) and not all(isinstance(thing, SpotScore) for thing in things):
        canvas = section.view("genes")
    panels: list[Painting | None] = [painting(thing, canvas) for thing in things]
    names = list(titles) if titles is not None else [panel.title for panel in panels if panel is not None]
    return _drawn(section, panels or [None], names or [section.name], settings)


def check_format(path: str | Path) -> Path:
    """Refuse a figure's name whose ending is no format.

    Raises
    ------
    InputError
        Not .svg, .pdf or .png.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(
            "A figure cannot be written in that format",
            got=repr(path.suffix or path.name),
            cure=f"Use one of: {', '.join(FORMATS)}",
        )
    return path


def save_figure(drawn: Figure, path: str | Path, *, dpi: float = 300, overwrite: bool = False) -> Path:
    """Write a figure; the same figure gives the same bytes.

    Parameters
    ----------
    drawn
        From :func:`figure`.
    path
        ``.svg`` and ``.pdf`` keep text as text and spots as circles; ``.png`` has ``dpi`` pixels per inch.
    dpi
        Resolution of what is not vector.
    overwrite
        Replace an existing file.

    Raises
    ------
    InputError
        Another format, or a file that exists.
    """
    path = check_format(path)
    # The day of writing is left out, and ids inside an svg follow a fixed salt: equal figures are equal files.
    undated: dict[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}
    ending = path.suffix.lower()
    as_text: Any = {"svg.fonttype": "none", "svg.hashsalt": "conceptstain", "pdf.fonttype": 42}
    with mpl.rc_context(as_text), written_whole(path, overwrite=overwrite) as beside:
        drawn.savefig(beside, format=ending[1:], dpi=dpi, metadata=undated[ending], facecolor="white")
    return path


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


# -- drawing -----------------------------------------------------------------------------------------------------------


def _drawn(
    section: Section, panels: Sequence[Painting | None], titles: Sequence[str], settings: FigureSettings
) -> Figure:
    box = _crop(section)
    width = settings.panel_width
    height = width * (box[2] - box[0]) / (box[3] - box[1])
    line = settings.font_size / 72 * 1.25
    title, below, gap, edge = 1.5 * line, BELOW * line, 1.6 * line, 0.8 * line
    rows = -(-len(panels) // (settings.columns or 4))
    columns = -(-len(panels) // rows)
    total = (2 * edge + columns * width + (columns - 1) * gap, 2 * edge + rows * (title + height + below))
    drawing = Figure(figsize=total, facecolor="white")
    image = _tissue(section, box, settings)
    for index, (panel, name) in enumerate(zip(panels, titles, strict=True)):
        row, column = divmod(index, columns)
        left = edge + column * (width + gap)
        bottom = total[1] - edge - (row + 1) * (title + height + below) + below
        axes = _placed(drawing, left, bottom, width, height)
        _draw_spots(axes, section, panel, box, image)
        shown, size = fitted_text(name, width, settings.font_size * 1.15)
        axes.set_title(shown, fontsize=size, color=INK, pad=settings.font_size * 0.5, loc="left", parse_math=False)
        _draw_scale_bar(_placed(drawing, left, bottom - below, width, below), section, box, settings)
        if panel is not None:
            bar = _placed(drawing, left + 0.5 * width, bottom - 1.35 * line, 0.46 * width, 0.65 * line)
            _draw_colour_bar(drawing, bar, panel, settings)
    return drawing


def _crop(section: Section) -> Box:
    """The box around the spots, with a margin of about one spacing."""
    (top, left), (bottom, right) = section.spots.min(axis=0), section.spots.max(axis=0)
    margin = max(1.5 * section.spot_diameter, 0.03 * max(bottom - top, right - left))
    return float(top - margin), float(left - margin), float(bottom + margin), float(right + margin)


def _tissue(section: Section, box: Box, settings: FigureSettings) -> tuple[Any, Box] | None:
    if section.image is None or not settings.tissue:
        return None
    top, left, bottom, right = corners(section.image)
    seen = (max(top, box[0]), max(left, box[1]), min(bottom, box[2]), min(right, box[3]))
    if seen[2] <= seen[0] or seen[3] <= seen[1]:
        return None
    on_paper = (box[3] - box[1]) / (settings.panel_width * settings.image_dpi)
    pixels = straightened(section.image, seen, max(on_paper, pixel_size(section.image)))
    opacity = min(settings.tissue_opacity, 1.0)
    return np.rint(255 - opacity * (255.0 - pixels)).astype(np.uint8), seen


def _placed(drawing: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    across, up = drawing.get_size_inches()
    axes = drawing.add_axes((left / across, bottom / up, width / across, height / up))
    axes.set_axis_off()
    return axes


def _draw_spots(axes: Axes, section: Section, panel: Painting | None, box: Box, image: tuple[Any, Box] | None) -> None:
    top, left, bottom, right = box
    if image is not None:
        pixels, (image_top, image_left, image_bottom, image_right) = image
        extent = (image_left, image_right, image_bottom, image_top)
        axes.imshow(pixels, extent=extent, interpolation="none", aspect="auto", zorder=0)
    sizes = np.full(section.n_spots, section.spot_diameter)
    spots = EllipseCollection(
        sizes,
        sizes,
        np.zeros(section.n_spots),
        units="xy",
        offsets=section.spots[:, ::-1],
        offset_transform=axes.transData,
        facecolors=BARE if panel is None else panel.colours,
        linewidths=0,
        gid="spots",
        rasterized=section.n_spots > MOST_VECTOR_SPOTS,
        zorder=1,
    )
    axes.add_collection(spots, autolim=False)
    axes.set(xlim=(left, right), ylim=(bottom, top))


def _draw_scale_bar(axes: Axes, section: Section, box: Box, settings: FigureSettings) -> None:
    """A bar in world units below the panel, where no tissue hides it; the axes share the panel's left and right."""
    width = box[3] - box[1]
    length = scale_bar_length(width)
    axes.set(xlim=(0, width), ylim=(0, BELOW))
    axes.fill_between([0, length], 3.12, 3.32, color=INK, linewidth=0, gid="scale-bar")
    text = length_text(length, section.unit)
    axes.text(0, 2.8, text, fontsize=settings.font_size, color=INK, va="top", ha="left")


def _draw_colour_bar(drawing: Figure, axes: Axes, panel: Painting, settings: FigureSettings) -> None:
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
