"""Writing files whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from conceptstain.errors import InputError

__all__ = ["check_writable", "written_whole"]


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
            "The file exists already", got=str(path), cure="Choose another name, or allow it to be replaced (overwrite)"
        )
    return path


@contextmanager
def written_whole(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a name beside ``path`` to write to; it takes the place of ``path`` once the writing has succeeded.

    The name keeps the ending of ``path``, since many writers choose the format by it. After an error, nothing is left.

    Raises
    ------
    InputError
        See :func:`check_writable`.
    """
    path = check_writable(path, overwrite=overwrite)
    beside = path.with_name(f".{path.stem}-{uuid4().hex[:8]}{path.suffix}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
