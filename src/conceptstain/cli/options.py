"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Alignment",
    "CanvasKind",
    "ConceptForm",
    "File",
    "Image",
    "ImageScale",
    "Network",
    "Nulls",
    "Overwrite",
    "PixelSize",
    "Preset",
    "PresetOption",
    "SectionName",
    "Seed",
    "SpatialDataToo",
    "SpotDirection",
    "Variant",
]


class CanvasKind(StrEnum):
    """What data is seen as."""

    GENES = "genes"
    SPOTS = "spots"
    IMAGES = "images"
    PATCHES = "patches"


class Preset(StrEnum):
    """Settings known by a name."""

    PAPER = "paper"


class Network(StrEnum):
    """Networks that can be fitted."""

    AVERAGE_POOL = "average-pool"
    MLP = "mlp"
    PAPER = "paper"


class ConceptForm(StrEnum):
    """How the latents of the genes become one direction."""

    MEAN = "mean"
    CONTRAST = "contrast"


class Variant(StrEnum):
    """Variants of the rectified map."""

    PLAIN = "plain"
    PROPORTIONAL = "proportional"
    MODIFIED = "modified"
    CONSTANT = "constant"


class SpotDirection(StrEnum):
    """What the scores of spots are measured along."""

    AUTO = "auto"
    PLAIN = "plain"
    WHITENED = "whitened"


File = Annotated[
    Path,
    typer.Argument(
        help="A count matrix (.tsv, .tsv.gz), .h5ad, .zarr or a folder of Space Ranger.", show_default=False
    ),
]
SectionName = Annotated[
    str | None, typer.Option("--section", help="Which section, where the file holds several.", show_default=False)
]
Image = Annotated[Path | None, typer.Option(help="Tissue image (jpg, png, tif).", show_default=False)]
Alignment = Annotated[
    Path | None, typer.Option(help="Published alignment of a count matrix: nine numbers.", show_default=False)
]
ImageScale = Annotated[
    float | None,
    typer.Option(help="Size of --image relative to the full-size image, such as 0.2.", show_default=False),
]
PixelSize = Annotated[
    float | None,
    typer.Option(
        help="Size of a pixel that .geojson outlines were drawn on, in the section's unit.",
        show_default="that of the tissue image",
    ),
]
SpatialDataToo = Annotated[
    bool, typer.Option("--spatialdata", help="Also write SpatialData (.zarr); needs the extra spatialdata.")
]
Seed = Annotated[int, typer.Option(help="Seed of every random draw.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files of the same names.")]
Nulls = Annotated[
    int, typer.Option(min=0, help="Regions (or gene sets) without meaning to test the concept against; 0: no test.")
]
PresetOption = Annotated[
    Preset | None, typer.Option(help="Scaling, network and training of the released notebook.", show_default=False)
]
