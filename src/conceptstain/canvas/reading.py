"""Opening a section from a file or a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from conceptstain.canvas.anndata_file import SPATIALDATA, ZIPPED, zarr_attributes
from conceptstain.canvas.anndata_section import EXTREME, read_anndata, section_names
from conceptstain.canvas.section import Section
from conceptstain.canvas.section_choice import refuse_choice
from conceptstain.canvas.spatial_transcriptomics import read_spatial_transcriptomics
from conceptstain.canvas.visium_folder import is_visium_folder, read_visium
from conceptstain.errors import InputError, ReadingError
from conceptstain.writing import put_back

__all__ = ["READABLE", "denied_access_told", "is_readable", "open_section", "sections"]

TABLES = (".tsv", ".tsv.gz")
READABLE = (*TABLES, ".h5ad", ".zarr", ZIPPED)
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar")


class Asked(NamedTuple):
    """The arguments of :func:`open_section`."""

    image: Path | None
    alignment: Path | None
    image_scale: float | None
    section: str | None
    gene_names: str | None


def open_section(
    path: str | os.PathLike[str],
    *,
    image: str | os.PathLike[str] | None = None,
    alignment: str | os.PathLike[str] | None = None,
    image_scale: float | None = None,
    section: str | None = None,
    gene_names: str | None = None,
) -> Section:
    """Open a section: spots, genes and the tissue image they lie on.

    Parameters
    ----------
    path
        A Spatial Transcriptomics count matrix (``.tsv`` or ``.tsv.gz``, one row per spot named ``XxY``); AnnData with
        ``obsm["spatial"]`` (``.h5ad``, a ``.zarr`` folder, or that folder as ``.zarr.zip``); the output folder of 10x
        Space Ranger; or SpatialData (``.zarr``).
    image
        Tissue image (jpg, png, tif). None: for a count matrix the image of the published name beside it
        (``HE_Rep1.jpg`` beside ``Rep1_MOB_count_matrix-1.tsv.gz``), for the others the one inside.
    alignment
        Published alignment of a count matrix: nine numbers, a 3 x 3 matrix for row vectors ``[x, y, 1]`` from array
        positions onto the full-size image. None: the file of the published name
        (``Rep1_MOB_transformation.txt``), else the image is taken as cropped to the array.
    image_scale
        Size of ``image`` relative to the full-size image that the alignment or ``obsm["spatial"]`` speaks of, such as
        0.2. None: found from the image's width for an alignment, else 1.
    section
        Which one, where a file holds several; see :func:`sections`.
    gene_names
        Column of ``var`` with the names of the genes. None: the names as they are; where these are Ensembl ids, a
        column of symbols if there is one.

    Returns
    -------
    Section
        With everything that was assumed or left out in its ``notes``.

    Raises
    ------
    ReadingError
        The file cannot be read; the message names it and the cure.
    SectionChoice
        The file holds several sections and none was chosen; its ``names`` says which (a ReadingError, too).
    InputError
        The arguments do not go together.
    """
    path = Path(path)
    read = _reader(path)
    if image_scale is not None and not 1 / EXTREME <= image_scale <= EXTREME:
        raise InputError(
            "An image cannot have that scale", got=str(image_scale), cure="Use a value above 0, such as 0.2"
        )
    image = None if image is None else Path(image)
    alignment = None if alignment is None else Path(alignment)
    asked = Asked(image, alignment, image_scale, section, gene_names)
    with denied_access_told(path):
        opened = read(path, asked)
    given = {word: value for word, value in asked._asdict().items() if value is not None}
    how = {word: str(value) if isinstance(value, Path) else value for word, value in given.items()}
    return replace(opened, opened_with=how)


def sections(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Names of the sections in a file, to choose one with ``open_section(path, section=...)``.

    Raises
    ------
    ReadingError
        The file cannot be read.
    """
    path = Path(path)
    read = _reader(path)
    with denied_access_told(path):
        if read is _anndata:
            return section_names(path)
        if read is _spatialdata:
            from conceptstain.canvas.spatialdata_section import spatialdata_names

            return spatialdata_names(path)
        return (path.name.partition(".tsv")[0],)


def is_readable(path: str | os.PathLike[str]) -> bool:
    """Whether the name is that of a section that :func:`open_section` reads; of a folder, the names in it count."""
    path = Path(path)
    name = path.name.lower()
    if path.is_dir():
        return is_visium_folder(path) or (name.endswith(".zarr") and _says_it_is_a_section(path))
    return name.endswith(READABLE)


def _says_it_is_a_section(path: Path) -> bool:
    """Whether a zarr folder is AnnData or SpatialData, and not an image that other readers open; it is not opened."""
    for name in ("zarr.json", ".zattrs"):
        with suppress(OSError, ValueError):
            content = json.loads((path / name).read_text(encoding="utf-8"))
            attributes = content.get("attributes", content) if isinstance(content, dict) else {}
            if SPATIALDATA in attributes or attributes.get("encoding-type") == "anndata":
                return True
    return (path / "obs").is_dir() and (path / "var").is_dir()


@contextmanager
def denied_access_told(path: Path) -> Iterator[None]:
    """What the system refuses becomes an error in our words.

    Raises
    ------
    ReadingError
        Any error of the system's.
    """
    try:
        yield
    except OSError as error:
        raise ReadingError(
            f"{path.name} cannot be read", got=error.strerror or str(error), cure="Check that you may read it"
        ) from error


def _reader(path: Path) -> Callable[[Path, Asked], Section]:
    """What reads this file or folder, by its name and, for folders, by what is in them."""
    name = path.name.lower()
    put_back(path)
    if not path.exists():
        raise ReadingError(f"There is no file {path.name}", got=str(path), cure="Check the path")
    if path.is_dir():
        if is_visium_folder(path):
            return _visium
        if name.endswith(".zarr") or any((path / each).is_file() for each in ("zarr.json", ".zgroup", ".zattrs")):
            return _spatialdata if SPATIALDATA in zarr_attributes(path) else _anndata
    if not is_readable(path):
        archive = name.endswith(ARCHIVES)
        raise ReadingError(
            f"{path.name} is {'an archive' if archive else 'not a kind of file that can be opened'}",
            got="a folder" if path.is_dir() else f"the extension {path.suffix!r}",
            cure="Unpack it with a program that you trust, and open what is inside"
            if archive
            else f"Open one of {', '.join(READABLE)}, or the output folder of Space Ranger",
        )
    if path.stat().st_size == 0:
        raise ReadingError(f"{path.name} is empty", got="0 bytes", cure="Download or export it again")
    return _table if name.endswith(TABLES) else _anndata


def _table(path: Path, asked: Asked) -> Section:
    if asked.gene_names is not None:
        raise InputError(
            "A count matrix has one name for each gene", got=f"gene_names={asked.gene_names!r}", cure="Leave it out"
        )
    made = read_spatial_transcriptomics(
        path, image=asked.image, alignment=asked.alignment, image_scale=asked.image_scale
    )
    return _only(made, asked)


def _anndata(path: Path, asked: Asked) -> Section:
    _refuse_alignment(asked, f"{path.suffix} file")
    return read_anndata(
        path,
        image=asked.image,
        image_scale=asked.image_scale,
        section=asked.section,
        gene_names=asked.gene_names,
    )


def _visium(path: Path, asked: Asked) -> Section:
    _refuse_alignment(asked, "folder of Space Ranger")
    made = read_visium(path, image=asked.image, image_scale=asked.image_scale, gene_names=asked.gene_names)
    return _only(made, asked)


def _spatialdata(path: Path, asked: Asked) -> Section:
    from conceptstain.canvas.spatialdata_section import read_spatialdata

    _refuse_alignment(asked, "SpatialData folder")
    return read_spatialdata(
        path,
        image=asked.image,
        image_scale=asked.image_scale,
        section=asked.section,
        gene_names=asked.gene_names,
    )


def _only(made: Section, asked: Asked) -> Section:
    if asked.section not in {None, made.name}:
        raise refuse_choice(made.path.name if made.path else made.name, (made.name,), asked.section)
    return made


def _refuse_alignment(asked: Asked, kind: str) -> None:
    if asked.alignment is not None:
        article = "An" if kind.startswith(".h") else "A"
        raise InputError(
            f"{article} {kind} takes no alignment file",
            got=asked.alignment.name,
            cure="Its spots lie in pixels of the full-size image; give image_scale= if the image is smaller",
        )
    if asked.image is None and asked.image_scale is not None:
        raise InputError(
            "There is no image to place",
            got=f"image_scale={asked.image_scale}",
            cure="Give the image with image=; the scale of one inside the file is read from the file",
        )
