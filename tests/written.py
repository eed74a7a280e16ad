"""Files written for a test: count tables, alignments, images and .h5ad."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from PIL import Image

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
