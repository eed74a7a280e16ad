"""What counterfactuals are measured against: known items, where they lie, and what the classifier takes them for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.covariance import ledoit_wolf
from sklearn.neighbors import NearestNeighbors

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.latents import latents_at, latents_of
from conceptstain.errors import MismatchError
from conceptstain.methods.counterfactual_reading import probabilities_of, representations_of
from conceptstain.methods.link import Link
from conceptstain.methods.plausibility import plausibility
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import CHUNK, Encoder
from conceptstain.nets.reading import check_readable
from conceptstain.progress import Report, Step, silent

__all__ = ["Known", "changes_between", "told_of"]


@final
@dataclass(frozen=True, eq=False)
class Known:
    """The items that were asked about and the known ones, in the latent space of the generative model.

    Latents are those of the generative model's encoder; with a link, what it makes of the classifier's representations.

    Attributes
    ----------
    classifier
        What told the classes.
    asked
        Indices of the items that were asked about.
    starts
        Latents of the items that were asked about.
    representations
        What the classifier tells their classes from.
    origins
        Rows of the classes that they were taken for.
    items
        Indices of the known items.
    latents, told
        Their latents, and rows of the classes that they were taken for.
    own
        Where each item that was asked about stands among the known ones; -1: nowhere.
    drawn
        For the row of each target class, how many of its known items are taken for it as they are decoded, too, and of
        how many; found by :meth:`redrawn`.
    """

    classifier: Classifier
    asked: Int[np.ndarray, " items"]
    starts: Float[np.ndarray, "items latent"]
    representations: Float[np.ndarray, "items units"]
    origins: Int[np.ndarray, " items"]
    items: Int[np.ndarray, " known"]
    latents: Float[np.ndarray, "known latent"]
    told: Int[np.ndarray, " known"]
    own: Int[np.ndarray, " items"]
    drawn: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        canvas: Canvas,
        classifier: Classifier,
        space: Encoder | Link,
        chosen: Int[np.ndarray, " items"],
        *,
        known: Int[np.ndarray, " known"],
        report: Report,
    ) -> Known:
        """Encode both, each once."""
        known = np.unique(known)
        pool = np.union1d(chosen, known)
        r = _read(canvas, classifier, pool, report)
        latents = space.latents(r) if isinstance(space, Link) else _encoded(canvas, space, pool, report)
        latents = latents.astype(np.float64)
        told = classifier.scores_of(r).argmax(axis=1)
        asked, familiar = np.searchsorted(pool, chosen), np.searchsorted(pool, known)
        own = np.where(np.isin(chosen, known), np.searchsorted(known, chosen), -1)
        return cls(
            classifier, chosen, latents[asked], r[asked], told[asked], known, latents[familiar], told[familiar], own
        )

    @cached_property
    def means(self) -> Float[np.ndarray, "classes latent"]:
        """Mean latents of the known items of each class; NaN where there is none."""
        means = np.full((len(self.classifier.classes), self.latents.shape[1]), np.nan)
        for row in np.unique(self.told):
            means[row] = self.latents[self.told == row].mean(axis=0)
        return means

    def check(self, targets: Int[np.ndarray, " items"], *, least: int = 1, origins: bool = True) -> None:
        """Refuse classes of too few known items.

        Parameters
        ----------
        targets
            Rows of the classes that items are to be taken for; those of items that are there already do not count.
        least
            How many of each.
        origins
            Whether the items' own classes count, too.

        Raises
        ------
        MismatchError
            There are fewer of a class that is needed.
        """
        apart = self.origins != targets
        needed = np.union1d(self.origins[apart], targets[apart]) if origins else np.unique(targets[apart])
        few = [self.classifier.classes[row] for row in needed if (self.told == row).sum() < least]
        if few:
            raise MismatchError(
                "There are too few known items of a class to find the way by",
                got=f"fewer than {least} that {self.classifier.name!r} takes for {', '.join(few)}",
                cure="Give known items of these classes, or use the gradient",
            )

    def redrawn(
        self,
        targets: Int[np.ndarray, " items"],
        scores_of: Callable[[Float[np.ndarray, "items latent"]], Float[np.ndarray, "items classes"]],
        *,
        probability: float,
        least: int,
    ) -> Known:
        """Without those known items of the target classes of which what is decoded is not told as the class.

        Parameters
        ----------
        targets
            Rows of the classes that items are to be taken for.
        scores_of
            What the classifier says of what is decoded from latents.
        probability
            From which on it is told as the class.
        least
            A class that would be left with fewer keeps all.
        """
        told, drawn = self.told.copy(), {}
        for row in np.unique(targets[self.origins != targets]):
            of = np.flatnonzero(self.told == row)
            scores = scores_of(self.latents[of])
            drawn[int(row)] = (int((scores.argmax(axis=1) == row).sum()), len(of))
            others = of[probabilities_of(scores, np.full(len(of), row)) < probability]
            if len(of) - len(others) >= least:
                told[others] = -1
        return replace(self, told=told, drawn=drawn)

    def differences(self, targets: Int[np.ndarray, " items"]) -> Float[np.ndarray, "items latent"]:
        """From the mean of each item's class to that of its target; 0 where they are one."""
        apart = self.origins != targets
        return np.where(apart[:, None], self.means[targets] - self.means[self.origins], 0.0)

    def middles(self, targets: Int[np.ndarray, " items"], n_nearest: int) -> Float[np.ndarray, "items latent"]:
        """For each item the mean of the known items of its target class that are nearest to it; all of a smaller class.

        The item itself is none of them, so that it would not matter whether it is known.
        """
        found = self.starts.copy()
        for row in np.unique(targets[self.origins != targets]):
            candidates = self.latents[self.told == row]
            asked = np.flatnonzero((targets == row) & (self.origins != targets))
            search = NearestNeighbors(n_neighbors=min(n_nearest, len(candidates)), algorithm="brute").fit(candidates)
            near = search.kneighbors(self.starts[asked], return_distance=False)
            found[asked] = candidates[near].mean(axis=1)
        return found

    def spread(
        self, targets: Int[np.ndarray, " items"]
    ) -> tuple[Float[np.ndarray, "classes latent latent"], Float[np.ndarray, "classes latent"]]:
        """Axes and variances of the target classes' known items, by the covariance of Ledoit & Wolf (2004)."""
        n_classes, latent = self.means.shape
        axes, variances = np.zeros((n_classes, latent, latent)), np.ones((n_classes, latent))
        for row in np.unique(targets[self.origins != targets]):
            covariance, _ = ledoit_wolf(self.latents[self.told == row])
            found, axes[row] = np.linalg.eigh(covariance)
            variances[row] = found.clip(min=0)
        return axes, variances

    def nearest(self, targets: Int[np.ndarray, " items"]) -> Int[np.ndarray, " items"]:
        """Which known item of its target class is nearest to each item, maybe itself; -1: there is none."""
        found = np.full(len(self.starts), -1)
        for row in np.unique(targets):
            candidates, asked = np.flatnonzero(self.told == row), np.flatnonzero(targets == row)
            if len(candidates):
                search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(self.latents[candidates])
                found[asked] = candidates[search.kneighbors(self.starts[asked], return_distance=False)[:, 0]]
        itself = (self.origins == targets) & (self.own >= 0)
        return np.where(itself, self.own, found)

    def plausibility(
        self, ends: Float[np.ndarray, "items latent"], neighbours: int, seed: int
    ) -> Float[np.ndarray, " items"]:
        """See :func:`~conceptstain.methods.plausibility.plausibility`."""
        return plausibility(ends, self.latents, own=self.own, neighbours=neighbours, seed=seed)


def told_of(
    canvas: Canvas, classifier: Classifier, items: Int[np.ndarray, " items"], *, report: Report = silent
) -> Int[np.ndarray, " items"]:
    """Rows of the classes that a classifier takes items for, also of a canvas of another frame."""
    return np.asarray(classifier.scores_of(_read(canvas, classifier, items, report)).argmax(axis=1))


def changes_between(
    one: Float[np.ndarray, "items ..."], other: Float[np.ndarray, "items ..."], mask: Bool[np.ndarray, "..."]
) -> Float[np.ndarray, " items"]:
    """Mean absolute difference of samples, over the values that hold data."""
    fits = np.broadcast_shapes(mask.shape, one.shape[1:]) == one.shape[1:] if mask.ndim < one.ndim else False
    counted = np.broadcast_to(mask if fits else True, one.shape[1:])
    return np.asarray(np.abs(other.astype(np.float64) - one)[:, counted].mean(axis=1))


def _read(
    canvas: Canvas, classifier: Classifier, items: Int[np.ndarray, " items"], report: Report
) -> Float[np.ndarray, "items units"]:
    """Representations of items; of a canvas that the classifier was made for they are kept."""
    if tuple(canvas.shape) == tuple(classifier.encoder.shape):
        return _encoded(canvas, classifier.encoder, items, report).astype(np.float64)
    check_readable(classifier, canvas)
    parts = []
    for first in range(0, len(items), CHUNK):
        parts.append(representations_of(classifier, canvas.inputs(items[first : first + CHUNK])))
        report(Step(min(first + CHUNK, len(items)), len(items), "Reading items"))
    return np.concatenate(parts)


def _encoded(
    canvas: Canvas, encoder: Encoder, items: Int[np.ndarray, " items"], report: Report
) -> Float[np.ndarray, "items latent"]:
    if len(items) == len(canvas):
        return latents_of(canvas, encoder, report=report)
    return latents_at(canvas, encoder, items, report=report)
