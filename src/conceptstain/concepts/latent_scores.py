"""Scoring spots by their latents against drawn ones, for thousands of regions at once.

Two groups with one covariance are told apart along one direction, ``S^-1 (m_in - m_out)``: so the score that
:mod:`conceptstain.concepts.groups` defines by densities is a matrix product here, and every region costs a few of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["LatentScorer", "Sides", "pooled_covariances", "sides_of", "standardised"]

RIDGE = 1e-12  # of the mean variance: a latent that never varies must not stop all other maps


@final
@dataclass(frozen=True, eq=False)
class LatentScorer:
    """Log posterior of the visible inside spots against the visible outside spots, averaged over latent spaces.

    Before averaging, scores are z-scored over the visible spots, so that nothing about a hidden spot matters to the map
    by which it is scored. A :class:`~conceptstain.concepts.cross_fit.Scorer`.

    Attributes
    ----------
    latents
        Of all spots, in the latent space of each encoder; or any other vectors, such as the profiles themselves.
    whitened
        The covariance of Ledoit & Wolf (2004), pooled over the two sides; else one variance in all directions.
    """

    latents: tuple[Float[np.ndarray, "spots _"], ...]
    whitened: bool

    def __call__(
        self, inside: Bool[np.ndarray, "maps spots"], hidden: Bool[np.ndarray, "maps spots"]
    ) -> Float[np.ndarray, "maps spots"]:
        """Scores of all spots, one map per row; 0 everywhere where no spot is visible on one of the sides."""
        total = np.zeros(inside.shape)
        visible = ~hidden
        for latents in self.latents:
            sides = sides_of(latents, inside & visible, ~inside & visible)
            directions = sides.difference
            if self.whitened:
                covariances = pooled_covariances(sides)
                ridge = RIDGE * np.trace(covariances, axis1=1, axis2=2) / covariances.shape[1]
                ridge = np.where(ridge > 0, ridge, 1.0)  # no spread at all: any scale will do
                covariances += ridge[:, None, None] * np.eye(covariances.shape[1])
                directions = np.linalg.solve(covariances, directions[:, :, None])[:, :, 0]
            total += standardised(directions @ sides.latents.T, visible)
        return total / len(self.latents)


class Sides(NamedTuple):
    """What maps compare: spots inside and outside, as 1 and 0, with the mean latents of each side."""

    latents: Float[np.ndarray, "spots latent"]
    members: tuple[Float[np.ndarray, "maps spots"], Float[np.ndarray, "maps spots"]]
    means: tuple[Float[np.ndarray, "maps latent"], Float[np.ndarray, "maps latent"]]

    @property
    def difference(self) -> Float[np.ndarray, "maps latent"]:
        """From the mean outside to the mean inside; 0 where one of the sides is empty."""
        both = np.all([side.any(axis=1) for side in self.members], axis=0)
        return np.asarray((self.means[0] - self.means[1]) * both[:, None])


def sides_of(
    latents: Float[np.ndarray, "spots latent"],
    inside: Bool[np.ndarray, "maps spots"],
    outside: Bool[np.ndarray, "maps spots"],
) -> Sides:
    """The two sides of every map."""
    # Centred once: squares of what is far from 0 lose digits.
    centred = latents.astype(np.float64)
    centred -= centred.mean(axis=0)
    one, other = inside.astype(np.float64), outside.astype(np.float64)
    means = [side @ centred / np.maximum(side.sum(axis=1), 1)[:, None] for side in (one, other)]
    return Sides(centred, (one, other), (means[0], means[1]))


def pooled_covariances(sides: Sides) -> Float[np.ndarray, "maps latent latent"]:
    """Covariance inside the two sides of every map, shrunk towards a multiple of the identity.

    As :func:`sklearn.covariance.ledoit_wolf` of the deviations from the mean of their side (Ledoit & Wolf 2004,
    equations 8 to 14), from sums of products: the sum of the deviations' products is that of the latents' less that of
    the means', and the sum of their fourth powers needs one matrix product.
    """
    z, latent = sides.latents, sides.latents.shape[1]
    products = (z[:, :, None] * z[:, None]).reshape(len(z), -1)
    number = np.zeros(len(sides.means[0]))
    scatter = np.zeros((len(number), latent, latent))
    fourth = np.zeros(len(number))
    for side, mean in zip(sides.members, sides.means, strict=True):
        n = side.sum(axis=1)
        number += n
        scatter += (side @ products).reshape(-1, latent, latent)
        scatter -= n[:, None, None] * mean[:, :, None] * mean[:, None]
        lengths = (z**2).sum(axis=1) - 2 * mean @ z.T + (mean**2).sum(axis=1)[:, None]
        fourth += (side * lengths**2).sum(axis=1)
    number = np.maximum(number, 1)
    sample = scatter / number[:, None, None]
    variance = np.trace(sample, axis1=1, axis2=2) / latent
    squares = (sample**2).sum(axis=(1, 2))
    apart = squares / latent - variance**2
    noise = np.minimum((fourth / number - squares) / (number * latent), apart)
    shrinkage = np.divide(noise, apart, out=np.zeros_like(noise), where=apart > 0)[:, None, None]
    return np.asarray((1 - shrinkage) * sample + shrinkage * variance[:, None, None] * np.eye(latent))


def standardised(
    scores: Float[np.ndarray, "maps spots"], visible: Bool[np.ndarray, "maps spots"]
) -> Float[np.ndarray, "maps spots"]:
    """Mean 0 and standard deviation 1 over the visible spots of every map; 0 where all of them are alike."""
    number = np.maximum(visible.sum(axis=1, keepdims=True), 1)
    centred = scores - (scores * visible).sum(axis=1, keepdims=True) / number
    deviation = np.sqrt((centred**2 * visible).sum(axis=1, keepdims=True) / number)
    return np.asarray(np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 0))
