"""Counterfactuals and concept walks of spots as genes: which would have to change for a spot to be something else."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import Bool

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.concept_walk import ConceptWalk
from conceptstain.methods.counterfactual import Counterfactual
from conceptstain.methods.intervals import mean_intervals

__all__ = ["Counted", "changed_genes"]

Counted: TypeAlias = Literal["success", "confirmed", "all"]
"""Which counterfactuals count: those that arrived, those that a second classifier confirms, or all that were asked."""


def changed_genes(*counterfactuals: Counterfactual | ConceptWalk, count: Counted = "success") -> pd.DataFrame:
    """The genes that change from the spots to their counterfactuals, or along their walks, those that rise first.

    Changes are between two decoded profiles, so that what the network cannot draw of a spot is none. They say what this
    network has to draw for the classifier, or for the concept's score, and not what a cell would do.

    Parameters
    ----------
    counterfactuals
        Of spot profiles; several, such as those of the folds of a cross-validation, are counted together. All spots
        should have one origin and one target, or the mean has no meaning. Of walks, spots that scored as high already
        do not count.
    count
        Which of their spots: those where the search arrived, those that were confirmed, or all that were asked.

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
        One is of pictures, or they are of several lists of genes.
    InputError
        No spot is left to be counted, or confirmed ones are asked for where no second classifier was asked, such as
        of walks.
    """
    lists = list(dict.fromkeys(_genes(each) for each in counterfactuals))
    if len(lists) != 1:
        raise MismatchError(
            "Genes are counted together where all profiles have the same ones",
            got=f"{len(lists)} lists of genes in {len(counterfactuals)} counterfactuals",
            cure="Give counterfactuals of one canvas",
        )
    (genes,) = lists
    changes = np.concatenate([(each.end - each.start)[_counted(each, count)] for each in counterfactuals]).astype(float)
    if not len(changes):
        raise InputError(
            "No spot is left to be counted",
            got=f"{sum(int(each.asked.sum()) for each in counterfactuals)} asked",
            cure='Ask about others, lower the probability that is asked for, or count="all"',
        )
    mean, low, high = mean_intervals(changes)
    agreeing = (np.sign(changes) == np.sign(mean)).mean(axis=0)
    table = pd.DataFrame(
        {"change": mean, "low": low, "high": high, "agreeing": agreeing}, index=pd.Index(genes, name="gene")
    ).sort_values("change", ascending=False, kind="stable")
    table["rank"] = np.arange(1, len(table) + 1)
    table.attrs["spots"] = len(changes)
    return table


def _genes(counterfactual: Counterfactual | ConceptWalk) -> tuple[str, ...]:
    genes = counterfactual.network.features
    if not genes:
        raise MismatchError(
            "Only counterfactuals of spots change genes",
            got=f"samples of shape {counterfactual.start.shape[1:]}",
            cure="Ask what changes in pictures with counterfactual_map",
        )
    return genes


def _counted(counterfactual: Counterfactual | ConceptWalk, count: Counted) -> Bool[np.ndarray, " items"]:
    counted = counterfactual.asked
    if count == "confirmed":
        if isinstance(counterfactual, ConceptWalk) or counterfactual.confirmed is None:
            raise InputError(
                "No second classifier was asked", got='count="confirmed"', cure="Give second= to counterfactual"
            )
        counted = counted & counterfactual.success & counterfactual.confirmed
    elif count == "success":
        counted = counted & counterfactual.success
    return counted
