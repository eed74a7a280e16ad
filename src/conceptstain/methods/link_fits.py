"""Regressions that a link is fitted by: of scikit-learn, as in the release of Wehrheim et al. 2024."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, LinearRegression, RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor

from conceptstain.methods.link import Dense, LinkMethod

__all__ = ["Fit", "at_point", "fitted"]

RIDGES = (1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5)
NETS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
HIDDEN, BATCH, RATE = (256,), 64, 3e-3
STEPS, PATIENCE = 300, 20  # passes, at most and without a gain on the tenth of its pairs that the MLP holds out


class Fit(NamedTuple):
    """What a regression found: ``W`` and ``b``, the layers of an MLP, and how strongly it was held back."""

    weights: Float[np.ndarray, "latent units"]
    bias: Float[np.ndarray, " latent"]
    dense: tuple[Dense, ...] = ()
    alpha: float | None = None

    def latents(self, r: Float[np.ndarray, "items units"]) -> Float[np.ndarray, "items latent"]:
        """What it makes of representations."""
        found = r
        layers = self.dense or ((self.weights, self.bias),)
        for number, (weights, bias) in enumerate(layers, 1):
            found = found @ weights.T + bias
            found = np.maximum(found, 0) if number < len(layers) else found
        return np.asarray(found)


def fitted(
    r: Float[np.ndarray, "items units"],
    latents: Float[np.ndarray, "items latent"],
    method: LinkMethod,
    *,
    alpha: float | None = None,
    seed: int = 0,
) -> Fit:
    """Regress latents on representations, all dimensions together.

    Units are brought to mean 0 and variance 1 first, for the elastic net latents too, so that a penalty is the same for
    all, and ``W`` and ``b`` back afterwards. ``alpha`` None: ridge chooses it by leaving out one pair after the other,
    the elastic net by a quarter of the pairs.
    """
    centre, width = r.mean(axis=0), r.std(axis=0)
    width = np.where(width > np.finfo(np.float64).eps * (1 + np.abs(centre)), width, np.inf)  # a dead unit has no say
    standard = (r - centre) / width
    if method == "mlp":
        return _mlp(standard, latents, centre, width, seed)
    spread = np.ones(latents.shape[1])
    if method == "least squares":
        found: Any = LinearRegression().fit(standard, latents)
        chosen = None
    elif method == "ridge":
        found = RidgeCV(list(RIDGES) if alpha is None else [alpha]).fit(standard, latents)
        chosen = float(found.alpha_)
    else:
        spread = np.maximum(latents.std(axis=0), np.finfo(np.float64).tiny)  # a penalty knows the size of latents, too
        chosen = _best_net(standard, latents / spread, seed) if alpha is None else alpha
        found = _net(chosen).fit(standard, latents / spread)
    weights = np.asarray(found.coef_, dtype=np.float64).reshape(latents.shape[1], -1) * spread[:, None] / width
    return Fit(weights, np.asarray(found.intercept_ * spread - weights @ centre, dtype=np.float64), (), chosen)


def _net(alpha: float) -> ElasticNet:
    return ElasticNet(alpha=alpha, precompute=True, tol=1e-3, max_iter=10_000)


def _best_net(r: Float[np.ndarray, "items units"], latents: Float[np.ndarray, "items latent"], seed: int) -> float:
    """The penalty that predicts a quarter of the pairs best."""
    learned, left, wanted, truth = train_test_split(r, latents, test_size=0.25, random_state=seed)
    errors = [float(((_net(alpha).fit(learned, wanted).predict(left) - truth) ** 2).mean()) for alpha in NETS]
    return NETS[int(np.argmin(errors))]


def _mlp(
    r: Float[np.ndarray, "items units"],
    latents: Float[np.ndarray, "items latent"],
    centre: Float[np.ndarray, " units"],
    width: Float[np.ndarray, " units"],
    seed: int,
) -> Fit:
    """One hidden layer."""
    stops = len(r) >= 40  # of fewer, nothing is held out
    network = MLPRegressor(
        hidden_layer_sizes=HIDDEN,
        batch_size=min(BATCH, len(r) // 2),
        learning_rate_init=RATE,
        max_iter=STEPS,
        early_stopping=stops,
        n_iter_no_change=PATIENCE,
        random_state=seed,
    )
    middle, spread = latents.mean(axis=0), np.maximum(latents.std(axis=0), np.finfo(np.float64).tiny)
    wanted = (latents - middle) / spread
    with warnings.catch_warnings():
        # Not at rest after the last pass: what that is worth, held-out pairs tell.
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(r, wanted if latents.shape[1] > 1 else wanted.ravel())
    dense = [
        (np.asarray(weights.T, dtype=np.float64), np.asarray(bias, dtype=np.float64))
        for weights, bias in zip(network.coefs_, network.intercepts_, strict=True)
    ]
    last, bias = dense[1]
    dense[1] = (last * spread[:, None], bias * spread + middle)
    first, bias = dense[0]
    dense[0] = (first / width, bias - (first / width) @ centre)
    return at_point(Fit(first, bias, tuple(dense)), centre)


def at_point(fit: Fit, r: Float[np.ndarray, " units"]) -> Fit:
    """An MLP with ``W`` and ``b`` of its tangent at a representation; what is linear, as it is."""
    if not fit.dense:
        return fit
    (first, bias), (last, _) = fit.dense
    jacobian = last @ ((first @ r + bias > 0)[:, None] * first)
    return fit._replace(weights=jacobian, bias=fit.latents(r[None])[0] - jacobian @ r)
