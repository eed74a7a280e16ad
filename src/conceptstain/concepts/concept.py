"""The concept: a named direction in an encoder's latent space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import stats

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.region import Region
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.concepts.definition import Definition, Form
from conceptstain.concepts.enrichment import enriched_genes
from conceptstain.concepts.latents import centre_of, latents_of
from conceptstain.errors import MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.progress import Report, silent

if TYPE_CHECKING:
    import torch

    from conceptstain.nets.encoder import Encoder

__all__ = ["Concept", "concept", "direction_of", "latent_neighbours", "make"]

FDR = 0.05


@final
@dataclass(frozen=True, eq=False)
class Concept:
    """A direction ``v_c`` in latent space. Make one with :func:`concept`.

    Attributes
    ----------
    definition
        What it was made from.
    direction
        ``v_c``; ``(latent,)``.
    items
        Names of the genes, or of the spots, whose latents made it, strongest first.
    table
        One row per name of ``items``: how near in latent space (``r``), or how enriched (see ``enrichment``).
    origin
        How it was made, in words for a legend ("50 genes nearest to Penk in latent space").
    encoder
        Fingerprint of the encoder whose latent space it lives in.
    """

    definition: Definition
    direction: Float[np.ndarray, " latent"]
    items: tuple[str, ...]
    origin: str
    encoder: str
    table: pd.DataFrame = field(repr=False)

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.definition.name

    def check(self, encoder: Encoder) -> None:
        """Refuse an encoder other than the one this concept was made with.

        Raises
        ------
        MismatchError
            Another fingerprint.
        """
        if encoder.fingerprint != self.encoder:
            raise MismatchError(
                f"The concept {self.name!r} belongs to another encoder",
                got=f"encoder {encoder.fingerprint} for a concept of {self.encoder}",
                cure="Make the concept again with this encoder",
            )

    def scores(self, latents: Float[np.ndarray, "items latent"]) -> Float[np.ndarray, " items"]:
        """Concept scores ``s_c(x) = <z(x), v_c>`` (Brocki & Chung 2019)."""
        return np.asarray(latents @ self.direction)


def concept(
    name: str,
    canvas: GenePictures | SpotProfiles,
    encoder: Encoder,
    *,
    like: str | None = None,
    items: str | Sequence[str] | None = None,
    region: Region | None = None,
    form: Form | None = None,
    neighbours: int = 50,
    noise: torch.Generator | None = None,
    report: Report = silent,
) -> Concept:
    """Make a concept from a gene's latent neighbours, from a list of genes, or from a region of spots.

    On spot profiles, where items are spots, it is made of the spots themselves: those of the region, those named, or
    the latent neighbours of one. How much of it other spots have is better asked of
    :func:`~conceptstain.concepts.spot_concepts.spot_concepts`.

    Parameters
    ----------
    name, like, items, region, neighbours
        See :class:`Definition`.
    form
        See :class:`Definition`. None: ``"mean"`` for genes, ``"contrast"`` for spots.
    canvas
        The genes as pictures, or the spots as profiles.
    encoder
        The latent space the concept will live in.
    noise
        None: mean latents. A generator: one sample of every latent, as the released code has it; then neighbours differ
        from call to call.
    report
        Called while the canvas is encoded for the first time.

    Raises
    ------
    InputError
        Nothing or several things to make it from, a gene or region that is not there, no enriched gene.
    MismatchError
        Canvas and encoder do not belong together.
    """
    named = (items,) if isinstance(items, str) else items  # one gene, not its letters
    form = form or ("contrast" if isinstance(canvas, SpotProfiles) else "mean")
    definition = Definition(name, like, None if named is None else tuple(named), region, form, neighbours)
    return make(definition, canvas, encoder, noise=noise, report=report)


def make(
    definition: Definition,
    canvas: GenePictures | SpotProfiles,
    encoder: Encoder,
    *,
    noise: torch.Generator | None = None,
    report: Report = silent,
) -> Concept:
    """Make the concept a definition describes; see :func:`concept`."""
    encoder.check(canvas)
    latents = latents_of(canvas, encoder, report=report) if noise is None else encoder.latents(canvas, noise=noise)
    table, origin = _choose_items(definition, canvas, latents)
    chosen = np.array([canvas.item(name) for name in table.index])
    direction = latents[chosen].mean(axis=0, dtype=np.float64)
    if definition.form == "contrast":
        direction = direction - latents[np.setdiff1d(canvas.trainable, chosen)].mean(axis=0, dtype=np.float64)
        origin = f"{origin}, against all other {_noun(canvas)}s"
    return Concept(
        definition=definition,
        direction=direction,
        items=tuple(table.index),
        origin=origin,
        encoder=encoder.fingerprint,
        table=table,
    )


def direction_of(
    form: Form, canvas: GenePictures, encoder: Encoder, items: ItemIndices
) -> Float[np.ndarray, " latent"]:
    """The direction of genes, encoding no more of the canvas than has to be.

    The contrast is against the centre of all genes (:func:`conceptstain.concepts.latents.centre_of`), these included.
    """
    direction = encoder.latents(canvas, items).mean(axis=0, dtype=np.float64)
    return np.asarray(direction - centre_of(canvas, encoder) if form == "contrast" else direction)


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
    nearest = np.argsort(-r, kind="stable")[:number]
    nearest = nearest[np.argsort(candidates[nearest] != seed, kind="stable")]
    # r of n pairs is tested by t = r sqrt((n - 2) / (1 - r^2)), which is a beta distribution of (1 + r) / 2.
    shape = latents.shape[1] / 2 - 1
    p = 2 * stats.beta.sf((1 + np.abs(r[nearest])) / 2, shape, shape) if shape > 0 else np.ones(len(nearest))
    names = pd.Index(canvas.item_names[candidates[nearest]], name=_noun(canvas))
    return pd.DataFrame({"r": r[nearest], "p": p}, index=names)


def _choose_items(
    definition: Definition, canvas: GenePictures | SpotProfiles, latents: Float[np.ndarray, "items latent"]
) -> tuple[pd.DataFrame, str]:
    """The items of a definition with their table, and the origin in words."""
    noun = _noun(canvas)
    if definition.like is not None:
        table = latent_neighbours(definition.like, canvas, latents, number=definition.neighbours)
        return table, f"{len(table)} {noun}s nearest to {table.index[0]} in latent space"
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


def _noun(canvas: GenePictures | SpotProfiles) -> str:
    return "spot" if isinstance(canvas, SpotProfiles) else "gene"
