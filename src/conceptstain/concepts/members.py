"""Which items a concept is made of: latent neighbours, those of a region, those that excite a unit, or those named."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import stats

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.concepts.definition import LATENT, Definition
from conceptstain.concepts.enrichment import enriched_genes
from conceptstain.errors import InputError

__all__ = ["choose_members", "latent_neighbours", "noun_of", "place_of"]

FDR = 0.05


def latent_neighbours(
    item: str, canvas: GenePictures | SpotProfiles, latents: Float[np.ndarray, "items latent"], *, number: int = 50
) -> pd.DataFrame:
    """Genes whose latents correlate most with a gene's, the gene itself first; or spots, on spot profiles.

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
    names = pd.Index(canvas.item_names[candidates[nearest]], name=noun_of(canvas))
    return pd.DataFrame({"r": r[nearest], "p": p}, index=names)


def choose_members(
    definition: Definition, canvas: GenePictures | SpotProfiles, latents: Float[np.ndarray, "items latent"]
) -> tuple[pd.DataFrame, str]:
    """The items of a definition with their table, and the origin in words; ``latents`` are of its space."""
    noun = noun_of(canvas)
    if definition.unit is not None:
        return _exciting(definition, canvas, latents)
    if definition.like is not None:
        _check_found(definition.like, canvas)
        table = latent_neighbours(definition.like, canvas, latents, number=definition.neighbours)
        return table, f"{len(table)} {noun}s nearest to {table.index[0]} in {place_of(definition.space)}"
    if definition.region is not None and isinstance(canvas, SpotProfiles):
        spots = canvas.item_names[definition.region.choose(canvas.section)]
        origin = f"{len(spots)} of {canvas.section.n_spots} spots ({definition.region.selector})"
        return pd.DataFrame(index=pd.Index(spots, name=noun)), origin
    if definition.region is not None and isinstance(canvas, GenePictures):
        table = enriched_genes(canvas, definition.region, number=definition.neighbours)
        n_spots = int(definition.region.choose(canvas.section).sum())
        sure = int((table["p_adjusted"] < FDR).sum())
        origin = (
            f"{len(table)} genes enriched in {n_spots} of {canvas.section.n_spots} spots ({definition.region.selector})"
        )
        return table, f"{origin}, {sure} of them at a false discovery rate of {FDR:.0%}"
    names = [canvas.item_names[canvas.item(name)] for name in definition.items or ()]
    table = pd.DataFrame(index=pd.Index(dict.fromkeys(names), name=noun))
    return table, f"{len(table)} named {noun}s" if len(table) > 1 else f"the {noun} {names[0]}"


def _check_found(gene: str, canvas: GenePictures | SpotProfiles) -> None:
    """Refuse a gene that is found nowhere: its picture is empty, and what lies near it in latent space is chance."""
    if isinstance(canvas, GenePictures) and canvas.n_spots_expressing[canvas.item(gene)] == 0:
        raise InputError(
            f"The gene {canvas.item_names[canvas.item(gene)]} is found in no spot of {canvas.section.name}",
            got="an empty picture, which is like no gene",
            cure="Choose a gene that is found in this section",
        )


def _exciting(
    definition: Definition, canvas: GenePictures | SpotProfiles, latents: Float[np.ndarray, "items latent"]
) -> tuple[pd.DataFrame, str]:
    """The items with the highest values of a unit."""
    unit, n_units = definition.unit, latents.shape[1]
    if unit is None or not 0 <= unit < n_units:
        raise InputError(
            f"There is no such unit in {place_of(definition.space)}",
            got=f"{unit} for {n_units} units",
            cure=f"Choose one of 0 to {n_units - 1}",
        )
    values = latents[canvas.trainable, unit]
    strongest = np.argsort(-values, kind="stable")[: definition.neighbours]
    names = pd.Index(canvas.item_names[canvas.trainable[strongest]], name=noun_of(canvas))
    table = pd.DataFrame({"value": values[strongest]}, index=names)
    return table, f"unit {unit} of {place_of(definition.space)}, highest in {len(table)} {noun_of(canvas)}s"


def place_of(space: str) -> str:
    """A space in words."""
    return "latent space" if space == LATENT else f"the layer {space}"


def noun_of(canvas: GenePictures | SpotProfiles) -> str:
    """What an item of the canvas is called."""
    return "spot" if isinstance(canvas, SpotProfiles) else "gene"
