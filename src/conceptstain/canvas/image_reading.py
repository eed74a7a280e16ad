"""Opening a set of pictures: every one is read once, so that those that cannot be used are known from the start."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from conceptstain.canvas.expression import counted
from conceptstain.canvas.image_file import RawPicture, axes_of, plain, read_page
from conceptstain.canvas.images import Images, LeftOut, StoredPicture
from conceptstain.canvas.pixel_values import kind_of, ranges_of
from conceptstain.canvas.world_scale import Told
from conceptstain.errors import InputError, ReadingError
from conceptstain.progress import Report, Step, silent

__all__ = ["images_of_arrays", "images_of_files"]

SHOWN = 5  # names spelled out in a note


class Candidate(NamedTuple):
    """A picture that may turn out to be one."""

    name: str
    path: Path | None
    read: Callable[[], RawPicture]


def images_of_files(
    paths: Sequence[Path],
    name: str,
    *,
    path: Path | None = None,
    told: Told | None = None,
    report: Report = silent,
) -> Images:
    """Read the pictures of files, every page of a TIFF as one.

    Parameters
    ----------
    paths
        The files, in the order that the pictures get.
    name
        Name of the set.
    path
        What was opened, for the record.
    told
        Where the pictures lie, as :func:`told_place` has it; None: nowhere but on their pixels.
    report
        Called after every file.

    Raises
    ------
    ReadingError
        None of them can be read.
    """
    notes: list[str] = []

    def candidates() -> Iterator[Candidate | LeftOut]:
        names = _names(paths)
        for index, (file, called) in enumerate(zip(paths, names, strict=True)):
            try:
                axes = axes_of(file)
            except ReadingError as error:
                yield LeftOut(called, _reason(error, file))
                continue
            n_pages = int(np.prod(list(axes.values()), dtype=int))
            if len(axes) > 1 or "C" in axes:
                counts = " x ".join(f"{axis} {length}" for axis, length in axes.items())
                notes.append(f"{called} holds {n_pages:,} planes ({counts}), each taken as a picture.")
            for page in range(n_pages):
                yield Candidate(called if n_pages == 1 else f"{called}[{page}]", file, partial(read_page, file, page))
            report(Step(index + 1, len(paths), "Reading images"))

    return _gathered(candidates(), name, notes, path, told)


def images_of_arrays(
    arrays: Any,
    name: str = "images",
    *,
    names: Sequence[str] | None = None,
    told: Told | None = None,
    report: Report = silent,
) -> Images:
    """Pictures from arrays: a stack ``(pictures, height, width)`` or ``(pictures, height, width, 3)``, or a list.

    Parameters
    ----------
    arrays
        Of numpy, dask or zarr; pictures of a lazy stack are computed one by one. Their sizes may differ in a list.
    name
        Name of the set.
    names
        One per picture; None: their numbers, from 0, as a slider counts them.
    told
        Where the pictures lie, as :func:`told_place` has it; None: nowhere but on their pixels.
    report
        Called after every picture.

    Raises
    ------
    InputError
        No stack, or another number of names than of pictures.
    ReadingError
        None of them can be used.
    """
    n_pictures = int(arrays.shape[0]) if hasattr(arrays, "shape") else len(arrays)
    if names is not None and len(names) != n_pictures:
        raise InputError(
            "Every picture needs one name",
            got=f"{len(names)} names for {counted(n_pictures, 'picture')}",
            cure="Leave names= out",
        )
    called = [str(index) for index in range(n_pictures)] if names is None else [str(each) for each in names]
    _refuse_repeated(called)

    def candidates() -> Iterator[Candidate | LeftOut]:
        for index in range(n_pictures):
            yield Candidate(called[index], None, partial(_from_array, arrays, index, called[index]))
            report(Step(index + 1, n_pictures, "Reading images"))

    return _gathered(candidates(), name, [], None, told)


def _from_array(arrays: Any, index: int, name: str) -> RawPicture:
    # a view: what is kept is marked as read-only, which the caller's own array must not become
    return plain(np.asarray(arrays[index]).view(), name)


def _gathered(
    candidates: Iterable[Candidate | LeftOut], name: str, notes: list[str], path: Path | None, told: Told | None
) -> Images:
    """All that can be read, with what is said about it."""
    stored: list[StoredPicture] = []
    left_out: list[LeftOut] = []
    conversions: Counter[str] = Counter()
    for position, candidate in enumerate(candidates):
        if isinstance(candidate, LeftOut):
            left_out.append(candidate)
            continue
        try:
            raw = candidate.read()
            stored.append(_stored(candidate, position, raw.pixels))
        except ReadingError as error:
            left_out.append(LeftOut(candidate.name, _reason(error, candidate.path)))
            continue
        conversions.update(raw.conversions)
    if not stored:
        raise _nothing(name, left_out)
    ranges = ranges_of((each.kind, each.low, each.high) for each in stored)
    where, unit, note = told or (np.eye(3), "px", "")
    said = [
        *notes,
        *_left_out_told(left_out, len(stored)),
        *(f"In {counted(number, 'picture')} {what}." for what, number in sorted(conversions.items())),
        *(each.note for each in ranges.values() if each.note),
        *_mixture_told(stored),
        *([note] if note else []),
    ]
    return Images(name, tuple(stored), ranges, where, unit, path, tuple(left_out), tuple(said))


def _stored(candidate: Candidate, position: int, pixels: np.ndarray) -> StoredPicture:
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype.str}".encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
    return StoredPicture(
        name=candidate.name,
        position=position,
        size=(int(pixels.shape[0]), int(pixels.shape[1])),
        coloured=pixels.ndim == 3,
        kind=kind_of(pixels.dtype, candidate.name),
        low=float(pixels.min()),
        high=float(pixels.max()),
        digest=digest.hexdigest(),
        read=candidate.read,
        path=candidate.path,
    )


def _mixture_told(stored: Sequence[StoredPicture]) -> Iterator[str]:
    n_coloured = sum(each.coloured for each in stored)
    if 0 < n_coloured < len(stored):
        grey = len(stored) - n_coloured
        yield f"{counted(grey, 'grey picture')} among {n_coloured:,} with colours: grey is repeated in three channels."
    constant = [each.name for each in stored if each.constant]
    if constant:
        verb = "is" if len(constant) == 1 else "are"
        yield f"{_listed(constant)} {verb} the same everywhere, and not learned from."


def _left_out_told(left_out: Sequence[LeftOut], n_stored: int) -> Iterator[str]:
    if left_out:
        told = "; ".join(f"{each.name} ({each.reason})" for each in left_out[:SHOWN])
        more = "; ..." if len(left_out) > SHOWN else ""
        verb = "was" if len(left_out) == 1 else "were"
        yield f"{len(left_out):,} of {counted(n_stored + len(left_out), 'picture')} {verb} left out: {told}{more}."


def _nothing(name: str, left_out: Sequence[LeftOut]) -> ReadingError:
    if not left_out:
        return ReadingError(f"{name} holds no images", got="an empty set", cure="Give png, jpg or tif files, or arrays")
    told = "; ".join(f"{each.name}: {each.reason}" for each in left_out[:SHOWN])
    return ReadingError(
        f"None of the images of {name} can be used"
        if len(left_out) > 1
        else f"The image {left_out[0].name} cannot be used",
        got=told + ("; ..." if len(left_out) > SHOWN else ""),
        cure="Export them again as whole png, jpg or tif files",
    )


def _reason(error: ReadingError, path: Path | None) -> str:
    what = error.what[0].lower() + error.what[1:] if error.what.startswith("There") else error.what
    told = f"{what}: {error.got}" if error.got else what
    return told if path is None else told.replace(str(path), path.name)  # notes are kept, and say no folder


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")


def _names(paths: Sequence[Path]) -> list[str]:
    """File names; with as much of their folders as it takes to tell them apart."""
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        folder = os.path.commonpath([path.absolute().parent for path in paths])
        names = [path.absolute().relative_to(folder).as_posix() for path in paths]
    _refuse_repeated(names)
    return names


def _refuse_repeated(names: Sequence[str]) -> None:
    repeated = [name for name, number in Counter(names).items() if number > 1]
    if repeated:
        raise InputError(
            "Two pictures have the same name", got=_listed(repeated), cure="Give each file, or each name, once"
        )
