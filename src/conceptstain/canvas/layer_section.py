"""Sections from layers that something else put into a napari viewer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from jaxtyping import Float
from scipy import sparse

from conceptstain.canvas.anndata_section import ORIGIN, on_tissue, origin_of
from conceptstain.canvas.expression import check_names, check_size
from conceptstain.canvas.expression_choice import chosen_expression
from conceptstain.canvas.gene_names import name_genes
from conceptstain.canvas.layer_picture import check_picture, picture_of
from conceptstain.canvas.layer_source import LayerSource
from conceptstain.canvas.layer_table import Matched, check_genes, matched_features, matched_table, table_in
from conceptstain.canvas.section import Section, TissueImage
from conceptstain.canvas.section_choice import held_sections
from conceptstain.canvas.spot_positions import FARTHEST, nearest_distance
from conceptstain.canvas.tissue_image import check_placing
from conceptstain.errors import InputError, ReadingError

__all__ = ["check_layer", "check_layer_as_image", "open_layer", "section_of_layer"]

PLACED = "Check the scale, translation and affine of both layers, or leave the picture out"


def open_layer(
    layer: Any, *, image: Any = None, genes: Sequence[str] | None = None, gene_names: str | None = None
) -> Section:
    """Open a section from a napari layer: points, shapes or labels that hold genes.

    A layer holds genes in a table, ``metadata["adata"]``, as those of napari-spatialdata do, whose rows are matched to
    what the layer draws by the table's instance key; or in its features, one column of numbers for each gene. The spots
    are the points, or the centres of shapes and labels, where the layer shows them: scale, translation, rotation, shear
    and affine count. The layers are not changed, and the section does not need them afterwards.

    Parameters
    ----------
    layer
        A two-dimensional ``napari.layers.Points``, ``Shapes`` or ``Labels``.
    image
        A ``napari.layers.Image`` to lie under the spots; None: no picture.
    genes
        Which columns of the features are genes. None: all columns of numbers but those that are well known to be none
        (``x``, ``total_counts``, ...), if there are ten or more.
    gene_names
        Column of the table's ``var`` with the names of the genes, as in :func:`conceptstain.open`.

    Returns
    -------
    Section
        Without a path. The unit is the micrometre where the layer's units are lengths, or its coordinate system is
        called by it; else the pixel. ``adata.X`` is the expression that is used.

    Raises
    ------
    InputError
        The layer cannot be taken; the message says why.
    """
    picture = None if image is None else LayerSource.of(image)
    return section_of_layer(LayerSource.of(layer), picture, genes=genes, gene_names=gene_names)


def check_layer(layer: Any) -> LayerSource:
    """What a layer says, if a section can be made of it as far as can be told at once.

    Raises
    ------
    InputError
        It cannot; the message says why.
    """
    source = LayerSource.of(layer)
    check_genes(source)
    return source


def check_layer_as_image(layer: Any) -> LayerSource:
    """What a layer says, if it can be the picture under a section.

    Raises
    ------
    InputError
        It cannot; the message says why.
    """
    source = LayerSource.of(layer)
    check_picture(source)
    return source


def section_of_layer(
    source: LayerSource,
    picture: LayerSource | None = None,
    *,
    genes: Sequence[str] | None = None,
    gene_names: str | None = None,
) -> Section:
    """As :func:`open_layer`, from what the layers said at one moment; the layers may be gone.

    Raises
    ------
    InputError
        See :func:`open_layer`.
    """
    name = source.name
    check_genes(source, genes)
    with _told_of_layers():
        table = table_in(source)
        matched = matched_features(source, genes) if table is None else matched_table(source, table)
        adata, notes = matched.adata.copy(), [f"Taken from the layer {name}; no file was read.", *matched.notes]
        stored = adata.var_names.copy()
        adata.var_names = pd.Index(stored.astype(str))
        notes += name_genes(adata, name, gene_names)
        matrix, kind, told = chosen_expression(adata, name, stored)
        check_names(adata.obs_names, adata.var_names, name)
        check_size(matrix, name)
        notes += told
        spots = _spots(source, matched)
        diameter, told = _diameter(source, matched, nearest_distance(spots, name))
        notes += told
        if source.unit == "px":
            notes.append("The layer does not give lengths, so they are in pixels, as the viewer counts them.")
        tissue: TissueImage | None = None
        if picture is not None:
            tissue, told = picture_of(picture, source.unit)
            notes += (*told, *check_placing(tissue, spots, picture.name, PLACED))
        whole = _self_contained(adata, matrix, spots, tissue)
        spots = whole.obsm["spatial"][:, ::-1] + origin_of(whole)  # to the last digit what a saved file will say
        kept, told = on_tissue(whole, name)
        _refuse_several(kept, name)
    rows = whole.obs_names.get_indexer(kept.obs_names)
    return Section(
        name=name,
        adata=kept,
        matrix=matrix[rows],
        spots=spots[rows],
        unit=source.unit,
        spot_diameter=diameter,
        counts=kind,
        image=tissue,
        notes=(*notes, *told),
    )


def _spots(source: LayerSource, matched: Matched) -> Float[np.ndarray, "spots 2"]:
    to_world = source.placed_in(source.unit)
    spots = matched.elements.centres @ to_world[:2, :2].T + to_world[:2, 2]
    bad = ~(np.abs(spots) <= FARTHEST).all(axis=1)  # NaN is not below anything
    if bad.any():
        raise InputError(
            f"The layer {source.name} does not say where its {source.kind} lie",
            got=f"{int(bad.sum()):,} of {len(spots):,} positions missing, infinite or beyond {FARTHEST:g}",
            cure="Leave these out of the layer",
        )
    return np.asarray(spots)


def _diameter(source: LayerSource, matched: Matched, nearest: float) -> tuple[float, tuple[str, ...]]:
    """As large as the layer draws its elements, unless they would hide each other."""
    sizes = matched.elements.diameters
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    linear = source.placed_in(source.unit)[:2, :2]
    drawn = float(np.median(sizes)) * float(np.sqrt(abs(np.linalg.det(linear)))) if len(sizes) else 0.0
    if 0 < drawn <= 1.5 * nearest:
        return drawn, ()
    why = "larger than their spacing" if drawn else "without any size"
    return nearest / 2, (
        f"The layer draws its {source.kind} {why}; the spots are drawn half as wide as their spacing.",
    )


def _self_contained(
    adata: AnnData, matrix: sparse.csr_array, spots: Float[np.ndarray, "spots 2"], image: TissueImage | None
) -> AnnData:
    """An AnnData that can be saved and read again as this very section, whatever the table in memory held.

    ``obsm["spatial"]`` counts from the corner of the picture, as pixels of a picture do.
    """
    corner = np.zeros(2) if image is None else _corner(image)
    return AnnData(
        uns={ORIGIN: corner},
        X=sparse.csr_matrix(matrix),
        obs=_writable(adata.obs),
        var=_writable(adata.var),
        obsm={"spatial": np.ascontiguousarray((spots - corner)[:, ::-1])},
    )


def _corner(image: TissueImage) -> Float[np.ndarray, " 2"]:
    """Upper left corner ``(y, x)`` of the box around a picture."""
    height, width = image.pixels.shape[:2]
    corners = np.array([[y, x, 1.0] for y in (-0.5, height - 0.5) for x in (-0.5, width - 0.5)])
    return np.asarray((corners @ image.to_world.T)[:, :2].min(axis=0))


def _writable(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose columns ``.h5ad`` can hold: names and mixed values as text, each name once."""
    named = table.set_axis([str(name).replace("/", "\N{DIVISION SLASH}") for name in table.columns], axis=1)
    named = named.loc[:, ~named.columns.duplicated() & (named.columns != "_index")].copy()
    named.index = pd.Index(table.index.astype(str), dtype=object, name=None)
    for column in named.columns:
        values = named[column]
        if values.dtype.kind not in "iufb" and str(values.dtype) != "category":
            named[column] = values.astype(object).where(values.isna(), values.astype(str)).astype("category")
    return named


def _refuse_several(adata: AnnData, name: str) -> None:
    held = held_sections(adata, name)
    if len(held.names) > 1:
        raise InputError(
            f"The layer {name} holds several sections",
            got=f"obs[{held.column!r}] with {', '.join(held.names[:3])}",
            cure="Show each in a layer of its own",
        )


@contextmanager
def _told_of_layers() -> Iterator[None]:
    """What is wrong with a table in memory is no matter of files."""
    try:
        yield
    except ReadingError as error:
        raise InputError(error.what, got=error.got, cure=error.cure) from error
