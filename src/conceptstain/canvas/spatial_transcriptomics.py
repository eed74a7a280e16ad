"""Count matrices of Spatial Transcriptomics (Stahl et al. 2016): rows are spots named by their place on the array."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from jaxtyping import Float
from scipy.sparse import csr_array, csr_matrix

from conceptstain.canvas.array_image import place_on_array, published_companions
from conceptstain.canvas.count_table import CountTable, read_count_table
from conceptstain.canvas.expression import check_names, check_size, counted, kind_of_values
from conceptstain.canvas.section import Section
from conceptstain.errors import InputError, ReadingError

__all__ = ["PITCH", "SPOT_DIAMETER", "read_spatial_transcriptomics"]

PITCH = 200.0
SPOT_DIAMETER = 100.0
POSITION = re.compile(r"(-?\d+(?:[.,]\d+)?)x(-?\d+(?:[.,]\d+)?)")


def read_spatial_transcriptomics(
    path: Path,
    *,
    image: Path | None = None,
    alignment: Path | None = None,
    image_scale: float | None = None,
) -> Section:
    """Read a count matrix, and its image where one is given or lies beside it by the published name.

    World coordinates are micrometres: array position ``(x, y)`` lies at ``((y - 1) * 200, (x - 1) * 200)``.

    Parameters
    ----------
    path, image, alignment, image_scale
        As in :func:`conceptstain.canvas.reading.open_section`.

    Raises
    ------
    ReadingError
        The table, the image or the alignment cannot be read.
    """
    table = read_count_table(path)
    positions = _positions(table, path.name)
    check_names(pd.Index(table.spots), pd.Index(table.genes), path.name)
    check_size(table.matrix, path.name)
    kind = kind_of_values(table.matrix, path.name)
    _check_distinct(positions, table.spots, path.name)
    spots = (positions[:, ::-1] - 1) * PITCH
    notes = [*_notes_on(table.matrix, kind)]
    if any("," in name for name in table.spots):
        notes.append("The row names have decimal commas; they are read as points.")
    companions = published_companions(path)
    if image is None and companions.image is not None:
        image = companions.image
        notes.append(f"The image {image.name} was found beside the file by its published name.")
    if image is not None and alignment is None and companions.alignment is not None:
        alignment = companions.alignment
        notes.append(f"The alignment {alignment.name} was found beside the file by its published name.")
    if image is None and (alignment is not None or image_scale is not None):
        raise InputError(
            "There is no image to place",
            got="an alignment" if alignment is not None else f"image_scale={image_scale}",
            cure="Give the image with image=",
        )
    tissue = None
    if image is not None:
        tissue, told = place_on_array(image, alignment, image_scale, spots, pitch=PITCH)
        notes.extend(told)
    return Section(
        name=companions.name,
        adata=_as_anndata(table, positions, spots, companions.name),
        matrix=table.matrix,
        spots=spots,
        unit="µm",
        spot_diameter=SPOT_DIAMETER,
        pitch=PITCH,
        counts=kind,
        image=tissue,
        path=path,
        notes=tuple(notes),
    )


def _positions(table: CountTable, file: str) -> Float[np.ndarray, "spots 2"]:
    """Array positions ``(x, y)`` from the row names."""
    found = [POSITION.fullmatch(name) for name in table.spots]
    if all(found):
        told = [[float(match[axis].replace(",", ".")) for axis in (1, 2)] for match in found if match]
        return np.array(told).reshape(-1, 2)
    if table.genes and all(POSITION.fullmatch(name) for name in table.genes):
        raise ReadingError(
            f"{file} has its genes as rows and its spots as columns",
            got=f"columns such as {table.genes[0]!r}",
            cure="Transpose it, so that every row is a spot",
        )
    wrong = next(name for name, match in zip(table.spots, found, strict=True) if match is None)
    raise ReadingError(
        f"{file} does not say where its spots lie",
        got=f"the row name {wrong!r}",
        cure="Name every row by its place on the array, XxY, such as 17.002x8.987",
    )


def _check_distinct(positions: Float[np.ndarray, "spots 2"], names: list[str], file: str) -> None:
    _, first, counts = np.unique(positions, axis=0, return_index=True, return_counts=True)
    if (counts > 1).any():
        raise ReadingError(
            f"{file} has two spots at the same place",
            got=f"more than one spot at {names[int(first[counts > 1][0])]}",
            cure="Keep one row for each spot",
        )


def _notes_on(matrix: csr_array, kind: str) -> list[str]:
    notes = [f"Positions are array positions times {PITCH:.0f} µm, the spacing of the array."]
    if kind == "normalised":
        notes.append("The values are not whole numbers, so they are taken as depth-normalised log values.")
    silent = int((matrix.sum(axis=1) == 0).sum())
    if silent:
        notes.append(f"{counted(silent, 'spot')} without any count kept, at the value 0.")
    return notes


def _as_anndata(
    table: CountTable,
    positions: Float[np.ndarray, "spots 2"],
    spots: Float[np.ndarray, "spots 2"],
    name: str,
) -> AnnData:
    """The table in the form other tools read, so that results written from it open again in micrometres."""
    adata = AnnData(
        X=csr_matrix(table.matrix),
        obs=pd.DataFrame(
            {"array_x": positions[:, 0], "array_y": positions[:, 1]}, index=pd.Index(table.spots, dtype=object)
        ),
        var=pd.DataFrame(index=pd.Index(table.genes, dtype=object)),
        obsm={"spatial": spots[:, ::-1].copy()},
    )
    scalefactors = {"microns_per_pixel": 1.0, "spot_diameter_fullres": SPOT_DIAMETER}
    adata.uns["spatial"] = {name: {"images": {}, "scalefactors": scalefactors}}
    return adata
