"""Regions: named selections of places, made once and choosable on any section."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.path import Path as Outline
from numpy.typing import ArrayLike

from conceptstain.canvas.outline_filling import filled
from conceptstain.canvas.patch_blocks import World
from conceptstain.canvas.section import Section
from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.canvas.slide import Slide

__all__ = ["Area", "ObsValue", "PickedSpots", "Polygon", "Region", "Selector"]


class Selector(Protocol):
    """A rule that chooses spots."""

    def choose(self, section: Section) -> Bool[np.ndarray, " spots"]:
        """Which spots of a section it means."""
        ...

    def __str__(self) -> str:
        """In words, for a legend."""
        ...


@runtime_checkable
class Area(Selector, Protocol):
    """A rule that says of every point of the world whether it lies inside."""

    def covers(self, to_world: Float[np.ndarray, "3 3"], shape: tuple[int, int]) -> Bool[np.ndarray, "rows columns"]:
        """Which points of a raster lie inside; ``to_world`` leads from ``(row, column, 1)`` to ``(y, x, 1)``."""
        ...

    @property
    def bounds(self) -> World:
        """A rectangle of the world beside which nothing lies inside."""
        ...


@final
@dataclass(frozen=True, eq=False)
class Polygon:
    """Spots whose centre lies inside one of these outlines and not in a hole of it.

    Attributes
    ----------
    outlines
        Corners in world coordinates ``(y, x)``.
    holes
        For every outline those cut out of it; empty: none has any.
    """

    outlines: tuple[Float[np.ndarray, "_ 2"], ...]
    holes: tuple[tuple[Float[np.ndarray, "_ 2"], ...], ...] = ()

    @property
    def holes_of_outlines(self) -> tuple[tuple[Float[np.ndarray, "_ 2"], ...], ...]:
        """The holes, one entry for every outline."""
        return self.holes or ((),) * len(self.outlines)

    def choose(self, section: Section) -> Bool[np.ndarray, " spots"]:
        """Spots inside any outline; an island in a hole is an outline of its own."""
        inside = np.zeros(section.n_spots, dtype=bool)
        for outline, holes in zip(self.outlines, self.holes_of_outlines, strict=True):
            within = Outline(outline).contains_points(section.spots)
            for hole in holes:
                within &= ~Outline(hole).contains_points(section.spots)
            inside |= within
        return inside

    def covers(self, to_world: Float[np.ndarray, "3 3"], shape: tuple[int, int]) -> Bool[np.ndarray, "rows columns"]:
        """Points of a raster inside any outline, by the same rule."""
        from_world = np.linalg.inv(to_world)

        def filled_ring(ring: Float[np.ndarray, "_ 2"]) -> Bool[np.ndarray, "rows columns"]:
            return filled(np.asarray(ring) @ from_world[:2, :2].T + from_world[:2, 2], shape)

        inside = np.zeros(shape, dtype=bool)
        for outline, holes in zip(self.outlines, self.holes_of_outlines, strict=True):
            within = filled_ring(outline)
            for hole in holes if within.any() else ():
                within &= ~filled_ring(hole)
            inside |= within
        return inside

    @property
    def bounds(self) -> World:
        """The rectangle around all outlines."""
        corners = np.concatenate([np.asarray(outline, dtype=float) for outline in self.outlines])
        (top, left), (bottom, right) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return top, left, bottom, right

    def __str__(self) -> str:
        drawn = "drawn outline" if len(self.outlines) == 1 else f"{len(self.outlines)} drawn outlines"
        n_holes = sum(map(len, self.holes))
        return drawn + (f" with {n_holes} hole{'' if n_holes == 1 else 's'}" if n_holes else "")


@final
@dataclass(frozen=True)
class ObsValue:
    """Spots with this value in a column of ``obs``."""

    column: str
    value: str

    def choose(self, section: Section) -> Bool[np.ndarray, " spots"]:
        """Spots with the value; an InputError listing what there is where the column or the value is missing."""
        obs = section.adata.obs
        if self.column not in obs:
            raise InputError(
                f"{section.name} has no obs column of that name",
                got=repr(self.column),
                cure=f"Choose one of: {', '.join(map(str, obs.columns)) or 'none (this file has no annotation)'}",
            )
        values = obs[self.column].astype(str).to_numpy()
        if self.value not in values:
            raise InputError(
                f"No spot of {section.name} has that value in {self.column!r}",
                got=repr(self.value),
                cure=f"Choose one of: {', '.join(sorted(set(values))[:12])}",
            )
        return np.asarray(values == self.value)

    def __str__(self) -> str:
        return f"{self.column} = {self.value}"


@final
@dataclass(frozen=True, eq=False)
class PickedSpots:
    """Spots by their index in the section they were picked on.

    Attributes
    ----------
    indices
        Of the spots.
    n_spots
        How many spots that section has; None where it is not known.
    """

    indices: tuple[int, ...]
    n_spots: int | None = None

    def choose(self, section: Section) -> Bool[np.ndarray, " spots"]:
        """The picked spots."""
        if self.n_spots not in {None, section.n_spots}:
            raise InputError(
                "These spots were picked on another section",
                got=f"{self.n_spots} spots for the {section.n_spots} of {section.name}",
                cure="Give one value for every spot of this section, in its order",
            )
        chosen = np.zeros(section.n_spots, dtype=bool)
        strangers = [index for index in self.indices if not 0 <= index < section.n_spots]
        if strangers:
            raise InputError(
                "A picked spot is not in this section",
                got=f"index {strangers[0]} for {section.n_spots} spots",
                cure="Pick the spots on this section",
            )
        chosen[list(self.indices)] = True
        return chosen

    def __str__(self) -> str:
        return f"{len(self.indices)} picked spots"


@final
@dataclass(frozen=True, eq=False)
class Region:
    """A named selection of places.

    Attributes
    ----------
    name
        What the user calls it.
    selector
        The rule that chooses the spots.
    """

    name: str
    selector: Selector

    @classmethod
    def from_polygon(cls, name: str, *outlines: Float[np.ndarray, "_ 2"]) -> Region:
        """Spots inside any of the outlines, each ``(vertices, 2)`` world coordinates ``(y, x)``."""
        for outline in outlines:
            if np.ndim(outline) != 2 or np.shape(outline)[1] != 2 or len(outline) < 3:
                raise InputError(
                    "An outline needs three corners or more, each (y, x)",
                    got=f"shape {np.shape(outline)}",
                    cure="Draw it again",
                )
        return cls(name, Polygon(tuple(np.asarray(outline, dtype=float) for outline in outlines)))

    @classmethod
    def from_geojson(
        cls,
        source: str | os.PathLike[str] | Mapping[str, Any] | Sequence[Mapping[str, Any]],
        name: str | None = None,
        *,
        scale: float | None = None,
        section: Section | None = None,
        slide: Slide | None = None,
    ) -> Region:
        """The area of that name in GeoJSON as QuPath writes it; without a name, all of its areas as one region.

        Parameters
        ----------
        source, scale, section, slide
            As in :func:`conceptstain.canvas.geojson.regions_from_geojson`.
        name
            Name or class of an area. None: all areas; they are called by their name if it is one, else by the file.

        Raises
        ------
        ReadingError
            Not GeoJSON, or something in it is no area.
        InputError
            No area of that name, or no scale.
        """
        from conceptstain.canvas.geojson import regions_from_geojson

        regions = regions_from_geojson(source, scale=scale, section=section, slide=slide)
        if name is not None:
            for region in regions:
                if region.name == name:
                    return region
            raise InputError(
                "There is no area of that name",
                got=repr(name),
                cure=f"Choose one of: {', '.join(region.name for region in regions)}",
            )
        if len(regions) == 1:
            return regions[0]
        drawn = [region.selector for region in regions if isinstance(region.selector, Polygon)]
        called = Path(source).stem if isinstance(source, str | os.PathLike) else "areas"
        outlines = tuple(outline for each in drawn for outline in each.outlines)
        return cls(called, Polygon(outlines, tuple(holes for each in drawn for holes in each.holes_of_outlines)))

    @classmethod
    def from_labels(
        cls, name: str, labels: Slide | ArrayLike, value: int | None = None, *, to_world: ArrayLike | None = None
    ) -> Region:
        """Places with this value in a label image, such as the data of a napari Labels layer; None: with any but 0.

        Parameters
        ----------
        name
            What to call it.
        labels
            ``(height, width)`` whole numbers, also of dask or zarr; or a slide that :func:`conceptstain.open` opened,
            which knows where it lies.
        value
            The label.
        to_world
            Matrix from ``(row, column, 1)`` of a pixel's centre to ``(y, x, 1)`` in world units, for an array. None:
            its pixels are the world's units.

        Raises
        ------
        InputError
            Not a label image, or a matrix without area.
        """
        from conceptstain.canvas.label_image import LabelImage

        return cls(name, LabelImage.of(labels, value, to_world))

    @classmethod
    def from_obs(cls, column: str, value: str, name: str | None = None) -> Region:
        """Spots with this value in a column of ``obs``."""
        return cls(name or value, ObsValue(column, value))

    @classmethod
    def from_mask(cls, name: str, mask: ArrayLike) -> Region:
        """Spots where the mask is True: ``(spots,)``, True or False (or 1 or 0) for every spot of the section.

        Raises
        ------
        InputError
            Other values, such as indices or NaN, or not one value per spot. Whether they are as many as the spots is
            known when they are chosen.
        """
        values = np.asarray(mask)
        if values.ndim != 1 or values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
            raise InputError(
                "A mask says of every spot whether it is in the region, True or False",
                got=f"{values.dtype} values of shape {values.shape}",
                cure="Make one with values > threshold, or with numpy.isin(numpy.arange(n_spots), indices)",
            )
        return cls(name, PickedSpots(tuple(int(index) for index in np.flatnonzero(values)), len(values)))

    def is_portable_to(self, section: Section) -> bool:
        """Whether it means something on another section too: an annotation it has, not an outline drawn on one."""
        selector = self.selector
        if not isinstance(selector, ObsValue) or selector.column not in section.adata.obs:
            return False
        return bool((section.adata.obs[selector.column].astype(str) == selector.value).any())

    def choose(self, section: Section) -> Bool[np.ndarray, " spots"]:
        """Which spots of a section it means.

        Raises
        ------
        InputError
            No spot, or every spot, is chosen: neither says anything about a region.
        """
        chosen = self.selector.choose(section)
        if not chosen.any() or chosen.all():
            raise InputError(
                f"The region {self.name!r} has {'no' if not chosen.any() else 'every'} spot in it",
                got=str(self.selector),
                cure="Choose some of the spots, and leave some outside to compare with",
            )
        return chosen
