"""Tab-separated tables of numbers: one row per spot, one column per gene."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from conceptstain.canvas.untrusted import read_at_most
from conceptstain.errors import ReadingError

__all__ = ["CountTable", "read_count_table"]

GZIP = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LARGEST_TEXT = 4 * 2**30
TAB, ZERO = ord("\t"), ord("0")
OTHER_DELIMITERS = {b",": "commas", b";": "semicolons", b" ": "spaces"}


@final
@dataclass(frozen=True, eq=False)
class CountTable:
    """A table as read: names of its rows and columns, and the values as spots x genes, float32."""

    spots: list[str]
    genes: list[str]
    matrix: csr_array


def read_count_table(path: Path) -> CountTable:
    """Read a table, gzipped or not; zeros, which are most of it, cost next to nothing.

    Raises
    ------
    ReadingError
        Truncated, not separated by tabs, without rows, with rows of different lengths or with cells not numbers.
    """
    lines = [line.rstrip(b"\r") for line in _content(path).removeprefix(BYTE_ORDER_MARK).split(b"\n")]
    # The numbers of the lines are kept as an editor shows them.
    filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not filled:
        raise ReadingError(f"{path.name} is empty", got="no lines", cure="Download or export it again")
    header = filled[0][1].split(b"\t")
    if len(header) == 1:
        raise _not_tabs(path, header[0])
    if len(filled) == 1:
        raise ReadingError(
            f"{path.name} has a header and no spots", got=f"{len(header)} columns", cure="Download or export it again"
        )
    # R writes no name above the row names.
    headed_rows = len(header) == filled[1][1].count(b"\t") + 1
    genes = [_name(cell, path) for cell in (header[1:] if headed_rows else header)]
    spots: list[str] = []
    columns: list[NDArray[np.int32]] = []
    values: list[NDArray[np.float32]] = []
    for number, line in filled[1:]:
        row = _row(line, genes, f"line {number} of {path.name}")
        spots.append(_name(line[: line.index(b"\t")], path))
        columns.append(row[0])
        values.append(row[1])
    starts = np.concatenate([[0], np.cumsum([len(row) for row in columns])])
    matrix = csr_array(
        (np.concatenate(values), np.concatenate(columns), starts.astype(np.int32)), shape=(len(spots), len(genes))
    )
    matrix.eliminate_zeros()
    return CountTable(spots, genes, matrix)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as raw:
            packed = raw.read(len(GZIP)) == GZIP
            raw.seek(0)
            # A small gzip file can unpack to any size; no more is read than can be kept.
            with gzip.open(raw) if packed else raw as file:
                content = read_at_most(file, LARGEST_TEXT)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ReadingError(
            f"{path.name} is not a whole gzip file", got=str(error), cure="It was cut off or damaged; download it again"
        ) from error
    if content is None:
        raise ReadingError(
            f"{path.name} is too large to be read as text",
            got=f"more than {LARGEST_TEXT / 2**30:.0f} GiB",
            cure="Write it as .h5ad with a sparse matrix",
        )
    return content


def _not_tabs(path: Path, header: bytes) -> ReadingError:
    counts = {name: header.count(delimiter) for delimiter, name in OTHER_DELIMITERS.items()}
    likely = max(counts, key=lambda name: counts[name])
    return ReadingError(
        f"{path.name} is not separated by tabs",
        got=f"a first line with {counts[likely]} {likely}" if counts[likely] else "a first line of one column",
        cure="Save it again as tab-separated text, one row per spot and one column per gene",
    )


def _name(cell: bytes, path: Path) -> str:
    try:
        return cell.strip().strip(b'"').decode()
    except UnicodeDecodeError as error:
        raise ReadingError(
            f"{path.name} is not a text file",
            got="names that are not UTF-8",
            cure="Save it as tab-separated UTF-8 text",
        ) from error


def _row(line: bytes, genes: list[str], where: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Columns and values of the cells that are not ``0``."""
    characters = np.frombuffer(line, dtype=np.uint8)
    tabs = np.flatnonzero(characters == TAB)
    if len(tabs) != len(genes):
        raise ReadingError(
            f"The number of values differs from the number of genes in {where}",
            got=f"{len(tabs)} values for {len(genes)} genes",
            cure="The file was cut off or edited; download or export it again",
        )
    lengths = np.diff(tabs, append=len(line)) - 1
    if lengths.min() < 1:
        gene = int(np.argmin(lengths))
        raise ReadingError(
            f"A value is missing in {where}", got=f"an empty cell for {genes[gene]}", cure="Write 0 for no count"
        )
    first = characters[tabs + 1]
    columns = np.flatnonzero((lengths > 1) | (first != ZERO))
    values = first[columns].astype(np.float32) - ZERO
    # Single digits are done; what is left is longer, or no number.
    for index in np.flatnonzero((lengths[columns] > 1) | (values < 0) | (values > 9)):
        column = columns[index]
        start = int(tabs[column]) + 1
        values[index] = _number(line[start : start + int(lengths[column])], genes[column], where)
    return columns.astype(np.int32), values


def _number(cell: bytes, gene: str, where: str) -> float:
    try:
        value = float(cell.strip(b'" '))
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        comma = b"," in cell
        raise ReadingError(
            f"A value is not a number in {where}",
            got=f"{cell.decode(errors='replace')!r} for {gene}",
            cure="Write numbers with a decimal point; a comma can mean two things" if comma else "Write 0 for no count",
        )
    return value
