"""What every opened matrix must hold, whatever file it came from."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from conceptstain.errors import ReadingError

__all__ = ["check_names", "check_size", "counted", "kind_of_values", "several"]

SHOWN = 3  # names spelled out in an error


def check_size(matrix: csr_array, file: str) -> None:
    """Refuse a matrix that no map can be drawn of.

    Raises
    ------
    ReadingError
        No gene, fewer than two spots, or no expressed gene.
    """
    n_spots, n_genes = matrix.shape
    if n_genes == 0:
        raise ReadingError(f"{file} has no genes", got=f"{n_spots} spots x 0 genes", cure="Check how it was exported")
    if n_spots < 2:
        raise ReadingError(
            f"{file} has fewer than two spots",
            got=f"{n_spots} x {n_genes} (spots x genes)",
            cure="Open a section with its spots as rows; one spot makes no picture",
        )
    if matrix.count_nonzero() == 0:
        raise ReadingError(
            f"No gene is expressed in {file}",
            got=f"{n_spots} spots x {n_genes} genes, all 0",
            cure="Check that the counts were exported",
        )


def check_names(spots: pd.Index[str], genes: pd.Index[str], file: str) -> None:
    """Refuse names that do not tell spots or genes apart.

    Raises
    ------
    ReadingError
        A spot or gene is there twice.
    """
    for names, noun, cure in (
        (spots, "spot", "Give every spot its own name, or open one section at a time"),
        (genes, "gene", "Add up or rename the repeated genes (anndata: adata.var_names_make_unique())"),
    ):
        if names.is_unique:
            continue
        repeated = names[names.duplicated()].unique()
        more = ", ..." if len(repeated) > SHOWN else ""
        raise ReadingError(
            f"{file} has the same {noun} more than once",
            got=f"{len(repeated)} repeated: {', '.join(map(str, repeated[:SHOWN]))}{more}",
            cure=cure,
        )


def kind_of_values(matrix: csr_array, what: str) -> Literal["counts", "normalised"]:
    """Whether the values are counts, or values that someone has normalised.

    Parameters
    ----------
    matrix
        Spots x genes.
    what
        The file, and the matrix in it, for the message.

    Raises
    ------
    ReadingError
        A value is missing, infinite or negative.
    """
    values = matrix.data
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise ReadingError(
            f"{what} has values that are not numbers",
            got=f"{bad} missing or infinite values",
            cure="Write 0 where a gene was not found, or leave the spot out",
        )
    if len(values) and values.min() < 0:
        raise ReadingError(
            f"{what} has negative values",
            got=f"values down to {values.min():.4g}",
            cure="Open raw counts, or log-normalised values that are not centred or scaled",
        )
    return "counts" if np.array_equal(values, np.rint(values)) else "normalised"


def counted(number: int, noun: str) -> str:
    """A number with its noun, as a sentence says it: ``1 spot``, ``1,240 spots``."""
    return f"{number:,} {noun if number == 1 else several(noun)}"


def several(noun: str) -> str:
    """A noun in the plural: ``spots``, ``patches``."""
    return f"{noun}es" if noun.endswith("ch") else f"{noun}s"
