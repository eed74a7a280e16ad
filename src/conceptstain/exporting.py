"""Results as tables and as ``.h5ad``, for other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from conceptstain.canvas.anndata_file import ZARR_MARKS, is_anndata_folder
from conceptstain.canvas.anndata_section import origin_of
from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.images import Images
from conceptstain.canvas.score_raster import ScoreRaster
from conceptstain.canvas.section import Section, TissueImage
from conceptstain.canvas.slide import Slide
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.latents import latents_of
from conceptstain.errors import InputError
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.finding import Finding
from conceptstain.methods.item_score import ItemScore
from conceptstain.methods.spot_score import SpotScore
from conceptstain.nets.encoder import Encoder
from conceptstain.painting import painting
from conceptstain.picture_painting import patch_painting
from conceptstain.picture_tables import item_table, items_annotated, pixel_table
from conceptstain.raster import corners, pixel_size, straightened
from conceptstain.raster_file import write_raster
from conceptstain.writing import folder_written_whole, written_whole
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
from jaxtyping import Float

__all__ = [
    "FORMAT_VERSION",
    "UNS_KEY",
    "annotated",
    "concepts_of",
    "export",
    "gene_table",
    "spot_table",
    "write_anndata",
    "write_h5ad",
    "write_table",
]

EXACT = 1e-12  # positions that are the world's own numbers are read again to the last digit
LONGEST_SIDE = 2000  # of the tissue image in an .h5ad file, as Visium's "hires"


def export(
    path: str | Path,
    canvas: GenePictures | ImageSet | ImagePatches,
    findings: Sequence[Finding],
    encoder: Encoder | None = None,
    *,
    concepts: Sequence[Concept] | None = None,
    table: str = "spots",
    overwrite: bool = False,
) -> Path:
    """Write results in the format that the ending of the name asks for.

    Parameters
    ----------
    path
        ``.h5ad``: see :func:`annotated`, and of pictures and patches
        :func:`~conceptstain.picture_tables.items_annotated`. ``.csv``: the table of spots or of genes; of pictures and
        patches the one of them all, :func:`~conceptstain.picture_tables.item_table`. ``.tif``: of a slide, the one
        score or map of patches that is given, as 32-bit floats (:func:`~conceptstain.raster_file.write_raster`).
    canvas
        What the maps were made with.
    findings
        The maps.
    encoder
        The encoder of the concepts; needed where concepts are to be scored.
    concepts
        Which concepts to write; None: those of the maps.
    table
        Which one a ``.csv`` holds: of a section ``"spots"`` or ``"genes"``; of pictures and patches ``"pixels"`` for
        those of the one map that is given (:func:`~conceptstain.picture_tables.pixel_table`), else the one of them all.
    overwrite
        Replace an existing file; never the one the section or the slide was read from.

    Raises
    ------
    InputError
        Another format or table, a file that exists, or the section's or slide's own file.
    MismatchError
        Maps, canvas and encoder that do not belong together.
    """
    path = Path(path)
    ending = path.suffix.lower()
    _refuse_source(path, canvas.source)
    if not isinstance(canvas, GenePictures):
        if ending == ".csv" and table == "pixels":
            return write_table(_pixels(findings, canvas), path, overwrite=overwrite)
        return _export_items(path, canvas, findings, encoder, concepts=concepts, overwrite=overwrite)
    if ending == ".h5ad":
        return write_h5ad(annotated(canvas, findings, encoder, concepts=concepts), path, overwrite=overwrite)
    if ending != ".csv" or table not in {"spots", "genes"}:
        raise InputError(
            "Results cannot be exported that way",
            got=f"{path.name!r}, table {table!r}",
            cure='End the name in .h5ad or .csv; a table is of "spots" or "genes"',
        )
    if table == "spots":
        return write_table(spot_table(canvas, findings), path, overwrite=overwrite)
    if encoder is None:
        raise InputError("Genes are scored by an encoder", got="none", cure="Give the encoder of the concepts")
    concepts = concepts_of(findings) if concepts is None else concepts
    return write_table(gene_table(canvas, encoder, concepts), path, overwrite=overwrite)


def _export_items(
    path: Path,
    canvas: ImageSet | ImagePatches,
    findings: Sequence[Finding],
    encoder: Encoder | None,
    *,
    concepts: Sequence[Concept] | None,
    overwrite: bool,
) -> Path:
    ending = path.suffix.lower()
    if ending == ".h5ad":
        return write_h5ad(items_annotated(canvas, findings, encoder, concepts=concepts), path, overwrite=overwrite)
    if ending == ".csv":
        return write_table(item_table(canvas, findings), path, overwrite=overwrite)
    if ending in {".tif", ".tiff"} and isinstance(canvas, ImagePatches) and len(findings) == 1:
        return write_raster(_raster(findings[0], canvas), path, overwrite=overwrite)
    raise InputError(
        "Results of pictures cannot be exported that way",
        got=f"{path.name!r}, {len(findings)} results of {canvas.source.name}",
        cure="End the name in .h5ad or .csv; of a slide, give one score or map for a .tif",
    )


def _pixels(findings: Sequence[Finding], canvas: ImageSet | ImagePatches) -> pd.DataFrame:
    maps = [made for made in findings if isinstance(made, Attribution)]
    if len(maps) != 1 or len(findings) > 1:
        raise InputError("A table of pixels is of one map", got=f"{len(findings)} results", cure="Give one map")
    return pixel_table(canvas, maps[0])


def _raster(made: Finding, canvas: ImagePatches) -> ScoreRaster:
    if isinstance(made, SpotScore):
        raise InputError("Spots lie on no patches", got=made.title, cure="Give a score or a map of patches")
    return made.raster(canvas) if isinstance(made, ItemScore) else patch_painting(made, canvas)


def spot_table(canvas: GenePictures, findings: Sequence[Finding]) -> pd.DataFrame:
    """Values of maps at the spots.

    Returns
    -------
    DataFrame
        Indexed by ``spot``: ``x`` and ``y`` in world units, named in the header, and one column per map.
    """
    section = canvas.section
    values: dict[str, Any] = {f"x ({section.unit})": section.spots[:, 1], f"y ({section.unit})": section.spots[:, 0]}
    names = distinct((made.title for made in findings), taken=values)
    values |= {name: painting(made, canvas).values for name, made in zip(names, findings, strict=True)}
    return pd.DataFrame(values, index=pd.Index(section.adata.obs_names.astype(str), name="spot"))


def gene_table(canvas: GenePictures, encoder: Encoder, concepts: Sequence[Concept]) -> pd.DataFrame:
    """How genes stand to concepts.

    Returns
    -------
    DataFrame
        Indexed by ``gene``, ordered by the first concept: ``spots expressing``, and for every concept ``score``
        (``<z(x), v_c>`` of mean latents, or a layer's channels), ``rank`` (1 is the highest score), ``in concept``, and
        for the genes that made it the columns of its table, such as ``r`` or ``auroc``. Each is headed by its name.

    Raises
    ------
    MismatchError
        A concept of another encoder, or an encoder that does not fit the canvas.
    """
    genes = pd.Index(canvas.item_names.astype(str), name="gene")
    columns: dict[str, Any] = {"spots expressing": canvas.n_spots_expressing}
    names = distinct((concept.name for concept in concepts), taken=())
    for name, concept in zip(names, concepts, strict=True):
        concept.check(encoder)
        scores = concept.scores(latents_of(canvas, encoder, space=concept.space))
        columns[f"{name}: score"] = scores
        columns[f"{name}: rank"] = _ranks(scores)
        columns[f"{name}: in concept"] = genes.isin(concept.items)
        told = concept.table.reindex(genes)
        columns |= {f"{name}: {column}": told[column].to_numpy() for column in told.columns}
    table = pd.DataFrame(columns, index=genes)
    return table.sort_values(f"{names[0]}: rank", kind="stable") if names else table


def annotated(
    canvas: GenePictures,
    findings: Sequence[Finding],
    encoder: Encoder | None = None,
    *,
    concepts: Sequence[Concept] | None = None,
) -> AnnData:
    """A copy of the section's AnnData with the results written into it; plain scanpy reads and draws it.

    - ``obs``: one column per map, by its title;
    - ``obsm["spatial"]``, ``uns["spatial"]``: positions as they were read, and the tissue image where there is one;
    - ``varm["concept_scores"]``: one column per concept, where the encoder is given;
    - ``uns["conceptstain"]``: concepts with their directions, maps with their settings, encoder, unit and notes.
      Settings are JSON, since ``.h5ad`` cannot hold every type.

    Raises
    ------
    MismatchError
        Maps, canvas and encoder that do not belong together.
    """
    section = canvas.section
    adata = section.adata.copy()
    maps = distinct((made.title for made in findings), taken=adata.obs.columns)
    for name, made in zip(maps, findings, strict=True):
        adata.obs[name] = painting(made, canvas).values
    concepts = concepts_of(findings) if concepts is None else concepts
    names = distinct((concept.name for concept in concepts), taken=())
    if encoder is not None and concepts:
        for concept in concepts:
            concept.check(encoder)
        scores = {
            name: concept.scores(latents_of(canvas, encoder, space=concept.space))
            for name, concept in zip(names, concepts, strict=True)
        }
        adata.varm["concept_scores"] = pd.DataFrame(scores, index=adata.var_names)
    _add_image(adata, section)
    adata.uns[UNS_KEY] = {
        "format": FORMAT_VERSION,
        "unit": section.unit,
        "scaling": canvas.scaling,
        "frame": np.array(canvas.shape),
        "pitch": canvas.grid.pitch,
        "notes": texts(section.notes),
        "concepts": {name: concept_words(concept) for name, concept in zip(names, concepts, strict=True)},
        "maps": {name: map_words(made) for name, made in zip(maps, findings, strict=True)},
        "encoder": encoder_words(encoder),
    }
    return adata


def write_table(table: pd.DataFrame, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a table as comma-separated values in UTF-8, whole or not at all."""
    with written_whole(path, overwrite=overwrite) as beside:
        table.to_csv(beside, encoding="utf-8", lineterminator="\n", float_format="%.9g")
    return Path(path)


def write_h5ad(adata: AnnData, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write an AnnData, whole or not at all."""
    with written_whole(path, overwrite=overwrite) as beside:
        adata.write_h5ad(beside, compression="gzip")
    return Path(path)


def write_anndata(adata: AnnData, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write an AnnData as ``.h5ad`` or as a folder ``.zarr``, by the ending of the name, whole or not at all.

    Raises
    ------
    InputError
        The name is taken, or is that of another kind of file or folder, which is never replaced.
    """
    path = Path(path)
    if path.suffix.lower() != ".zarr":
        return write_h5ad(adata, path, overwrite=overwrite)
    import zarr
    from anndata.io import write_elem

    if path.is_dir() and overwrite and not is_anndata_folder(path):
        raise InputError("A folder of another kind is in the way", got=str(path), cure="Choose another name")
    # Every piece is written, so that a missing one means a copy that was cut off, not zeros. Version 2 of zarr is what
    # all versions of anndata read.
    with (
        folder_written_whole(path, marks=ZARR_MARKS, overwrite=overwrite) as beside,
        zarr.config.set({"array.write_empty_chunks": True}),
    ):
        adata.strings_to_categoricals()
        write_elem(zarr.open_group(beside, mode="w", zarr_format=2), "/", adata)
    return path


def _refuse_source(path: Path, source: Section | Images | Slide) -> None:
    if source.path is not None and path.resolve() == source.path.resolve():
        raise InputError(
            "Results are not written over the file they were made from", got=str(path), cure="Choose another name"
        )


def _ranks(scores: np.ndarray) -> np.ndarray:
    ranks = np.empty(len(scores), dtype=int)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks


def _add_image(adata: AnnData, section: Section) -> None:
    """Put positions and the tissue where scanpy looks for them, unless the file brought its own."""
    if "spatial" not in adata.obsm:
        adata.obsm["spatial"] = section.spots[:, ::-1].copy()
    spatial = dict(adata.uns.get("spatial", {}))
    libraries = [str(name) for name, entry in spatial.items() if isinstance(entry, Mapping)]
    library = (libraries[0] if libraries else section.name or "section").replace("/", "\N{DIVISION SLASH}")
    entry = dict(spatial.get(library, {}))
    scale = _world_per_position(adata, section)
    factors = {"spot_diameter_fullres": section.spot_diameter / scale, **entry.get("scalefactors", {})}
    if section.unit == "µm":
        factors.setdefault("microns_per_pixel", scale)
    images = dict(entry.get("images", {}))
    if section.image is not None and not images:
        images["hires"], pixel = _from_corner(section.image, scale * origin_of(adata))
        factors["tissue_hires_scalef"] = scale / pixel
    adata.uns["spatial"] = {**spatial, library: {**entry, "images": images, "scalefactors": factors}}


def _world_per_position(adata: AnnData, section: Section) -> float:
    positions = np.asarray(adata.obsm["spatial"], dtype=np.float64)
    extent = np.linalg.norm(positions - positions.mean(axis=0))
    ratio = float(np.linalg.norm(section.spots - section.spots.mean(axis=0)) / extent) if extent > 0 else 1.0
    return 1.0 if abs(ratio - 1) < EXACT else ratio


def _from_corner(image: TissueImage, origin: Float[np.ndarray, " 2"]) -> tuple[np.ndarray, float]:
    """The image from where positions are counted on, as those in ``uns["spatial"]`` are a mere scale times pixels."""
    top, left = map(float, origin)
    _, _, bottom, right = corners(image)
    pixel = max(pixel_size(image), (bottom - top) / LONGEST_SIDE, (right - left) / LONGEST_SIDE)
    height, width = round((bottom - top) / pixel), round((right - left) / pixel)
    return straightened(image, (top, left, top + height * pixel, left + width * pixel), pixel), pixel
