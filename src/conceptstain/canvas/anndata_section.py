"""Sections in ``.h5ad`` files, in the layout that Visium readers write."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData
from jaxtyping import Float
from scipy import sparse
from scipy.spatial import cKDTree

from conceptstain.canvas.expression import check_names, check_size, counted, kind_of_values
from conceptstain.canvas.section import Section, TissueImage
from conceptstain.canvas.tissue_image import check_placing, placed, read_image, rgb
from conceptstain.errors import ReadingError

__all__ = ["read_anndata"]

HDF5 = b"\x89HDF\r\n\x1a\n"
VISIUM_PITCH = 100.0
VISIUM_DIAMETER = 65.0  # what spot_diameter_fullres measures on a Visium slide, in micrometres
LARGEST_LOG = 30.0  # a logarithm of a count never comes near it


class Scale(NamedTuple):
    """World units per pixel of the full-size image, and the name of the world unit."""

    per_pixel: float
    unit: Literal["µm", "px"]
    note: str


def read_anndata(path: Path, *, image: Path | None = None, image_scale: float | None = None) -> Section:
    """Read an ``.h5ad`` file with ``obsm["spatial"]`` (x, y in pixels of the full-size image).

    The unit is the micrometre where ``scalefactors`` holds ``microns_per_pixel``, or where the spots are 100 µm apart
    when ``spot_diameter_fullres`` is taken as the 65 µm of a Visium slide; else the pixel.

    Parameters
    ----------
    path, image, image_scale
        As in :func:`conceptstain.canvas.reading.open_section`.

    Raises
    ------
    ReadingError
        No such file, no positions, several sections in one file, or values that cannot be used.
    """
    adata, told = _on_tissue(_load(path), path.name)
    notes = list(told)
    description = adata.uns.get("description")
    if isinstance(description, str):
        notes.insert(0, description)
    check_names(adata.obs_names, adata.var_names, path.name)
    matrix, kind, told = _expression(adata, path.name)
    notes.extend(told)
    check_size(matrix, path.name)
    library, content = _library(adata, path.name)
    positions = _positions(adata, path.name)
    factors = _factors(content.get("scalefactors"))
    nearest = _nearest_distance(positions, path.name)
    scale = _scale(factors, nearest)
    spots = positions[:, ::-1] * scale.per_pixel
    notes.append(scale.note)
    diameter = factors.get("spot_diameter_fullres", 0.0)
    if not diameter > 0:
        diameter = nearest / 2
        notes.append("The file does not give the size of the spots; they are drawn half as wide as their spacing.")
    tissue, told = _image_beside(image, image_scale, scale) if image else _image(content, factors, scale, path.name)
    notes.extend(told)
    if tissue is not None:
        cure = "Give image_scale=, or check the scale factors in the file"
        notes.extend(check_placing(tissue, spots, image.name if image else f"in {path.name}", cure))
    return Section(
        name=library or path.name[: -len(".h5ad")],
        adata=adata,
        matrix=matrix,
        spots=spots,
        unit=scale.unit,
        spot_diameter=diameter * scale.per_pixel,
        counts=kind,
        image=tissue,
        path=path,
        notes=tuple(notes),
    )


def _load(path: Path) -> AnnData:
    with path.open("rb") as file:
        if file.read(len(HDF5)) != HDF5:
            raise ReadingError(
                f"{path.name} is not an .h5ad file",
                got="content that is not HDF5",
                cure="Write it with adata.write_h5ad",
            )
    try:
        with warnings.catch_warnings():
            # Repeated names are refused later, with the cure; older layouts are read as they are.
            warnings.simplefilter("ignore")
            adata = anndata.read_h5ad(path)
        _check_indices(adata)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, LookupError) as error:
        raise ReadingError(
            f"{path.name} cannot be read as .h5ad",
            got=str(error).strip().split("\n")[0][:200] or type(error).__name__,
            cure="It may be cut off, or not be written by anndata; download it again or write it with adata.write_h5ad",
        ) from error
    return adata


def _check_indices(adata: AnnData) -> None:
    """Refuse sparse matrices with an index beyond their shape, which would read memory that is not theirs."""
    raw = () if adata.raw is None else (adata.raw.X,)
    for stored in (adata.X, *adata.layers.values(), *raw, *adata.obsm.values(), *adata.obsp.values()):
        if sparse.issparse(stored):
            stored.check_format(full_check=True)


def _on_tissue(adata: AnnData, file: str) -> tuple[AnnData, tuple[str, ...]]:
    """Leave out the spots beside the tissue, where the file tells them apart."""
    if "in_tissue" not in adata.obs:
        return adata, ()
    on_tissue = adata.obs["in_tissue"].astype(str).isin(["1", "1.0", "True"]).to_numpy()
    if on_tissue.all():
        return adata, ()
    if not on_tissue.any():
        raise ReadingError(
            f"{file} has no spot on the tissue",
            got="obs['in_tissue'] without any 1",
            cure="Correct or remove that column",
        )
    left_out = counted(int((~on_tissue).sum()), "spot")
    return adata[on_tissue].copy(), (f"{left_out} beside the tissue left out (obs['in_tissue'] is not 1).",)


def _expression(adata: AnnData, file: str) -> tuple[sparse.csr_array, Literal["counts", "normalised"], tuple[str, ...]]:
    """The counts where the file has them, else the first matrix that can be used: ``X``, then ``raw``."""
    candidates: dict[str, Any] = {}
    if "counts" in adata.layers:
        candidates['layers["counts"]'] = adata.layers["counts"]
    if adata.X is not None:
        candidates["X"] = adata.X
    if adata.raw is not None and adata.var_names.isin(adata.raw.var_names).all():
        candidates["raw.X"] = adata.raw.X[:, adata.raw.var_names.get_indexer(adata.var_names)]
    if not candidates:
        raise ReadingError(f"{file} has no expression matrix", got="no X", cure='Write X or layers["counts"]')
    usable: list[tuple[str, sparse.csr_array]] = []
    failures: list[ReadingError] = []
    for name, values in candidates.items():
        matrix = sparse.csr_array(values, dtype=np.float32)
        try:
            kind = kind_of_values(matrix, f"{name} of {file}")
        except ReadingError as error:
            failures.append(error)
            continue
        if kind == "counts":
            note = () if name == next(iter(candidates)) else (f"Counts are read from {name}.",)
            return _without_zeros(matrix), "counts", (*note, *_empty_spots(matrix))
        usable.append((name, matrix))
    if not usable:
        raise failures[0]
    name, matrix = usable[0]
    told = [f"{name} does not hold whole numbers; it is taken as depth-normalised log values."]
    if matrix.data.max() > LARGEST_LOG:
        told.append(
            f"Values up to {matrix.data.max():.4g} do not look like logarithms; put the counts in layers['counts']."
        )
    return _without_zeros(matrix), "normalised", (*told, *_empty_spots(matrix))


def _without_zeros(matrix: sparse.csr_array) -> sparse.csr_array:
    matrix = matrix.copy()
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _empty_spots(matrix: sparse.csr_array) -> tuple[str, ...]:
    empty = int((matrix.sum(axis=1) == 0).sum())
    return (f"{counted(empty, 'spot')} without any expression kept, at the value 0.",) if empty else ()


def _library(adata: AnnData, file: str) -> tuple[str, Mapping[str, Any]]:
    """Name and content of the one section in ``uns["spatial"]``; both empty where there is none."""
    spatial = adata.uns.get("spatial", {})
    entries = spatial.items() if isinstance(spatial, Mapping) else ()
    libraries = {str(name): content for name, content in entries if isinstance(content, Mapping)}
    if len(libraries) > 1:
        raise ReadingError(
            f"{file} holds several sections",
            got=", ".join(libraries),
            cure='Write one file for each, with its own spots and its own entry of uns["spatial"]',
        )
    return next(iter(libraries.items()), ("", {}))


def _positions(adata: AnnData, file: str) -> Float[np.ndarray, "spots 2"]:
    """``(x, y)`` of the spots, as in the file."""
    if "spatial" not in adata.obsm:
        raise ReadingError(
            f"{file} does not say where its spots lie",
            got=f"obsm with {', '.join(map(str, adata.obsm.keys())) or 'nothing in it'}",
            cure='Put the x and y of every spot in obsm["spatial"]',
        )
    values = adata.obsm["spatial"]
    try:
        positions = np.asarray(values.to_numpy() if isinstance(values, pd.DataFrame) else values, dtype=np.float64)
    except (TypeError, ValueError):
        positions = np.empty(0)
    if positions.ndim != 2 or positions.shape[1] != 2 or not np.isfinite(positions).all():
        shape = " x ".join(map(str, np.shape(values)))
        raise ReadingError(
            f'obsm["spatial"] of {file} does not hold positions',
            got=f"{shape} values, some missing" if shape.endswith(" x 2") else f"{shape} values",
            cure="Give two numbers, x and y, for every spot",
        )
    return positions


def _nearest_distance(positions: Float[np.ndarray, "spots 2"], file: str) -> float:
    n_shared = len(positions) - len(np.unique(positions, axis=0))
    if n_shared:
        raise ReadingError(
            f"{file} has several spots at one place",
            got=f"{counted(n_shared, 'spot')} at the place of another",
            cure='Check obsm["spatial"]; open one section at a time',
        )
    distances, _ = cKDTree(positions).query(positions, k=2)
    return float(np.median(distances[:, 1]))


def _factors(told: object) -> dict[str, float]:
    """The scale factors; one that is no finite number is as good as absent."""
    found: dict[str, float] = {}
    for key, value in told.items() if isinstance(told, Mapping) else ():
        with suppress(TypeError, ValueError):
            if math.isfinite(number := float(value)):
                found[str(key)] = number
    return found


def _scale(factors: Mapping[str, float], nearest: float) -> Scale:
    microns = factors.get("microns_per_pixel", 0.0)
    if microns > 0:
        return Scale(microns, "µm", f"The file gives {microns:.4g} µm per pixel.")
    diameter = factors.get("spot_diameter_fullres", 0.0)
    if diameter > 0:
        microns = VISIUM_DIAMETER / diameter
        if abs(nearest * microns / VISIUM_PITCH - 1) <= 0.05:
            return Scale(microns, "µm", f"{microns:.4g} µm per pixel, from the 65 µm spots of a Visium slide.")
    return Scale(1.0, "px", "The file does not give the size of a pixel, so lengths are in pixels.")


def _image(
    content: Mapping[str, Any], factors: Mapping[str, float], scale: Scale, file: str
) -> tuple[TissueImage | None, tuple[str, ...]]:
    """The high resolution image in the file, else the low resolution one."""
    told = content.get("images", {})
    images: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    notes: list[str] = []
    for resolution in ("hires", "lowres"):
        if resolution not in images:
            continue
        factor = factors.get(f"tissue_{resolution}_scalef", 0.0)
        pixels = rgb(np.asarray(images[resolution]))
        if pixels is not None and factor > 0:
            return placed(pixels, _from_position(scale, factor)), tuple(notes)
        lacks = f"has no tissue_{resolution}_scalef" if pixels is not None else "is not an RGB image"
        notes.append(f"The {resolution} image of {file} {lacks}, so it is left out.")
    return None, tuple(notes)


def _image_beside(image: Path, image_scale: float | None, scale: Scale) -> tuple[TissueImage, tuple[str, ...]]:
    """The image given beside the file."""
    picture = read_image(image)
    told = () if image_scale else (f"{image.name} is taken as the full-size image that the positions speak of.",)
    return picture.placed(_from_position(scale, image_scale or 1.0)), (*picture.notes, *told)


def _from_position(scale: Scale, image_scale: float) -> Float[np.ndarray, "3 3"]:
    return np.diag([scale.per_pixel / image_scale, scale.per_pixel / image_scale, 1.0])
