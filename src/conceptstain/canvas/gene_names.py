"""What genes are called: symbols rather than the ids of a database, each name once."""

from __future__ import annotations

import re
import warnings

import pandas as pd
from anndata import AnnData
from anndata.utils import make_index_unique

from conceptstain.canvas.expression import counted
from conceptstain.errors import ReadingError

__all__ = ["name_genes"]

ENSEMBL = re.compile(r"ENS[A-Z]{0,6}G\d{6,}(\.\d+)?")
SYMBOL_COLUMNS = (
    "gene_symbols",
    "gene_symbol",
    "gene_name",
    "gene_names",
    "feature_name",
    "symbol",
    "symbols",
    "gene_short_name",
    "hgnc_symbol",
    "mgi_symbol",
    "external_gene_name",
    "name",
)
MOSTLY = 0.5
SHOWN = 3


def name_genes(adata: AnnData, file: str, column: str | None = None) -> tuple[str, ...]:
    """Give the genes the names of a column of ``var``, and tell apart those that share one; changes ``adata``.

    The names that were there are kept in ``var["gene_ids"]``, unless that column exists.

    Parameters
    ----------
    adata
        Genes as read.
    file
        Name for messages.
    column
        Column with the names. None: where most names are Ensembl ids, the first column with symbols that has one of
        the names that readers use.

    Returns
    -------
    tuple of str
        What was done.

    Raises
    ------
    ReadingError
        No such column.
    """
    notes: list[str] = []
    if column is not None and column not in adata.var:
        raise ReadingError(
            f"{file} has no column of that name for its genes",
            got=repr(column),
            cure=f"Choose one of: {', '.join(map(str, adata.var.columns)) or 'none (var has no columns)'}",
        )
    chosen = column or _symbol_column(adata)
    ids = pd.Index(adata.var_names.astype(str))
    names = ids
    if chosen is not None:
        told = adata.var[chosen].astype("object")
        missing = told.isna().to_numpy() | told.astype(str).str.strip().isin(["", "nan", "NA"]).to_numpy()
        names = pd.Index(
            [old if lacks else str(new).strip() for old, new, lacks in zip(ids, told, missing, strict=True)]
        )
        notes.append(f"Genes are called by var[{chosen!r}]" + ("." if column else "; the names were Ensembl ids."))
        if missing.any():
            notes.append(f"{counted(int(missing.sum()), 'gene')} without a name there keep their id.")
    if not names.is_unique:
        repeated = names[names.duplicated()].unique()
        shown = ", ".join(repeated[:SHOWN]) + (", ..." if len(repeated) > SHOWN else "")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names = make_index_unique(names)
        notes.append(
            f"{counted(len(repeated), 'gene name')} used more than once ({shown}); those after the first have -1, -2, "
            "... added."
        )
    if not names.equals(ids):
        if "gene_ids" not in adata.var:
            adata.var["gene_ids"] = ids.to_numpy()
        adata.var_names = pd.Index(names, dtype=object, name=None)
    return tuple(notes)


def _symbol_column(adata: AnnData) -> str | None:
    """The column with symbols, where the names are ids."""
    if not adata.n_vars or _share_of_ids(adata.var_names) < MOSTLY:
        return None
    by_name = {str(name).lower(): str(name) for name in adata.var.columns}
    for name in SYMBOL_COLUMNS:
        if name not in by_name:
            continue
        values = adata.var[by_name[name]].dropna().astype(str)
        if len(values) >= MOSTLY * adata.n_vars and _share_of_ids(values) < MOSTLY:
            return by_name[name]
    return None


def _share_of_ids(names: pd.Index[str] | pd.Series[str]) -> float:
    return sum(ENSEMBL.fullmatch(str(name)) is not None for name in names) / len(names)
