"""What jobs run of single units: their maps, where they count as active, and thumbnails of what excites them most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from conceptstain.errors import InputError
from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    from conceptstain._qt.units_work import Dissected
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.methods.attribution import Attribution
    from conceptstain.methods.finding import Finding

__all__ = ["TOP", "Active", "PaintedUnit", "Thumbnails", "paint_unit", "thumbnails", "top_items"]

TOP = 3  # items that a unit is shown by
DIM = 0.3  # how much is left of the colours where a unit is not active
SIDE = 68  # pixels of the drawing of a section
ACTIVE, QUIET = (230, 159, 0, 255), (128, 128, 128, 90)  # spots at which a unit is active, and all others


class Active(NamedTuple):
    """Where a unit counts as active: one of these, by what is open.

    Attributes
    ----------
    spots
        Of a section, where the spots lie, ``(spots, 2)``.
    pictures
        Of pictures, by index: ``(height, width)`` at the pixels of each.
    raster, to_world
        Of a slide, and where it lies.
    """

    spots: np.ndarray | None = None
    pictures: Mapping[int, np.ndarray] | None = None
    raster: np.ndarray | None = None
    to_world: np.ndarray | None = None


class PaintedUnit(NamedTuple):
    """The map of a unit, and where it counts as active.

    Attributes
    ----------
    unit, items
        Which, and on what; no item: on all spots.
    finding, active
        What is painted.
    """

    unit: int
    items: tuple[int, ...]
    finding: Finding
    active: Active


class Thumbnails(NamedTuple):
    """Small pictures of units.

    Attributes
    ----------
    drawn
        By unit, 8-bit colours ``(height, width, 4)`` of what it is most active on.
    told
        By unit, what that is.
    """

    drawn: dict[int, list[np.ndarray]]
    told: dict[int, str]


def paint_unit(of: Dissected, unit: int, items: tuple[int, ...], *, report: Report) -> PaintedUnit:
    """Map a unit at some items, and cut it at its threshold; spots of a section are mapped all at once."""
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.methods.unit_maps import unit_map, unit_mask

    canvas, encoder = of.network.need_canvas, of.network.encoder
    if encoder is None:
        raise InputError("The inputs themselves are painted as genes", got=of.network.name, cure="Choose a gene")
    if isinstance(canvas, SpotProfiles):
        finding = unit_map(encoder, of.layer, canvas, unit, report=report)
        above = finding.values > of.found.thresholds[unit]
        return PaintedUnit(unit, (), finding, Active(spots=canvas.section.spots[above]))
    made = unit_map(encoder, of.layer, canvas, unit, items=items, report=report)
    masks = unit_mask(of.found, encoder, canvas, unit, items, report=report)
    channels = np.repeat(masks[:, None], canvas.shape[0], axis=1).astype(np.float32)
    return PaintedUnit(unit, items, made, _active(of, replace(made, values=channels, signed=False)))  # type: ignore[arg-type]


def _active(of: Dissected, mask: Attribution) -> Active:
    """A mask where the map lies, by the way that the map goes; on a slide, where any of the patches there has it."""
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.painting import painting
    from conceptstain.picture_painting import patch_painting, picture_painting

    canvas = of.network.need_canvas
    if isinstance(canvas, GenePictures):
        return Active(spots=canvas.section.spots[painting(mask, canvas).values > 0.5])
    if isinstance(canvas, ImageSet):
        maps = picture_painting(mask, canvas).maps
        return Active(pictures={item: values > 0.5 for item, values in maps.items()})
    raster = patch_painting(mask, canvas)  # type: ignore[arg-type]
    return Active(raster=raster.values > 0, to_world=raster.to_world)


def top_items(of: Dissected, *, report: Report) -> np.ndarray:
    """The items that each unit rises highest on, of those that were dissected: ``(units, 3)``, or fewer.

    Of spots there are none: a unit is shown on all of them.
    """
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.methods.unit_maps import unit_peaks

    canvas, encoder = of.network.need_canvas, of.network.encoder
    if encoder is None or isinstance(canvas, SpotProfiles):
        return np.empty((of.found.n_units, 0), dtype=int)
    items = of.labels.items
    peaks = unit_peaks(encoder, of.layer, canvas, items, report=report)
    order = np.argsort(-peaks, axis=0, kind="stable")[:TOP]
    return np.asarray(items)[order.T]


def thumbnails(of: Dissected, top: np.ndarray, units: Sequence[int], *, report: Report) -> Thumbnails:
    """Draw what some units are most active on, dimmed where they are not active; on spots, where they are."""
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.methods.unit_maps import unit_mask

    canvas, encoder = of.network.need_canvas, of.network.encoder
    drawn: dict[int, list[np.ndarray]] = {}
    told: dict[int, str] = {}
    for done, unit in enumerate(units):
        report(Step(done, len(units), "Drawing units"))
        if isinstance(canvas, SpotProfiles):
            items = np.arange(len(canvas))
            mask = unit_mask(of.found, encoder, canvas, unit, items)
            drawn[unit] = [_section(canvas, mask[:, 0, 0])]
            continue
        masks = unit_mask(of.found, encoder, canvas, unit, top[unit])
        drawn[unit] = [_picture(of, int(item), mask) for item, mask in zip(top[unit], masks, strict=True)]
        told[unit] = f"Most active on {', '.join(str(canvas.item_names[item]) for item in top[unit])}"
    return Thumbnails(drawn, told)


def _picture(of: Dissected, item: int, mask: np.ndarray) -> np.ndarray:
    """An item in its colours, dimmed beside the mask; of a picture, what fills its frame."""
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.image_set import ImageSet

    canvas = of.network.need_canvas
    values = canvas.inputs([item])[0]
    if isinstance(canvas, GenePictures):
        return _gene(canvas, values, mask)
    made = np.ones((*mask.shape, 4))
    made[..., :3] = np.clip(np.moveaxis(values[[0, 1, 2] if len(values) == 3 else [0, 0, 0]], 0, -1), 0, 1)
    made[~mask, :3] *= DIM
    shown = canvas.shown(item) if isinstance(canvas, ImageSet) else np.ones(mask.shape, dtype=bool)
    made[~shown] = 0
    (top, bottom), (left, right) = ((each.min(), each.max() + 1) for each in np.nonzero(shown))
    return np.ascontiguousarray(np.rint(made[top:bottom, left:right] * 255).astype(np.uint8))


def _gene(canvas: GenePictures, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The spots in the colours of a gene, from its lowest value on, dark where a unit is not active."""
    from conceptstain.colours import limits, rgba

    of_spots, active = canvas.place(values), canvas.place(mask[None].astype(np.float32)) > 0.5
    above = of_spots - np.nanmin(of_spots)
    colours = rgba(above, signed=False, limits=limits(above, signed=False)).astype(np.float64)
    colours[~active, :3] *= DIM
    order = np.argsort(active, kind="stable")
    return _spots(canvas.section, np.rint(colours * 255).astype(np.uint8), order)


def _section(canvas: SpotProfiles, active: np.ndarray) -> np.ndarray:
    """The spots at which a unit is active, and the others."""
    colours = np.where(active[:, None], np.array(ACTIVE, np.uint8), np.array(QUIET, np.uint8))
    return _spots(canvas.section, colours, np.argsort(active, kind="stable"))


def _spots(section: Section, colours: np.ndarray, order: np.ndarray) -> np.ndarray:
    """All spots of a section, small: squares as wide as there is room for, in an order."""
    spots = section.spots
    low, extent = spots.min(axis=0), np.maximum(np.ptp(spots, axis=0), 1e-9)
    span = float(extent.max())
    apart = float(np.sqrt(extent.prod() / len(spots)))  # a little more than they are, so that none lies alone
    half = max(apart / span * SIDE / 2, 0.8)
    centres = half + (spots - low) / span * (SIDE - 2 * half)
    first, last = (np.clip(np.rint(centres + end), 0, SIDE).astype(int) for end in (-half, half))
    made = np.zeros((SIDE, SIDE, 4), dtype=np.uint8)
    for spot in order:
        (top, left), (bottom, right) = first[spot], last[spot]
        made[top : max(bottom, top + 1), left : max(right, left + 1)] = colours[spot]
    return made
