"""Pictures and slides found again: the same pixels as a study was made of, wherever they are now."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_reading import images_of_arrays, images_of_files
from conceptstain.canvas.image_set import ImageSet, ImageSetSettings
from conceptstain.canvas.images import Images, LeftOut, StackAxis, StoredPicture
from conceptstain.canvas.ome_zarr import holds_slide
from conceptstain.canvas.opening import open_source
from conceptstain.canvas.patch_grid import ImagePatchSettings
from conceptstain.canvas.pixel_values import ValueRange
from conceptstain.canvas.slide import Level, Slide
from conceptstain.canvas.slide_reading import slide_of_file
from conceptstain.errors import ConceptStainError, MismatchError, ReadingError
from conceptstain.progress import Report, silent
from conceptstain.study.picture_records import ImagesRecord, SlideRecord, patches_sum

__all__ = ["canvas_again", "pictures_again", "pixels_of"]

SHOWN = 3  # names spelled out in an error


def pixels_of(source: Images | Slide) -> dict[str, NDArray[Any]]:
    """The pixels as stored, by the names that a record knows them by: those of one shape and type as one array."""
    if isinstance(source, Slide):
        return {f"pixels/{number}": np.asarray(level.array) for number, level in enumerate(source.levels)}
    pictures = [source.raw(index) for index in range(len(source))]
    if len({(each.shape, each.dtype.str) for each in pictures}) == 1:
        together = np.empty((len(pictures), *pictures[0].shape), dtype=pictures[0].dtype)  # of the same order of bytes
        for index, each in enumerate(pictures):
            together[index] = each
        return {"pixels/all": together}
    return {f"pixels/{number}": each for number, each in enumerate(pictures)}


def pictures_again(
    record: ImagesRecord | SlideRecord,
    arrays: Mapping[str, NDArray[Any]],
    *,
    folders: Iterable[Path] = (),
    given: Any = None,
    cure: str,
    report: Report = silent,
) -> Images | Slide:
    """The pictures or the slide that a record is of.

    Parameters
    ----------
    record
        What is looked for.
    arrays
        Among them the pixels, where these were kept.
    folders
        Where the files may lie, in the order they are tried.
    given
        Where the user says they are: a path, or anything else that :func:`conceptstain.open` takes or has opened.
    cure
        What the user can do where they are not found, in words.
    report
        Called while pictures are read.

    Raises
    ------
    ReadingError
        They are not there, or are others than they were.
    InputError
        What was given cannot be opened.
    """
    if given is not None:
        return _again(record, _opened(record, given, report), cure)
    if record.kept:
        return _again(record, _of_arrays(record, arrays, report), cure)
    other: ReadingError | None = None
    for folder in dict.fromkeys(folders):
        with suppress(OSError):
            if not _is_there(record, folder):
                continue
        try:
            return _again(record, _in_folder(record, folder, report), cure)
        except ReadingError as error:
            other = other or error
    if other is not None:
        raise other
    names = list(record.files) if isinstance(record, ImagesRecord) else [record.file] if record.file else []
    what = "pictures" if isinstance(record, ImagesRecord) else "slide"
    raise ReadingError(
        f"The {what} of {record.name} {'are' if what == 'pictures' else 'is'} not where the study knows it",
        got=f"no {_listed(names)}" if names else "pixels that were in no file, and are not in the study's",
        cure=cure,
    )


def canvas_again(record: ImagesRecord | SlideRecord, source: Images | Slide) -> ImageSet | ImagePatches:
    """What was opened as it was viewed.

    Raises
    ------
    MismatchError
        Patches lie elsewhere on the slide than they did.
    TypeError
        It is no slide, or no pictures.
    """
    if isinstance(record, ImagesRecord):
        if not isinstance(source, Images):
            raise TypeError("a slide in the place of pictures")
        return ImageSet(source, ImageSetSettings(**dict(record.view)))
    if not isinstance(source, Slide):
        raise TypeError("pictures in the place of a slide")
    canvas = ImagePatches.from_slide(source, ImagePatchSettings(**dict(record.view)))
    if (len(canvas), patches_sum(canvas)) != (record.patches, record.where):
        raise MismatchError(
            f"The patches of {record.name} lie elsewhere than they did",
            got=f"{len(canvas):,} for {record.patches:,}",
            cure="Use the version of the package that it was made with",
        )
    return canvas


# -- opening -----------------------------------------------------------------------------------------------------------


def _is_there(record: ImagesRecord | SlideRecord, folder: Path) -> bool:
    """Whether a folder holds any of the files."""
    if isinstance(record, SlideRecord):
        return record.file is not None and (folder / record.file).exists()
    return any((folder / name).is_file() for name in record.files)


def _in_folder(record: ImagesRecord | SlideRecord, folder: Path, report: Report) -> Images | Slide:
    if isinstance(record, SlideRecord):
        return slide_of_file(folder / str(record.file), channels=_channels(record))
    files = [folder / name for name in record.files]
    there = [file for file in files if file.is_file()]
    opened = folder / record.path if record.path is not None else None
    return replace(images_of_files(there, record.name, report=report), path=opened)


def _opened(record: ImagesRecord | SlideRecord, given: Any, report: Report) -> Images | Slide:
    """What the user says are the pictures."""
    if isinstance(given, Images | Slide):
        return given
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        if path.is_dir() and _is_there(record, path):
            return _in_folder(record, path, report)
        if isinstance(record, SlideRecord) and (path.is_file() or (path.is_dir() and holds_slide(path))):
            return slide_of_file(path, channels=_channels(record))
        if isinstance(record, SlideRecord) and path.is_dir():
            named = f"no {record.file}" if record.file else "a folder"
            raise ReadingError(f"The slide {record.name} is not in {path.name}", got=named, cure="Give its file")
    made: Images | Slide
    if isinstance(record, ImagesRecord):
        made = open_source(given, as_="images", report=report)
    else:
        made = open_source(given, as_="slide", channels=_channels(record))
    return made


def _of_arrays(
    record: ImagesRecord | SlideRecord, arrays: Mapping[str, NDArray[Any]], report: Report
) -> Images | Slide:
    """Pictures whose pixels were kept; a ValueError or KeyError where these are damaged."""
    if isinstance(record, ImagesRecord):
        together = arrays.get("pixels/all")
        number = len(record.pictures)
        pictures = together if together is not None else [arrays[f"pixels/{each}"] for each in range(number)]
        return images_of_arrays(pictures, record.name, report=report)
    levels = tuple(
        Level(np.asarray(arrays[f"pixels/{number}"]), each.axes, each.reduction)
        for number, each in enumerate(record.levels)
    )
    if any(level.array.ndim != len(level.axes) or 0 in level.array.shape for level in levels):
        raise ValueError("the pixels of a level have other axes")
    return Slide(record.name, levels, ValueRange(record.among.low, record.among.high), record.shown)


def _channels(record: SlideRecord) -> tuple[int, ...] | None:
    """Which were shown; with transparency, or a single one, those that are shown unasked."""
    return record.shown if len(record.shown) in {1, 3} else None


# -- the same as they were ---------------------------------------------------------------------------------------------


def _again(record: ImagesRecord | SlideRecord, found: Images | Slide, cure: str) -> Images | Slide:
    """What was found, named, placed and told as it was; a ReadingError where it is something else."""
    if isinstance(record, ImagesRecord) and isinstance(found, Images):
        return _images_again(record, found, cure)
    if isinstance(record, SlideRecord) and isinstance(found, Slide):
        return _slide_again(record, found, cure)
    raise ReadingError(
        f"This is not what the study of {record.name} was made of",
        got="a slide" if isinstance(found, Slide) else "pictures",
        cure=cure,
    )


def _images_again(record: ImagesRecord, found: Images, cure: str) -> Images:
    by_content: dict[str, list[StoredPicture]] = defaultdict(list)
    for each in found.stored:
        by_content[each.digest].append(each)
    stored, lost = [], []
    for told in record.pictures:
        same = by_content[told.sha256]
        if not same:
            lost.append(told.name)
            continue
        named = [each for each in same if each.name == told.name]
        taken = (named or same)[0]
        if len(same) > 1:
            same.remove(taken)  # the same picture twice is two pictures
        stored.append(replace(taken, name=told.name, position=told.position))
    if lost:
        are = "is" if len(lost) == 1 else "are"
        raise ReadingError(
            f"{len(lost):,} of the {len(record.pictures):,} pictures of {record.name} {are} gone, or changed since",
            got=_listed(lost),
            cure=cure,
        )
    return Images(
        name=record.name,
        stored=tuple(stored),
        ranges={kind: ValueRange(**dict(among)) for kind, among in record.ranges.items()},
        to_world=np.array(record.to_world),
        unit=record.unit,
        path=found.path,
        left_out=tuple(LeftOut(*each) for each in record.left_out),
        notes=record.notes,
        opened_with=dict(record.opened_with),
        axis=StackAxis() if record.axis is None else StackAxis(**dict(record.axis)),
    )


def _slide_again(record: SlideRecord, found: Slide, cure: str) -> Slide:
    again = replace(
        found,
        name=record.name,
        among=ValueRange(**dict(record.among)),
        shown=record.shown,
        to_world=np.array(record.to_world),
        unit=record.unit,
        notes=record.notes,
        opened_with=dict(record.opened_with),
    )
    try:
        content = again.content
    except (ConceptStainError, IndexError) as error:
        raise ReadingError(f"The slide {record.name} cannot be read", got=str(error), cure=cure) from error
    if content != record.content:
        raise ReadingError(
            f"The slide {record.name} is another than it was, or was changed since",
            got=f"content {content} for {record.content}",
            cure=cure,
        )
    return again


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")
