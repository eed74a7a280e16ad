"""Matrices of features and barcodes as 10x programs write them: HDF5, or three files."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from conceptstain.canvas.expression import counted
from conceptstain.canvas.untrusted import check_hdf5, foreign_reader, read_at_most, refuse_size
from conceptstain.errors import ReadingError

__all__ = ["read_feature_h5", "read_feature_mtx"]

GENES = "Gene Expression"
GZIP = b"\x1f\x8b"
BYTES_PER_ENTRY = 24  # two indices and a value, while they are read
LARGEST_NAMES = 2**30
SHORTEST_LINE = 6  # "1 1 1" and its end: fewer bytes cannot hold an entry
BEST_RATIO = 1032  # deflate packs no more into a byte
CURE = "It was cut off or changed; copy the folder again"


def read_feature_h5(path: Path) -> tuple[AnnData, tuple[str, ...]]:
    """Spots x genes out of ``filtered_feature_bc_matrix.h5``, by scanpy's reader.

    Raises
    ------
    ReadingError
        Damaged, another kind of file, or larger than can be opened.
    """
    if path.stat().st_size == 0:
        raise ReadingError(f"{path.name} is empty", got="0 bytes", cure="Copy the folder again")
    with foreign_reader(path.name, "a matrix of 10x", CURE):
        import scanpy

        check_hdf5(path)
        adata = scanpy.read_10x_h5(path, gex_only=False)
        adata.X.check_format(full_check=True)
        return _genes_of(adata)


def read_feature_mtx(folder: Path) -> tuple[AnnData, tuple[str, ...]]:
    """Spots x genes out of ``matrix.mtx``, ``features.tsv`` (or ``genes.tsv``) and ``barcodes.tsv``, gzipped or not.

    Raises
    ------
    ReadingError
        A file is missing, damaged or does not fit the others.
    """
    matrix, barcodes = _found(folder, "matrix.mtx"), _found(folder, "barcodes.tsv")
    features = _found(folder, "features.tsv", "genes.tsv")
    with foreign_reader(matrix.name, "a matrix of 10x", CURE):
        from scipy.io import mmread

        _check_claim(matrix)
        with _unpacked(matrix) as file:
            values = sparse.csr_matrix(mmread(file, spmatrix=True).T)
        genes = _lines(features)
        spots = [row[0] for row in _lines(barcodes)]
    if values.shape != (len(spots), len(genes)):
        raise ReadingError(
            f"The files in {folder.name} do not belong together",
            got=f"{values.shape[0]:,} spots x {values.shape[1]:,} genes for {len(spots):,} barcodes and "
            f"{len(genes):,} features",
            cure="Copy all three from one run",
        )
    var = pd.DataFrame(
        {
            "gene_ids": [row[0] for row in genes],
            "feature_types": [row[2] if len(row) > 2 else GENES for row in genes],
        },
        index=pd.Index([row[1] if len(row) > 1 else row[0] for row in genes], dtype=object),
    )
    obs = pd.DataFrame(index=pd.Index(spots, dtype=object))
    with foreign_reader(matrix.name, "a matrix of 10x", CURE):
        return _genes_of(AnnData(values.astype(np.float32), obs, var))


def _genes_of(adata: AnnData) -> tuple[AnnData, tuple[str, ...]]:
    """Leave out antibodies and other features that are no genes, and say so."""
    if "feature_types" not in adata.var:
        return adata, ()
    genes = (adata.var["feature_types"].astype(str) == GENES).to_numpy()
    if genes.all() or not genes.any():
        return adata, ()
    left_out = counted(int((~genes).sum()), "feature")
    return adata[:, genes].copy(), (f"{left_out} other than gene expression left out.",)


def _found(folder: Path, *names: str) -> Path:
    # Cell Ranger 2 put the three files into a folder named by the genome.
    for place in (folder, *sorted(each for each in folder.iterdir() if each.is_dir())):
        for name in names:
            for each in (place / f"{name}.gz", place / name):
                if each.is_file():
                    return each
    raise ReadingError(
        f"{folder.name} lacks a file of its matrix", got=f"no {' or '.join(names)}", cure="Copy the folder again"
    )


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        if not packed:
            yield raw
            return
        with gzip.open(raw) as unpacked:
            yield unpacked  # type: ignore[misc]  # a GzipFile reads as a file does


def _lines(path: Path) -> list[list[str]]:
    """Cells of the lines; read as text, since a gene may be called NA."""
    with _unpacked(path) as file:
        content = read_at_most(file, LARGEST_NAMES)
    if content is None:
        raise ReadingError(
            f"{path.name} is too large for a list of names", got=f"more than {LARGEST_NAMES:,} bytes", cure=CURE
        )
    text = content.decode("utf-8")
    return [[cell.strip() for cell in line.split("\t")] for line in text.splitlines() if line.strip()]


def _check_claim(path: Path) -> None:
    """Refuse a header that claims more entries than the file can hold."""
    with _unpacked(path) as file:
        line = file.readline(1000)
        packed = isinstance(file, gzip.GzipFile)
        while line.startswith(b"%"):
            line = file.readline(1000)
    claimed = line.split()
    rows, columns, entries = (int(each) for each in claimed)
    refuse_size(BYTES_PER_ENTRY * entries + 8.0 * (rows + columns), path.name)
    holds = path.stat().st_size * (BEST_RATIO if packed else 1)
    if entries * SHORTEST_LINE > holds + SHORTEST_LINE:
        raise ReadingError(
            f"{path.name} claims more entries than it can hold",
            got=f"{entries:,} entries in {path.stat().st_size:,} bytes",
            cure=CURE,
        )
