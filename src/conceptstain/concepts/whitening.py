"""Whitening: directions weighed by how latents vary, so that what differs between pictures anyway counts less."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

__all__ = ["covariance", "whitened", "whitened_direction"]


def covariance(latents: Float[np.ndarray, "items latent"]) -> Float[np.ndarray, "latent latent"]:
    """Covariance of latents, shrunk towards a sphere by as much as their number asks for (Ledoit & Wolf 2004).

    The shrinkage keeps it from being singular. Of two items it is 0, since their products are alike and so seem to be
    without error: there, and wherever else it would be singular, it is the sphere itself, of their mean variance.
    Latents that are all alike have a covariance of 1.
    """
    from sklearn.covariance import ledoit_wolf  # takes a second to load

    found, _shrinkage = ledoit_wolf(np.asarray(latents, dtype=np.float64))
    n_latents = latents.shape[1]
    if np.trace(found) == 0:
        return np.eye(n_latents)
    if np.linalg.matrix_rank(found, hermitian=True) < n_latents:
        return np.asarray(np.eye(n_latents) * (np.trace(found) / n_latents))
    return np.asarray(found)


def whitened(latents: Float[np.ndarray, "items latent"]) -> Float[np.ndarray, "items latent"]:
    """Latents in which nothing varies more than anything else: their covariance, as :func:`covariance` has it, is 1.

    A difference of means in them is the whitened direction: products with it rank items alike.
    """
    centred = latents - latents.mean(axis=0, dtype=np.float64)
    lower = np.linalg.cholesky(covariance(latents))
    return np.asarray(np.linalg.solve(lower, centred.T).T)


def whitened_direction(
    positive: Float[np.ndarray, "positives latent"], negative: Float[np.ndarray, "negatives latent"]
) -> Float[np.ndarray, " latent"]:
    """The difference of means weighed by the covariance of both sides together, as long as the difference.

    With the covariance ``S`` of all items and ``d`` the difference it points along ``S^-1 d``: the direction of
    Fisher's linear discriminant, but for the shrinkage (the covariance within the sides gives the same direction).
    """
    plain = positive.mean(axis=0, dtype=np.float64) - negative.mean(axis=0, dtype=np.float64)
    weighed = np.linalg.solve(covariance(np.concatenate([positive, negative])), plain)
    length = np.linalg.norm(weighed)
    return np.asarray(weighed * (np.linalg.norm(plain) / length if length > 0 else 1.0))
