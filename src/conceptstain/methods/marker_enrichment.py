"""Whether the markers of a cell type or a layer lie among the genes that rise, or that fall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import mannwhitneyu, rankdata

from conceptstain.concepts.evidence import holm
from conceptstain.errors import InputError

__all__ = ["marker_enrichment"]

EXACT = 20  # markers of a list whose rank sums are all counted; of more, and where genes tie, they are drawn
DRAWS = 9999


def marker_enrichment(
    changes: pd.Series[float], markers: Mapping[str, Sequence[str]], *, seed: int = 0
) -> pd.DataFrame:
    """Hold lists of markers against all other genes, by the ranks of how they change.

    The Wilcoxon rank-sum test with exact p values, to either side: the part of all lists of as many genes that rank as
    high, or as low. Genes vary together, so lists of genes of one cell type rank high or low together more often than
    lists drawn at random: a small p says that these genes stand out, and not that another experiment would find it.

    Parameters
    ----------
    changes
        How much every gene changes, by its name, such as the column ``change`` of
        :func:`~conceptstain.methods.counterfactual_genes.changed_genes`.
    markers
        Names of genes by the name of their list. What is not in ``changes`` is left out, and told.
    seed
        Of the 9,999 draws in the place of exact p values, of lists of more than 20 genes, and where genes change alike.

    Returns
    -------
    DataFrame
        One row per list:

        - ``genes``: how many of the list are there, and ``missing``: names of the others;
        - ``auroc``: the chance that a marker rises more than another gene; 1: all rise more, 0: all fall more;
        - ``ranks``: those of the markers, 1 rises most;
        - ``p_rise``, ``p_fall``: that they are among the genes that rise, or that fall;
        - ``p_rise_corrected``, ``p_fall_corrected``: Holm (1979), over both sides of all lists;
        - ``exact``: whether p values are, or were drawn.

    Raises
    ------
    InputError
        No list, a list of which nothing is there, one of all genes, genes twice, or changes that are not finite.

    References
    ----------
    Wilcoxon 1945, Biometrics Bulletin 1, 80-83; what random lists of genes can say: Goeman & Buhlmann 2007,
    doi:10.1093/bioinformatics/btm051.
    """
    _check(changes, markers)
    values = changes.to_numpy(dtype=np.float64)
    ranks = pd.Series(rankdata(-values), index=changes.index)
    exact = len(np.unique(values)) == len(values)
    rows = []
    for name, listed in markers.items():
        there = [gene for gene in dict.fromkeys(listed) if gene in changes.index]
        if not 0 < len(there) < len(changes):
            raise InputError(
                f"The markers {name!r} cannot be held against other genes",
                got=f"{len(there)} of the {len(changes):,} genes",
                cure="Give some of the genes that were measured",
            )
        chosen = changes.index.isin(there)
        of_list = _Sides(values[chosen], values[~chosen], exact=exact and len(there) <= EXACT, seed=seed)
        rows.append(
            {
                "markers": name,
                "genes": len(there),
                "missing": ", ".join(gene for gene in dict.fromkeys(listed) if gene not in changes.index),
                "auroc": of_list.auroc,
                "ranks": ", ".join(f"{gene} {ranks[gene]:g}" for gene in there),
                "p_rise": of_list.p("greater"),
                "p_fall": of_list.p("less"),
                "exact": of_list.exact,
            }
        )
    table = pd.DataFrame(rows).set_index("markers")
    corrected = holm([*table["p_rise"], *table["p_fall"]])
    table.insert(6, "p_rise_corrected", corrected[: len(table)])
    table.insert(7, "p_fall_corrected", corrected[len(table) :])
    return table


@dataclass(frozen=True, eq=False)
class _Sides:
    """Markers and all other genes."""

    inside: Float[np.ndarray, " markers"]
    outside: Float[np.ndarray, " others"]
    exact: bool
    seed: int

    @property
    def auroc(self) -> float:
        found = mannwhitneyu(self.inside, self.outside, method="asymptotic")
        return float(found.statistic) / (len(self.inside) * len(self.outside))

    def p(self, side: Literal["greater", "less"]) -> float:
        if self.exact:
            return float(mannwhitneyu(self.inside, self.outside, alternative=side, method="exact").pvalue)
        ranks = rankdata(np.concatenate([self.inside, self.outside]))
        ranks = ranks if side == "greater" else -ranks
        rng, number = np.random.default_rng(self.seed), len(self.inside)
        drawn = [rng.choice(ranks, number, replace=False, shuffle=False).sum() for _ in range(DRAWS)]
        return float(1 + (np.array(drawn) >= ranks[:number].sum()).sum()) / (1 + DRAWS)


def _check(changes: pd.Series[float], markers: Mapping[str, Sequence[str]]) -> None:
    if not markers:
        raise InputError("There are no markers to look for", got="no list", cure="Give lists of genes by their names")
    if not changes.index.is_unique:
        twice = changes.index[changes.index.duplicated()][0]
        raise InputError("A gene changes in one way", got=f"{twice!r} more than once", cure="Give every gene once")
    if not np.isfinite(changes.to_numpy(dtype=np.float64)).all():
        raise InputError("Changes are finite numbers", got="some that are not", cure="Leave these genes out")
