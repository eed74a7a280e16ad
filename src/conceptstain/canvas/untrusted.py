"""Files that other programs wrote: what they claim is checked before any memory is taken for it."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from gzip import GzipFile
from io import BufferedReader
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

import h5py
import numpy as np

from conceptstain.errors import ReadingError
from conceptstain.foreign import foreign_reader

__all__ = [
    "LARGEST_BYTES",
    "check_hdf5",
    "check_pieces",
    "check_zarr",
    "check_zip",
    "foreign_reader",
    "read_at_most",
    "refuse_size",
]

LARGEST_BYTES = 16 * 2**30
"""What the arrays of one file may claim together; larger sections are opened by parts."""

PART = 2**20
MOST_PIECES = 10**7
NEVER_EMPTY = ("indices", "data", "_index")  # parts of zarr arrays that no writer leaves out because they are all zero


def read_at_most(file: IO[bytes] | GzipFile | BufferedReader, limit: int) -> bytes | None:
    """All that is in a file, or None if it is more than ``limit`` bytes; memory is taken as the bytes come."""
    content = bytearray()
    while part := file.read(PART):
        content += part
        if len(content) > limit:
            return None
    return bytes(content)


def refuse_size(n_bytes: float, file: str) -> None:
    """Refuse what would not fit into memory.

    Raises
    ------
    ReadingError
        More than :data:`LARGEST_BYTES`.
    """
    if n_bytes > LARGEST_BYTES:
        raise ReadingError(
            f"{file} claims more than can be opened at once",
            got=f"arrays of {n_bytes / 2**30:,.0f} GiB; the limit is {LARGEST_BYTES / 2**30:.0f} GiB",
            cure="Write a part of it (fewer spots, genes or layers) or a sparse matrix, and open that",
        )


def check_hdf5(path: Path) -> None:
    """Refuse an HDF5 file that claims too much, contradicts itself or points to other files.

    Raises
    ------
    ReadingError
        As said; or a part of the file that HDF5 cannot read.
    """
    with h5py.File(path, "r") as file:
        refuse_size(sum(map(_claim, _hdf5_objects(file, path.name))), path.name)


def _hdf5_objects(root: Any, file: str) -> Iterator[Any]:
    """Every group and dataset once, even where links form a ring."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        group = waiting.pop()
        for name in group:
            if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                raise _points_elsewhere(file, f"{name!r}")
            each = group.get(name)  # None for a link to nowhere
            address = None if each is None else h5py.h5o.get_info(each.id).addr
            if address is None or address in seen:
                continue
            seen.add(address)
            if isinstance(each, h5py.Group):
                _check_sparse(each, file)
                waiting.append(each)
            elif isinstance(each, h5py.Dataset) and (each.external or each.is_virtual):
                raise _points_elsewhere(file, f"{name!r}")
            yield each


def _claim(each: Any) -> float:
    shape = getattr(each, "shape", None)
    return 0.0 if shape is None else float(np.prod(shape, dtype=float)) * each.dtype.itemsize


def _points_elsewhere(file: str, what: str) -> ReadingError:
    return ReadingError(
        f"{file} points to other files", got=f"{what} outside of it", cure="Write a file that holds all of its data"
    )


def _check_sparse(group: Any, file: str) -> None:
    """Refuse a sparse matrix whose shape is not that of its pointers."""
    kind = group.attrs.get("encoding-type")
    if kind not in {"csr_matrix", "csc_matrix"} or not {"data", "indices", "indptr"} <= set(group):
        return
    shape = tuple(int(side) for side in group.attrs["shape"])
    n_pointers, n_indices, n_values = (int(group[part].shape[0]) for part in ("indptr", "indices", "data"))
    if n_pointers != shape[0 if kind == "csr_matrix" else 1] + 1 or n_indices != n_values:
        raise ReadingError(
            f"{file} holds a sparse matrix that contradicts itself",
            got=f"{group.name}: {shape[0]:,} x {shape[1]:,} with {n_pointers:,} pointers, {n_indices:,} indices and "
            f"{n_values:,} values",
            cure="Write the file again",
        )


def check_zarr(group: Any, file: str) -> tuple[str, ...]:
    """Refuse a zarr group that claims too much, contradicts itself or lacks pieces; say which pieces count as zeros.

    Missing pieces of an array mean zeros in zarr. In the indices of a sparse matrix or in names they mean a copy that
    was cut off.

    Parameters
    ----------
    group
        A ``zarr.Group``.
    file
        Name for the message.

    Raises
    ------
    ReadingError
        As said.
    """
    import zarr

    total, notes = 0.0, []
    _check_sparse(group, file)
    for name, each in group.members(max_depth=None):
        if isinstance(each, zarr.Group):
            _check_sparse(each, file)
            continue
        total += _claim(each)
        refuse_size(total, file)
        missing = each.nchunks - each.nchunks_initialized if each.ndim and each.size else 0
        if not missing:
            continue
        last = name.split("/")[-1]
        if last in NEVER_EMPTY or name == "obsm/spatial":
            raise ReadingError(
                f"{file} is not whole",
                got=f"{missing:,} of {each.nchunks:,} pieces of {name} missing",
                cure="It was cut off or copied in part; copy or download it again",
            )
        if name == "X" or name.startswith("layers/"):
            notes.append(f"{missing:,} of {each.nchunks:,} pieces of {name} are absent, which zarr takes as zeros.")
    return tuple(notes)


def check_pieces(group: Any, file: str) -> None:
    """Refuse zarr arrays that claim to be cut into more pieces than can be listed.

    Raises
    ------
    ReadingError
        More than :data:`MOST_PIECES`.
    """
    import zarr

    for name, each in group.members(max_depth=None):
        if isinstance(each, zarr.Array) and each.nchunks > MOST_PIECES:
            raise ReadingError(
                f"{file} claims more than can be opened at once",
                got=f"{name} in {each.nchunks:,} pieces",
                cure="Write it in larger pieces",
            )


def check_zip(path: Path) -> None:
    """Refuse an archive with names that lead out of it, links, or more than can be opened.

    Raises
    ------
    ReadingError
        As said, or not a whole zip file.
    """
    with foreign_reader(path.name, "a zip file", "It was cut off or damaged; download it again"):
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        for entry in entries:
            inside, windows = PurePosixPath(entry.filename), PureWindowsPath(entry.filename)
            if ".." in (*inside.parts, *windows.parts) or inside.is_absolute() or windows.drive or windows.root:
                raise _points_elsewhere(path.name, repr(entry.filename))
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise _points_elsewhere(path.name, f"the link {entry.filename!r}")
        refuse_size(sum(entry.file_size for entry in entries), path.name)
