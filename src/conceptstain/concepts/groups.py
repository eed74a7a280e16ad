"""Groups of spots in latent space: a normal distribution for each, with one covariance for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.special import logsumexp

from conceptstain.errors import InputError

__all__ = ["Groups", "against_others", "log_posteriors"]


@final
@dataclass(frozen=True, eq=False)
class Groups:
    """Normal distributions with a mean for each group and one covariance (Fisher's linear discriminant).

    Attributes
    ----------
    means
        Of the groups.
    precision
        Inverse of the covariance.
    """

    means: Float[np.ndarray, "groups latent"]
    precision: Float[np.ndarray, "latent latent"]

    @classmethod
    def of(
        cls, latents: Float[np.ndarray, "items latent"], members: Sequence[NDArray[np.integer]], *, whitened: bool
    ) -> Groups:
        """Measure the means and the pooled covariance inside the groups.

        Parameters
        ----------
        latents
            Of all items.
        members
            Indices of the items of each group.
        whitened
            True: the covariance of Ledoit & Wolf (2004), shrunk as much as so few items ask for. False: the same
            variance in every direction, so that two groups are told apart along the plain difference of their means.

        Raises
        ------
        InputError
            A group is empty, or whitening is asked for where no group has two different items.
        """
        if any(len(group) == 0 for group in members):
            raise InputError("A group of spots is empty", cure="Choose one spot or more for every concept")
        doubled = latents.astype(np.float64)
        means = np.array([doubled[group].mean(axis=0) for group in members])
        inside = np.concatenate([doubled[group] - mean for group, mean in zip(members, means, strict=True)])
        variance = float(inside.var())
        if not whitened:
            return cls(means, np.eye(doubled.shape[1]) / (variance or 1.0))
        if not variance > 0:
            raise InputError(
                "So few spots have no spread to whiten with",
                got=f"{len(inside)} spots in {len(members)} groups",
                cure='Choose more spots, or direction="plain"',
            )
        from sklearn.covariance import ledoit_wolf  # takes a second to load

        covariance, _shrinkage = ledoit_wolf(inside, assume_centered=True)
        return cls(means, np.linalg.inv(covariance))

    def log_densities(self, latents: Float[np.ndarray, "items latent"]) -> Float[np.ndarray, "items groups"]:
        """Logarithm of each group's density, but for a constant that they share."""
        apart = latents.astype(np.float64)[:, None] - self.means
        return np.asarray(-0.5 * ((apart @ self.precision) * apart).sum(axis=2))


def log_posteriors(log_densities: Float[np.ndarray, "items groups"]) -> Float[np.ndarray, "items groups"]:
    """Logarithm of the probability of each group, all groups being as likely beforehand."""
    return np.asarray(log_densities - logsumexp(log_densities, axis=1, keepdims=True))


def against_others(log_densities: Float[np.ndarray, "items groups"]) -> Float[np.ndarray, "items groups"]:
    """Each group against the sum of the others, ``log p_k - log sum_(j != k) p_j``, in nats."""
    n_groups = log_densities.shape[1]
    others = [logsumexp(np.delete(log_densities, k, axis=1), axis=1) for k in range(n_groups)]
    return np.asarray(log_densities - np.stack(others, axis=1))
