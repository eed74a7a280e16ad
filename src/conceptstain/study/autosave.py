"""Autosave: what a study holds, written beside its section without the section, so that a crash loses little.

Snapshots lie in a folder of the user's (:func:`autosave_folder`), not beside the data: that may be read-only, on a slow
share, or somebody else's. A snapshot holds the study's record and arrays in one ``.safetensors`` file, and names the
file of the section, or the files of the pictures; a section that has none is written once beside it, as are pictures
that are not too many. No file of theirs is read again, or hashed, to write a snapshot.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, final
from uuid import uuid4
from zipfile import BadZipFile

import numpy as np
from platformdirs import user_state_path
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from conceptstain.canvas.images import Images
from conceptstain.canvas.reading import open_section
from conceptstain.canvas.section import Section
from conceptstain.canvas.slide import Slide
from conceptstain.errors import InputError, ReadingError
from conceptstain.exporting import annotated, write_h5ad
from conceptstain.progress import Report, Step, silent
from conceptstain.study.locks import Lock
from conceptstain.study.packing import Arrays, packed
from conceptstain.study.picture_finding import pictures_again, pixels_of
from conceptstain.study.picture_records import folder_of
from conceptstain.study.record import Finite, Record
from conceptstain.study.saving import BROKEN, damaged, placed, sourced, without_study
from conceptstain.study.snapshot import Snapshot
from conceptstain.study.study import Study
from conceptstain.study.study_record import StudyRecord
from conceptstain.study.unpacking import unpacked
from conceptstain.writing import written_whole

__all__ = ["FORMAT_VERSION", "Autosave", "Restorable", "autosave_folder", "restorable"]

FORMAT_VERSION = 3
"""Of autosaved studies; 2: with the controls of maps. Those of 1 open without. 3: also of pictures and slides."""
KEY = "conceptstain autosave"
WHAT = "The autosaved study cannot be restored; nothing was changed"
CURE = "Check that its section is still the file it was made of, or discard it"
PICTURES = "Put them back where they were, or discard it"
FRESH, NEWEST, PREVIOUS = "-fresh.safetensors", "-newest.safetensors", "-previous.safetensors"
SECTION, PIXELS, LOCK = "-section.h5ad", "-pixels.npz", ".lock"


@final
class HeaderRecord(Record):
    """What an autosaved study says of itself, read without the rest.

    ``section``, ``fingerprint`` and ``path`` are of the section, the pictures or the slide; ``folder`` holds the files
    of pictures, or that of a slide.
    """

    format: Annotated[int, Field(ge=1)]
    when: Finite
    section: str
    fingerprint: str
    concepts: tuple[str, ...]
    path: str
    opened_with: dict[str, str | float]
    saved_as: str | None
    folder: str | None = None


def autosave_folder() -> Path:
    """The folder that autosaved studies are kept in, of this user on this machine."""
    return user_state_path("napari-conceptstain", appauthor=False) / "autosave"


@final
class Autosave:
    """Keeps the newest and the previous snapshot of one study.

    Not for use by two threads at once; one worker that writes and asks is what it is for.

    Parameters
    ----------
    folder
        Where; None: :func:`autosave_folder`. Made on first use.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = autosave_folder() if folder is None else folder
        self.session = uuid4().hex[:12]
        self._lock: Lock | None = None
        self._written_once: Section | Images | Slide | None = None

    def write(self, snapshot: Snapshot, *, saved_as: Path | None = None, report: Report = silent) -> Path:
        """Write a snapshot; until it is whole, the one before stays the newest.

        Parameters
        ----------
        snapshot
            Taken where the study is changed; this may run anywhere.
        saved_as
            The file that the study was saved to before, to be told when it is restored.
        report
            Called between the steps; may raise :class:`Cancelled`, which leaves what was there.

        Raises
        ------
        InputError
            The folder cannot be written to.
        """
        self._hold()
        report(Step(0, 2, "Taking the study together"))
        source = snapshot.canvas.source
        record, arrays = packed(sourced(snapshot))
        try:
            path = self._path_of(source, record)
        except OSError as error:
            raise self._cannot(error) from error
        folder = None if isinstance(source, Section) else folder_of(source)
        header = HeaderRecord(
            format=FORMAT_VERSION,
            when=time.time(),
            section=source.name,
            fingerprint=record.content,
            concepts=tuple(entry.name for entry in snapshot.concepts.entries),
            path=str(path.resolve()),
            opened_with=dict(source.opened_with) if isinstance(source, Section) and path == source.path else {},
            saved_as=None if saved_as is None else str(saved_as.resolve()),
            folder=None if folder is None else str(folder),
        )
        report(Step(1, 2, "Writing"))
        newest, previous = self._file(NEWEST), self._file(PREVIOUS)
        # Beside its place, so that the newest gives way only to one that is whole.
        fresh = self._file(FRESH)
        told = {KEY: header.model_dump_json(), "study": record.model_dump_json()}
        try:
            with written_whole(fresh, overwrite=True) as beside:
                save_file(
                    {name: np.ascontiguousarray(values) for name, values in arrays.items()}, beside, metadata=told
                )
            if newest.exists():
                newest.replace(previous)
            fresh.replace(newest)
        except (OSError, SafetensorError) as error:
            raise self._cannot(error) from error
        report(Step(2, 2, "Autosaved"))
        return newest

    def clear(self) -> None:
        """Forget the snapshots: the study was saved, or the user does not want it back."""
        for ending in (FRESH, NEWEST, PREVIOUS, SECTION, PIXELS):
            self._file(ending).unlink(missing_ok=True)
        self._written_once = None

    def close(self) -> None:
        """Let go of the folder; what is there can be restored from now on."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
            if not any(self._file(ending).exists() for ending in (FRESH, NEWEST, PREVIOUS)):
                self._file(LOCK).unlink(missing_ok=True)

    def _file(self, ending: str) -> Path:
        return self.folder / f"{self.session}{ending}"

    def _hold(self) -> None:
        if self._lock is None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                lock = Lock(self._file(LOCK))
                lock.take()
            except OSError as error:
                raise self._cannot(error) from error
            self._lock = lock

    def _cannot(self, error: Exception) -> InputError:
        return InputError(
            "Studies cannot be autosaved",
            got=f"{self.folder}: {getattr(error, 'strerror', None) or error}",
            cure="Save the study yourself, or let that folder be written to",
        )

    def _path_of(self, source: Section | Images | Slide, record: StudyRecord) -> Path:
        """Where what is open can be read again; what has no file is written, once."""
        if isinstance(source, Section):
            if source.path is not None and source.path.exists():
                return source.path
            path = self._file(SECTION)
            if self._written_once is not source:
                write_h5ad(annotated(source.view("genes"), ()), path, overwrite=True)
        else:
            path = self._file(PIXELS)
            folder = source.path or folder_of(source)
            if folder is not None:
                return folder
            if self._written_once is not source and record.shown is not None and record.shown.kept:
                with written_whole(path, overwrite=True) as beside, beside.open("wb") as file:
                    np.savez(file, allow_pickle=False, **pixels_of(source))
        self._written_once = source
        return path


@final
@dataclass(frozen=True)
class Restorable:
    """A study that was not saved before its program ended.

    Attributes
    ----------
    name
        Of the section, the pictures or the slide.
    when
        When the newest snapshot was written.
    path
        The section's file; of pictures their folder or file, or the slide's.
    concepts
        Names of the concepts.
    fingerprint
        SHA-256 of the section: its spots, genes, positions and counts; or the ``content`` of pictures or of a slide.
    saved_as
        The file that the study had been saved to before.
    files
        The snapshots, newest first.
    """

    name: str
    when: datetime
    path: Path
    concepts: tuple[str, ...]
    fingerprint: str
    saved_as: Path | None
    files: tuple[Path, ...]

    @property
    def source_exists(self) -> bool:
        """Whether the section's file is still there, or the pictures or the slide are."""
        return self.path.exists()

    def open(self, *, pictures: Any = None, report: Report = silent) -> Study:
        """The study of the newest snapshot, or of the one before where that is damaged; it is not saved.

        Parameters
        ----------
        pictures
            Where pictures, or a slide, are now, if they were moved; see :func:`conceptstain.study.saving.open_study`.
        report
            Called while pictures are read.

        Raises
        ------
        ReadingError
            Both are damaged, or the file of the section, or those of the pictures, are gone or have changed.
        """
        for file in self.files[:-1]:
            with suppress(ReadingError):
                return _opened(file, pictures, report)
        return _opened(self.files[-1], pictures, report)

    def discard(self) -> None:
        """Delete it: the user does not want it back, or has saved it."""
        folder, session = self.files[0].parent, self.files[0].name.split("-")[0]
        cut_off = folder.glob(f".{session}-*")  # what a killed program was just writing
        for file in (*self.files, *cut_off, *(folder / f"{session}{each}" for each in (SECTION, PIXELS, LOCK))):
            file.unlink(missing_ok=True)


def restorable(folder: Path | None = None) -> tuple[Restorable, ...]:
    """Studies that were autosaved by programs that have ended, newest first; what cannot be read is left alone.

    Parameters
    ----------
    folder
        Where; None: :func:`autosave_folder`.
    """
    folder = autosave_folder() if folder is None else folder
    found = []
    for path in sorted(folder.glob("*.lock")) if folder.is_dir() else ():
        lock = Lock(path)
        if not lock.take():
            continue  # its program runs
        lock.release()
        session = path.name.removesuffix(LOCK)
        told = {file: _header(file) for file in (folder / f"{session}{ending}" for ending in (FRESH, NEWEST, PREVIOUS))}
        headers = {file: header for file, header in told.items() if header is not None}
        if headers:
            header = next(iter(headers.values()))
            saved_as = None if header.saved_as is None else Path(header.saved_as)
            when = datetime.fromtimestamp(header.when, UTC)
            files = tuple(headers)
            found.append(
                Restorable(
                    header.section, when, Path(header.path), header.concepts, header.fingerprint, saved_as, files
                )
            )
    return tuple(sorted(found, key=lambda each: each.when, reverse=True))


def _header(file: Path) -> HeaderRecord | None:
    with suppress(OSError, SafetensorError, ValidationError, KeyError), safe_open(file, framework="np") as opened:
        return HeaderRecord.model_validate_json((opened.metadata() or {})[KEY])
    return None


def _opened(file: Path, pictures: Any, report: Report) -> Study:
    try:
        with safe_open(file, framework="np") as opened:
            told: Mapping[str, str] = opened.metadata() or {}
            arrays: Arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
        header = HeaderRecord.model_validate_json(told[KEY])
    except (OSError, SafetensorError, ValidationError, KeyError) as error:
        raise damaged(WHAT, error, CURE) from error
    if header.format > FORMAT_VERSION:
        raise ReadingError(
            f"{file.name} was written in a newer format than this version reads",
            got=f"format {header.format} for {FORMAT_VERSION}",
            cure="Update napari-conceptstain",
        )
    try:
        record = StudyRecord.model_validate_json(told["study"])
    except BROKEN as error:
        raise damaged(WHAT, error, CURE) from error
    if record.shown is not None:
        return _of_pictures(file, header, record, arrays, pictures=pictures, report=report)
    section = _section(header)
    if header.path == str(_beside(file, SECTION)):
        section = replace(section, path=None)  # it goes with the snapshot, and is written anew with the next
    try:
        return Study.of(unpacked(record, arrays, placed(section, record, arrays)))
    except BROKEN as error:
        raise damaged(WHAT, error, CURE) from error


def _of_pictures(
    file: Path, header: HeaderRecord, record: StudyRecord, arrays: Arrays, *, pictures: Any, report: Report
) -> Study:
    """The study of pictures or of a slide, which are read again."""
    if record.shown is None:
        raise TypeError("a section")
    folders = [] if header.folder is None else [Path(header.folder)]
    try:
        if record.shown.kept:
            with _beside(file, PIXELS).open("rb") as kept, np.load(kept, allow_pickle=False) as held:
                arrays |= {name: held[name] for name in held.files}
        source = pictures_again(record.shown, arrays, folders=folders, given=pictures, cure=PICTURES, report=report)
        return Study.of(unpacked(record, arrays, source))
    except ReadingError:
        raise
    except (*BROKEN, OSError, BadZipFile) as error:
        raise damaged(WHAT, error, CURE) from error


def _beside(file: Path, ending: str) -> Path:
    """Where what is open is written beside a snapshot if it was never a file."""
    return file.resolve().with_name(f"{file.name.split('-')[0]}{ending}")


def _section(header: HeaderRecord) -> Section:
    """The section, opened again as it was."""
    how: dict[str, Any] = dict(header.opened_with)
    pixel_size = how.pop("pixel_size", None)
    section = open_section(header.path, **how)
    return without_study(section if pixel_size is None else section.in_micrometres(float(pixel_size)))
