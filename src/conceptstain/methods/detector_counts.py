"""How many detectors a layer has, in every category, with intervals, beside its controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from conceptstain.methods.dissection import CountingRule, Dissection

__all__ = ["ALL", "COLUMNS", "OWN", "counts_beside"]

ALL = "all"
"""The row of all categories together."""

OWN = "trained"
"""The row of the network as it is, beside its controls."""

COLUMNS = tuple(f"{name}{end}" for name in ("detectors", "unique") for end in ("", " low", " high"))


def counts_beside(
    own: Dissection, drawn: Mapping[str, Sequence[Dissection]], least: float, rule: CountingRule
) -> pd.DataFrame:
    """Detectors and unique detectors of a dissection and its controls.

    Parameters
    ----------
    own
        The network's.
    drawn
        Controls by kind, several draws of each.
    least
        IoU above which a unit is a detector.
    rule
        How unique detectors are counted.

    Returns
    -------
    DataFrame
        Indexed by ``category`` (``"all"`` first) and ``network`` (``"trained"``, then the controls): ``detectors`` and
        ``unique``, each with ``low`` and ``high``. Of the network itself these are the 95 % interval over groups of
        items drawn anew; of controls the least and the greatest of the draws, around their mean.
    """

    def counts(dissection: Dissection) -> Float[np.ndarray, "two categories"]:
        return _counts(dissection, least, rule)

    rows = {OWN: _flat(*own.intervals_of(counts))}
    for kind, draws in drawn.items():
        values = np.array([counts(each) for each in draws])
        rows[kind] = _flat(values.mean(axis=0), values.min(axis=0), values.max(axis=0))
    parts = {
        category: pd.DataFrame(
            [row[number] for row in rows.values()], index=pd.Index(rows, name="network"), columns=list(COLUMNS)
        )
        for number, category in enumerate((ALL, *own.categories))
    }
    return pd.concat(parts, names=["category"])


def _counts(dissection: Dissection, least: float, rule: CountingRule) -> Float[np.ndarray, "two categories"]:
    """Detectors, and unique detectors: in all, and of every category."""
    unique = dissection.unique_detectors(least, rule).to_numpy()
    above = dissection.iou > least
    detectors = [above[:, dissection.category_of == number].any(axis=1).sum() for number in range(len(unique))]
    return np.array([[above.any(axis=1).sum(), *detectors], [unique.sum(), *unique]], dtype=np.float64)


def _flat(
    value: Float[np.ndarray, "two categories"],
    low: Float[np.ndarray, "two categories"],
    high: Float[np.ndarray, "two categories"],
) -> Float[np.ndarray, "categories six"]:
    """For every category the numbers of a row, in the order of the columns."""
    return np.stack([value, low, high], axis=1).reshape(6, -1).T
