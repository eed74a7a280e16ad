"""Writing files whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from conceptstain.errors import InputError

__all__ = ["check_writable", "folder_written_whole", "put_back", "take_place", "written_whole"]


def check_writable(path: str | Path, *, overwrite: bool) -> Path:
    """Refuse a path that cannot or should not be written, before any work is done for it.

    Raises
    ------
    InputError
        The file exists and ``overwrite`` is False, the path is a folder, or its folder does not exist.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError("A file cannot be written in the place of a folder", got=str(path), cure="Give a file's name")
    if not path.parent.is_dir():
        raise InputError("The folder to write into does not exist", got=str(path.parent), cure="Make it first")
    if path.exists() and not overwrite:
        raise InputError(
            "The file exists already",
            got=str(path),
            cure="Choose another name, or allow it to be replaced (overwrite, --overwrite)",
        )
    return path


@contextmanager
def written_whole(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a name beside ``path`` to write to; it takes the place of ``path`` once the writing has succeeded.

    The name keeps the ending of ``path``, since many writers choose the format by it. After an error, nothing is left.
    What was written is on the disk before it takes its place, and its place before this returns: a loss of power, too,
    leaves the old file or the new one.

    Raises
    ------
    InputError
        See :func:`check_writable`.
    """
    path = check_writable(path, overwrite=overwrite)
    beside = _beside(path)
    try:
        yield beside
        _sync(beside)
        beside.replace(path)
        _sync(path.parent)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(path: str | Path, *, marks: tuple[str, ...], overwrite: bool = False) -> Iterator[Path]:
    """Give a folder's name beside ``path`` to write to; it takes the place of ``path`` once the writing has succeeded.

    No system replaces a folder that is not empty in one step: the old one is put aside, the new one takes its place,
    and the old one is removed. A program that is killed between the first two leaves the old one aside, whole, until
    :func:`put_back`. What was written is on the disk before.

    Parameters
    ----------
    path
        The folder to write.
    marks
        Names of which a folder must hold one to be replaced: no other folder of the user's is ever removed.
    overwrite
        Replace an existing folder of that kind.

    Raises
    ------
    InputError
        The folder exists and ``overwrite`` is False, it is another kind of folder or a file, or the folder around it
        does not exist.
    """
    path = Path(path)
    put_back(path)
    _check_folder(path, marks, overwrite=overwrite)
    beside = _beside(path)
    try:
        yield beside
        for inside in (beside, *beside.rglob("*")):
            _sync(inside)
        take_place(beside, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _check_folder(path: Path, marks: tuple[str, ...], *, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise InputError("The folder to write into does not exist", got=str(path.parent), cure="Make it first")
    if path.exists():
        if not overwrite:
            raise InputError(
                "The folder exists already",
                got=str(path),
                cure="Choose another name, or allow it to be replaced (overwrite, --overwrite)",
            )
        if not path.is_dir() or not any((path / mark).exists() for mark in marks):
            raise InputError(
                "Something of another kind is in the way", got=str(path), cure="Choose another name, or remove it"
            )


def take_place(beside: Path, path: Path) -> None:
    """Put a folder that is whole into the place of another, which is removed; see :func:`folder_written_whole`."""
    aside = _aside(path)
    _remove(aside)  # of a program that was killed when the new one had taken its place
    if path.exists():
        path.replace(aside)
    try:
        beside.replace(path)
    except OSError:
        put_back(path)
        raise
    _sync(path.parent)
    _remove(aside)


def _remove(folder: Path) -> None:
    """Remove a folder, under another name: half of it, if this is killed, must not be put back."""
    gone = _beside(folder)
    if folder.exists():
        folder.replace(gone)
        shutil.rmtree(gone, ignore_errors=True)


def put_back(path: Path) -> None:
    """Put a folder back that was put aside by :func:`folder_written_whole` in a program that was killed."""
    if path.suffix.lower() == ".zarr" and not path.exists():
        with suppress(OSError):  # nothing was put aside, or somebody else has put it back
            _aside(path).replace(path)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.stem}-{uuid4().hex[:8]}{path.suffix}")


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.stem}-before{path.suffix}")


def _sync(path: Path) -> None:
    """Have the system write what it still holds of a file, or of a folder's names, where it can."""
    with suppress(OSError):  # Windows opens no folders, and some file systems know no sync
        number = os.open(path, os.O_RDONLY if path.is_dir() or os.name == "posix" else os.O_RDWR)
        try:
            os.fsync(number)
        finally:
            os.close(number)
