"""Results of pictures and patches as tables: one row for each of them, and AnnData whose observations they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float

from conceptstain.canvas.anndata_file import ITEMS_KEY
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.concepts.concept import Concept
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.finding import Finding
from conceptstain.methods.item_score import ItemScore
from conceptstain.nets.encoder import Encoder
from conceptstain.picture_painting import patch_painting, picture_painting
from conceptstain.written_words import (
    FORMAT_VERSION,
    UNS_KEY,
    concept_words,
    concepts_of,
    distinct,
    encoder_words,
    map_words,
    texts,
)

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["item_table", "items_annotated", "pixel_table"]


def item_table(canvas: ImageSet | ImagePatches, findings: Sequence[Finding]) -> pd.DataFrame:
    """Scores of pictures or patches, in the order of the canvas.

    Returns
    -------
    DataFrame
        Indexed by ``picture`` or ``patch``: the size of every picture in pixels, or row and column of every patch with
        ``x`` and ``y`` of its centre in the world; and one column per score, by its title. Maps, which have a value for
        every pixel, are left out.

    Raises
    ------
    MismatchError
        A score of other pictures or patches.
    """
    table = _facts(canvas)
    if isinstance(canvas, ImagePatches):
        centres = _centres(canvas)
        table[f"x ({canvas.slide.unit})"], table[f"y ({canvas.slide.unit})"] = centres[:, 1], centres[:, 0]
    return _scored(table, canvas, findings)


def pixel_table(canvas: ImageSet | ImagePatches, made: Attribution) -> pd.DataFrame:
    """The values of a map as figures show them, pixel by pixel: the data behind its panels.

    Returns
    -------
    DataFrame
        ``value``, for every ``row`` and ``column`` of pictures at their own pixels, indexed by ``picture``. Of patches,
        whose maps are put together, ``value`` and ``y`` in the world, indexed by ``x``. What was not shown is left out.

    Raises
    ------
    MismatchError
        The map was made for other pictures or patches.
    InputError
        A single map that lies nowhere.
    """
    if isinstance(canvas, ImagePatches):
        raster = patch_painting(made, canvas)
        rows, columns = np.nonzero(np.isfinite(raster.values))
        points = np.stack([rows, columns], axis=1) @ raster.to_world[:2, :2].T + raster.to_world[:2, 2]
        table = pd.DataFrame(
            {
                f"x ({raster.unit})": points[:, 1],
                f"y ({raster.unit})": points[:, 0],
                "value": raster.values[rows, columns],
            }
        )
        return table.set_index(f"x ({raster.unit})")
    parts = []
    for item, values in picture_painting(made, canvas).maps.items():
        rows, columns = np.nonzero(np.isfinite(values))
        index = pd.Index([str(canvas.item_names[item])] * len(rows), name=canvas.noun)
        parts.append(pd.DataFrame({"row": rows, "column": columns, "value": values[rows, columns]}, index=index))
    return pd.concat(parts)


def items_annotated(
    canvas: ImageSet | ImagePatches,
    findings: Sequence[Finding],
    encoder: Encoder | None = None,
    *,
    concepts: Sequence[Concept] | None = None,
) -> AnnData:
    """The results as AnnData whose observations are the pictures or patches; plain scanpy reads it.

    - ``obs``: size in pixels, or row and column; and one column per score, by its title;
    - ``obsm["spatial"]``: of patches, their centres in world units, ``x`` first;
    - ``uns["conceptstain"]``: concepts with their directions, maps with their settings, encoder, unit and notes.

    There are no pixels in it, and no maps.

    Raises
    ------
    MismatchError
        A score of other pictures or patches.
    """
    from anndata import AnnData

    concepts = concepts_of(findings) if concepts is None else concepts
    names = distinct((concept.name for concept in concepts), taken=())
    maps = distinct((made.title for made in findings), taken=())
    source = canvas.source
    adata = AnnData(obs=_scored(_facts(canvas), canvas, findings))
    if isinstance(canvas, ImagePatches):
        adata.obsm["spatial"] = np.ascontiguousarray(_centres(canvas)[:, ::-1])
    adata.uns[UNS_KEY] = {
        "format": FORMAT_VERSION,
        ITEMS_KEY: "patches" if isinstance(canvas, ImagePatches) else "pictures",
        "unit": source.unit,
        "scaling": canvas.scaling,
        "frame": np.array(canvas.shape),
        "notes": texts(source.notes),
        "concepts": {name: concept_words(concept) for name, concept in zip(names, concepts, strict=True)},
        "maps": {name: map_words(made) for name, made in zip(maps, findings, strict=True)},
        "encoder": encoder_words(encoder),
    }
    return adata


def _facts(canvas: ImageSet | ImagePatches) -> pd.DataFrame:
    """What is known of every item without a concept."""
    if isinstance(canvas, ImagePatches):
        values, columns = canvas.corners, ["row", "column"]
    else:
        values, columns = np.array(canvas.images.sizes), ["height (px)", "width (px)"]
    index = pd.Index(canvas.item_names.astype(str), name=canvas.noun)
    return pd.DataFrame(np.asarray(values, dtype=np.int64), index=index, columns=columns)


def _centres(canvas: ImagePatches) -> Float[np.ndarray, "patches 2"]:
    """Centres of the patches, ``(y, x)`` in world units."""
    middle = canvas.corners * canvas.settings.step + (canvas.settings.size - 1) / 2
    return np.asarray(middle @ canvas.frame_to_world[:2, :2].T + canvas.frame_to_world[:2, 2])


def _scored(table: pd.DataFrame, canvas: ImageSet | ImagePatches, findings: Sequence[Finding]) -> pd.DataFrame:
    scores = [made for made in findings if isinstance(made, ItemScore)]
    for made in scores:
        made.check(canvas)
    names = distinct((made.title for made in scores), taken=table.columns)
    found = pd.DataFrame(
        {name: np.asarray(made.values) for name, made in zip(names, scores, strict=True)}, index=table.index
    )
    return pd.concat([table, found], axis=1)
