"""Where the spots of a file lie, however it writes that down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from jaxtyping import Float
from scipy.spatial import cKDTree

from conceptstain.canvas.expression import counted
from conceptstain.errors import ReadingError

__all__ = ["FARTHEST", "OBSM_KEYS", "as_numbers", "nearest_distance", "positions_in"]

FARTHEST = 1e12  # no slide in any unit; beyond it squares of distances lose their meaning
OBSM_KEYS = ("spatial", "X_spatial", "spatial_fullres")
OBS_COLUMNS = (
    ("pxl_col_in_fullres", "pxl_row_in_fullres"),
    ("imagecol", "imagerow"),
    ("x_centroid", "y_centroid"),
    ("x", "y"),
    ("X", "Y"),
)


def positions_in(adata: AnnData, file: str) -> tuple[Float[np.ndarray, "spots 2"], tuple[str, ...]]:
    """``(x, y)`` of the spots as in ``obsm["spatial"]``, else as in columns of ``obs``, with what was assumed.

    Raises
    ------
    ReadingError
        No positions, or some that are no finite numbers.
    """
    key = next((key for key in OBSM_KEYS if key in adata.obsm), None)
    if key is not None:
        what, values = f'obsm["{key}"]', adata.obsm[key]
        notes = [] if key == "spatial" else [f"Positions are read from {what}."]
    else:
        pair = next((pair for pair in OBS_COLUMNS if set(pair) <= set(adata.obs.columns)), None)
        if pair is None:
            raise ReadingError(
                f"{file} does not say where its spots lie",
                got=f"obsm with {', '.join(map(str, adata.obsm.keys())) or 'nothing in it'}",
                cure='Put the x and y of every spot in obsm["spatial"]',
            )
        what, values = f"obs[{pair[0]!r}] and obs[{pair[1]!r}]", adata.obs[list(pair)]
        notes = [f"Positions are read from {what}."]
    shape = " x ".join(map(str, np.shape(values)))
    frame = _as_frame(values)
    if frame is None or frame.shape[1] != 2:
        raise ReadingError(
            f"{what} of {file} does not hold positions",
            got=f"{shape} values",
            cure="Give two numbers, x and y, for every spot",
        )
    positions = np.empty((len(frame), 2))
    for axis in (0, 1):
        positions[:, axis], told = as_numbers(frame.iloc[:, axis], f"{what} of {file}")
        notes.extend(note for note in told if note not in notes)
    if not np.isfinite(positions).all() or np.abs(positions).max(initial=0) > FARTHEST:
        raise ReadingError(
            f"{what} of {file} does not hold positions",
            got=f"{shape} values, some missing, infinite or beyond {FARTHEST:g}",
            cure="Give two numbers, x and y, for every spot; leave out the spots without",
        )
    return positions, tuple(notes)


def as_numbers(values: pd.Series[Any], what: str) -> tuple[Float[np.ndarray, " values"], tuple[str, ...]]:
    """Numbers, also where they are written as text, as categories or with decimal commas.

    A comma is taken for a decimal one where no value has a point and none has two commas.

    Raises
    ------
    ReadingError
        Text that is no number, or could be two numbers.
    """
    if values.dtype.kind in "iufb":
        return values.to_numpy(dtype=np.float64), ()
    notes = [f"{what} is written as {'categories' if str(values.dtype) == 'category' else 'text'}; read as numbers."]
    text = values.astype("object").where(values.notna(), "nan").map(_decoded)
    if text.str.contains(",").any():
        if text.str.contains(".", regex=False).any() or (text.str.count(",") > 1).any():
            raise ReadingError(
                f"{what} has commas that can be read in two ways",
                got=repr(next(each for each in text if "," in each)),
                cure="Write numbers with a decimal point and no other separator",
            )
        text = text.str.replace(",", ".", regex=False)
        notes.append(f"{what} has decimal commas; they are read as points.")
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64)
    strange = np.isnan(numbers) & ~text.str.lower().isin(["nan", "na", "none", "", "<na>"]).to_numpy()
    if strange.any():
        raise ReadingError(
            f"{what} does not hold positions",
            got=f"{text.iloc[int(np.flatnonzero(strange)[0])]!r}, which is no number",
            cure="Give two numbers, x and y, for every spot",
        )
    return numbers, tuple(notes)


def nearest_distance(positions: Float[np.ndarray, "spots 2"], file: str) -> float:
    """Median distance of a spot to the nearest other one.

    Raises
    ------
    ReadingError
        Several spots at one place.
    """
    n_shared = len(positions) - len(np.unique(positions, axis=0))
    if n_shared:
        raise ReadingError(
            f"{file} has several spots at one place",
            got=f"{counted(n_shared, 'spot')} at the place of another",
            cure='Check obsm["spatial"]; open one section at a time',
        )
    distances, _ = cKDTree(positions).query(positions, k=2)
    return float(np.median(distances[:, 1]))


def _decoded(value: object) -> str:
    return (value.decode(errors="replace") if isinstance(value, bytes) else str(value)).strip()


def _as_frame(values: Any) -> pd.DataFrame | None:
    if isinstance(values, pd.DataFrame):
        return values
    if hasattr(values, "toarray"):
        values = values.toarray()
    array = np.asarray(values)
    return pd.DataFrame(array) if array.ndim == 2 else None
