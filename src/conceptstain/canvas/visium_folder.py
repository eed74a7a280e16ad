"""Folders that 10x Space Ranger writes: a matrix, and a folder ``spatial`` with positions, images and their scales."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData

from conceptstain.canvas.anndata_section import Scale, Seen, Source, factors_of, section_of
from conceptstain.canvas.feature_matrix import read_feature_h5, read_feature_mtx
from conceptstain.canvas.gene_names import name_genes
from conceptstain.canvas.section import Section
from conceptstain.canvas.spot_positions import as_numbers
from conceptstain.canvas.tissue_image import placed_at_scale, read_image
from conceptstain.canvas.untrusted import foreign_reader
from conceptstain.errors import ReadingError

__all__ = ["is_visium_folder", "read_visium"]

PITCH = 100.0
SPOT_DIAMETER = 55.0
MATRIX = "filtered_feature_bc_matrix"
OLDER_MATRIX = "filtered_gene_bc_matrices"
POSITIONS = ("tissue_positions.csv", "tissue_positions_list.csv", "tissue_positions.parquet")
COLUMNS = ("barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres")
BINS = "binned_outputs"


class Parts(NamedTuple):
    """The files of a Visium folder; None where there is none."""

    matrix: Path | None
    positions: Path | None
    spatial: Path


def is_visium_folder(path: Path) -> bool:
    """Whether a folder has the matrix, the positions or the binned outputs of a Visium slide."""
    if not path.is_dir():
        return False
    path = _output(path)
    parts = _parts(path)
    return (path / BINS).is_dir() or parts.positions is not None or (parts.matrix is not None and parts.spatial != path)


def read_visium(
    path: Path, *, image: Path | None = None, image_scale: float | None = None, gene_names: str | None = None
) -> Section:
    """Read a folder of Space Ranger 1 to 4; lengths are micrometres, as neighbouring spots are 100 µm apart.

    Parameters
    ----------
    path
        A run, or its folder ``outs``: with ``filtered_feature_bc_matrix.h5`` or the folder
        ``filtered_feature_bc_matrix`` of three files, and ``spatial`` with the positions (either generation),
        ``scalefactors_json.json`` and the images.
    image, image_scale, gene_names
        As in :func:`conceptstain.canvas.reading.open_section`.

    Raises
    ------
    ReadingError
        A part is missing or cannot be read, or the folder holds the bins of a Visium HD slide.
    """
    output = _output(path)
    _refuse_bins(output)
    parts = _parts(output)
    if parts.matrix is None:
        raise ReadingError(
            f"{path.name} has no matrix of counts",
            got=_inside(output),
            cure=f"Put {MATRIX}.h5 or the folder {MATRIX} in it",
        )
    if parts.positions is None:
        raise ReadingError(
            f"{path.name} does not say where its spots lie",
            got=_inside(parts.spatial),
            cure="Put tissue_positions.csv or tissue_positions_list.csv into its folder spatial",
        )
    read = read_feature_mtx if parts.matrix.is_dir() else read_feature_h5
    adata, matrix_notes = read(parts.matrix)
    gene_notes = name_genes(adata, path.name, gene_names)
    table, table_notes = _table(parts.positions)
    _join(adata, table, path.name)
    factors, factor_notes = _factors(parts.spatial / "scalefactors_json.json")
    scale = _scale(adata, factors, path.name)
    diameter = factors.get("bin_size_um", SPOT_DIAMETER)
    adata.uns["spatial"] = {
        path.name: {
            "images": {},
            "scalefactors": {
                **factors,
                "microns_per_pixel": scale.per_pixel,
                "spot_diameter_fullres": factors.get("spot_diameter_fullres", diameter / scale.per_pixel),
            },
        }
    }
    source = Source(path, scale, diameter, None if image else _image(parts.spatial, factors, scale))
    made = section_of(adata, source, name=path.name, image=image, image_scale=image_scale)
    return made.noting(*matrix_notes, *gene_notes, *table_notes, *factor_notes)


def _output(path: Path) -> Path:
    """The folder ``outs`` of a run, where that is what lies in the folder."""
    return path / "outs" if (path / "outs").is_dir() else path


def _parts(path: Path) -> Parts:
    spatial = path / "spatial" if (path / "spatial").is_dir() else path
    candidates = [path / f"{MATRIX}.h5", *sorted(path.glob(f"*_{MATRIX}.h5")), path / MATRIX, path / OLDER_MATRIX]
    matrix = next((each for each in candidates if each.is_file() or each.is_dir()), None)
    if matrix is None and any(path.glob("matrix.mtx*")):
        matrix = path
    positions = next((spatial / name for name in POSITIONS if (spatial / name).is_file()), None)
    return Parts(matrix, positions, spatial)


def _inside(path: Path) -> str:
    names = sorted(each.name for each in path.iterdir())
    return f"a folder with {', '.join(names[:8]) or 'nothing in it'}{', ...' if len(names) > 8 else ''}"


def _refuse_bins(path: Path) -> None:
    if (path / BINS).is_dir():
        bins = sorted(each.name for each in (path / BINS).iterdir() if each.is_dir())
        raise ReadingError(
            f"{path.name} is a Visium HD slide with bins of several sizes",
            got=", ".join(bins) or f"an empty folder {BINS}",
            cure=f"Open one of them, such as {BINS}/{bins[-1] if bins else 'square_016um'}",
        )


def _table(path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Positions by barcode: the older generation without a header, the newer with one, or parquet."""
    with foreign_reader(path.name, "a table of positions", "It has six columns, barcodes first; copy it again"):
        if path.suffix == ".parquet":
            table = _parquet(path)
        else:
            first = path.open(encoding="utf-8-sig").readline()
            separator = ";" if first.count(";") >= 5 else "\t" if first.count("\t") >= 5 else ","
            header = 0 if first.lower().lstrip('"').startswith("barcode") else None
            table = pd.read_csv(
                path, sep=separator, header=header, dtype=str, encoding="utf-8-sig", keep_default_na=False
            )
            if table.shape[1] == len(COLUMNS) and header is None:
                table.columns = pd.Index(COLUMNS)
    if not set(COLUMNS) <= set(table.columns):
        raise ReadingError(
            f"{path.name} is not a table of positions",
            got=f"{table.shape[1]} columns: {', '.join(map(str, table.columns[:6]))}",
            cure=f"Its columns are {', '.join(COLUMNS)}",
        )
    if table["barcode"].duplicated().any():
        raise ReadingError(
            f"{path.name} has the same barcode more than once",
            got=repr(str(table["barcode"][table["barcode"].duplicated()].iloc[0])),
            cure="Keep one row for each spot",
        )
    notes: list[str] = []
    numbers = {}
    for name in COLUMNS[1:]:
        numbers[name], told = as_numbers(table[name], f"{name} of {path.name}")
        notes.extend(note for note in told if "decimal" in note)
    return pd.DataFrame(numbers, index=pd.Index(table["barcode"].astype(str))), tuple(notes)


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except ImportError as error:
        raise ReadingError(
            f"{path.name} needs a reader of parquet", got="no pyarrow", cure="Install it: pip install pyarrow"
        ) from error


def _join(adata: AnnData, table: pd.DataFrame, file: str) -> None:
    """Put the positions to the barcodes of the matrix, whatever the order of either."""
    lacking = ~adata.obs_names.isin(table.index)
    if lacking.any():
        raise ReadingError(
            f"{file} has barcodes without a position",
            got=f"{int(lacking.sum()):,} of {adata.n_obs:,}, such as {adata.obs_names[lacking][0]!r}",
            cure="Put the matrix and the positions of one run together",
        )
    found = table.reindex(adata.obs_names)
    adata.obsm["spatial"] = found[["pxl_col_in_fullres", "pxl_row_in_fullres"]].to_numpy(dtype=np.float64)
    for name in COLUMNS[1:4]:
        values = found[name]
        whole = values.notna().all() and np.isfinite(values).all() and (values == values.round()).all()
        adata.obs[name] = values.astype(int) if whole else values


def _factors(path: Path) -> tuple[dict[str, float], tuple[str, ...]]:
    if not path.is_file():
        return {}, (
            f"{path.name} is missing; the scale is taken from the distance of the spots, and no image is shown.",
        )
    with foreign_reader(path.name, "JSON", "Copy it again from the output of Space Ranger"):
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        return factors_of({key: float(value) for key, value in dict(told).items()}), ()


def _scale(adata: AnnData, factors: dict[str, float], file: str) -> Scale:
    """Micrometres per pixel: as written for bins, else from the array, whose columns are 50 µm apart."""
    if factors.get("microns_per_pixel", 0.0) > 0 and "bin_size_um" in factors:
        microns = factors["microns_per_pixel"]
        return Scale(microns, "µm", f"{file} gives {microns:.4g} µm per pixel.")
    array = adata.obs[["array_row", "array_col"]].to_numpy(dtype=np.float64)
    positions = adata.obsm["spatial"]
    usable = np.isfinite(array).all() and np.isfinite(positions).all() and np.ptp(array, axis=0).min() > 0
    if usable:
        design = np.column_stack([array, np.ones(len(array))])
        steps = np.linalg.lstsq(design, positions, rcond=None)[0]
        per_column = float(np.linalg.norm(steps[1]))
        if per_column > 0:
            microns = PITCH / 2 / per_column
            return Scale(microns, "µm", f"{microns:.4g} µm per pixel, as the spots of a Visium slide are 100 µm apart.")
    return Scale(1.0, "px", "The places on the array do not give the size of a pixel, so lengths are in pixels.")


def _image(spatial: Path, factors: dict[str, float], scale: Scale) -> Seen:
    """The high resolution image, else the low resolution one."""
    notes: list[str] = []
    for resolution in ("hires", "lowres"):
        file = next(iter(sorted(spatial.glob(f"tissue_{resolution}_image.*"))), None)
        if file is None:
            continue
        factor = factors.get(f"tissue_{resolution}_scalef", 0.0)
        if not factor > 0:
            notes.append(f"{file.name} has no tissue_{resolution}_scalef, so it is left out.")
            continue
        picture = read_image(file)
        return picture.placed(placed_at_scale(scale.per_pixel, factor)), (*notes, *picture.notes)
    return None, tuple(notes)
