"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Alignment",
    "AnnotationText",
    "AnySource",
    "AttentionLatent",
    "AttentionOf",
    "AttentionVariantOption",
    "CanvasKind",
    "ClassifierFile",
    "ConceptForm",
    "ConceptName",
    "DecoderFile",
    "File",
    "FitHere",
    "FormOption",
    "Genes",
    "Image",
    "ImageScale",
    "Like",
    "MaskText",
    "MinusGenes",
    "MinusLike",
    "MinusRegion",
    "Negatives",
    "Neighbours",
    "Network",
    "Nulls",
    "Overwrite",
    "Padding",
    "Percentile",
    "PixelSize",
    "Positives",
    "Preset",
    "PresetOption",
    "RectifiedVariant",
    "RegionText",
    "SectionForm",
    "SectionName",
    "Seed",
    "Space",
    "SpatialDataToo",
    "SpotDirection",
    "Stride",
    "Threshold",
    "Variant",
    "Weights",
    "Whiten",
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
    PLACES = "places"
    PAPER = "paper"
    FACTOR_VAE = "factor-vae"


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


class AttentionOf(StrEnum):
    """Variants of attention."""

    PAPER = "paper"
    RELEASED = "released"


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
AnySource = Annotated[
    Path, typer.Argument(help="A section, a folder of pictures, a stack, or a slide.", show_default=False)
]
ClassifierFile = Annotated[Path, typer.Option(help="A classifier from fit-classifier.", show_default=False)]
DecoderFile = Annotated[Path, typer.Option(help="An encoder from fit, which can decode.", show_default=False)]
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
        help="Size of a pixel that .geojson outlines were drawn on, in the section's unit; of a slide, of its patches.",
        show_default="that of the image",
    ),
]
Like = Annotated[str | None, typer.Option(help="A gene, picture or patch: its latent neighbours.", show_default=False)]
Genes = Annotated[str | None, typer.Option(help="Genes, separated by commas.", show_default=False)]
RegionText = Annotated[
    str | None,
    typer.Option(
        help="Spots by annotation or outline: obs:layer=GCL, areas.geojson#GCL; the genes enriched there. On a "
        "slide areas.geojson#gland, or a label image labels.tif#4; the patches it covers.",
        show_default=False,
    ),
]
MinusLike = Annotated[
    str | None, typer.Option(help="Subtract the concept of a gene's latent neighbours.", show_default=False)
]
MinusGenes = Annotated[str | None, typer.Option(help="Subtract the concept of these genes.", show_default=False)]
MinusRegion = Annotated[str | None, typer.Option(help="Subtract the concept of these spots.", show_default=False)]
ConceptName = Annotated[str | None, typer.Option(help="What to call the concept.", show_default=False)]
AttentionLatent = Annotated[
    str,
    typer.Option(
        "--dimension",
        "--latent",
        help="Of the map attention: which latent dimension it is of, or all for all of them together.",
        metavar="NUMBER|all",
    ),
]
AttentionVariantOption = Annotated[
    AttentionOf, typer.Option("--attention", help="Of the map attention: as in the paper, or as in the released code.")
]
Percentile = Annotated[float, typer.Option(help="Of the map rectified: percent stopped at each layer.")]
RectifiedVariant = Annotated[Variant, typer.Option(help="Of the map rectified: which signal passes a layer.")]
Threshold = Annotated[float, typer.Option(help="Of the map rectified: for --variant constant.")]
Padding = Annotated[
    bool, typer.Option("--padding", help="Of the map rectified: clear the border before padded convolutions.")
]
FormOption = Annotated[ConceptForm, typer.Option(help="Mean latent of the genes, or that against all others.")]
SectionForm = Annotated[
    ConceptForm | None,
    typer.Option(help="Mean latent of the genes, or that against all others.", show_default="mean"),
]
Neighbours = Annotated[int, typer.Option(help="How many genes --like and --region choose.")]
Space = Annotated[
    str | None,
    typer.Option(help="A layer of the network to make the concept in, such as conv3.", show_default="latent"),
]
Weights = Annotated[Path | None, typer.Option(help="An encoder from the command fit.", show_default=False)]
FitHere = Annotated[bool, typer.Option("--fit", help="Fit an encoder to this section first.")]
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
Positives = Annotated[
    Path | None, typer.Option(help="A list of pictures that show it, one name a line.", show_default=False)
]
Negatives = Annotated[Path | None, typer.Option(help="A list of those that do not.", show_default="all others")]
AnnotationText = Annotated[
    str | None, typer.Option(help="A table with an attribute: table.csv#Eyeglasses.", show_default=False)
]
MaskText = Annotated[
    str | None,
    typer.Option(help="Masks of the same names, and a label: masks/#4; masks/ alone: any.", show_default=False),
]
Whiten = Annotated[
    bool, typer.Option("--whiten", help="Weigh the direction by how latents vary; better on stained tissue.")
]
Stride = Annotated[int | None, typer.Option(help="Pixels from patch to patch.", show_default="half a patch")]
