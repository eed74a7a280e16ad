"""Genes enriched in a region of spots: the Wilcoxon rank-sum test for all genes at once.

Zeros dominate the counts and tie with each other, so ranks are kept sparse: what is stored is the rank minus the common
rank of the zeros, and the rank sum of any region adds up the rows of its spots. Ranks do not depend on the region, so
they are made once per canvas and every further region costs milliseconds, the fewer the smaller it is: a map that
follows an outline asks ten times a second. Hidden spots of a canvas belong to neither side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, final
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy import sparse, stats

from conceptstain.canvas.gene_pictures import GenePictures, normalise_depth
from conceptstain.canvas.region import Region
from conceptstain.errors import InputError

__all__ = ["MIN_AUROC", "MIN_FRACTION", "Ranks", "enriched_genes", "enrichment", "ranks_of"]

MIN_AUROC = 0.6
MIN_FRACTION = 0.25
DECIMALS = 5  # 1 count of 100 ties with 2 of 200, whatever the last bits of their logarithms


def enrichment(canvas: GenePictures, region: Region) -> pd.DataFrame:
    """Compare every gene inside a region with the same gene outside.

    The table of the test, with all genes; :func:`enriched_genes` says which of them a concept is made of. Values are
    depth-normalised log counts, whatever the canvas' scaling; of a canvas that hides spots, those of the visible ones.

    Returns
    -------
    DataFrame
        Indexed by gene, in the order of the test, the highest ``statistic`` first:

        - ``statistic``: rank-sum z, corrected for ties; positive means more inside;
        - ``auroc``: the effect size, the chance that a spot inside shows more of the gene than one outside (U / n n');
        - ``log2_fold``: log2 ratio of mean depth-normalised counts, inside over outside, each plus 1 per 10,000;
        - ``fraction_inside``, ``fraction_outside``: part of the spots in which the gene is found at all;
        - ``p``, ``p_adjusted``: two-sided normal approximation, and Benjamini-Hochberg over the genes found anywhere.
          The spots of a drawn region are neighbours, not independent draws: these order genes, they prove no layer.

    Raises
    ------
    InputError
        The region holds no spot or every spot.
    """
    inside = _visible_inside(canvas, region)
    ranks = ranks_of(canvas)
    n, n_inside = len(inside), int(inside.sum())
    n_outside = n - n_inside
    sums = ranks.sums(inside)
    rank_sum = n_inside * ranks.of_zero + sums.above_zero
    auroc = (rank_sum - n_inside * (n_inside + 1) / 2) / (n_inside * n_outside)
    variance = n_inside * n_outside / 12 * (n + 1 - ranks.ties / (n * (n - 1)))
    varies = variance > 1e-9
    statistic = np.where(varies, (auroc - 0.5) * n_inside * n_outside / np.sqrt(np.where(varies, variance, 1)), 0.0)
    p = 2 * stats.norm.sf(np.abs(statistic))
    found = np.diff(ranks.values.indptr) > 0
    p_adjusted = np.ones_like(p)
    if found.any():
        p_adjusted[found] = stats.false_discovery_control(p[found])
    mean_inside, mean_outside = _means(sums.linear, ranks.sum_of_linear, inside)
    # Counts are exact, so 7 of 28 is a quarter.
    fraction_inside, fraction_outside = _means(sums.found, ranks.n_found, inside)
    table = pd.DataFrame(
        {
            "statistic": statistic,
            "auroc": auroc,
            "log2_fold": np.log2((mean_inside + 1) / (mean_outside + 1)),
            "fraction_inside": fraction_inside,
            "fraction_outside": fraction_outside,
            "p": p,
            "p_adjusted": p_adjusted,
        },
        index=pd.Index(canvas.item_names, name="gene"),
    )
    return table.sort_values("statistic", ascending=False, kind="stable")


def enriched_genes(
    canvas: GenePictures,
    region: Region,
    *,
    number: int = 50,
    min_auroc: float = MIN_AUROC,
    min_fraction: float = MIN_FRACTION,
) -> pd.DataFrame:
    """The genes that tell a region: of the rows of :func:`enrichment` that are strong and present, the largest folds.

    First the thresholds, then the order: by ``log2_fold``, among equals by ``statistic``. The statistic asks how sure a
    difference is, not how large: of few spots it hardly tells a marker from a gene that rises a little. The thresholds
    keep out what is found in a few spots only, where a fold is large by chance. Measured in ``benchmarks/layers.py``.

    Parameters
    ----------
    canvas, region
        As for :func:`enrichment`.
    number
        How many genes at most.
    min_auroc
        Smallest effect size.
    min_fraction
        Smallest part of the spots inside in which the gene is found.

    Returns
    -------
    DataFrame
        Columns of :func:`enrichment`, largest fold first; sort it by another column for another order.

    Raises
    ------
    InputError
        No gene passes.
    """
    table = enrichment(canvas, region)
    passing = table[(table["auroc"] >= min_auroc) & (table["fraction_inside"] >= min_fraction)]
    if passing.empty:
        n_inside = int(_visible_inside(canvas, region).sum())
        raise InputError(
            f"No gene is enriched in {region.name!r}",
            got=f"{n_inside} spots, none of {len(canvas):,} genes with an effect size of {min_auroc:g} or more "
            f"in {min_fraction:.0%} of them",
            cure="Choose a more uniform set of spots, or name the genes",
        )
    # The table is in the order of the statistic, and a stable sort keeps it among equals.
    return passing.sort_values("log2_fold", ascending=False, kind="stable").head(number)


@final
@dataclass(frozen=True, eq=False)
class Ranks:
    """Ranks of the visible spots for each gene, kept sparse.

    Attributes
    ----------
    values
        What is ranked, spots x genes: depth-normalised log counts.
    above_zero
        Rank minus the rank of a zero, where the gene is found.
    of_zero
        The common rank of the zeros of each gene.
    ties
        Sum of ``t^3 - t`` over the groups of ``t`` tied spots.
    """

    values: sparse.csc_array
    above_zero: sparse.csc_array
    of_zero: Float[np.ndarray, " genes"]
    ties: Float[np.ndarray, " genes"]

    @cached_property
    def above_zero_by_spot(self) -> sparse.csr_array:
        """``above_zero``, spot by spot."""
        return self.above_zero.tocsr()

    @cached_property
    def linear_by_spot(self) -> sparse.csr_array:
        """Depth-normalised counts, spot by spot."""
        values = self.values.tocsr()
        return sparse.csr_array(
            (np.expm1(values.data.astype(np.float64)), values.indices, values.indptr), shape=values.shape
        )

    @cached_property
    def sum_of_linear(self) -> Float[np.ndarray, " genes"]:
        """Over all visible spots, in the order in which :meth:`sums` adds up some of them."""
        return np.asarray(self.linear_by_spot.T @ np.ones(self.values.shape[0]))

    @cached_property
    def n_found(self) -> Float[np.ndarray, " genes"]:
        """Visible spots in which the gene is found."""
        return np.asarray(np.diff(self.values.indptr), dtype=np.float64)

    def sums(self, inside: Bool[np.ndarray, " visible"]) -> Sums:
        """Sums over some of the visible spots; the others are not touched."""
        spots = np.flatnonzero(inside)
        ones = np.ones(len(spots))
        ranks, linear = self.above_zero_by_spot[spots], self.linear_by_spot[spots]
        return Sums(
            above_zero=np.asarray(ranks.T @ ones),
            linear=np.asarray(linear.T @ ones),
            found=np.bincount(linear.indices, minlength=linear.shape[1]).astype(np.float64),
        )


class Sums(NamedTuple):
    """Sums over the spots of a region, one for each gene: of ranks above zero's, of counts, and of spots with any."""

    above_zero: Float[np.ndarray, " genes"]
    linear: Float[np.ndarray, " genes"]
    found: Float[np.ndarray, " genes"]


_kept: WeakKeyDictionary[GenePictures, Ranks] = WeakKeyDictionary()


def ranks_of(canvas: GenePictures) -> Ranks:
    """Ranks of all visible spots for every gene; made once and kept as long as the canvas lives."""
    if canvas not in _kept:
        normalised = canvas.scaling == "z-score" or canvas.section.counts == "normalised"
        values = canvas.expression if normalised else normalise_depth(canvas.section.matrix)
        _kept[canvas] = _rank(values if canvas.hidden is None else values[np.flatnonzero(~canvas.hidden)])
    return _kept[canvas]


def _visible_inside(canvas: GenePictures, region: Region) -> Bool[np.ndarray, " visible"]:
    """Which of the visible spots the region holds."""
    inside = region.choose(canvas.section)
    if canvas.hidden is None:
        return inside
    inside = np.asarray(inside[~canvas.hidden])
    if not inside.any() or inside.all():
        raise InputError(
            f"Of the visible spots, the region {region.name!r} holds {'none' if not inside.any() else 'every one'}",
            got=f"{int(canvas.hidden.sum())} of {len(canvas.hidden)} spots hidden",
            cure="Hide fewer spots",
        )
    return inside


def _rank(values: sparse.csc_array) -> Ranks:
    """Average ranks per column of a non-negative matrix; the sum of ``t^3 - t`` over groups of ties beside them."""
    n, n_genes = values.shape
    n_zero = n - np.diff(values.indptr).astype(np.float64)
    gene = np.repeat(np.arange(n_genes), np.diff(values.indptr))
    data = np.rint(values.data.astype(np.float64) * 10**DECIMALS)
    # Values are not negative, so one key orders genes first: far faster than sorting by two.
    order = np.argsort(gene * (data.max(initial=0) + 1) + data)
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (np.diff(gene[order]) != 0) | (np.diff(data[order]) != 0)
    group = np.cumsum(is_first) - 1
    first = np.flatnonzero(is_first)
    size = np.diff(np.append(first, len(order))).astype(np.float64)
    gene_of_group = gene[order][first]
    rank_in_column = first - values.indptr[gene_of_group] + n_zero[gene_of_group] + (size + 1) / 2
    of_zero = (n_zero + 1) / 2
    ranks = np.empty(len(order))
    ranks[order] = rank_in_column[group] - of_zero[gene_of_group[group]]
    ties = n_zero**3 - n_zero
    np.add.at(ties, gene_of_group, size**3 - size)
    return Ranks(
        values=values,
        above_zero=sparse.csc_array((ranks, values.indices, values.indptr), shape=values.shape),
        of_zero=of_zero,
        ties=ties,
    )


def _means(
    summed: Float[np.ndarray, " genes"], total: Float[np.ndarray, " genes"], inside: Bool[np.ndarray, " visible"]
) -> tuple[Float[np.ndarray, " genes"], Float[np.ndarray, " genes"]]:
    """Of each gene over the spots inside and over those outside, which are what is left of the total."""
    n_inside = int(inside.sum())
    left = np.maximum(total - summed, 0.0)  # what is left of nothing is nothing
    return summed / n_inside, left / (len(inside) - n_inside)
