"""Telling files and sections by their content."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from conceptstain.canvas.section import Section

__all__ = ["FileState", "file_state", "section_fingerprint", "sha256_of"]

FileState: TypeAlias = tuple[int, int, int]
"""What tells a file or folder from one that took its place."""

_known: WeakKeyDictionary[Section, str] = WeakKeyDictionary()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; of a folder (``.zarr``, Visium), that of its files' names and contents."""
    if not path.is_dir():
        state = path.stat()
        return _of_file(path.resolve(), state.st_size, state.st_mtime_ns)
    digest = hashlib.sha256()
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\n{sha256_of(file)}\n".encode())
    return digest.hexdigest()


def file_state(path: Path | None) -> FileState | None:
    """Which file or folder of ours lies there now: they are always written anew, never into. None: there is none."""
    if path is None or not path.exists():
        return None
    state = path.stat()
    return state.st_ino, state.st_size, state.st_mtime_ns


@lru_cache(maxsize=64)
def _of_file(path: Path, _size: int, _mtime: int) -> str:
    """Of a file as it is now; autosaving asks again and again."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def section_fingerprint(section: Section) -> str:
    """SHA-256 over what is computed with: names of spots and genes, positions and expression; made once per section."""
    if section not in _known:
        digest = hashlib.sha256(f"{section.unit} {section.counts} {section.matrix.shape}\n".encode())
        for names in (section.adata.obs_names, section.adata.var_names):
            digest.update("\n".join(map(str, names)).encode())
        digest.update(np.asarray(section.spots, dtype=np.float64).tobytes())
        matrix = section.matrix
        if not matrix.has_canonical_format:
            matrix = matrix.copy()
            matrix.sum_duplicates()
        for part in (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data.astype(np.float32)):
            digest.update(part.tobytes())
        _known[section] = digest.hexdigest()
    return _known[section]
