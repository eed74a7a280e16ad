"""Saved studies of pictures and slides: AnnData whose observations are the pictures or patches, without the pixels.

The pixels stay in the files that they came from; the study knows where these were, seen from its own folder and on this
machine. Pictures that were in no file, such as those of a layer, are kept in the study where they are not too many.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from numpy.typing import NDArray

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.images import Images
from conceptstain.canvas.slide import Slide
from conceptstain.errors import ReadingError
from conceptstain.picture_tables import items_annotated
from conceptstain.progress import Report
from conceptstain.study.picture_finding import pictures_again, pixels_of
from conceptstain.study.picture_records import MOST_KEPT, ImagesRecord, SlideRecord, folder_of, pictures_record
from conceptstain.study.record import Record, Text
from conceptstain.study.snapshot import Snapshot

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["PLACES", "PlacesRecord", "annotated_pictures", "found_pictures", "kept_pixels", "refuse_export", "unkept"]

PLACES = "places"
"""Word under ``uns["conceptstain"]`` for where the files were, beside the record, which names no folder."""

CURE = 'Put {} back, or say where {}: conceptstain.open_study("{}", pictures="folder or file")'


@final
class PlacesRecord(Record):
    """The folder of the files: as seen from the study's folder, and on the machine it was saved on."""

    beside: Text | None = None
    folder: Text | None = None

    @classmethod
    def of(cls, source: Images | Slide, study: Path) -> PlacesRecord:
        """Where the files of pictures or of a slide are."""
        folder = folder_of(source)
        if folder is None:
            return cls()
        beside: str | None = None
        with suppress(ValueError):  # on another drive
            beside = Path(os.path.relpath(folder.resolve(), study.absolute().parent.resolve())).as_posix()
        return cls(beside=beside, folder=str(folder))

    def folders(self, study: Path) -> Iterator[Path]:
        """Where to look, in order: as seen from the study, as it was, and beside the study."""
        home = study.absolute().parent
        if self.beside is not None:
            yield home / self.beside
        if self.folder is not None:
            yield Path(self.folder)
        yield home


def annotated_pictures(snapshot: Snapshot) -> AnnData:
    """Scores as AnnData, with what was made of the concepts in the list."""
    canvas = snapshot.canvas
    if isinstance(canvas, GenePictures):
        raise TypeError("a section")
    listed = [entry.definition for entry in snapshot.concepts.entries]
    concepts = [snapshot.made[definition] for definition in listed if definition in snapshot.made]
    return items_annotated(canvas, snapshot.findings, snapshot.encoder, concepts=concepts)


def kept_pixels(source: Images | Slide, record: ImagesRecord | SlideRecord | None) -> Mapping[str, NDArray[Any]]:
    """The pixels that the record says are kept."""
    return pixels_of(source) if record is not None and record.kept else {}


def unkept(snapshot: Snapshot) -> str:
    """What a saved study of these pictures will not hold, in a sentence for the user; empty: it can find all."""
    canvas = snapshot.canvas
    if isinstance(canvas, GenePictures) or folder_of(canvas.source) is not None:
        return ""
    if pictures_record(canvas).kept:
        return ""
    return (
        f"The pixels of {canvas.source.name} are in no file, and are too many to be kept in the study (more than "
        f"{MOST_KEPT:,} values): keep them, they are asked for when it is opened again."
    )


def found_pictures(
    record: ImagesRecord | SlideRecord,
    arrays: Mapping[str, NDArray[Any]],
    places: PlacesRecord,
    study: Path,
    *,
    given: Any,
    report: Report,
) -> Images | Slide:
    """The pictures or the slide of a saved study.

    Raises
    ------
    ReadingError, InputError
        They are not where they were, or are others; or what was given for them cannot be opened.
    ValueError, KeyError
        Pixels that were kept are damaged.
    """
    them = ("them", "they are") if isinstance(record, ImagesRecord) else ("it", "it is")
    cure = CURE.format(*them, study.name)
    return pictures_again(record, arrays, folders=places.folders(study), given=given, cure=cure, report=report)


def refuse_export(told: Mapping[str, Any], file: str) -> None:
    """Refuse AnnData of pictures that holds no study; a ReadingError."""
    if told.get("study") is None:
        raise ReadingError(
            f"{file} holds scores of pictures or patches, and no study",
            got="an export",
            cure="Open the pictures themselves",
        )
