"""Outlines in GeoJSON as QuPath writes it: pixels of an image, polygons with holes, names and classes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from conceptstain.canvas.region import Polygon, Region
from conceptstain.canvas.section import Section
from conceptstain.canvas.slide import Slide
from conceptstain.canvas.untrusted import foreign_reader
from conceptstain.errors import InputError, ReadingError
from conceptstain.writing import written_whole

__all__ = ["regions_from_geojson", "regions_to_geojson"]

LARGEST_FILE = 2**30
FARTHEST = 1e12
FROM_CORNER = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])  # positions are 0 at the corner, pixels in their middle
AREAS = ("Polygon", "MultiPolygon")
CURE = "Export it again: in QuPath, File > Export objects as GeoJSON"

Ring = Float[np.ndarray, "_ 2"]
Source = str | os.PathLike[str] | Mapping[str, Any] | Sequence[Mapping[str, Any]]


def regions_from_geojson(
    source: Source, *, scale: float | None = None, section: Section | None = None, slide: Slide | None = None
) -> tuple[Region, ...]:
    """The areas in a GeoJSON file as regions; areas of one name are one region.

    An area is called by its ``name``, else by its class; one without either by its number. Coordinates are ``[x, y]``
    in pixels of the image that was drawn on, as QuPath writes them.

    Parameters
    ----------
    source
        A file, or its content: a FeatureCollection, a Feature, a geometry or a list of Features.
    scale
        World units per pixel, such as the micrometres that QuPath shows as pixel width; the world's origin is the
        corner of the image. None: by the image of ``section``.
    section
        Whose tissue image was drawn on, at the size of the file that it was read from.
    slide
        The slide that was drawn on, wherever it lies in the world.

    Returns
    -------
    tuple of Region
        With outlines in world units.

    Raises
    ------
    ReadingError
        Not GeoJSON, or something in it is no area.
    InputError
        Neither a scale above 0 nor a section with an image nor a slide.
    """
    to_world = _pixels_to_world(scale, section, slide)
    content, file = _content(source)
    outlines: dict[str, list[Ring]] = {}
    holes: dict[str, list[tuple[Ring, ...]]] = {}
    with foreign_reader(file, "GeoJSON", CURE):
        for number, feature in enumerate(_features(content, file), start=1):
            name = _name(feature) or f"region {number}"
            for rings in _polygons(feature, name, file):
                outer, *inner = (_in_world(ring, to_world, name, file) for ring in rings)
                outlines.setdefault(name, []).append(outer)
                holes.setdefault(name, []).append(tuple(inner))
    if not outlines:
        raise ReadingError(f"{file} has no areas", got="no feature", cure=CURE)
    return tuple(Region(name, Polygon(tuple(each), tuple(holes[name]))) for name, each in outlines.items())


def regions_to_geojson(
    regions: Sequence[Region],
    path: str | os.PathLike[str] | None = None,
    *,
    scale: float | None = None,
    section: Section | None = None,
    slide: Slide | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Drawn regions as a FeatureCollection that QuPath imports as annotations.

    Parameters
    ----------
    regions
        Outlines; regions that are not drawn have none.
    path
        File to write, too; None: only the content is given.
    scale, section, slide
        As in :func:`regions_from_geojson`.
    overwrite
        Replace an existing file.

    Raises
    ------
    InputError
        A region without outlines, no scale, or a file that exists.
    """
    from_world = np.linalg.inv(_pixels_to_world(scale, section, slide))
    content = {"type": "FeatureCollection", "features": [_feature(region, from_world) for region in regions]}
    if path is not None:
        with written_whole(Path(path), overwrite=overwrite) as beside:
            beside.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return content


def _pixels_to_world(scale: float | None, section: Section | None, slide: Slide | None) -> Float[np.ndarray, "3 3"]:
    """From positions ``(y, x, 1)`` on the image, 0 at its corner, to the world."""
    if scale is not None:
        if not (np.isfinite(scale) and scale > 0):
            raise InputError("Outlines cannot have that scale", got=f"{scale:g}", cure="Use a value above 0")
        return np.diag([scale, scale, 1.0])
    if slide is not None:
        return np.asarray(slide.to_world @ FROM_CORNER)
    if section is None or section.image is None:
        raise InputError(
            "Outlines in pixels need a scale",
            got="no scale" if section is None else f"no scale, and no image of {section.name}",
            cure="Give the size of a pixel of the image that was drawn on, or open the section with that image",
        )
    return section.image.from_file


def _content(source: Source) -> tuple[Any, str]:
    if not isinstance(source, str | os.PathLike):
        return source, "The GeoJSON"
    path = Path(source)
    if not path.is_file():
        raise ReadingError(f"There is no file {path.name}", got=str(path), cure="Check the path")
    if path.stat().st_size > LARGEST_FILE:
        raise ReadingError(
            f"{path.name} is too large to be read", got=f"{path.stat().st_size:,} bytes", cure="Export the areas alone"
        )
    with foreign_reader(path.name, "GeoJSON", CURE):
        return json.loads(path.read_text(encoding="utf-8-sig")), path.name


def _features(content: Any, file: str) -> Iterator[Mapping[str, Any]]:
    if isinstance(content, Sequence) and not isinstance(content, str):
        for each in content:
            yield from _features(each, file)
        return
    kind = content.get("type") if isinstance(content, Mapping) else None
    if kind == "FeatureCollection":
        yield from _features(content["features"], file)
    elif kind == "Feature":
        yield content
    elif kind in AREAS:
        yield {"type": "Feature", "geometry": content}
    else:
        raise ReadingError(f"{file} is not GeoJSON", got=f"type {kind!r}", cure=CURE)


def _name(feature: Mapping[str, Any]) -> str:
    properties = feature.get("properties") or {}
    kind = properties.get("classification") or {}
    named = properties.get("name") or (kind.get("name") if isinstance(kind, Mapping) else kind)
    return str(named or "").strip()


def _polygons(feature: Mapping[str, Any], name: str, file: str) -> Sequence[Any]:
    """Polygons of a feature, each a list of rings."""
    geometry = feature.get("geometry") or {}
    kind = geometry.get("type")
    if kind not in AREAS:
        raise ReadingError(
            f"{file} holds something that is no area",
            got=f"{name!r}, of type {kind}",
            cure="Export the areas alone; lines and points choose no spots",
        )
    found = geometry["coordinates"]
    return [found] if kind == "Polygon" else list(found)


def _in_world(ring: Any, to_world: Float[np.ndarray, "3 3"], name: str, file: str) -> Ring:
    points = np.array([[float(point[1]), float(point[0])] for point in ring]).reshape(-1, 2)
    if len(points) > 1 and (points[0] == points[-1]).all():
        points = points[:-1]
    if len(points) < 3 or not np.isfinite(points).all() or np.abs(points).max() > FARTHEST:
        raise ReadingError(
            f"{file} has an outline that encloses nothing",
            got=f"{len(points)} corners of {name!r}" if len(points) < 3 else f"corners of {name!r} without a place",
            cure=CURE,
        )
    return np.asarray(points @ to_world[:2, :2].T + to_world[:2, 2])


def _feature(region: Region, from_world: Float[np.ndarray, "3 3"]) -> dict[str, Any]:
    if not isinstance(region.selector, Polygon):
        raise InputError(
            f"The region {region.name!r} has no outline", got=str(region.selector), cure="Export drawn regions alone"
        )
    selector = region.selector
    polygons = [
        [_ring(ring, from_world) for ring in (outline, *inner)]
        for outline, inner in zip(selector.outlines, selector.holes_of_outlines, strict=True)
    ]
    single = len(polygons) == 1
    return {
        "type": "Feature",
        "geometry": {
            "type": "Polygon" if single else "MultiPolygon",
            "coordinates": polygons[0] if single else polygons,
        },
        "properties": {
            "objectType": "annotation",
            "name": region.name,
            "classification": {"name": region.name},
        },
    }


def _ring(ring: Ring, from_world: Float[np.ndarray, "3 3"]) -> list[list[float]]:
    """Closed, as ``[x, y]`` in pixels."""
    points = (ring @ from_world[:2, :2].T + from_world[:2, 2])[:, ::-1].tolist()
    return [*points, points[0]]
