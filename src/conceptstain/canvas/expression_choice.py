"""Which matrix of an AnnData is used: counts where it has them, else values that someone has normalised."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from conceptstain.canvas.expression import counted, kind_of_values
from conceptstain.errors import ReadingError

__all__ = ["chosen_expression"]

COUNT_LAYERS = ("counts", "raw_counts", "raw_count", "raw", "umi", "umis")
LARGEST_LOG = 30.0  # a logarithm of a count never comes near it

Kind = Literal["counts", "normalised"]


def chosen_expression(
    adata: AnnData, file: str, stored_names: pd.Index[str] | None = None
) -> tuple[sparse.csr_array, Kind, tuple[str, ...]]:
    """The first matrix of whole numbers among a layer of counts, ``X`` and ``raw.X``; else the first usable one.

    Parameters
    ----------
    adata
        The file as read.
    file
        Name for messages.
    stored_names
        What the genes were called in the file, to find them in ``raw``; None: as they are.

    Returns
    -------
    matrix
        Spots x genes, float32, without stored zeros.
    kind
        What it holds.
    notes
        Which one it is, why, and what speaks against the others.

    Raises
    ------
    ReadingError
        No matrix, or none without negative and missing values.
    """
    candidates = _candidates(adata, adata.var_names if stored_names is None else stored_names)
    if not candidates:
        raise ReadingError(f"{file} has no expression matrix", got="no X", cure='Write X or layers["counts"]')
    usable: list[tuple[str, sparse.csr_array]] = []
    failures: list[ReadingError] = []
    passed_over: list[str] = []
    for name, values in candidates.items():
        try:
            matrix = _as_sparse(values, f"{name} of {file}")
            kind = kind_of_values(matrix, f"{name} of {file}")
        except ReadingError as error:
            failures.append(error)
            passed_over.append(f"{name} is not used: {error.got}.")
            continue
        if kind == "counts":
            notes = (f"Counts are read from {name}: its values are whole numbers.", *passed_over)
            return _without_zeros(matrix), "counts", (*notes, *_empty_spots(matrix))
        usable.append((name, matrix))
        passed_over.append(f"{name} is not used: its values are not whole numbers.")
    if not usable:
        raise failures[0]
    name, matrix = usable[0]
    told = [f"{name} does not hold whole numbers; it is taken as depth-normalised log values."]
    if "log1p" in adata.uns:
        told.append('That its values are logarithms is said in uns["log1p"].')
    elif len(matrix.data) and matrix.data.max() > LARGEST_LOG:
        told.append(
            f"Values up to {matrix.data.max():.4g} do not look like logarithms; put the counts in layers['counts']."
        )
    return _without_zeros(matrix), "normalised", (*told, *_empty_spots(matrix))


def _candidates(adata: AnnData, names: pd.Index[str]) -> dict[str, Any]:
    by_name = {str(name).lower(): str(name) for name in reversed(list(adata.layers.keys()))}
    layers = [by_name[name] for name in COUNT_LAYERS if name in by_name]
    found: dict[str, Any] = {f'layers["{name}"]': adata.layers[name] for name in layers}
    if adata.X is not None:
        found["X"] = adata.X
    raw = adata.raw
    if raw is not None and raw.X is not None:
        if raw.var_names.equals(names):
            found["raw.X"] = raw.X
        elif raw.var_names.is_unique and names.isin(raw.var_names).all():
            found["raw.X"] = raw.X[:, raw.var_names.get_indexer(names)]
    return found


def _as_sparse(values: Any, what: str) -> sparse.csr_array:
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return sparse.csr_array(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ReadingError(
            f"{what} does not hold numbers",
            got=f"values of type {getattr(values, 'dtype', type(values).__name__)}",
            cure="Write a dense or sparse matrix of numbers",
        ) from error


def _without_zeros(matrix: sparse.csr_array) -> sparse.csr_array:
    matrix = matrix.copy()
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _empty_spots(matrix: sparse.csr_array) -> tuple[str, ...]:
    empty = int((matrix.sum(axis=1) == 0).sum())
    return (f"{counted(empty, 'spot')} without any expression kept, at the value 0.",) if empty else ()
