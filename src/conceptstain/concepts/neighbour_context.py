"""Neighbour context: what the spots around a spot say about it, used only as far as it helps.

Layers that are thick agree with their neighbours; of layers that are one spot wide all neighbours are others. So the
neighbours' word is learned rather than assumed: a softmax regression reads a spot's own probabilities and the mean
probabilities of its first and second ring, and is blended with the spot's own by a weight that cross-validation on the
drawn spots chooses. A weight of 0 leaves the neighbours out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy import sparse

from conceptstain.concepts.cross_fit import auroc
from conceptstain.concepts.groups import Groups, against_others, log_posteriors

__all__ = ["LEAST_MEMBERS", "NeighbourContext", "strips"]

FOLDS = 5
LEAST_MEMBERS = 2 * FOLDS  # of a group: two spots in every fold
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
LEAST_LOG_POSTERIOR = -10.0  # a spot far from all groups is sure of one of them, for no good reason
LEAST_GAIN = 0.002  # of the AUROC, for which neighbours are asked at all

Rings = Sequence[sparse.csr_array]


@final
@dataclass(frozen=True, eq=False)
class NeighbourContext:
    """A softmax regression on own and neighbours' probabilities, and the weight it is blended with.

    Attributes
    ----------
    weight
        0: only the spot itself; 1: only the regression.
    slopes, offsets
        Of the regression; empty where the weight is 0.
    auroc
        Mean over the groups, cross-fitted on the drawn spots, for each of the weights that were tried; empty where none
        was.
    """

    weight: float
    slopes: Float[np.ndarray, "groups features"]
    offsets: Float[np.ndarray, " groups"]
    auroc: tuple[tuple[float, float], ...] = ()

    @classmethod
    def none(cls, n_groups: int) -> NeighbourContext:
        """No context."""
        return cls(0.0, np.zeros((n_groups, 0)), np.zeros(n_groups))

    @classmethod
    def of(
        cls,
        latents: Float[np.ndarray, "items latent"],
        members: Sequence[NDArray[np.integer]],
        rings: Rings,
        *,
        spots: Float[np.ndarray, "items 2"],
        whitened: bool,
        weight: float | None = None,
    ) -> NeighbourContext:
        """Learn from the drawn spots what their neighbours say.

        Every drawn spot is judged by distributions that were measured without it and without the drawn spots near it
        (:func:`strips`), or its neighbours would look better than they are.

        Parameters
        ----------
        latents
            Of all spots.
        members
            Indices of the drawn spots of each group.
        rings
            See :func:`conceptstain.canvas.neighbours.rings`.
        spots
            World coordinates.
        whitened
            As for :meth:`Groups.of`.
        weight
            None: the one of 0, .25, .5, .75, 1 with the best cross-fitted AUROC, 0 where none gains .002.
        """
        drawn = np.concatenate(members)
        group = np.repeat(np.arange(len(members)), [len(each) for each in members])
        fold = strips(spots[drawn], group)
        own = log_posteriors(Groups.of(latents, members, whitened=whitened).log_densities(latents))
        for number in range(FOLDS):
            kept = [drawn[(fold != number) & (group == k)] for k in range(len(members))]
            held_out = drawn[fold == number]
            without = Groups.of(latents, kept, whitened=whitened)
            own[held_out] = log_posteriors(without.log_densities(latents[held_out]))
        features = _features(own, rings)[drawn]
        tried: tuple[tuple[float, float], ...] = ()
        if weight is None:
            said = np.empty((len(drawn), len(members)))
            for number in range(FOLDS):
                kept_fold = fold != number
                slopes, offsets = _softmax_regression(features[kept_fold], group[kept_fold])
                said[~kept_fold] = log_posteriors(features[~kept_fold] @ slopes.T + offsets)
            tried = tuple((each, _mean_auroc(_blend(own[drawn], said, each), group)) for each in WEIGHTS)
            alone = tried[0][1]
            weight, best = max(tried, key=lambda pair: (pair[1], -pair[0]))
            weight = weight if best >= alone + LEAST_GAIN else 0.0
        if weight == 0:
            return cls(0.0, np.zeros((len(members), 0)), np.zeros(len(members)), tried)
        return cls(weight, *_softmax_regression(features, group), tried)

    def blended(
        self, log_densities: Float[np.ndarray, "items groups"], rings: Rings
    ) -> Float[np.ndarray, "items groups"]:
        """Logarithms of the groups' probabilities at every spot of a section, with their neighbours' word."""
        own = log_posteriors(log_densities)
        if self.weight == 0:
            return own
        said = log_posteriors(_features(own, rings) @ self.slopes.T + self.offsets)
        return _blend(own, said, self.weight)


def strips(
    spots: Float[np.ndarray, "drawn 2"], group: Int[np.ndarray, " drawn"], number: int = FOLDS
) -> NDArray[np.integer]:
    """Folds that are neighbours: strips across the longest extent of the spots, as many spots of each group in each."""
    centred = spots - spots.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    along = centred @ axes[0]
    fold = np.empty(len(spots), dtype=int)
    for each in np.unique(group):
        chosen = np.flatnonzero(group == each)
        ordered = chosen[np.argsort(along[chosen], kind="stable")]
        for number_of_fold, part in enumerate(np.array_split(ordered, number)):
            fold[part] = number_of_fold
    return fold


def _features(own: Float[np.ndarray, "items groups"], rings: Rings) -> Float[np.ndarray, "items features"]:
    probabilities = np.exp(own)
    return np.hstack([own.clip(min=LEAST_LOG_POSTERIOR), *(ring @ probabilities for ring in rings)])


def _blend(
    own: Float[np.ndarray, "items groups"], said: Float[np.ndarray, "items groups"], weight: float
) -> Float[np.ndarray, "items groups"]:
    return log_posteriors((1 - weight) * own + weight * said)


def _mean_auroc(log_p: Float[np.ndarray, "drawn groups"], group: Int[np.ndarray, " drawn"]) -> float:
    scores = against_others(log_p)
    return float(np.mean([auroc(scores[:, k], group == k) for k in range(scores.shape[1])]))


def _softmax_regression(
    features: Float[np.ndarray, "drawn features"], group: Int[np.ndarray, " drawn"]
) -> tuple[Float[np.ndarray, "groups features"], Float[np.ndarray, " groups"]]:
    from sklearn.linear_model import LogisticRegression  # takes a second to load
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # threads would only wait for each other over so few numbers
        fitted = LogisticRegression(C=1.0, class_weight="balanced", max_iter=2000).fit(features, group)
    slopes, offsets = fitted.coef_, fitted.intercept_
    if len(slopes) == 1:  # of two groups, only the second one's is told
        slopes, offsets = np.vstack([-slopes / 2, slopes / 2]), np.concatenate([-offsets / 2, offsets / 2])
    return slopes, offsets
