"""Saved studies: AnnData that holds the section with all that was made of it. Plain scanpy reads and draws them.

They are ``.h5ad`` files, or ``.zarr`` folders with the same in them.

The section is as it was read, with a column of ``obs`` for each map (see :func:`conceptstain.exporting.annotated`).
What only a study needs lies beside that under ``uns["conceptstain"]``: ``study`` (a record, JSON), ``arrays``, among
them the weights of the encoders as the bytes of ``.safetensors`` files. One file, so that nothing is lost on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError
from scipy import sparse

from conceptstain.canvas.anndata_file import check_nothing_is_missing, items_held, load_anndata
from conceptstain.canvas.anndata_section import read_anndata
from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.section import Section
from conceptstain.errors import ConceptStainError, InputError, ReadingError
from conceptstain.exporting import UNS_KEY, annotated, write_anndata
from conceptstain.progress import Report, Step, silent
from conceptstain.study.hashing import section_fingerprint, sha256_of
from conceptstain.study.migrations import check_format, migrated
from conceptstain.study.packing import Arrays, packed
from conceptstain.study.picture_saving import (
    PLACES,
    PlacesRecord,
    annotated_pictures,
    found_pictures,
    kept_pixels,
    refuse_export,
    unkept,
)
from conceptstain.study.record import first_error
from conceptstain.study.records import FileRecord, SourceRecord
from conceptstain.study.snapshot import Snapshot
from conceptstain.study.study import Study
from conceptstain.study.study_record import StudyRecord
from conceptstain.study.unpacking import unpacked
from conceptstain.writing import put_back

if TYPE_CHECKING:
    from os import PathLike

    from anndata import AnnData

__all__ = [
    "BROKEN",
    "ENDINGS",
    "damaged",
    "is_study_of_pictures",
    "open_study",
    "placed",
    "save_study",
    "sourced",
    "without_study",
]

ENDINGS = (".h5ad", ".zarr")
"""Of names that a study is saved under."""

BROKEN = (ConceptStainError, ValidationError, KeyError, ValueError, TypeError, IndexError, AttributeError, RuntimeError)
"""What goes wrong with a record that nobody wrote, or that was cut or changed since."""


def save_study(
    study: Study | Snapshot,
    path: str | PathLike[str],
    *,
    overwrite: bool = False,
    own: Path | None = None,
    final: Path | None = None,
    report: Report = silent,
) -> Path:
    """Save a study, whole or not at all.

    Parameters
    ----------
    study
        The study; or a snapshot of it, which may be saved while the study goes on (:meth:`Study.save` and
        :meth:`Study.mark_saved` remember that it is saved, this does not).
    path
        A new ``.h5ad`` file or ``.zarr`` folder.
    overwrite
        Replace a file of that name, or a folder with AnnData; never the one that the section was read from.
    own
        The file that this study was opened from or saved to before, which may be the section's own.
    final
        Where the file will be moved to, if it will: from there pictures are looked for.
    report
        Called after each of three steps.

    Raises
    ------
    InputError
        Another format, a file that exists, the file that the section or the pictures were read from, or a place that
        cannot be written to.

    Notes
    -----
    Of pictures and slides the pixels stay in their files, and the study keeps where these are. What was in no file,
    such as a layer, is kept in the study up to :data:`~conceptstain.study.picture_records.MOST_KEPT` values; beyond
    that the study is saved without it, which the last step says, as does
    :func:`~conceptstain.study.picture_saving.unkept`.
    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise InputError(
            "A study is saved as .h5ad or .zarr", got=path.name, cure="End the name in .h5ad, or in .zarr for a folder"
        )
    snapshot = study.snapshot() if isinstance(study, Study) else study
    source = snapshot.canvas.source
    if source.path is not None and _is_same(path, source.path) and not (own is not None and _is_same(path, own)):
        what = "section was" if isinstance(source, Section) else "pictures were"
        raise InputError(
            f"A study is not saved over the file that its {what} read from",
            got=str(path),
            cure="Choose another name",
        )
    report(Step(0, 3, "Taking the study together"))
    adata = _annotated(sourced(snapshot), final or path)
    report(Step(1, 3, "Writing"))
    try:
        write_anndata(adata, path, overwrite=overwrite)
    except OSError as error:
        raise InputError(
            "The study cannot be saved there; what was there is as it was",
            got=error.strerror or str(error).splitlines()[0],
            cure="Choose a folder that can be written to and has space",
        ) from error
    report(Step(3, 3, unkept(snapshot) or "Saved"))
    return path


def open_study(path: str | PathLike[str], *, pictures: Any = None, report: Report = silent) -> Study:
    """Open a saved study: with its section, pictures or slide, concepts, undo, encoders, maps and evidence.

    Nothing is computed anew and nothing is written. Files that :func:`conceptstain.export` wrote, and those of earlier
    formats, open with what they hold; what they do not hold is told in the notes of the section.

    Parameters
    ----------
    path
        The ``.h5ad`` file or ``.zarr`` folder.
    pictures
        Of a study of pictures or of a slide: where these are now, if they were moved. A folder, a file, or anything
        else that :func:`conceptstain.open` takes or has opened; their names may be others, their pixels may not.
    report
        Called while pictures are read.

    Raises
    ------
    ReadingError
        No such file, no study in it, a newer format, or one that is damaged; or its pictures are not where they were,
        or are others.
    InputError
        Pictures that cannot be opened, or for a study of a section, which has all in it.
    """
    path = Path(path)
    put_back(path)
    if not path.exists():
        raise ReadingError(f"There is no file {path.name}", got=str(path), cure="Check the path")
    if items_held(path) is not None:
        return _open_pictures(path, pictures, report)
    if pictures is not None:
        raise InputError(
            f"{path.name} is no study of pictures or of a slide",
            got="pictures=",
            cure="Leave it out: all is in the file",
        )
    section = read_anndata(path)
    told = section.adata.uns.get(UNS_KEY)
    if not isinstance(told, Mapping):
        raise ReadingError(
            f"{path.name} holds no study",
            got="a section alone" if told is None else f'uns["{UNS_KEY}"] of another kind',
            cure="Open it as a section: conceptstain.open(path)",
        )
    check_format(told, path.name)
    if path.is_dir() and "study" in told:
        check_nothing_is_missing(path, f"uns/{UNS_KEY}")
    try:
        now = migrated(told, path.name)
        record = StudyRecord.model_validate_json(now.study) if now.study is not None else None
        bare = _bare(section, now.columns, now.notes)
        if record is None:
            return Study.of(now.snapshot(bare), path=path)
        snapshot = unpacked(record, now.arrays, placed(bare, record, now.arrays))
    except BROKEN as error:
        what = f"The study in {path.name} is damaged; its section is not, and nothing was changed"
        cure = "Open an autosaved study or a copy; as a section it opens with conceptstain.open(path)"
        raise damaged(what, error, cure) from error
    return Study.of(snapshot, path=path)


def is_study_of_pictures(path: str | PathLike[str]) -> bool:
    """Whether a file is a study of pictures or of a slide, which no section is in; it is not read."""
    return Path(path).exists() and items_held(Path(path)) is not None


def _open_pictures(path: Path, given: Any, report: Report) -> Study:
    adata, _ = load_anndata(path, of_items=True)
    told = adata.uns[UNS_KEY]
    check_format(told, path.name)
    refuse_export(told, path.name)
    if path.is_dir():
        check_nothing_is_missing(path, f"uns/{UNS_KEY}")
    what = f"The study in {path.name} is damaged; nothing was changed"
    cure = "Open an autosaved study or a copy; its pictures open with conceptstain.open"
    try:
        now = migrated(told, path.name)
        record = StudyRecord.model_validate_json(now.study or "")
        places = PlacesRecord.model_validate_json(str(told[PLACES]))
        if record.shown is None:
            raise ValueError("a section where pictures should be")
    except BROKEN as error:
        raise damaged(what, error, cure) from error
    try:
        source = found_pictures(record.shown, now.arrays, places, path, given=given, report=report)
    except ConceptStainError:
        raise  # the pictures are gone, or others: the study is whole
    except BROKEN as error:
        raise damaged(what, error, cure) from error
    try:
        return Study.of(unpacked(record, now.arrays, source), path=path)
    except BROKEN as error:
        raise damaged(what, error, cure) from error


def sourced(snapshot: Snapshot) -> Snapshot:
    """The snapshot with the names and SHA-256 of the files that its section was read from, where there are any."""
    if not isinstance(snapshot.canvas, GenePictures):
        return snapshot  # pictures are known by their pixels, wherever they are
    section = snapshot.canvas.section
    if snapshot.source is not None or section.path is None or not section.path.exists():
        return snapshot
    given: dict[str, Any] = dict(section.opened_with)
    given |= {word: _told(Path(given[word])) for word in ("image", "alignment") if word in given}
    return replace(snapshot, source=SourceRecord(file=_told(section.path), **given))


def _told(path: Path) -> FileRecord:
    return FileRecord(name=path.name, sha256=sha256_of(path))


def damaged(what: str, error: Exception, cure: str) -> ReadingError:
    """What went wrong inside a record, in one line."""
    told = first_error(error) if isinstance(error, ValidationError) else f"{type(error).__name__}: {error}"
    return ReadingError(what, got=" ".join(told.split())[:300].rstrip("."), cure=cure)


def _annotated(snapshot: Snapshot, path: Path) -> AnnData:
    """The study as AnnData, to be saved there."""
    canvas = snapshot.canvas
    record, arrays = packed(snapshot)
    columns: list[str] = []
    if isinstance(canvas, GenePictures):
        adata = _annotated_section(snapshot)
        columns = [name for name in adata.obs.columns if name not in canvas.section.adata.obs.columns]
    else:
        adata = annotated_pictures(snapshot)
        adata.uns[UNS_KEY][PLACES] = PlacesRecord.of(canvas.source, path).model_dump_json()
        arrays |= kept_pixels(canvas.source, record.shown)
    adata.uns[UNS_KEY] |= {
        "columns": np.array(columns, dtype=object),
        "study": record.model_dump_json(),
        # A slash in a name would be a folder to HDF5, and a colon is none to Windows.
        "arrays": {name.replace("/", "."): values for name, values in arrays.items()},
    }
    return adata


def _annotated_section(snapshot: Snapshot) -> AnnData:
    canvas, section = snapshot.genes, snapshot.genes.section
    listed = [entry.definition for entry in snapshot.concepts.entries]
    concepts = [snapshot.made[definition] for definition in listed if definition in snapshot.made]
    adata = annotated(canvas, snapshot.findings, snapshot.encoder, concepts=concepts)
    if section.counts == "counts" and not _is_same_matrix(adata.X, section.matrix) and "counts" not in adata.layers:
        adata.layers["counts"] = sparse.csr_matrix(section.matrix)  # what was computed with, whatever X holds
    return adata


def without_study(section: Section) -> Section:
    """A section without what saving a study, or an export, wrote into it; one without that as it is."""
    told = section.adata.uns.get(UNS_KEY)
    columns = np.atleast_1d(told.get("columns", ())) if isinstance(told, Mapping) else None
    return section if columns is None else _bare(section, tuple(map(str, columns)), ())


def _bare(section: Section, columns: tuple[str, ...], notes: tuple[str, ...]) -> Section:
    """The section without what we wrote into it."""
    adata = section.adata.copy()
    adata.obs = adata.obs.drop(columns=[name for name in columns if name in adata.obs])
    del adata.uns[UNS_KEY]
    adata.varm.pop("concept_scores", None)
    return replace(section, adata=adata, notes=(*section.notes, *notes))


def placed(section: Section, record: StudyRecord, arrays: Arrays) -> Section:
    """The section with the places, units and notes that it had, to the last digit.

    Raises
    ------
    ValueError, KeyError
        It is not the section of this study.
    """
    told = record.section
    if told is None:
        raise ValueError("pictures in the place of a section")
    spots = np.asarray(arrays["section/spots"], dtype=np.float64)
    if spots.shape != section.spots.shape or not np.isfinite(spots).all():
        raise ValueError(f"positions of shape {spots.shape} for {section.n_spots} spots")
    was = replace(
        section,
        name=told.name,
        spots=spots,
        unit=told.unit,
        spot_diameter=told.spot_diameter,
        pitch=told.pitch,
        counts=told.counts,
        notes=told.notes,
    )
    if section_fingerprint(was) != told.fingerprint:
        raise ValueError("the counts, spots or genes in the file are not those that the study was made of")
    return was


def _is_same(path: Path, other: Path) -> bool:
    return path.resolve() == other.resolve() or (path.exists() and other.exists() and path.samefile(other))


def _is_same_matrix(values: Any, matrix: sparse.csr_array) -> bool:
    held = sparse.csr_array(values, dtype=np.float32) if values is not None else None
    return held is not None and held.shape == matrix.shape and (held != matrix).nnz == 0
