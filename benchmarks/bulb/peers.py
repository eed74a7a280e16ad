"""What else could tell the layers: classifiers of spot profiles that know no autoencoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, StratifiedKFold, cross_val_score

from conceptstain.concepts.groups import Groups, against_others
from conceptstain.concepts.neighbour_context import strips

STRENGTHS = 10.0 ** np.arange(-5, 2)
COMPONENTS = 16
Scores = dict[str, np.ndarray]


def peer_scores(
    x: np.ndarray, members: Sequence[np.ndarray], rest: Sequence[np.ndarray], spots: np.ndarray, at: np.ndarray
) -> Scores:
    """What each peer makes of drawn spots of ``x``, at other profiles of the same genes: profiles x layers.

    Parameters
    ----------
    x
        Profiles, some of them drawn.
    members
        Indices of the drawn spots of each layer.
    rest
        Indices of the spots that each layer is held against where it is not held against the other layers.
    spots
        World coordinates of ``x``; folds are strips of them.
    at
        Profiles to score.
    """
    differences = [x[own].mean(axis=0) - x[other].mean(axis=0) for own, other in zip(members, rest, strict=True)]
    contrast, whitened = pca_scores(x, x, members, rest, at)
    return {
        "gene mean difference": np.stack([at @ difference for difference in differences], axis=1),
        "PCA 16, whitened": whitened,
        "PCA 16, contrast": contrast,
        "logistic regression, C tuned": logistic_scores(x, members, spots, at),
    }


def pca_scores(
    learned: np.ndarray, x: np.ndarray, members: Sequence[np.ndarray], rest: Sequence[np.ndarray], at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Drawn spots of ``x`` against each other and against their rest, in the principal components of some profiles."""
    pca = PCA(COMPONENTS, random_state=0).fit(learned)
    z, z_at = pca.transform(x), pca.transform(at)
    whitened = [
        against_others(Groups.of(z, [own, other], whitened=True).log_densities(z_at))[:, 0]
        for own, other in zip(members, rest, strict=True)
    ]
    return against_others(Groups.of(z, members, whitened=True).log_densities(z_at)), np.stack(whitened, axis=1)


def logistic_scores(x: np.ndarray, members: Sequence[np.ndarray], spots: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Softmax regression whose strength is chosen by cross-validation inside the drawn spots."""
    drawn = np.concatenate(members)
    layer = np.repeat(np.arange(len(members)), [len(each) for each in members])
    folds = PredefinedSplit(strips(spots[drawn], layer))

    def quality(strength: float) -> float:
        return cross_val_score(logistic(strength), x[drawn], layer, cv=folds, scoring="neg_log_loss").mean()

    best = logistic(max(STRENGTHS, key=quality)).fit(x[drawn], layer)
    return against_others(best.decision_function(at))


def ceiling_scores(x: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """Softmax regression cross-validated inside the section that is asked about: it is told what no transfer knows.

    Folds are up to ten random ones, and the strength is the best of all in them, which flatters it.
    """
    found = {}
    for strength in STRENGTHS:
        scores = np.empty((len(x), layer.max() + 1))
        folds = StratifiedKFold(min(10, np.bincount(layer).min()), shuffle=True, random_state=0)
        losses = []
        for learned, held_out in folds.split(x, layer):
            model = logistic(strength).fit(x[learned], layer[learned])
            scores[held_out] = model.predict_log_proba(x[held_out])
            losses.append(-scores[held_out, layer[held_out]].mean())
        found[float(np.mean(losses))] = against_others(scores)
    return found[min(found)]


def logistic(strength: float) -> LogisticRegression:
    """A softmax regression."""
    return LogisticRegression(C=strength, max_iter=5000)
