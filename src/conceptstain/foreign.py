"""Other libraries on files that others wrote: what they say about a broken one, told in our words."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from conceptstain.errors import ConceptStainError, ReadingError

__all__ = ["foreign_reader"]


@contextmanager
def foreign_reader(file: str, kind: str, cure: str) -> Iterator[None]:
    """Whatever another library says about a broken file becomes an error in our words; its warnings are left out.

    Raises
    ------
    ReadingError
        The library failed, by whatever exception.
    """
    try:
        with warnings.catch_warnings():
            # Repeated names are told by ourselves, with what is done about them; older layouts are read as they are.
            warnings.simplefilter("ignore")
            yield
    except ConceptStainError:
        raise
    except Exception as error:  # a damaged file makes h5py, zarr, anndata and torch raise anything
        told = str(error).strip().split("\n")[0][:200]
        raise ReadingError(f"{file} cannot be read as {kind}", got=told or type(error).__name__, cure=cure) from error
