"""How large a pixel is, as slides say it: OME-TIFF, ImageJ, Aperio, TIFF resolution, OME-Zarr."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import tifffile

__all__ = ["PixelSize", "size_in_ome_zarr", "size_in_tiff"]

MICROMETRES = {
    "µm": 1.0,
    "μm": 1.0,
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "\\u00B5m": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "nanometre": 1e-3,
    "mm": 1e3,
    "millimeter": 1e3,
    "millimetre": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "inch": 25400.0,
}
COARSEST = 20.0  # µm: a TIFF that tells larger pixels speaks of paper (72 to 300 per inch), not of a microscope


class PixelSize(NamedTuple):
    """Micrometres along a pixel, down and across, and where the centre of the first one lies."""

    down: float
    across: float
    top: float = 0.0
    left: float = 0.0
    note: str = ""


def size_in_tiff(file: tifffile.TiffFile) -> PixelSize | None:
    """As OME-XML, ImageJ, Aperio or the resolution tags tell it, in this order."""
    if file.is_ome and file.ome_metadata:
        return _in_ome_xml(file.ome_metadata)
    page: Any = file.pages.first
    told = re.search(r"MPP = ([0-9.]+)", page.description or "")
    if told and _usable(float(told[1])):
        return PixelSize(float(told[1]), float(told[1]))
    imagej = file.imagej_metadata or {}
    unit = MICROMETRES.get(str(imagej.get("unit", "")))
    tags = page.tags
    if unit is None:
        unit = {2: MICROMETRES["inch"], 3: MICROMETRES["cm"]}.get(int(_number(tags, "ResolutionUnit")))
    across, down = (_number(tags, name) for name in ("XResolution", "YResolution"))
    if unit is None or not across or not down:
        return None
    size = PixelSize(unit / down, unit / across)
    if not (_usable(size.down) and _usable(size.across)) or (not imagej and max(size[:2]) > COARSEST):
        return None
    note = "" if imagej else f"A pixel is {size.across:.4g} µm wide by the resolution that the TIFF tells."
    return size._replace(note=note)


def size_in_ome_zarr(multiscale: dict[str, Any], axes: str) -> PixelSize | None:
    """As the transformations of the largest level and of the whole image tell it; None where there is no unit."""
    units = {}
    for letter, axis in zip(axes, multiscale.get("axes") or [{}] * len(axes), strict=True):
        units[letter] = MICROMETRES.get(str(axis.get("unit", ""))) if isinstance(axis, dict) else None
    if units["Y"] is None or units["X"] is None:
        return None
    scale, shift = np.ones(len(axes)), np.zeros(len(axes))
    for step in (
        *multiscale["datasets"][0].get("coordinateTransformations", ()),
        *multiscale.get("coordinateTransformations", ()),
    ):
        if step.get("type") == "scale":
            scale, shift = scale * np.asarray(step["scale"], float), shift * np.asarray(step["scale"], float)
        elif step.get("type") == "translation":
            shift = shift + np.asarray(step["translation"], float)
    y, x = axes.index("Y"), axes.index("X")
    size = PixelSize(
        float(scale[y] * units["Y"]),
        float(scale[x] * units["X"]),
        float(shift[y] * units["Y"]),
        float(shift[x] * units["X"]),
    )
    return size if _usable(size.down) and _usable(size.across) else None


def _in_ome_xml(text: str) -> PixelSize | None:
    image = tifffile.xml2dict(text).get("OME", {}).get("Image", {})
    pixels = (image[0] if isinstance(image, list) else image).get("Pixels", {})
    sizes = []
    for axis in "YX":
        unit = MICROMETRES.get(str(pixels.get(f"PhysicalSize{axis}Unit", "µm")))
        value = pixels.get(f"PhysicalSize{axis}")
        if unit is None or not isinstance(value, int | float) or not _usable(value * unit):
            return None
        sizes.append(float(value) * unit)
    return PixelSize(sizes[0], sizes[1])


def _number(tags: Any, name: str) -> float:
    if name not in tags:
        return 0.0
    value = tags[name].value
    if isinstance(value, tuple):
        return float(value[0]) / float(value[1]) if value[1] else 0.0
    return float(value)


def _usable(size: float) -> bool:
    return bool(np.isfinite(size) and size > 0)
