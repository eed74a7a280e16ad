"""Which items a concept is made of: latent neighbours, those of a region, those that excite a unit, or those named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray
from scipy import stats

from conceptstain.canvas.canvas import Canvas
from conceptstain.canvas.expression import counted, several
from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.patch_coverage import covered_parts
from conceptstain.canvas.region import Region
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.concepts.definition import LATENT, Definition
from conceptstain.concepts.enrichment import enriched_genes
from conceptstain.errors import InputError

__all__ = ["Members", "choose_members", "latent_neighbours", "place_of"]

FDR = 0.05


class Members(NamedTuple):
    """The two sides of a definition on a canvas.

    Attributes
    ----------
    table
        One row for each item that it is made of, indexed by name.
    origin
        How they were chosen, in words.
    items
        Their indices, in the order of the table.
    others
        Indices of what a contrast holds against them.
    against
        These in words.
    """

    table: pd.DataFrame
    origin: str
    items: NDArray[np.integer]
    others: NDArray[np.integer]
    against: str


def latent_neighbours(
    item: str, canvas: Canvas, latents: Float[np.ndarray, "items latent"], *, number: int = 50
) -> pd.DataFrame:
    """Items whose latents correlate most with that of one, itself first: genes, spots, pictures or patches.

    Parameters
    ----------
    item
        The seed.
    canvas
        Names the items and says which can be learned from; only those are candidates.
    latents
        Of all items of the canvas.
    number
        How many, the seed included.

    Returns
    -------
    DataFrame
        Indexed by name: ``r``, Pearson's correlation over the latent dimensions, and its two-sided ``p``.
    """
    seed = canvas.item(item)
    candidates = np.union1d(canvas.trainable, [seed])
    centred = latents[candidates] - latents[candidates].mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1)
    unit = centred / np.where(norm > 0, norm, 1)[:, None]
    r = unit @ unit[np.searchsorted(candidates, seed)]
    r[candidates == seed] = 1.0
    nearest = np.argsort(np.where(candidates == seed, -np.inf, -r), kind="stable")[:number]  # others may be at 1, too
    # r of n pairs is tested by t = r sqrt((n - 2) / (1 - r^2)), which is a beta distribution of (1 + r) / 2.
    shape = latents.shape[1] / 2 - 1
    p = 2 * stats.beta.sf((1 + np.abs(r[nearest])) / 2, shape, shape) if shape > 0 else np.ones(len(nearest))
    names = pd.Index(canvas.item_names[candidates[nearest]], name=canvas.noun)
    return pd.DataFrame({"r": r[nearest], "p": p}, index=names)


def choose_members(definition: Definition, canvas: Canvas, latents: Float[np.ndarray, "items latent"]) -> Members:
    """Both sides of a definition, with their origin in words; ``latents`` are of its space.

    Raises
    ------
    InputError
        An item, a region or a unit that is not there, or nothing is chosen.
    """
    if definition.region is not None and isinstance(canvas, ImagePatches):
        return _covered(definition, definition.region, canvas)
    if definition.unit is not None:
        table, origin = _exciting(definition, canvas, latents)
    elif definition.along is not None:
        table = _highest(latents[canvas.trainable] @ np.array(definition.along.direction), definition, canvas)
        origin = f"{definition.along.words}, highest in {counted(len(table), canvas.noun)}"
    elif definition.like is not None:
        _check_found(definition.like, canvas)
        table = latent_neighbours(definition.like, canvas, latents, number=definition.neighbours)
        nearest = counted(len(table), canvas.noun)
        origin = f"{nearest} nearest to {table.index[0]} in {place_of(definition.space)}"
    elif definition.region is not None:
        table, origin = _of_region(definition, definition.region, canvas)
    else:
        table, origin = _named(definition.items or (), canvas)
    items = np.array([canvas.item(name) for name in table.index])
    if definition.against is None:
        others, against = np.setdiff1d(canvas.trainable, items), f"all other {several(canvas.noun)}"
    else:
        negatives, against = _named(definition.against, canvas)
        others = np.array([canvas.item(name) for name in negatives.index])
        both = np.intersect1d(items, others)
        if len(both):
            raise InputError(
                f"The concept {definition.name!r} is held against what it is made of",
                got=f"{canvas.item_names[both[0]]} on both sides",
                cure="Name each on one side",
            )
    return Members(table, origin, items, others, against)


def _named(names: Sequence[str], canvas: Canvas) -> tuple[pd.DataFrame, str]:
    found = [canvas.item_names[canvas.item(name)] for name in names]
    table = pd.DataFrame(index=pd.Index(dict.fromkeys(found), name=canvas.noun))
    n = len(table)
    return table, f"{n:,} named {several(canvas.noun)}" if n > 1 else f"the {canvas.noun} {found[0]}"


def _of_region(definition: Definition, region: Region, canvas: Canvas) -> tuple[pd.DataFrame, str]:
    """The genes that are enriched in the spots of a region, or the spots themselves."""
    if isinstance(canvas, SpotProfiles):
        spots = canvas.item_names[region.choose(canvas.section)]
        origin = f"{len(spots)} of {canvas.section.n_spots} spots ({region.selector})"
        return pd.DataFrame(index=pd.Index(spots, name=canvas.noun)), origin
    if isinstance(canvas, GenePictures):
        table = enriched_genes(canvas, region, number=definition.neighbours)
        n_spots = int(region.choose(canvas.section).sum())
        sure = int((table["p_adjusted"] < FDR).sum())
        origin = f"{len(table)} genes enriched in {n_spots} of {canvas.section.n_spots} spots ({region.selector})"
        return table, f"{origin}, {sure} of them at a false discovery rate of {FDR:.0%}"
    raise InputError(
        f"A region chooses no {several(canvas.noun)}",
        got=f"the region {region.name!r}",
        cure="Name them (items=), by a table (read_annotations) or by what is painted on them (painted_annotations)",
    )


def _covered(definition: Definition, region: Region, canvas: ImagePatches) -> Members:
    """The patches that a region covers, and those that it does not touch."""
    parts = covered_parts(region, canvas)
    items, others = np.flatnonzero(parts >= definition.least_covered), np.flatnonzero(parts == 0)
    if not len(items):
        raise InputError(
            f"The region {region.name!r} covers no patch",
            got=f"at most {parts.max():.0%} of one, for {definition.least_covered:.0%}",
            cure="Draw it larger, use smaller patches, or lower least_covered",
        )
    table = pd.DataFrame({"covered": parts[items]}, index=pd.Index(canvas.item_names[items], name=canvas.noun))
    partly = len(canvas) - len(items) - len(others)
    origin = f"{len(items):,} of {len(canvas):,} patches ({region.selector})"
    against = "the patches outside it" + (f" ({partly:,} at its border count for neither)" if partly else "")
    return Members(table, origin, items, others, against)


def _check_found(gene: str, canvas: Canvas) -> None:
    """Refuse a gene that is found nowhere: its picture is empty, and what lies near it in latent space is chance."""
    if isinstance(canvas, GenePictures) and canvas.n_spots_expressing[canvas.item(gene)] == 0:
        raise InputError(
            f"The gene {canvas.item_names[canvas.item(gene)]} is found in no spot of {canvas.section.name}",
            got="an empty picture, which is like no gene",
            cure="Choose a gene that is found in this section",
        )


def _exciting(
    definition: Definition, canvas: Canvas, latents: Float[np.ndarray, "items latent"]
) -> tuple[pd.DataFrame, str]:
    """The items with the highest values of a unit."""
    unit, n_units = definition.unit, latents.shape[1]
    if unit is None or not 0 <= unit < n_units:
        raise InputError(
            f"There is no such unit in {place_of(definition.space)}",
            got=f"{unit} for {n_units} units",
            cure=f"Choose one of 0 to {n_units - 1}",
        )
    table = _highest(latents[canvas.trainable, unit], definition, canvas)
    return table, f"unit {unit} of {place_of(definition.space)}, highest in {counted(len(table), canvas.noun)}"


def _highest(values: Float[np.ndarray, " trainable"], definition: Definition, canvas: Canvas) -> pd.DataFrame:
    """The trainable items with the highest values, as many as the definition asks for."""
    strongest = np.argsort(-values, kind="stable")[: definition.neighbours]
    names = pd.Index(canvas.item_names[canvas.trainable[strongest]], name=canvas.noun)
    return pd.DataFrame({"value": values[strongest]}, index=names)


def place_of(space: str) -> str:
    """A space in words."""
    return "latent space" if space == LATENT else f"the layer {space}"
