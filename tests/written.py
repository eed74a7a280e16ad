"""Files written for a test: count tables, alignments, images and .h5ad."""

from __future__ import annotations

import gzip
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import anndata
import h5py
import numpy as np
import pandas as pd
from anndata import AnnData
from PIL import Image
from scipy.sparse import csr_matrix

SPOTS = ("1.0x1.0", "2.0x1.0", "1.0x2.0", "2.0x2.0")
GENES = ("Penk", "Doc2g", "Th")
COUNTS = ((0, 12, 3), (4, 0, 0), (7, 1, 0), (0, 0, 250))


def table_text(
    spots: Sequence[str] = SPOTS,
    genes: Sequence[str] = GENES,
    values: Sequence[Sequence[Any]] = COUNTS,
    *,
    delimiter: str = "\t",
    corner: str = "",
) -> str:
    """The text of a count table as it is published."""
    rows = [[corner, *genes], *([spot, *map(str, row)] for spot, row in zip(spots, values, strict=True))]
    return "\n".join(delimiter.join(row) for row in rows) + "\n"


def write_image(path: Path, height: int, width: int, marks: Sequence[tuple[int, int]] = ()) -> Path:
    """A white image with black pixels at ``(row, column)``."""
    pixels = np.full((height, width, 3), 255, dtype=np.uint8)
    for row, column in marks:
        pixels[row, column] = 0
    Image.fromarray(pixels).save(path)
    return path


def mark_in_world(pixels: np.ndarray, to_world: np.ndarray) -> np.ndarray:
    """World coordinates ``(y, x)`` of the centre of the one black pixel."""
    ((row, column),) = np.argwhere(pixels.sum(axis=2) == 0)
    return np.asarray(to_world @ [row, column, 1])[:2]


def lattice_anndata(n_rows: int = 5, n_columns: int = 6, pitch: float = 40.0, **parts: Any) -> AnnData:
    """Counts on a square lattice, positions in pixels from 20.5 on."""
    rng = np.random.default_rng(0)
    rows, columns = (index.ravel() for index in np.indices((n_rows, n_columns)))
    positions = np.stack([columns, rows], axis=1) * pitch + 20.5
    parts.setdefault("X", rng.poisson(3.0, (len(rows), 4)).astype(np.float32))
    parts.setdefault("obsm", {"spatial": positions})
    return AnnData(
        obs=pd.DataFrame(index=[f"spot{index}" for index in range(len(rows))]),
        var=pd.DataFrame(index=[f"Gene{index}" for index in range(parts["X"].shape[1])]),
        **parts,
    )


def library(image: np.ndarray | None = None, image_factor: float = 1.0, **factors: float) -> dict[str, Any]:
    """What ``uns["spatial"]`` holds of one section."""
    images = {} if image is None else {"hires": image}
    scales = {} if image is None else {"tissue_hires_scalef": image_factor}
    return {"images": images, "scalefactors": {**scales, **factors}}


def hexagonal_lattice(n_rows: int, n_columns: int, pitch: float = 100.0) -> np.ndarray:
    """Centres ``(y, x)`` of the spots of a Visium slide: every second row half a spacing to the right."""
    rows, columns = (index.ravel() for index in np.indices((n_rows, n_columns)))
    return np.stack([rows * np.sqrt(0.75), columns + 0.5 * (rows % 2)], axis=1) * pitch


def write_visium(
    folder: Path,
    *,
    n_rows: int = 8,
    n_columns: int = 6,
    pixels_per_pitch: float = 25.0,
    older: bool = False,
    matrix: str = "h5",
    hires: float | None = 0.5,
) -> np.ndarray:
    """The output of Space Ranger, its rows of positions in another order than its barcodes; the counts are returned.

    ``older`` is the generation whose positions have no header; ``matrix`` is ``"h5"``, ``"mtx"`` or ``"mtx.gz"``.
    """
    spatial = folder / "spatial"
    spatial.mkdir(parents=True)
    rng = np.random.default_rng(0)
    y, x = hexagonal_lattice(n_rows, n_columns, pixels_per_pitch).T + 20.0
    rows, columns = (index.ravel() for index in np.indices((n_rows, n_columns)))
    barcodes = [f"{''.join(rng.choice(list('ACGT'), 16))}-1" for _ in rows]
    in_tissue = np.ones(len(rows), dtype=int)
    table = pd.DataFrame(
        {
            "barcode": barcodes,
            "in_tissue": in_tissue,
            "array_row": rows,
            "array_col": 2 * columns + rows % 2,
            "pxl_row_in_fullres": y,
            "pxl_col_in_fullres": x,
        }
    )
    table = pd.concat([table, table.assign(barcode=[f"{code[:-1]}9" for code in barcodes], in_tissue=0)])
    name = "tissue_positions_list.csv" if older else "tissue_positions.csv"
    table.sample(frac=1, random_state=1).to_csv(spatial / name, header=not older, index=False)
    factors = {
        "spot_diameter_fullres": 0.65 * pixels_per_pitch,
        "tissue_hires_scalef": 0.5,
        "fiducial_diameter_fullres": 30.0,
        "tissue_lowres_scalef": 0.1,
    }
    (spatial / "scalefactors_json.json").write_text(json.dumps(factors))
    if hires is not None:
        size = round(hires * (y.max() + 20)), round(hires * (x.max() + 20))
        mark = round(hires * y[9] - 0.5), round(hires * x[9] - 0.5)
        write_image(spatial / "tissue_hires_image.png", *size, marks=[mark])
    counts = rng.poisson(2.0, (len(rows), 4)).astype(np.int32)
    if matrix == "h5":
        write_feature_h5(folder / "filtered_feature_bc_matrix.h5", counts, barcodes)
    else:
        write_feature_mtx(folder / "filtered_feature_bc_matrix", counts, barcodes, packed=matrix.endswith("gz"))
    return counts


def write_zarr(adata: AnnData, path: Path, *, version: Literal[2, 3] = 3) -> Path:
    """AnnData as a zarr folder of either format."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anndata warns of the format that most files still have
        with anndata.settings.override(zarr_write_format=version):
            adata.write_zarr(path)
    return path


FEATURES = (("ENSMUSG00000045573", "Penk"), ("ENSMUSG00000000001", "Doc2g"), ("ENSMUSG00000000002", "Penk"))


def write_feature_h5(path: Path, counts: np.ndarray, barcodes: Sequence[str]) -> None:
    """Counts (spots x genes) as Cell Ranger 3 and later write them; the last feature is an antibody."""
    stored = csr_matrix(counts)
    features = {
        "id": [*(each[0] for each in FEATURES), "CD3"],
        "name": [*(each[1] for each in FEATURES), "CD3"],
        "feature_type": ["Gene Expression"] * 3 + ["Antibody Capture"],
        "genome": ["mm10"] * 4,
    }
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["barcodes"] = np.array(barcodes, dtype="S")
        group["data"], group["indices"] = stored.data, stored.indices
        group["indptr"], group["shape"] = stored.indptr, np.array(counts.shape[::-1])
        for key, values in features.items():
            group[f"features/{key}"] = np.array(values, dtype="S")


def write_feature_mtx(folder: Path, counts: np.ndarray, barcodes: Sequence[str], *, packed: bool = False) -> None:
    """Counts (spots x genes) as three files."""
    folder.mkdir()
    entries = "".join(
        f"{gene + 1} {spot + 1} {counts[spot, gene]}\n" for spot, gene in zip(*np.nonzero(counts), strict=True)
    )
    header = "%%MatrixMarket matrix coordinate integer general\n%\n"
    shape = f"{counts.shape[1]} {counts.shape[0]} {np.count_nonzero(counts)}\n"
    kinds = ["Gene Expression"] * 3 + ["Antibody Capture"]
    named = zip((*FEATURES, ("CD3", "CD3")), kinds, strict=True)
    texts = {
        "matrix.mtx": header + shape + entries,
        "features.tsv": "".join(f"{each[0]}\t{each[1]}\t{kind}\n" for each, kind in named),
        "barcodes.tsv": "".join(f"{code}\n" for code in barcodes),
    }
    for name, text in texts.items():
        content = text.encode()
        (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)
