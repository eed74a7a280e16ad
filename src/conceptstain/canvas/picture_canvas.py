"""Canvases whose items are pictures, and which of these a region of the world chooses."""

from __future__ import annotations

from typing import TypeAlias

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.patch_coverage import covered_parts
from conceptstain.canvas.region import Region
from conceptstain.errors import InputError

__all__ = ["PictureCanvas", "n_chosen"]

PictureCanvas: TypeAlias = GenePictures | ImageSet | ImagePatches
"""The views of opened data that concepts are made on and maps are painted on: genes, pictures or patches."""


def n_chosen(region: Region, canvas: PictureCanvas, *, least_covered: float = 0.5) -> int:
    """How many spots, or patches, a region chooses on a canvas; 0 where it cannot choose any, as on pictures.

    Parameters
    ----------
    region
        What was drawn, painted or picked.
    canvas
        Where.
    least_covered
        The part of a patch that has to lie in it.
    """
    try:
        if isinstance(canvas, GenePictures):
            return int(region.selector.choose(canvas.section).sum())
        if isinstance(canvas, ImagePatches):
            return int((covered_parts(region, canvas) >= least_covered).sum())
    except InputError:
        return 0
    return 0
