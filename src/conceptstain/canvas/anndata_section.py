"""Sections in AnnData, in the layout that Visium readers write: ``.h5ad`` or ``.zarr``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from jaxtyping import Float

from conceptstain.canvas.anndata_file import load_anndata, load_spots
from conceptstain.canvas.expression import check_names, check_size, counted
from conceptstain.canvas.expression_choice import chosen_expression
from conceptstain.canvas.gene_names import name_genes
from conceptstain.canvas.section import Section, TissueImage
from conceptstain.canvas.section_choice import chosen_section, held_sections, libraries_of
from conceptstain.canvas.spot_positions import FARTHEST, nearest_distance, positions_in
from conceptstain.canvas.tissue_image import check_placing, placed, placed_at_scale, read_image, rgb
from conceptstain.errors import ReadingError

__all__ = [
    "EXTREME",
    "ORIGIN",
    "Scale",
    "Seen",
    "Source",
    "factors_of",
    "on_tissue",
    "origin_of",
    "read_anndata",
    "scale_of",
    "section_names",
    "section_of",
]

VISIUM_PITCH = 100.0
VISIUM_DIAMETER = 65.0  # what spot_diameter_fullres measures on a Visium slide, in micrometres
ORIGIN = "conceptstain_origin"  # in uns, where the section of a layer says what its positions are counted from
EXTREME = 1e6  # scale factors beyond it or below its inverse are mistakes
ENDINGS = (".h5ad", ".zarr.zip", ".zarr")

Seen = tuple[TissueImage | None, tuple[str, ...]]
"""The tissue, where there is one, and notes on it."""


class Scale(NamedTuple):
    """World units per pixel of the full-size image, and the name of the world unit."""

    per_pixel: float
    unit: Literal["µm", "px"]
    note: str


class Source(NamedTuple):
    """Where an AnnData comes from, and what its reader knows that is not in it.

    Attributes
    ----------
    path
        The file or folder.
    scale
        World units per position; None: found from the scale factors.
    spot_diameter
        In world units; None: found from the scale factors.
    seen
        The tissue image, where the reader has placed it already.
    """

    path: Path
    scale: Scale | None = None
    spot_diameter: float | None = None
    seen: Seen | None = None


def read_anndata(
    path: Path,
    *,
    image: Path | None = None,
    image_scale: float | None = None,
    section: str | None = None,
    gene_names: str | None = None,
) -> Section:
    """Read a file with ``obsm["spatial"]`` (x, y in pixels of the full-size image).

    The unit is the micrometre where ``scalefactors`` holds ``microns_per_pixel``, or where the spots are 100 µm apart
    when ``spot_diameter_fullres`` is taken as the 65 µm of a Visium slide; else the pixel.

    Parameters
    ----------
    path, image, image_scale, section, gene_names
        As in :func:`conceptstain.canvas.reading.open_section`.

    Raises
    ------
    ReadingError
        No such file, no positions, or values that cannot be used.
    SectionChoice
        Several sections in one file, and none chosen.
    """
    adata, missing = load_anndata(path)
    stored = adata.var_names.copy()
    named = name_genes(adata, path.name, gene_names)
    adata, name, chosen = chosen_section(adata, path.name, section)
    made = section_of(adata, Source(path), name=name, image=image, image_scale=image_scale, stored_names=stored)
    return made.noting(*named, *missing, *chosen)


def section_names(path: Path) -> tuple[str, ...]:
    """The sections in a file; one that has no name of its own is called by the file. No expression is read."""
    return held_sections(load_spots(path), path.name).names or (bare_name(path),)


def bare_name(path: Path) -> str:
    """The file's name without its ending."""
    ending = next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), "")
    return path.name[: len(path.name) - len(ending)]


def section_of(
    adata: AnnData,
    source: Source,
    *,
    name: str | None = None,
    image: Path | None = None,
    image_scale: float | None = None,
    stored_names: pd.Index[str] | None = None,
) -> Section:
    """A section out of the AnnData of one; ``stored_names`` are those of its genes in the file.

    Raises
    ------
    ReadingError
        No positions, or values that cannot be used.
    """
    path = source.path
    adata, told = on_tissue(adata, path.name)
    notes = list(told)
    description = adata.uns.get("description")
    if isinstance(description, str):
        notes.insert(0, description)
    matrix, kind, told = chosen_expression(adata, path.name, stored_names)
    notes.extend(told)
    check_names(adata.obs_names, adata.var_names, path.name)
    check_size(matrix, path.name)
    content: Mapping[str, Any] = next(iter(libraries_of(adata).values()), {})
    positions, told = positions_in(adata, path.name)
    notes.extend(told)
    factors = factors_of(content.get("scalefactors"))
    nearest = nearest_distance(positions, path.name)
    origin = origin_of(adata)
    scale = source.scale or scale_of(factors, nearest, visium=ORIGIN not in adata.uns)
    spots = (positions[:, ::-1] + origin) * scale.per_pixel
    notes.append(scale.note)
    diameter = source.spot_diameter or factors.get("spot_diameter_fullres", 0.0) * scale.per_pixel
    if not diameter > 0:
        diameter = nearest / 2 * scale.per_pixel
        notes.append("The file does not give the size of the spots; they are drawn half as wide as their spacing.")
    tissue, told = (
        _image_beside(image, image_scale, scale) if image else source.seen or _image(content, factors, scale, path.name)
    )
    notes.extend(told)
    if tissue is not None:
        tissue = _moved(tissue, origin * scale.per_pixel)
        cure = "Give image_scale=, or check the scale factors in the file"
        notes.extend(check_placing(tissue, spots, image.name if image else f"in {path.name}", cure))
    return Section(
        name=name or bare_name(path),
        adata=adata,
        matrix=matrix,
        spots=spots,
        unit=scale.unit,
        spot_diameter=diameter,
        counts=kind,
        image=tissue,
        path=path,
        notes=tuple(notes),
    )


def on_tissue(adata: AnnData, file: str) -> tuple[AnnData, tuple[str, ...]]:
    """Leave out the spots beside the tissue, where the file tells them apart.

    Raises
    ------
    ReadingError
        No spot is on it.
    """
    if "in_tissue" not in adata.obs:
        return adata, ()
    kept = adata.obs["in_tissue"].astype(str).isin(["1", "1.0", "True"]).to_numpy()
    if kept.all():
        return adata, ()
    if not kept.any():
        raise ReadingError(
            f"{file} has no spot on the tissue",
            got="obs['in_tissue'] without any 1",
            cure="Correct or remove that column",
        )
    left_out = counted(int((~kept).sum()), "spot")
    return adata[kept].copy(), (f"{left_out} beside the tissue left out (obs['in_tissue'] is not 1).",)


def factors_of(told: object) -> dict[str, float]:
    """The scale factors; one that no microscope can have, or that is no number, is as good as absent."""
    found: dict[str, float] = {}
    for key, value in told.items() if isinstance(told, Mapping) else ():
        with suppress(TypeError, ValueError):
            if 1 / EXTREME <= (number := float(value)) <= EXTREME:
                found[str(key)] = number
    return found


def origin_of(adata: AnnData) -> Float[np.ndarray, " 2"]:
    """Where ``obsm["spatial"]`` is counted from, ``(y, x)`` in its own numbers: 0 but for sections of layers."""
    told = adata.uns.get(ORIGIN)
    numbers = np.asarray(told).ravel() if told is not None else np.zeros(2)
    usable = numbers.shape == (2,) and numbers.dtype.kind in "iuf" and (np.abs(numbers) <= FARTHEST).all()
    return numbers.astype(np.float64) if usable else np.zeros(2)


def _moved(image: TissueImage, by: Float[np.ndarray, " 2"]) -> TissueImage:
    move = np.eye(3)
    move[:2, 2] = by
    return replace(image, to_world=move @ image.to_world) if by.any() else image


def scale_of(factors: Mapping[str, float], nearest: float, *, visium: bool = True) -> Scale:
    """World units by scale factors and the distance of neighbouring spots, both in pixels.

    Unless ``visium``, spots of the sizes of a Visium slide are not taken for those of one.
    """
    microns = factors.get("microns_per_pixel", 0.0)
    if microns > 0:
        return Scale(microns, "µm", f"The file gives {microns:.4g} µm per pixel.")
    diameter = factors.get("spot_diameter_fullres", 0.0)
    if visium and diameter > 0:
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
            return placed(pixels, placed_at_scale(scale.per_pixel, factor)), tuple(notes)
        lacks = f"has no tissue_{resolution}_scalef" if pixels is not None else "is not an RGB image"
        notes.append(f"The {resolution} image of {file} {lacks}, so it is left out.")
    return None, tuple(notes)


def _image_beside(image: Path, image_scale: float | None, scale: Scale) -> Seen:
    """The image given beside the file."""
    picture = read_image(image)
    told = () if image_scale else (f"{image.name} is taken as the full-size image that the positions speak of.",)
    return picture.placed(placed_at_scale(scale.per_pixel, image_scale or 1.0)), (*picture.notes, *told)
