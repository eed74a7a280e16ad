"""Whether latents lie where known items lie."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

__all__ = ["plausibility"]

STANDARD = 2000  # known items that stand for all of them as what an end is measured against


def plausibility(
    latents: Float[np.ndarray, "items latent"],
    known: Float[np.ndarray, "known latent"],
    *,
    own: NDArray[np.integer] | None = None,
    neighbours: int = 5,
    seed: int = 0,
) -> Float[np.ndarray, " items"]:
    """How many known items lie as far out as a latent: 1, it is as near to them as any; 0, farther out than all.

    How far out something lies is its mean distance to the nearest known items; of a known item, to the nearest others.

    Parameters
    ----------
    latents
        What is asked about.
    known
        Latents of known items.
    own
        For every latent the row of ``known`` that does not count, as the latent came from it; -1: all count.
    neighbours
        How many of the nearest.
    seed
        Of the known items that stand for all, where there are more than 2,000.
    """
    if len(known) < 2:
        return np.full(len(latents), np.nan)
    near = min(neighbours, len(known) - 1)
    search = NearestNeighbors(n_neighbors=near + 1, algorithm="brute").fit(known)
    rows = np.arange(len(known))
    if len(rows) > STANDARD:
        rows = np.random.default_rng(seed).choice(rows, STANDARD, replace=False)
    excluded = np.full(len(latents), -1) if own is None else own
    standard = np.sort(_how_far(search, known[rows], rows, near))
    asked = _how_far(search, latents, excluded, near)
    return np.asarray(1 - np.searchsorted(standard, asked, side="left") / len(standard))


def _how_far(
    search: NearestNeighbors, latents: Float[np.ndarray, "items latent"], own: NDArray[np.integer], near: int
) -> Float[np.ndarray, " items"]:
    """Mean distance to the nearest known items, one of which may not count."""
    distances, found = search.kneighbors(latents)
    counts = found != own[:, None]
    counts[counts.all(axis=1), -1] = False  # one more was looked for, in place of the item's own
    return np.asarray(np.where(counts, distances, 0).sum(axis=1) / near)
