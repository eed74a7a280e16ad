"""Opening a section from a file."""

from __future__ import annotations

import os
from pathlib import Path

from conceptstain.canvas.anndata_section import read_anndata
from conceptstain.canvas.section import Section
from conceptstain.canvas.spatial_transcriptomics import read_spatial_transcriptomics
from conceptstain.errors import InputError, ReadingError

__all__ = ["READABLE", "is_readable", "open_section"]

READABLE = (".tsv", ".tsv.gz", ".h5ad")


def open_section(
    path: str | os.PathLike[str],
    *,
    image: str | os.PathLike[str] | None = None,
    alignment: str | os.PathLike[str] | None = None,
    image_scale: float | None = None,
) -> Section:
    """Open a section: spots, genes and the tissue image they lie on.

    Parameters
    ----------
    path
        A Spatial Transcriptomics count matrix (``.tsv`` or ``.tsv.gz``, one row per spot named ``XxY``) or an ``.h5ad``
        file with ``obsm["spatial"]``.
    image
        Tissue image (jpg, png, tif). None: for a count matrix the image of the published name beside it
        (``HE_Rep1.jpg`` beside ``Rep1_MOB_count_matrix-1.tsv.gz``), for ``.h5ad`` the one inside the file.
    alignment
        Published alignment of a count matrix: nine numbers, a 3 x 3 matrix for row vectors ``[x, y, 1]`` from array
        positions onto the full-size image. None: the file of the published name
        (``Rep1_MOB_transformation.txt``), else the image is taken as cropped to the array.
    image_scale
        Size of ``image`` relative to the full-size image that the alignment or ``obsm["spatial"]`` speaks of, such as
        0.2. None: found from the image's width for an alignment, 1 for ``.h5ad``.

    Returns
    -------
    Section
        With everything that was assumed or left out in its ``notes``.

    Raises
    ------
    ReadingError
        The file cannot be read; the message names it and the cure.
    InputError
        The arguments do not go together.
    """
    path = Path(path)
    if not path.exists():
        raise ReadingError(f"There is no file {path.name}", got=str(path), cure="Check the path")
    if not is_readable(path):
        raise ReadingError(
            f"{path.name} is not a kind of file that can be opened",
            got="a folder" if path.is_dir() else f"the extension {path.suffix!r}",
            cure=f"Open one of {', '.join(READABLE)}",
        )
    if path.stat().st_size == 0:
        raise ReadingError(f"{path.name} is empty", got="0 bytes", cure="Download or export it again")
    if image_scale is not None and not image_scale > 0:
        raise InputError("An image cannot have that scale", got=str(image_scale), cure="Use a value above 0")
    image = None if image is None else Path(image)
    alignment = None if alignment is None else Path(alignment)
    try:
        return _read(path, image, alignment, image_scale)
    except OSError as error:
        raise ReadingError(
            f"{path.name} cannot be read", got=error.strerror or str(error), cure="Check that you may read it"
        ) from error


def _read(path: Path, image: Path | None, alignment: Path | None, image_scale: float | None) -> Section:
    if path.name.lower().endswith(".h5ad"):
        if alignment is not None:
            raise InputError(
                "An .h5ad file takes no alignment file",
                got=alignment.name,
                cure="Its spots lie in pixels of the full-size image; give image_scale= if the image is smaller",
            )
        if image is None and image_scale is not None:
            raise InputError(
                "There is no image to place",
                got=f"image_scale={image_scale}",
                cure="Give the image with image=; the scale of one inside the file is read from the file",
            )
        return read_anndata(path, image=image, image_scale=image_scale)
    return read_spatial_transcriptomics(path, image=image, alignment=alignment, image_scale=image_scale)


def is_readable(path: str | os.PathLike[str]) -> bool:
    """Whether the name is that of a section that :func:`open_section` reads; the content is not looked at."""
    path = Path(path)
    return path.name.lower().endswith(READABLE) and not path.is_dir()
