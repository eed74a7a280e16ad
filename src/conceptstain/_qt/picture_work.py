"""What jobs run of choosing pictures and patches: thumbnails, tables, painted labels; no Qt and no viewer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from conceptstain.errors import InputError
from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    from conceptstain.canvas.annotations import Annotations
    from conceptstain.canvas.images import Images
    from conceptstain.canvas.patch_blocks import World
    from conceptstain.canvas.picture_canvas import PictureCanvas

__all__ = [
    "Painted",
    "count_painted",
    "labels_shape",
    "painted_pictures",
    "read_table",
    "seen_patches",
    "thumbnails",
]

THUMBNAILS = 64  # pictures that are drawn at once
LABELS = 4096  # pixels along the longer side of labels that are painted on a slide
MOST_LABELS = 32  # that are counted on a slide


class Painted(NamedTuple):
    """What is painted in a labels layer.

    Attributes
    ----------
    labels
        A whole number for every pixel; of a stack, for every pixel of every picture.
    to_world
        Where rows and columns lie.
    """

    labels: np.ndarray
    to_world: np.ndarray


def labels_shape(canvas: PictureCanvas) -> tuple[tuple[int, ...], np.ndarray | None]:
    """Shape of labels to paint on all pictures of a set, or on a slide; and where the latter lie, if not as the slide.

    On a slide a pixel of the labels is as large as it takes to keep the longer side within 4,096.
    """
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.canvas.image_set import ImageSet

    if isinstance(canvas, ImageSet):
        stored = canvas.images.stored
        height, width = np.max(canvas.images.sizes, axis=0).tolist()
        return (stored[-1].position + 1, height, width), None
    if not isinstance(canvas, ImagePatches):
        raise InputError("Labels are painted on pictures and slides", got=canvas.source.name, cure="Draw an outline")
    height, width = canvas.slide.size
    factor = -(-max(height, width) // LABELS)
    onto_slide = np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2], [0, 0, 1.0]])
    return (-(-height // factor), -(-width // factor)), canvas.slide.to_world @ onto_slide


def count_painted(painted: Painted, canvas: PictureCanvas, *, report: Report) -> dict[int, int]:
    """How many pictures each label is painted on, or how many patches of a slide it covers by half."""
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.canvas.painted_annotations import painted_annotations
    from conceptstain.canvas.picture_canvas import n_chosen
    from conceptstain.canvas.region import Region

    values = [int(value) for value in np.unique(painted.labels) if value]
    counts: dict[int, int] = {}
    if isinstance(canvas, ImagePatches):
        for done, value in enumerate(values[:MOST_LABELS]):
            report(Step(done, len(values), "Counting patches"))
            region = Region.from_labels(str(value), painted.labels, value, to_world=painted.to_world)
            counts[value] = n_chosen(region, canvas)
    elif values:
        annotations = painted_annotations(_images_of(canvas), painted.labels)
        counts = {int(name): len(annotations.positives(name)) for name in annotations.attributes}
    return counts


def painted_pictures(
    painted: Painted, canvas: PictureCanvas, value: int, *, report: Report
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The pictures that a label is painted on, and those that it is not."""
    from conceptstain.canvas.painted_annotations import painted_annotations

    report(Step(0, 1, "Looking at what is painted"))
    annotations = painted_annotations(_images_of(canvas), painted.labels)
    return annotations.positives(str(value)), annotations.negatives(str(value))


def read_table(path: Path, canvas: PictureCanvas, *, report: Report) -> Annotations:
    """Read attributes of the pictures from a table."""
    from conceptstain.canvas.annotation_table import read_annotations

    report(Step(0, 1, "Reading the table"))
    return read_annotations(path, _images_of(canvas))


def thumbnails(canvas: PictureCanvas, first: int, *, report: Report) -> np.ndarray:
    """Some pictures of a set from one on, ``(pictures, height, width, 3)`` of 8 bits, as networks see them."""
    items = np.arange(first, min(first + THUMBNAILS, len(canvas)))
    report(Step(0, 1, "Drawing pictures"))
    values = np.moveaxis(canvas.inputs(items), 1, -1)
    return np.ascontiguousarray(np.repeat(np.rint(values * 255).astype(np.uint8), 3 // values.shape[-1], axis=-1))


def _images_of(canvas: PictureCanvas) -> Images:
    from conceptstain.canvas.image_set import ImageSet

    if not isinstance(canvas, ImageSet):
        raise InputError("Names and tables are of sets of pictures", got=canvas.source.name, cure="Draw or paint")
    return canvas.images


def seen_patches(canvas: PictureCanvas, visible: World, most: int) -> tuple[int, ...]:
    """The patches of a slide that touch a rectangle of the world; of more than ``most``, those nearest its middle."""
    from conceptstain.canvas.image_patches import ImagePatches

    if not isinstance(canvas, ImagePatches):
        return ()
    top, left, bottom, right = visible
    items = canvas.within(visible)
    if len(items) > most:
        middle = np.array([(top + bottom) / 2, (left + right) / 2])
        size, step = canvas.settings.size, canvas.settings.step
        centres = canvas.corners[items] * step + (size - 1) / 2
        world = centres @ canvas.frame_to_world[:2, :2].T + canvas.frame_to_world[:2, 2]
        items = items[np.argsort(np.linalg.norm(world - middle, axis=1), kind="stable")[:most]]
    return tuple(sorted(int(item) for item in items))
