"""What jobs run of labels that units are held against: columns, masks, painted layers, tables and colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from conceptstain._qt.picture_work import Painted
from conceptstain.errors import InputError
from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    from conceptstain.canvas.label_maps import LabelMaps
    from conceptstain.methods.dissection_passes import Canvas

__all__ = ["LabelSource", "labels_of"]


class LabelSource(NamedTuple):
    """Something that says what is where.

    Attributes
    ----------
    kind
        A column of ``obs``, label images, a labels layer, a table of whole pictures, or the colours of the pictures.
    name
        To be chosen by: of a column, its own.
    path
        Of label images and tables.
    painted
        Of a labels layer, what is painted.
    """

    kind: Literal["column", "masks", "layer", "table", "colours"]
    name: str
    path: Path | None = None
    painted: Painted | None = None


def labels_of(canvas: Canvas, sources: tuple[LabelSource, ...], names: tuple[str, ...], *, report: Report) -> LabelMaps:
    """All that is said of the places of a canvas, together.

    ``names`` are those of the numbers 1, 2, 3, ... that are painted; one name alone is that of every number, as where
    they tell things of one kind apart.
    """
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.section_labels import section_labels
    from conceptstain.canvas.spot_profiles import SpotProfiles

    report(Step(0, 1, "Reading labels"))
    if not sources:
        raise InputError("Units are held against labels", got="none", cure="Tick what they are to be held against")
    if isinstance(canvas, GenePictures | SpotProfiles):
        return section_labels(canvas, *(source.name for source in sources))
    found = []
    for done, source in enumerate(sources):
        report(Step(done, len(sources), f"Reading {source.name}"))
        found.append(_of_pictures(canvas, source, names))
    together = found[0]
    for each in found[1:]:
        together += each
    return together


def _of_pictures(canvas: Canvas, source: LabelSource, names: tuple[str, ...]) -> LabelMaps:
    from conceptstain.canvas.annotation_table import read_annotations
    from conceptstain.canvas.colour_labels import colour_labels
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.canvas.opening import open_source
    from conceptstain.canvas.painted_annotations import pages_of
    from conceptstain.canvas.painted_labels import painted_labels
    from conceptstain.canvas.whole_labels import whole_labels

    if not isinstance(canvas, ImageSet | ImagePatches):
        raise InputError("These labels are of pictures", got=source.name, cure="Choose a column of obs")
    words = ["", *names] if len(names) > 1 else None
    instances = names[0] if len(names) == 1 else None
    if source.kind == "colours":
        return colour_labels(canvas)
    if source.kind == "table" and isinstance(canvas, ImageSet) and source.path is not None:
        return whole_labels(canvas, read_annotations(source.path, canvas.images))
    if source.kind == "layer" and source.painted is not None:
        painted, to_world = source.painted
        if isinstance(canvas, ImageSet):
            pages = pages_of(canvas.images, len(painted))
            return painted_labels(
                canvas, np.asarray(painted[pages]), names=words, instances=instances, category="painted"
            )
        return painted_labels(canvas, painted, to_world=to_world, names=words, instances=instances, category="painted")
    if source.kind == "masks" and source.path is not None:
        masks = open_source(str(source.path), as_="slide") if isinstance(canvas, ImagePatches) else source.path
        return painted_labels(canvas, masks, names=words, instances=instances)
    raise InputError(f"{source.name} says nothing of {canvas.source.name}", cure="Choose other labels")
