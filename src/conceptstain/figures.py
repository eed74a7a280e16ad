"""Publication figures, drawn by matplotlib from the data: nothing is a screenshot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.section import Section
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError
from conceptstain.figure_parts import (
    BELOW,
    Bar,
    FigureSettings,
    draw_colour_bar,
    draw_scale_bar,
    placed,
    title_panel,
)
from conceptstain.methods.item_score import ItemScore
from conceptstain.methods.spot_score import SpotScore
from conceptstain.painting import Paintable, Painting, painting
from conceptstain.picture_figures import PictureThing, picture_figure
from conceptstain.raster import Box, corners, pixel_size, straightened
from conceptstain.writing import written_whole

__all__ = ["FORMATS", "FigureSettings", "check_format", "figure", "save_figure"]

FORMATS = (".svg", ".pdf", ".png")
MOST_VECTOR_SPOTS = 20_000  # beyond that, spots become pixels: no program opens so many circles quickly
BARE = "#7a7a7a"


def figure(
    shown: Section | GenePictures | SpotProfiles | ImageSet | ImagePatches,
    *things: Paintable | PictureThing,
    titles: Sequence[str] | None = None,
    settings: FigureSettings | None = None,
) -> Figure:
    """Draw maps and genes on the tissue, one panel each; or pictures with their maps; or a slide with its scores.

    Every panel has the tissue image, the spots as circles of their true diameter, a scale bar, a title, and a colour
    bar with its limits; pointed ends of a colour bar say that some values lie beyond them.

    Of pictures every map is drawn beside its picture, one pair for each of the first ``settings.most``, in one range of
    colours; of a score, the pictures that have most of it. Of a slide a score lies over its overview, and a map of
    patches over the part of the slide that it is of. Pictures without a size in the world have no scale bar.

    Parameters
    ----------
    shown
        The canvas the maps were made with. A section, or a canvas of spots, is viewed as genes in the default way where
        something but spot scores is drawn.
    things
        Maps, scores, and genes, pictures or patches by name or index. None at all: the bare spots, the first pictures,
        or the slide.
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
    if titles is not None and len(titles) != len(things):
        raise InputError(
            "Every panel needs one title", got=f"{len(titles)} titles for {len(things)} panels", cure="Give as many"
        )
    if isinstance(shown, ImageSet | ImagePatches):
        of_pictures = [thing for thing in things if not isinstance(thing, SpotScore)]
        if len(of_pictures) < len(things):
            raise InputError("Spots lie on no pictures", got="a spot score", cure="Give the section it is of")
        return picture_figure(shown, of_pictures, titles, settings)
    of_spots = [thing for thing in things if not isinstance(thing, ItemScore)]
    if len(of_spots) < len(things):
        raise InputError("A score of pictures lies on no spots", got="a concept score", cure="Give their canvas")
    section = shown if isinstance(shown, Section) else shown.section
    canvas: GenePictures | Section = shown if isinstance(shown, GenePictures) else section
    if isinstance(canvas, Section) and not all(isinstance(thing, SpotScore) for thing in of_spots):
        canvas = section.view("genes")
    panels: list[Painting | None] = [painting(thing, canvas) for thing in of_spots]
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
        axes = placed(drawing, left, bottom, width, height)
        _draw_spots(axes, section, panel, box, image)
        title_panel(axes, name, width, settings)
        draw_scale_bar(placed(drawing, left, bottom - below, width, below), box[3] - box[1], section.unit, settings)
        if panel is not None:
            bar = placed(drawing, left + 0.5 * width, bottom - 1.35 * line, 0.46 * width, 0.65 * line)
            told = Bar(panel.values, panel.limits, panel.signed, panel.label)
            draw_colour_bar(drawing, bar, told, settings)
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
