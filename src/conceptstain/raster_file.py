"""Rasters of scores as OME-TIFF: 32-bit floats with the size of their cells, which slide viewers and ImageJ open."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from jaxtyping import Float

from conceptstain.canvas.score_raster import ScoreRaster
from conceptstain.errors import InputError
from conceptstain.writing import written_whole

__all__ = ["write_raster", "write_stack"]

STRAIGHT = 1e-9  # of a cell: how far a raster may lean, to be written by the size of its cells


def write_raster(raster: ScoreRaster, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write scores as they are, NaN where there are none; whole or not at all.

    The size of the cells is kept where it is in micrometres, and the place of the first cell.

    Raises
    ------
    InputError
        The name does not end in ``.tif``, the file exists, or the raster is turned against the axes of the world, which
        a TIFF cannot say.
    """
    path = Path(path)
    if path.suffix.lower() not in {".tif", ".tiff"}:
        raise InputError("Rasters are written as TIFF", got=path.name, cure="End the name in .ome.tif")
    height, width = raster.to_world[0, 0], raster.to_world[1, 1]
    leaning = max(abs(raster.to_world[0, 1]), abs(raster.to_world[1, 0]))
    if not (height > 0 and width > 0) or leaning > STRAIGHT * min(height, width):
        raise InputError(
            "A TIFF cannot say how this raster lies",
            got="a slide that is turned or mirrored in the world",
            cure="Use raster.values with raster.to_world",
        )
    told: dict[str, Any] = {"axes": "YX", "Name": raster.name}
    if raster.unit == "µm":
        told |= {
            "PhysicalSizeY": float(height),
            "PhysicalSizeYUnit": "µm",
            "PhysicalSizeX": float(width),
            "PhysicalSizeXUnit": "µm",
        }
        top, left = raster.to_world[:2, 2].tolist()
        told["Plane"] = {"PositionY": top, "PositionYUnit": "µm", "PositionX": left, "PositionXUnit": "µm"}
    with written_whole(path, overwrite=overwrite) as beside:
        values = raster.values.astype(np.float32)
        tifffile.imwrite(beside, values, ome=True, compression="zlib", photometric="minisblack", metadata=told)
    return path


def write_stack(
    pages: Mapping[str, Float[np.ndarray, "height width"]] | Iterable[tuple[str, Float[np.ndarray, "height width"]]],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> Path:
    """Write values of pictures as 32-bit floats, one page each with its name as description; NaN where there are none.

    Pages that come one after another, with their names, are written as they come.

    Raises
    ------
    InputError
        The name does not end in ``.tif``, or the file exists.
    """
    path = Path(path)
    if path.suffix.lower() not in {".tif", ".tiff"}:
        raise InputError("Stacks of maps are written as TIFF", got=path.name, cure="End the name in .tif")
    with written_whole(path, overwrite=overwrite) as beside, tifffile.TiffWriter(beside) as file:
        for name, values in pages.items() if isinstance(pages, Mapping) else pages:
            page = np.asarray(values, dtype=np.float32)
            told = name.encode()  # names of pictures are not ASCII everywhere
            file.write(page, compression="zlib", photometric="minisblack", description=told, metadata=None)
    return path
