"""Figures of pictures with their maps beside them, and of slides with scores over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Affine2D

from conceptstain import colours
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.score_raster import ScoreRaster
from conceptstain.canvas.slide import Slide
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
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.item_score import ItemScore
from conceptstain.picture_painting import patch_painting, picture_label, picture_painting

__all__ = ["PictureThing", "picture_figure"]

PictureThing: TypeAlias = Attribution | ItemScore | str | int
"""What is drawn of pictures: maps, scores, and pictures by name or index."""

SHOWN = 0.75  # opacity of scores over a slide
AROUND = 0.1  # of the side of a map of patches: how much of the slide is shown around it
TALLEST = 2.0  # height of a panel for its width
SCORE = "concept score, mean of patches that overlap"


@final
@dataclass(frozen=True, eq=False)
class Drawn:
    """An image and where it lies: ``(height, width)`` values, or ``(height, width, 3)`` colours."""

    values: Float[np.ndarray, "..."]
    to_world: Float[np.ndarray, "3 3"]


@final
@dataclass(frozen=True, eq=False)
class Panel:
    """A picture, or a map, or both; with what the colour bar says of the map."""

    title: str
    box: tuple[float, float, float, float]
    under: Drawn | None = None
    over: Drawn | None = None
    bar: Bar | None = None


def picture_figure(
    canvas: ImageSet | ImagePatches,
    things: Sequence[PictureThing],
    titles: Sequence[str] | None,
    settings: FigureSettings,
) -> Figure:
    """Draw pictures with their maps, or a slide with its scores; see :func:`conceptstain.figures.figure`.

    Raises
    ------
    MismatchError
        A map or a score of other pictures or patches.
    InputError
        A map that lies nowhere on the slide, or no picture of that name.
    """
    named = list(zip(things, [None] * len(things) if titles is None else titles, strict=True))
    if isinstance(canvas, ImageSet):
        panels: list[Panel | None] = []
        for thing, title in named:
            if isinstance(thing, Attribution) and len(panels) % 2:
                panels.append(None)  # a picture and its map stay in one row
            panels += _of_pictures(canvas, thing, title, settings)
        if not things:
            panels += [_picture(canvas, item) for item in range(min(len(canvas), settings.most))]
    else:
        panels = [_of_slide(canvas, thing, title, settings) for thing, title in named]
        if not things:
            panels = [_whole(canvas.slide, canvas.slide.name, settings)]
    beside = isinstance(canvas, ImageSet) and any(isinstance(each, Attribution) for each in things)
    with_scale = canvas.source.unit == "µm" or isinstance(canvas, ImagePatches)
    return _drawn(panels, canvas.source.unit if with_scale else "", settings, in_pairs=beside)


# -- what the panels show ----------------------------------------------------------------------------------------------


def _of_pictures(canvas: ImageSet, thing: PictureThing, title: str | None, settings: FigureSettings) -> Iterator[Panel]:
    """Pictures with their maps beside them, or those with the highest scores, first."""
    if isinstance(thing, str | int):
        yield _picture(canvas, canvas.item(thing) if isinstance(thing, str) else thing, title)
        return
    if isinstance(thing, ItemScore):
        thing.check(canvas)
        known = np.where(np.isfinite(thing.values), thing.values, -np.inf)
        for item in np.argsort(-known, kind="stable")[: settings.most]:
            name = canvas.item_names[item]
            yield _picture(canvas, int(item), f"{title or thing.name} {thing.values[item]:.3g}: {name}")
        return
    painted = picture_painting(thing, canvas)
    for item in list(painted.maps)[: settings.most if thing.items else 1]:
        values = painted.maps[item]
        to_world = canvas.to_world(item)
        bar = Bar(values, painted.limits, painted.signed, picture_label(thing, canvas))
        panel = Panel(title or thing.title, _box(values.shape, to_world), over=Drawn(values, to_world), bar=bar)
        if thing.items:
            yield _picture(canvas, item)
        yield panel


def _picture(canvas: ImageSet, item: int, title: str | None = None) -> Panel:
    pixels, to_world = _coloured(canvas.images.pixels(item)), canvas.to_world(item)
    return Panel(title or str(canvas.item_names[item]), _box(pixels.shape, to_world), under=Drawn(pixels, to_world))


def _of_slide(canvas: ImagePatches, thing: PictureThing, title: str | None, settings: FigureSettings) -> Panel:
    """A slide with a score over all of it, or what of it a map of patches is of."""
    if isinstance(thing, str | int):
        item = canvas.item(thing) if isinstance(thing, str) else thing
        patch, to_world = canvas.inputs([item])[0], canvas.to_world(item)
        pixels = _coloured(patch)
        name = title or str(canvas.item_names[item])
        return Panel(name, _box(pixels.shape, to_world), under=Drawn(pixels, to_world))
    if isinstance(thing, ItemScore):
        raster, label = thing.raster(canvas), SCORE
        whole = _whole(canvas.slide, title or thing.title, settings)
        box, under = whole.box, whole.under
    else:
        raster, label = patch_painting(thing, canvas), picture_label(thing, canvas)
        box = _widened(_box(raster.values.shape, raster.to_world))
        under = _part(canvas.slide, box, settings)
    limits = raster.colour_limits or colours.limits(raster.values, signed=raster.signed)
    bar = Bar(raster.values, limits, raster.signed, label)
    return Panel(title or thing.title, box, under, _over(raster), bar)


def _whole(slide: Slide, title: str, settings: FigureSettings) -> Panel:
    down, across = slide.overview_reduction
    onto = np.array([[down, 0, (down - 1) / 2], [0, across, (across - 1) / 2], [0, 0, 1]])
    box = _box(slide.size, slide.to_world)
    return Panel(title, box, under=_faded(slide.overview, slide.to_world @ onto, settings))


def _part(slide: Slide, box: tuple[float, float, float, float], settings: FigureSettings) -> Drawn | None:
    """What of a slide lies in a box, from the level that has as many pixels as the panel."""
    on_paper = (box[3] - box[1]) / (settings.panel_width * settings.image_dpi)
    sizes = [slide.level_pixel_size(level) for level in range(len(slide.levels))]
    level = max([index for index, size in enumerate(sizes) if size <= on_paper], default=0)
    to_world = slide.level_to_world(level)
    top, left, bottom, right = box
    corners = np.array([[top, left, 1], [top, right, 1], [bottom, left, 1], [bottom, right, 1]])
    pixels = (corners @ np.linalg.inv(to_world).T)[:, :2]
    low = np.maximum(np.floor(pixels.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 1, slide.levels[level].size)
    if (high <= low).any():
        return None
    (first, start), (height, width) = low.tolist(), (high - low).tolist()
    shift = np.array([[1, 0, first], [0, 1, start], [0, 0, 1]])
    return _faded(slide.region(level, first, start, height, width), to_world @ shift, settings)


def _faded(
    values: Float[np.ndarray, "channels height width"], to_world: Float[np.ndarray, "3 3"], settings: FigureSettings
) -> Drawn | None:
    """The slide, fading into white, so that the colours of the scores lead."""
    if not settings.tissue:
        return None
    opacity = min(settings.tissue_opacity, 1.0)
    return Drawn(1 - opacity * (1 - _coloured(values)), to_world)


def _over(raster: ScoreRaster) -> Drawn:
    return Drawn(raster.values, raster.to_world)


def _coloured(values: Float[np.ndarray, "channels height width"]) -> Float[np.ndarray, "height width 3"]:
    return np.asarray(np.moveaxis(np.broadcast_to(values, (3, *values.shape[1:])), 0, -1))


def _box(shape: tuple[int, ...], to_world: Float[np.ndarray, "3 3"]) -> tuple[float, float, float, float]:
    """Top, left, bottom and right of an image in the world."""
    height, width = shape[:2]
    edges = [[-0.5, -0.5, 1], [-0.5, width - 0.5, 1], [height - 0.5, -0.5, 1], [height - 0.5, width - 0.5, 1]]
    corners = np.array(edges) @ to_world.T
    (top, left), (bottom, right) = corners[:, :2].min(axis=0), corners[:, :2].max(axis=0)
    return float(top), float(left), float(bottom), float(right)


def _widened(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    top, left, bottom, right = box
    margin = AROUND * max(bottom - top, right - left)
    return top - margin, left - margin, bottom + margin, right + margin


# -- drawing -----------------------------------------------------------------------------------------------------------


def _drawn(panels: Sequence[Panel | None], unit: str, settings: FigureSettings, *, in_pairs: bool) -> Figure:
    if not panels:
        raise InputError("There is nothing to draw", got="no picture", cure="Give maps or scores of some")
    width = settings.panel_width
    boxes = [each.box for each in panels if each is not None]
    aspects = [(bottom - top) / (right - left) for top, left, bottom, right in boxes]
    height = width * min(max(aspects), TALLEST)
    line = settings.font_size / 72 * 1.25
    title, below, gap, edge = 1.5 * line, BELOW * line, 1.6 * line, 0.8 * line
    most = settings.columns or 4
    if in_pairs and most > 1:
        most -= most % 2
    rows = -(-len(panels) // most)
    columns = min(most, len(panels)) if in_pairs else -(-len(panels) // rows)
    total = (2 * edge + columns * width + (columns - 1) * gap, 2 * edge + rows * (title + height + below))
    drawing = Figure(figsize=total, facecolor="white")
    for index, panel in enumerate(panels):
        if panel is None:
            continue
        row, column = divmod(index, columns)
        left = edge + column * (width + gap)
        bottom = total[1] - edge - (row + 1) * (title + height + below) + below
        axes = placed(drawing, left, bottom, width, height)
        across = _draw_panel(axes, panel, height / width)
        title_panel(axes, panel.title, width, settings)
        if unit:
            draw_scale_bar(placed(drawing, left, bottom - below, width, below), across, unit, settings)
        if panel.bar is not None:
            bar = placed(drawing, left + 0.5 * width, bottom - 1.35 * line, 0.46 * width, 0.65 * line)
            draw_colour_bar(drawing, bar, panel.bar, settings)
    return drawing


def _draw_panel(axes: Axes, panel: Panel, aspect: float) -> float:
    """Draw the images in the middle of the axes; how much of the world these are wide."""
    top, left, bottom, right = panel.box
    across = max(right - left, (bottom - top) / aspect)
    x, y = (left + right) / 2, (top + bottom) / 2
    if panel.under is not None:
        _draw(axes, panel.under, gid="picture")
    if panel.over is not None and panel.bar is not None:
        low, high = panel.bar.limits
        opacity = 1.0 if panel.under is None else SHOWN
        cmap = colours.colormap(signed=panel.bar.signed)
        _draw(axes, panel.over, gid="map", cmap=cmap, vmin=low, vmax=high, alpha=opacity)
    axes.set(
        xlim=(x - across / 2, x + across / 2),
        ylim=(y + across * aspect / 2, y - across * aspect / 2),
    )
    return across


def _draw(axes: Axes, drawn: Drawn, **how: object) -> None:
    height, width = drawn.values.shape[:2]
    m = drawn.to_world
    in_world = Affine2D(np.array([[m[1, 1], m[1, 0], m[1, 2]], [m[0, 1], m[0, 0], m[0, 2]], [0, 0, 1]]))
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    shown = axes.imshow(drawn.values, extent=extent, interpolation="none", aspect="auto", **how)  # type: ignore[arg-type]
    shown.set_transform(in_world + axes.transData)
