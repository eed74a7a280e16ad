"""What counterfactuals are measured against: known items, where they lie, and what the classifier takes them for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.neighbors import NearestNeighbors

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.latents import latents_at, latents_of
from conceptstain.errors import MismatchError
from conceptstain.methods.plausibility import plausibility
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report

__all__ = ["Known"]


@final
@dataclass(frozen=True, eq=False)
class Known:
    """The items that were asked about and the known ones, in the latent space of the generative model.

    Attributes
    ----------
    classifier
        What told the classes.
    starts
        Latents of the items that were asked about.
    origins
        Rows of the classes that they were taken for.
    items
        Indices of the known items.
    latents, told
        Their latents, and rows of the classes that they were taken for.
    own
        Where each item that was asked about stands among the known ones; -1: nowhere.
    """

    classifier: Classifier
    starts: Float[np.ndarray, "items latent"]
    origins: Int[np.ndarray, " items"]
    items: Int[np.ndarray, " known"]
    latents: Float[np.ndarray, "known latent"]
    told: Int[np.ndarray, " known"]
    own: Int[np.ndarray, " items"]

    @classmethod
    def of(
        cls,
        canvas: Canvas,
        classifier: Classifier,
        generator: Encoder,
        chosen: Int[np.ndarray, " items"],
        *,
        known: Int[np.ndarray, " known"],
        report: Report,
    ) -> Known:
        """Encode both, each once."""
        known = np.unique(known)
        pool = np.union1d(chosen, known)
        latents, penultimate = (
            latents_of(canvas, encoder, report=report)
            if len(pool) == len(canvas)
            else latents_at(canvas, encoder, pool, report=report)
            for encoder in (generator, classifier.encoder)
        )
        latents = latents.astype(np.float64)
        told = classifier.scores_of(penultimate).argmax(axis=1)
        asked, familiar = np.searchsorted(pool, chosen), np.searchsorted(pool, known)
        own = np.where(np.isin(chosen, known), np.searchsorted(known, chosen), -1)
        return cls(classifier, latents[asked], told[asked], known, latents[familiar], told[familiar], own)

    @cached_property
    def means(self) -> Float[np.ndarray, "classes latent"]:
        """Mean latents of the known items of each class; NaN where there is none."""
        means = np.full((len(self.classifier.classes), self.latents.shape[1]), np.nan)
        for row in np.unique(self.told):
            means[row] = self.latents[self.told == row].mean(axis=0)
        return means

    def differences(self, targets: Int[np.ndarray, " items"]) -> Float[np.ndarray, "items latent"]:
        """From the mean of each item's class to that of its target; 0 where they are one.

        Raises
        ------
        MismatchError
            There is no known item of a class that is needed.
        """
        apart = self.origins != targets
        needed = np.union1d(self.origins[apart], targets[apart])
        missing = [self.classifier.classes[row] for row in needed if not (self.told == row).any()]
        if missing:
            raise MismatchError(
                "The line search needs known items of both classes",
                got=f"none that {self.classifier.name!r} takes for {', '.join(missing)}",
                cure="Give known items of these classes, or use the gradient",
            )
        return np.where(apart[:, None], self.means[targets] - self.means[self.origins], 0.0)

    def nearest(self, targets: Int[np.ndarray, " items"]) -> Int[np.ndarray, " items"]:
        """Which known item of its target class is nearest to each item; -1: there is none."""
        found = np.full(len(self.starts), -1)
        for row in np.unique(targets):
            candidates, asked = np.flatnonzero(self.told == row), np.flatnonzero(targets == row)
            if len(candidates):
                search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(self.latents[candidates])
                found[asked] = candidates[search.kneighbors(self.starts[asked], return_distance=False)[:, 0]]
        return found

    def plausibility(
        self, ends: Float[np.ndarray, "items latent"], neighbours: int, seed: int
    ) -> Float[np.ndarray, " items"]:
        """See :func:`~conceptstain.methods.plausibility.plausibility`."""
        return plausibility(ends, self.latents, own=self.own, neighbours=neighbours, seed=seed)


def changes_between(
    one: Float[np.ndarray, "items ..."], other: Float[np.ndarray, "items ..."], mask: Bool[np.ndarray, "..."]
) -> Float[np.ndarray, " items"]:
    """Mean absolute difference of samples, over the values that hold data."""
    counted = np.broadcast_to(mask, one.shape[1:])
    return np.asarray(np.abs(other.astype(np.float64) - one)[:, counted].mean(axis=1))
