"""Sections in SpatialData: a table, the shapes or labels it is about, and images in one coordinate system.

Needs the extra ``spatialdata``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from jaxtyping import Float

from conceptstain.canvas.anndata_file import opened_zarr
from conceptstain.canvas.anndata_section import Scale, Seen, Source, scale_of, section_of
from conceptstain.canvas.gene_names import name_genes
from conceptstain.canvas.section import Section
from conceptstain.canvas.section_choice import refuse_choice
from conceptstain.canvas.spot_positions import nearest_distance
from conceptstain.canvas.tissue_image import LONGEST_SIDE, placed, rgb
from conceptstain.canvas.untrusted import check_pieces, check_zarr, foreign_reader, refuse_size
from conceptstain.errors import ReadingError

__all__ = ["MICROMETRES", "read_spatialdata", "spatialdata_names"]

MICROMETRES = ("micrometers", "micrometres", "microns", "um", "µm", "μm")
"""Names of coordinate systems whose unit is the micrometre; the format has no other place that is filled in."""

GLOBAL = "global"
ATTRIBUTES = "spatialdata_attrs"
CURE = "It may be cut off, or not be written by spatialdata; copy or download it again"


class Annotated(NamedTuple):
    """A table, and the element that the rows of one section are about."""

    table: str
    region: str


class Spots(NamedTuple):
    """Centres ``(x, y)`` by instance in a coordinate system, and the typical diameter; None where none is known."""

    centres: pd.DataFrame
    diameter: float | None


def spatialdata_names(path: Path) -> tuple[str, ...]:
    """The sections in a SpatialData folder: the elements that its tables are about."""
    return tuple(_sections(_held(path)[0], path.name))


def read_spatialdata(
    path: Path,
    *,
    image: Path | None = None,
    image_scale: float | None = None,
    section: str | None = None,
    gene_names: str | None = None,
) -> Section:
    """Read one table region with its image.

    The world is the coordinate system whose name says micrometres, else ``global``, else the first that has the spots.
    Its unit is the micrometre if its name says so, or if the spots are those of a Visium slide; else the pixel.

    Parameters
    ----------
    path, image, image_scale, section, gene_names
        As in :func:`conceptstain.canvas.reading.open_section`.

    Raises
    ------
    ReadingError
        The extra is not installed, there is no table, or a part cannot be read.
    SectionChoice
        The tables are about several elements, and none was chosen.
    """
    held, missing = _held(path)
    names = _sections(held, path.name)
    if section not in names and (section is not None or len(names) > 1):
        raise refuse_choice(path.name, tuple(names), section)
    name = section or next(iter(names))
    with foreign_reader(path.name, "SpatialData", CURE):
        system = _system(held, names[name].region, path.name)
        adata = _rows(held.tables[names[name].table], names[name])
        spots = _spots(held, names[name].region, system)
    stored = adata.var_names.copy()
    named = name_genes(adata, path.name, gene_names)
    _place(adata, held.tables[names[name].table], spots, path.name)
    factors = {} if spots.diameter is None else {"spot_diameter_fullres": spots.diameter}
    if system in MICROMETRES:
        scale = Scale(1.0, "µm", f"The coordinate system {system!r} is in micrometres by its name.")
    else:
        scale = scale_of(factors, nearest_distance(adata.obsm["spatial"], path.name))
    if scale.unit == "µm":
        factors["microns_per_pixel"] = scale.per_pixel
    adata.uns["spatial"] = {name: {"images": {}, "scalefactors": factors}}
    with foreign_reader(path.name, "SpatialData", CURE):
        seen = None if image else _image(held, system, scale, name)
    source = Source(path, scale, seen=seen)
    made = section_of(adata, source, name=name, image=image, image_scale=image_scale, stored_names=stored)
    return made.noting(f"Positions are those of the coordinate system {system!r}.", *named, *missing)


def _held(path: Path) -> tuple[Any, tuple[str, ...]]:
    """The folder as spatialdata sees it, once its tables are known to fit into memory."""
    try:
        import spatialdata
    except ImportError as error:
        raise ReadingError(
            f"{path.name} is SpatialData, which needs an extra package",
            got="no package spatialdata",
            cure='Install it: pip install "napari-conceptstain[spatialdata]"',
        ) from error
    notes: list[str] = []
    with opened_zarr(path) as group, foreign_reader(path.name, "SpatialData", CURE):
        check_pieces(group, path.name)
        for name, table in group["tables"].groups() if "tables" in group else ():
            notes.extend(check_zarr(table, f"{path.name}, table {name}"))
        return spatialdata.read_zarr(path), tuple(notes)


def _sections(held: Any, file: str) -> dict[str, Annotated]:
    """What can be opened, by name: the region of a table, with the table where two are about one region."""
    found: list[Annotated] = []
    for name, table in held.tables.items():
        region = table.uns.get(ATTRIBUTES, {}).get("region")
        regions = [region] if isinstance(region, str) else [] if region is None else list(region)
        found += [Annotated(name, str(each)) for each in regions if str(each) in held]
    if not found:
        raise ReadingError(
            f"{file} has no table of spots or cells",
            got=f"tables {', '.join(held.tables) or '(none)'} about no element in the file",
            cure="Open SpatialData whose table annotates shapes, points or labels",
        )
    regions = [each.region for each in found]
    return {each.region if regions.count(each.region) == 1 else f"{each.region} ({each.table})": each for each in found}


def _system(held: Any, region: str, file: str) -> str:
    from spatialdata.transformations import get_transformation

    systems = list(get_transformation(held[region], get_all=True))
    for wanted in (*MICROMETRES, GLOBAL):
        if wanted in systems:
            return wanted
    if not systems:
        raise ReadingError(
            f"{file} does not say where its spots lie", got=f"{region} in no coordinate system", cure="Write it again"
        )
    return str(systems[0])


def _rows(table: AnnData, chosen: Annotated) -> AnnData:
    key = table.uns[ATTRIBUTES].get("region_key")
    if key not in table.obs:
        return table.copy()
    return table[(table.obs[key].astype(str) == chosen.region).to_numpy()].copy()


def _spots(held: Any, region: str, system: str) -> Spots:
    import spatialdata

    element = held[region]
    centres = spatialdata.get_centroids(element, coordinate_system=system).compute()
    scale = float(np.sqrt(abs(np.linalg.det(_affine(element, system)[:2, :2]))))
    radii = None
    if isinstance(element, pd.DataFrame):
        radii = element["radius"].to_numpy() if "radius" in element else np.sqrt(element.geometry.area / np.pi)
    diameter = None if radii is None else 2 * float(np.median(radii)) * scale
    return Spots(centres.set_index(centres.index.astype(str)), diameter if diameter and diameter > 0 else None)


def _affine(element: Any, system: str) -> Float[np.ndarray, "3 3"]:
    """From ``(y, x, 1)`` of the element to that of the coordinate system."""
    from spatialdata.transformations import get_transformation

    transformation = get_transformation(element, to_coordinate_system=system)
    return np.asarray(transformation.to_affine_matrix(("y", "x"), ("y", "x")), dtype=np.float64)


def _place(adata: AnnData, table: AnnData, spots: Spots, file: str) -> None:
    """Put the centres of the instances to the rows of the table, whatever their order."""
    key = table.uns[ATTRIBUTES].get("instance_key")
    instances = (adata.obs[key] if key in adata.obs else adata.obs_names.to_series()).astype(str)
    lacking = ~instances.isin(spots.centres.index).to_numpy()
    if lacking.any():
        raise ReadingError(
            f"{file} has rows in its table that are about nothing",
            got=f"{int(lacking.sum()):,} of {len(instances):,}, such as {instances.iloc[int(lacking.argmax())]!r}",
            cure="Match table and elements with spatialdata.match_table_to_element",
        )
    adata.obsm["spatial"] = spots.centres.loc[instances, ["x", "y"]].to_numpy(dtype=np.float64)


def _image(held: Any, system: str, scale: Scale, name: str) -> Seen:
    """The image of that coordinate system that suits best: named like the section, of high resolution, in colour."""
    from spatialdata.transformations import get_transformation

    here = [key for key, each in held.images.items() if system in get_transformation(each, get_all=True)]
    here.sort(key=lambda key: (name not in key, "lowres" in key, "hires" not in key))
    notes: list[str] = []
    for key in here:
        pixels, reduction = _pixels(held.images[key])
        coloured = None if pixels is None else rgb(pixels)
        if coloured is None:
            notes.append(f"The image {key} is not an RGB image, so it is left out.")
            continue
        others = [each for each in here if each != key]
        if others:
            notes.append(f"The image {key} is shown, and not {', '.join(others)}.")
        if reduction != (1.0, 1.0):
            notes.append(f"The image {key} is shown at 1/{reduction[0]:.4g} of its size.")
        world = np.diag([scale.per_pixel, scale.per_pixel, 1.0]) @ _affine(held.images[key], system)
        return placed(coloured, world @ np.diag([*reduction, 1.0])), tuple(notes)
    return None, tuple(notes)


def _pixels(image: Any) -> tuple[np.ndarray | None, tuple[float, float]]:
    """Rows x columns x channels of the largest scale that a graphics card holds, and pixels of the file along one."""
    levels = [next(iter(image[key].ds.values())) for key in image] if hasattr(image, "children") else [image]
    sizes = [(int(level.sizes["y"]), int(level.sizes["x"])) for level in levels]
    if any(level.ndim != 3 or level.sizes["c"] not in {1, 3, 4} for level in levels):
        return None, (1.0, 1.0)
    index = next((index for index, size in enumerate(sizes) if max(size) <= LONGEST_SIDE), len(sizes) - 1)
    step = -(-max(sizes[index]) // LONGEST_SIDE)
    chosen = levels[index].transpose("y", "x", "c")[step // 2 :: step, step // 2 :: step]
    refuse_size(float(chosen.size) * chosen.dtype.itemsize, "The image")
    pixels = np.asarray(chosen.to_numpy())
    reduction = tuple(full / shown * step for full, shown in zip(sizes[0], sizes[index], strict=True))
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels, (reduction[0], reduction[1])
