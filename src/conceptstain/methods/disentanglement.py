"""How well latents and factors of variation go one to one: the FactorVAE metric, MIG, and DCI.

Each takes the latent means of some items, and the factors that these were made with. All are of scikit-learn's parts:
the one library that has them ready brings a training framework of its own along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import mutual_info_score

from conceptstain.errors import InputError, MismatchError

__all__ = ["DCIScores", "dci", "factor_vae_score", "mutual_information_gap"]

LEAST_SD = 0.05  # of a latent that is used: the prior's is 1


def factor_vae_score(
    latents: Float[np.ndarray, "items latent"],
    factors: Int[np.ndarray, "others factors"],
    *,
    votes: int = 10_000,
    evaluation_votes: int = 5_000,
    batch_size: int = 64,
    least_sd: float = LEAST_SD,
    seed: int = 0,
) -> float:
    """Accuracy of telling which factor was held fixed by the latent that varies least; 1 is best.

    For a vote, a factor and one of its values are drawn, then a batch of items that have it. The vote is for the latent
    of the smallest variance in the batch, in units of its variance over all items. A latent stands for the factor that
    most of its votes came from. The accuracy is that of *other* votes, drawn anew: some of the published numbers are of
    the votes that the classifier was made from, and so too high.

    Parameters
    ----------
    latents
        Means of q(z | x).
    factors
        The value of every factor, as whole numbers; every combination of values should be among the items.
    votes, evaluation_votes
        How many make the classifier, and how many judge it.
    batch_size
        Items of a vote, drawn with replacement.
    least_sd
        Latents whose standard deviation over all items is smaller have no vote. If all are, the score is 0.
    seed
        Of all draws.

    Raises
    ------
    InputError
        Numbers out of range, or a factor with a single value.
    MismatchError
        Other items in one than in the other.

    References
    ----------
    Kim & Mnih 2018, section 4; the separate votes and the latents without one as in Locatello et al. 2019.
    """
    _check(latents, factors)
    if min(votes, evaluation_votes, batch_size - 1) < 1:
        raise InputError(
            "The metric needs votes of two items or more",
            got=f"votes={votes}, evaluation_votes={evaluation_votes}, batch_size={batch_size}",
            cure="Use 10000, 5000 and 64",
        )
    variances = latents.var(axis=0, ddof=1, dtype=np.float64)
    active = np.flatnonzero(np.sqrt(variances) >= least_sd)
    if not len(active):
        return 0.0
    scaled = latents[:, active] / np.sqrt(variances[active])
    groups = [[np.flatnonzero(factor == value) for value in np.unique(factor)] for factor in factors.T]
    rng = np.random.default_rng(seed)

    def counted(n: int) -> Int[np.ndarray, "latent factors"]:
        table = np.zeros((len(active), factors.shape[1]), dtype=np.int64)
        for factor in rng.integers(factors.shape[1], size=n):
            group = groups[factor][rng.integers(len(groups[factor]))]
            chosen = group[rng.integers(len(group), size=batch_size)]
            table[scaled[chosen].var(axis=0, dtype=np.float64).argmin(), factor] += 1
        return table

    stands_for = counted(votes).argmax(axis=1)
    judged = counted(evaluation_votes)
    return float(judged[np.arange(len(active)), stands_for].sum() / evaluation_votes)


def mutual_information_gap(
    latents: Float[np.ndarray, "items latent"], factors: Int[np.ndarray, "others factors"], *, bins: int = 20
) -> float:
    """MIG: how much more the best latent of a factor says of it than the second best; 1 is best.

    ``mean_f (I(z_1; f) - I(z_2; f)) / H(f)``, of the two latents with the most mutual information, each latent in bins
    of equal width between its ends.

    Parameters
    ----------
    latents, factors
        As for :func:`factor_vae_score`.
    bins
        Of every latent. With few items for each bin the information is overestimated, for all latents alike.

    Raises
    ------
    InputError, MismatchError
        As for :func:`factor_vae_score`.

    References
    ----------
    Chen et al. 2018, arXiv:1802.04942, section 4.1; the bins of Locatello et al. 2019.
    """
    _check(latents, factors)
    if bins < 2:
        raise InputError("A latent is cut into two bins or more", got=f"bins={bins}", cure="Use 20")
    binned = [np.digitize(latent, np.linspace(latent.min(), latent.max(), bins + 1)[1:-1]) for latent in latents.T]
    gaps = []
    for factor in factors.T:
        told = sorted((mutual_info_score(factor, latent) for latent in binned), reverse=True)
        second = told[1] if len(told) > 1 else 0.0
        gaps.append((told[0] - second) / mutual_info_score(factor, factor))
    return float(np.mean(gaps))


@final
@dataclass(frozen=True)
class DCIScores:
    """Three numbers, 1 is best.

    Attributes
    ----------
    disentanglement
        Whether a latent matters for one factor only; mean over the latents, by how much they matter.
    completeness
        Whether one latent is enough for a factor; mean over the factors.
    informativeness
        Accuracy of telling the factors' values from the latents of other items; mean over the factors.
    """

    disentanglement: float
    completeness: float
    informativeness: float


def dci(
    latents: Float[np.ndarray, "items latent"],
    factors: Int[np.ndarray, "others factors"],
    *,
    train_items: int = 5_000,
    test_items: int = 2_500,
    trees: int = 10,
    seed: int = 0,
) -> DCIScores:
    """Disentanglement, completeness and informativeness by the importances of random forests.

    A forest learns each factor's value from all latents. The entropy of its importances over the factors says how
    disentangled a latent is, over the latents how complete a factor.

    Parameters
    ----------
    latents, factors
        As for :func:`factor_vae_score`.
    train_items, test_items
        How many items the forests learn from and are judged on; of fewer in all, in the same ratio.
    trees
        Of each forest. Every split may look at all latents, so that none matters for want of choice.
    seed
        Of the draws.

    Raises
    ------
    InputError, MismatchError
        As for :func:`factor_vae_score`.

    References
    ----------
    Eastwood & Williams 2018, "A framework for the quantitative evaluation of disentangled representations": entropies
    to the base of how many there are. Numbers by other regressors, such as boosted trees, cannot be compared with
    these.
    """
    _check(latents, factors)
    if min(train_items, test_items, trees) < 1:
        raise InputError(
            "A forest needs items and trees",
            got=f"train_items={train_items}, test_items={test_items}, trees={trees}",
            cure="Use 5000, 2500 and 10",
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(latents))[: train_items + test_items]
    n_train = max(1, min(train_items, len(order) * train_items // (train_items + test_items)))
    train, test = order[:n_train], order[n_train:]
    importances, right = np.empty((latents.shape[1], factors.shape[1])), []
    for number, factor in enumerate(factors.T):
        forest = RandomForestClassifier(trees, max_features=None, random_state=seed).fit(latents[train], factor[train])
        importances[:, number] = forest.feature_importances_
        right.append(float((forest.predict(latents[test]) == factor[test]).mean()))
    weights = importances.sum(axis=1)
    return DCIScores(
        float(weights @ _concentration(importances) / max(weights.sum(), np.finfo(float).tiny)),
        float(_concentration(importances.T).mean()),
        float(np.mean(right)),
    )


def _concentration(importances: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, " rows"]:
    """One minus the entropy of each row, to the base of how many columns there are; 0 for a row of zeros."""
    n = importances.shape[1]
    if n == 1:
        return np.ones(len(importances))
    sums = importances.sum(axis=1, keepdims=True)
    shares = np.divide(importances, sums, out=np.full_like(importances, 1 / n), where=sums > 0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    concentration: Float[np.ndarray, " rows"] = 1 + (shares * logs).sum(axis=1) / np.log(n)
    return concentration


def _check(latents: Float[np.ndarray, "..."], factors: Int[np.ndarray, "..."]) -> None:
    if latents.ndim != 2 or factors.ndim != 2 or len(latents) != len(factors) or len(latents) < 4:
        raise MismatchError(
            "Latents and factors need one row for each item, of the same four items or more",
            got=f"latents {latents.shape} and factors {factors.shape}",
            cure="Give (items, latent) and (items, factors)",
        )
    if not np.isfinite(latents).all():
        raise InputError("Latents are finite numbers", got="infinity or not a number", cure="Train with a lower rate")
    constant = [number for number, factor in enumerate(factors.T) if (factor == factor[0]).all()]
    if constant or not factors.shape[1]:
        raise InputError(
            "A factor of variation has two values or more",
            got=f"a single value in column {constant[0]}" if constant else "no factor",
            cure="Leave constant factors out",
        )
