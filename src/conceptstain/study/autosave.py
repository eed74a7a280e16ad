"""Autosave: what a study holds, written beside its section without the section, so that a crash loses little.

Snapshots lie in a folder of the user's (:func:`autosave_folder`), not beside the data: that may be read-only, on a slow
share, or somebody else's. A snapshot holds the study's record and arrays in one ``.safetensors`` file, and names the
section's file; a section that has none is written once beside it.
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

import numpy as np
from platformdirs import user_state_path
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from conceptstain.canvas.reading import open_section
from conceptstain.canvas.section import Section
from conceptstain.errors import InputError, ReadingError
from conceptstain.exporting import annotated, write_h5ad
from conceptstain.progress import Report, Step, silent
from conceptstain.study.locks import Lock
from conceptstain.study.packing import Arrays, packed
from conceptstain.study.records import Finite, Record
from conceptstain.study.saving import BROKEN, damaged, placed, sourced, without_study
from conceptstain.study.snapshot import Snapshot
from conceptstain.study.study import Study
from conceptstain.study.study_record import StudyRecord
from conceptstain.study.unpacking import unpacked
from conceptstain.writing import written_whole

__all__ = ["FORMAT_VERSION", "Autosave", "Restorable", "autosave_folder", "restorable"]

FORMAT_VERSION = 2
"""Of autosaved studies; 2: with the controls of maps. Those of 1 open without."""
KEY = "conceptstain autosave"
WHAT = "The autosaved study cannot be restored; nothing was changed"
CURE = "Check that its section is still the file it was made of, or discard it"
FRESH, NEWEST, PREVIOUS = "-fresh.safetensors", "-newest.safetensors", "-previous.safetensors"
SECTION, LOCK = "-section.h5ad", ".lock"


@final
class HeaderRecord(Record):
    """What an autosaved study says of itself, read without the rest."""

    format: Annotated[int, Field(ge=1)]
    when: Finite
    section: str
    fingerprint: str
    concepts: tuple[str, ...]
    path: str
    opened_with: dict[str, str | float]
    saved_as: str | None


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
        self._section_written: Section | None = None

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
        section = snapshot.genes.section
        path = section.path if section.path is not None and section.path.exists() else self._written(section)
        record, arrays = packed(sourced(snapshot))
        header = HeaderRecord(
            format=FORMAT_VERSION,
            when=time.time(),
            section=section.name,
            fingerprint=record.section.fingerprint,
            concepts=tuple(entry.name for entry in snapshot.concepts.entries),
            path=str(path.resolve()),
            opened_with=dict(section.opened_with) if path == section.path else {},
            saved_as=None if saved_as is None else str(saved_as.resolve()),
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
        for ending in (FRESH, NEWEST, PREVIOUS, SECTION):
            self._file(ending).unlink(missing_ok=True)
        self._section_written = None

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

    def _written(self, section: Section) -> Path:
        """The file of a section that has none, written once."""
        path = self._file(SECTION)
        if self._section_written is not section:
            write_h5ad(annotated(section.view("genes"), ()), path, overwrite=True)
            self._section_written = section
        return path


@final
@dataclass(frozen=True)
class Restorable:
    """A study that was not saved before its program ended.

    Attributes
    ----------
    name
        Of the section.
    when
        When the newest snapshot was written.
    path
        The section's file.
    concepts
        Names of the concepts.
    fingerprint
        SHA-256 of the section: its spots, genes, positions and counts.
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
        """Whether the section's file is still there."""
        return self.path.exists()

    def open(self) -> Study:
        """The study of the newest snapshot, or of the one before where that is damaged; it is not saved.

        Raises
        ------
        ReadingError
            Both are damaged, or the section's file is gone or has changed.
        """
        for file in self.files[:-1]:
            with suppress(ReadingError):
                return _opened(file)
        return _opened(self.files[-1])

    def discard(self) -> None:
        """Delete it: the user does not want it back, or has saved it."""
        folder, session = self.files[0].parent, self.files[0].name.split("-")[0]
        cut_off = folder.glob(f".{session}-*")  # what a killed program was just writing
        for file in (*self.files, *cut_off, folder / f"{session}{SECTION}", folder / f"{session}{LOCK}"):
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


def _opened(file: Path) -> Study:
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
    section = _section(header)
    if header.path == str(_section_beside(file)):
        section = replace(section, path=None)  # it goes with the snapshot, and is written anew with the next
    try:
        record = StudyRecord.model_validate_json(told["study"])
        snapshot = unpacked(record, arrays, placed(section, record, arrays))
    except BROKEN as error:
        raise damaged(WHAT, error, CURE) from error
    return Study.of(snapshot)


def _section_beside(file: Path) -> Path:
    """Where the section of a snapshot is written if it was never a file."""
    return file.resolve().with_name(f"{file.name.split('-')[0]}{SECTION}")


def _section(header: HeaderRecord) -> Section:
    """The section, opened again as it was."""
    how: dict[str, Any] = dict(header.opened_with)
    pixel_size = how.pop("pixel_size", None)
    section = open_section(header.path, **how)
    return without_study(section if pixel_size is None else section.in_micrometres(float(pixel_size)))
