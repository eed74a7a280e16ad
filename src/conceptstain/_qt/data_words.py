"""What is open, in a line for the Data card's title and a few for its body."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from conceptstain.canvas.expression import counted

if TYPE_CHECKING:
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.canvas.picture_canvas import PictureCanvas

__all__ = ["DataWords", "data_words"]


class DataWords(NamedTuple):
    """What is open.

    Attributes
    ----------
    title
        One line: the name, and how much there is.
    summary
        Some sentences, as rich text.
    notes
        What was assumed or left out, one sentence each.
    side
        Height or width of what a network sees in pixels, where that can be chosen; 0: it cannot.
    """

    title: str
    summary: str
    notes: Sequence[str]
    side: int = 0


def data_words(canvas: PictureCanvas) -> DataWords:
    """The words for a section, a set of pictures or a slide."""
    words = {"gene": _of_section, "picture": _of_pictures, "patch": _of_slide}[canvas.noun]
    told: DataWords = words(canvas)  # type: ignore[operator]
    return told


def _of_section(canvas: GenePictures) -> DataWords:
    section = canvas.section
    rows, columns = canvas.grid.frame
    summary = (
        f"<b>{escape(section.name)}</b>: {section.n_spots:,} spots, {section.n_genes:,} genes "
        f"({len(canvas.trainable):,} found in {canvas.settings.least_spots} spots or more). "
        f"Coordinates in {section.unit}; pictures of {rows} × {columns} cells, "
        f"{canvas.grid.pitch:,.4g} {section.unit} each."
        + (f" {canvas.grid.n_shared:,} spots share a cell and are averaged." if canvas.grid.n_shared else "")
    )
    title = f"{section.name} · {section.n_spots:,} spots · {section.n_genes:,} genes"
    return DataWords(title, summary, section.notes)


def _of_pictures(canvas: ImageSet) -> DataWords:
    images = canvas.images
    heights, widths = (sorted({size[axis] for size in images.sizes}) for axis in (0, 1))
    size = f"{_range(heights)} × {_range(widths)} pixels"
    channels, rows, columns = canvas.shape
    summary = (
        f"<b>{escape(images.name)}</b>: {counted(len(images), canvas.noun)} of {size}. "
        f"A network sees {'colours' if channels == 3 else 'grey'} on {rows} × {columns} pixels."
        + (f" Left out: {counted(len(images.left_out), 'file')}." if images.left_out else "")
    )
    return DataWords(f"{images.name} · {counted(len(images), canvas.noun)}", summary, images.notes, rows)


def _of_slide(canvas: ImagePatches) -> DataWords:
    slide = canvas.slide
    height, width = slide.size
    pixel = slide.level_pixel_size(canvas.level) * canvas.factor
    levels = f", {len(slide.levels)} levels" if len(slide.levels) > 1 else ""
    each = f" ({canvas.settings.size * pixel:,.4g} {slide.unit} wide)" if slide.unit == "µm" else ""
    summary = (
        f"<b>{escape(slide.name)}</b>: {height:,} × {width:,} pixels{levels}. {len(canvas):,} patches of "
        f"{canvas.settings.size} × {canvas.settings.size} pixels{each}, one every {canvas.settings.step}."
    )
    title = f"{slide.name} · {height:,} × {width:,} · {len(canvas):,} patches"
    return DataWords(title, summary, (*slide.notes, *canvas.notes), canvas.settings.size)


def _range(sides: Sequence[int]) -> str:
    return f"{sides[0]:,}" if len(sides) == 1 else f"{sides[0]:,}-{sides[-1]:,}"
