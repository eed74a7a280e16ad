"""The genes of a layer: rows of the table in its metadata, matched to what it draws, or columns of its features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from conceptstain.canvas.expression import counted
from conceptstain.canvas.layer_elements import Elements, as_words, elements_of
from conceptstain.canvas.layer_source import LayerSource
from conceptstain.errors import InputError

__all__ = ["Matched", "check_genes", "matched_features", "matched_table", "table_in"]

TABLE = "adata"
ATTRIBUTES = "spatialdata_attrs"
LEAST_GENES = 10  # measurements of an image (area, intensity, ...) come by the handful
NOT_GENES = frozenset(
    {
        *("x", "y", "z", "t", "row", "col", "column", "array_row", "array_col", "imagerow", "imagecol"),
        *("x_centroid", "y_centroid", "pxl_row_in_fullres", "pxl_col_in_fullres"),
        *("index", "instance_id", "cell_id", "label", "region", "in_tissue", "area", "radius", "size", "value"),
        *("n_counts", "total_counts", "log1p_total_counts", "n_genes", "n_genes_by_counts", "log1p_n_genes_by_counts"),
        *("pct_counts_mt", "confidence"),
    }
)
"""Columns of numbers that are never genes, in small letters."""


class Matched(NamedTuple):
    """A table, the elements that its rows are about in the same order, and what was assumed."""

    adata: AnnData
    elements: Elements
    notes: tuple[str, ...]


def table_in(source: LayerSource) -> AnnData | None:
    """The table that a layer carries, as those of napari-spatialdata do."""
    table = source.metadata.get(TABLE)
    return table if isinstance(table, AnnData) else None


def check_genes(source: LayerSource, genes: Sequence[str] | None = None) -> None:
    """Refuse a layer that no section can be made of, without reading what it draws.

    Raises
    ------
    InputError
        An image, or neither a table with genes nor enough columns of numbers.
    """
    if source.kind == "image":
        elements_of(source, None)
    table = table_in(source)
    if table is None:
        _gene_columns(source, genes)
    elif genes is not None:
        raise InputError(
            f"The genes of the layer {source.name} are those of its table",
            got=f"genes= with {len(genes)} names",
            cure="Leave it out; it chooses columns of the features of a layer without a table",
        )
    elif not table.n_vars:
        raise InputError(
            f"The table of the layer {source.name} has no genes",
            got=f"{table.n_obs:,} rows with columns {', '.join(map(str, table.obs.columns[:5])) or '(none)'}",
            cure="Choose the layer of the spots or cells that were counted in, not that of single transcripts",
        )


def matched_table(source: LayerSource, table: AnnData) -> Matched:
    """The rows of a layer's table that are about what the layer draws, matched by their instance key.

    Where the table names no key, its rows are matched by their names, and by their order only if there are as many as
    elements that have no names.

    Raises
    ------
    InputError
        No row, or two, for an element; or rows and elements that nothing matches.
    """
    table, notes = _rows_of_region(source, table)
    key = _key(source, table)
    elements = elements_of(source, key)
    if elements.names is None:
        if key is not None or table.n_obs != len(elements.centres):
            by = f"rows by {key!r}" if key is not None else "rows"
            raise InputError(
                f"The table of the layer {source.name} cannot be matched to its {source.kind}",
                got=f"{table.n_obs:,} {by}, {len(elements.centres):,} {source.kind} without names",
                cure='Write what each is called in metadata["indices"], and the column with it in '
                'metadata["instance_key"]',
            )
        note = f"The table names no key: its rows are taken in the order of the {source.kind}."
        return Matched(table, elements, (*notes, note))
    instances = as_words(table.obs_names if key is None else table.obs[key])
    at = elements.names.get_indexer(instances)
    found = at >= 0
    if not found.any():
        shown = instances[0] if len(instances) else "(none)"
        raise InputError(
            f"No row of the table is about anything that the layer {source.name} draws",
            got=f"{len(instances):,} rows such as {shown!r}, and {len(elements.names):,} {source.kind}"
            + (f" such as {elements.names[0]!r}" if len(elements.names) else ""),
            cure="Match table and element with spatialdata.match_table_to_element, or name the column of the instances "
            'in metadata["instance_key"]',
        )
    twice = pd.Index(instances[found]).duplicated()
    if twice.any():
        raise InputError(
            f"The table of the layer {source.name} has several rows for one of its {source.kind}",
            got=f"{int(twice.sum()):,} repeated, such as {instances[found][twice][0]!r}",
            cure="Keep one row for each, or the rows of one region",
        )
    told = list(notes)
    if not found.all():
        told.append(f"{counted(int((~found).sum()), 'row')} of the table about nothing in the layer left out.")
    bare = len(elements.names) - int(found.sum())
    if bare:
        told.append(f"{bare:,} of the layer's {len(elements.names):,} {source.kind} have no row and are left out.")
    return Matched(table[found], _chosen(elements, at[found]), tuple(told))


def matched_features(source: LayerSource, genes: Sequence[str] | None = None) -> Matched:
    """The columns of a layer's features as a table: numbers are genes, the rest annotates.

    Raises
    ------
    InputError
        Too few columns of numbers, or none of the names asked for.
    """
    columns, left = _gene_columns(source, genes)
    features = source.features
    numbers = features.iloc[:, columns]
    obs = features.iloc[:, [place for place in range(features.shape[1]) if place not in set(columns)]]
    adata = AnnData(
        X=numbers.to_numpy(dtype=np.float32),
        obs=obs.set_axis(pd.Index([str(number) for number in range(len(features))]), axis=0),
        var=pd.DataFrame(index=pd.Index([str(name) for name in numbers.columns], dtype=object)),
    )
    note = f"The genes are the {len(columns):,} columns of numbers in the features of the layer."
    aside = f"Columns taken for annotations: {', '.join(left)}." if left else ""
    return Matched(adata, elements_of(source, None), tuple(filter(None, (note, aside))))


def _gene_columns(source: LayerSource, genes: Sequence[str] | None) -> tuple[list[int], list[str]]:
    """Places of the columns with genes, and names of the columns of numbers that are none."""
    names = [str(name) for name in source.features.columns]
    numeric = [place for place, kind in enumerate(source.features.dtypes) if kind.kind in "iuf"]
    if genes is not None:
        lacking = [gene for gene in genes if gene not in {names[place] for place in numeric}]
        chosen = [place for place in numeric if names[place] in set(genes)]
        if lacking or not chosen:
            raise InputError(
                f"The features of the layer {source.name} have no column of numbers of that name",
                got=", ".join(map(repr, lacking[:3])) or "no genes",
                cure=f"Choose among: {', '.join(names[place] for place in numeric[:8]) or 'none (no numbers)'}",
            )
        return chosen, [names[place] for place in numeric if place not in chosen]
    chosen = [place for place in numeric if names[place].lower() not in NOT_GENES]
    if len(chosen) < LEAST_GENES:
        held = f": {', '.join(names[place] for place in chosen[:5])}" if chosen else ""
        raise InputError(
            f"The layer {source.name} holds no genes",
            got=f"no table, and {counted(len(chosen), 'column')} of numbers in its features" + held,
            cure='Give it a table (metadata["adata"]) or a column of features for each gene; a few are taken where '
            "genes= names them",
        )
    return chosen, [names[place] for place in numeric if place not in chosen]


def _rows_of_region(source: LayerSource, table: AnnData) -> tuple[AnnData, tuple[str, ...]]:
    """The rows about the layer's element, where the table is about several."""
    attributes = _attributes(table)
    column = attributes.get("region_key") or source.metadata.get("region_key")
    if column is None or column == _key(source, table) or column not in table.obs:
        return table, ()
    regions = table.obs[column].astype(str)
    present = list(dict.fromkeys(regions))
    element = str(source.metadata.get("name"))
    if len(present) < 2:
        return table, ()
    if element not in present:
        raise InputError(
            f"The table of the layer {source.name} is about several regions, none of them this layer",
            got=f"obs[{column!r}] with {', '.join(present[:3])}; the layer shows {element}",
            cure='Write the name of the region in metadata["name"]',
        )
    return table[(regions == element).to_numpy()], (f"The rows are those of {element} (obs[{column!r}]).",)


def _key(source: LayerSource, table: AnnData) -> str | None:
    """The column of ``obs`` with the instances; earlier versions of napari-spatialdata gave labels none of their own.

    Raises
    ------
    InputError
        A key is named, and there is no such column.
    """
    told = _attributes(table).get("instance_key") or source.metadata.get("instance_key")
    if told is None:
        return None
    if told not in table.obs:
        raise InputError(
            f"The table of the layer {source.name} lacks the column that says what its rows are about",
            got=f"instance_key {told!r}, columns {', '.join(map(str, table.obs.columns[:5])) or '(none)'}",
            cure='Name another column in metadata["instance_key"] and uns["spatialdata_attrs"]',
        )
    return str(told)


def _attributes(table: AnnData) -> Mapping[str, Any]:
    told = table.uns.get(ATTRIBUTES)
    return told if isinstance(told, Mapping) else {}


def _chosen(elements: Elements, at: NDArray[np.intp]) -> Elements:
    names = None if elements.names is None else elements.names[at]
    return Elements(elements.centres[at], elements.diameters[at], names)
