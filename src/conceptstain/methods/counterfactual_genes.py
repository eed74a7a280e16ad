"""Counterfactuals of spots as genes: which would have to change for a spot to be taken for another class."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import Bool

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.counterfactual import Counterfactual
from conceptstain.methods.intervals import mean_intervals

__all__ = ["Counted", "changed_genes"]

Counted: TypeAlias = Literal["success", "confirmed", "all"]
"""Which counterfactuals count: those that arrived, those that a second classifier confirms, or all that were asked."""


def changed_genes(counterfactual: Counterfactual, *, count: Counted = "success") -> pd.DataFrame:
    """The genes that change from the spots to their counterfactuals, those that rise first.

    Changes are between two decoded profiles, so that what the network cannot draw of a spot is none. They say what the
    classifier has to be shown by this network, and not what a cell would do.

    Parameters
    ----------
    counterfactual
        Of spot profiles; its spots should have one origin and one target, or the mean has no meaning.
    count
        Which of its spots: those where the search arrived, those that were confirmed, or all that were asked.

    Returns
    -------
    DataFrame
        Indexed by ``gene``, by falling ``change``:

        - ``change``: mean over the spots, in z-scores;
        - ``low``, ``high``: its interval of 95 %, by the bootstrap over spots; as neighbouring spots are alike, it is
          narrower than that of another section;
        - ``agreeing``: part of the spots where the gene changes in the direction of the mean;
        - ``rank``: 1 for the gene that rises most.

        ``attrs["spots"]`` says how many spots were counted.

    Raises
    ------
    MismatchError
        It is of pictures.
    InputError
        No spot is left to be counted, or confirmed ones are asked for where no second classifier was asked.
    """
    genes = _genes(counterfactual)
    counted = _counted(counterfactual, count)
    changes = (counterfactual.end[counted] - counterfactual.start[counted]).astype(np.float64)
    mean, low, high = mean_intervals(changes)
    agreeing = (np.sign(changes) == np.sign(mean)).mean(axis=0)
    table = pd.DataFrame(
        {"change": mean, "low": low, "high": high, "agreeing": agreeing}, index=pd.Index(genes, name="gene")
    ).sort_values("change", ascending=False, kind="stable")
    table["rank"] = np.arange(1, len(table) + 1)
    table.attrs["spots"] = int(counted.sum())
    return table


def _genes(counterfactual: Counterfactual) -> tuple[str, ...]:
    genes = counterfactual.network.features
    if not genes:
        raise MismatchError(
            "Only counterfactuals of spots change genes",
            got=f"samples of shape {counterfactual.start.shape[1:]}",
            cure="Ask what changes in pictures with counterfactual_map",
        )
    return genes


def _counted(counterfactual: Counterfactual, count: Counted) -> Bool[np.ndarray, " items"]:
    counted = counterfactual.asked
    if count == "confirmed":
        if counterfactual.confirmed is None:
            raise InputError(
                "No second classifier was asked", got='count="confirmed"', cure="Give second= to counterfactual"
            )
        counted = counted & counterfactual.success & counterfactual.confirmed
    elif count == "success":
        counted = counted & counterfactual.success
    if not counted.any():
        raise InputError(
            "No spot is left to be counted",
            got=f"{int(counterfactual.asked.sum())} asked, {int(counterfactual.success.sum())} successful",
            cure='Ask about others, lower the probability that is asked for, or count="all"',
        )
    return counted
