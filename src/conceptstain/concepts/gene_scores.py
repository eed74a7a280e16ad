"""Scoring spots by the mean z-score of the genes enriched in others: what a region's genes tell without a model.

Two scorers do the same. :class:`EnrichedGenes` is exact: it calls the very functions that make a concept, on a canvas
that hides spots. :class:`QuickGenes` makes thousands of maps in seconds, for null distributions. Its ranks are those
of the whole tissue: hidden spots belong to neither side and give no moments, but they still space the ranks of the
others a little. So a null distribution is only ever compared with the quick score of the region that it is a null for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, final
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.region import Region
from conceptstain.concepts.enrichment import MIN_AUROC, MIN_FRACTION, enriched_genes, ranks_of
from conceptstain.errors import InputError
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["EnrichedGenes", "QuickGenes"]

BYTES = 64 * 2**20  # of one batch of the quick scorer
IN_CACHE = 2 * 2**20  # bytes of the genes asked at a time, which stay near the processor
SLACK = 1e-6  # of an AUROC, for sums in float32: .6 is enough


@final
@dataclass(eq=False)
class EnrichedGenes:
    """Mean z-score of the genes that ``enriched_genes`` finds without the hidden spots.

    Attributes
    ----------
    canvas
        The genes as pictures.
    number
        How many genes at most.
    report
        Called after every map.
    chosen
        The genes of every map made so far, in order.
    """

    canvas: GenePictures
    number: int = 50
    report: Report = silent

    def __post_init__(self) -> None:
        self.chosen: list[tuple[str, ...]] = []

    def __call__(
        self, inside: Bool[np.ndarray, "maps spots"], hidden: Bool[np.ndarray, "maps spots"]
    ) -> Float[np.ndarray, "maps spots"]:
        """Scores of all spots, one map per row; 0 everywhere for a map without any enriched gene."""
        scores = np.zeros(inside.shape)
        for row in range(len(inside)):
            canvas = self.canvas.hiding(hidden[row])
            genes = self._genes(canvas, inside[row])
            self.chosen.append(genes)
            if genes:
                scores[row] = canvas.revealed([canvas.item(gene) for gene in genes]).mean(axis=1, dtype=np.float64)
            self.report(Step(row + 1, len(inside), "Hiding spots"))
        return scores

    def _genes(self, canvas: GenePictures, inside: Bool[np.ndarray, " spots"]) -> tuple[str, ...]:
        try:
            table = enriched_genes(canvas, Region.from_mask("the region", inside), number=self.number)
        except InputError:  # no gene is enriched: this map knows nothing
            return ()
        return tuple(table.index)


@final
@dataclass(frozen=True, eq=False)
class QuickGenes:
    """The same as :class:`EnrichedGenes` for thousands of maps at once, with the ranks of the whole tissue.

    Genes are filtered by effect size and by the part of the visible spots inside that show them, then ordered by fold
    change, as :func:`conceptstain.concepts.enrichment.enriched_genes` does it.

    Needs 8 bytes per spot and gene of memory (12 in the paper's scaling), and 64 MB for a batch of maps.

    Attributes
    ----------
    canvas
        The genes as pictures.
    number
        How many genes at most.
    """

    canvas: GenePictures
    number: int = 50

    def __call__(
        self, inside: Bool[np.ndarray, "maps spots"], hidden: Bool[np.ndarray, "maps spots"]
    ) -> Float[np.ndarray, "maps spots"]:
        """Scores of all spots, one map per row; 0 everywhere for a map without any enriched gene."""
        import torch

        dense = self._dense
        n_genes, n_spots = dense.logs.shape
        number = min(self.number, n_genes)
        scores = np.empty(inside.shape)
        with torch.inference_mode():
            # Folds ask every gene and are cheaper for many maps at once; scores ask few genes, at every spot of a map.
            for many in _batches(len(inside), 4 * (5 * n_genes + 2 * n_spots)):
                sides = torch.as_tensor(
                    np.stack([inside[many] & ~hidden[many], ~inside[many] & ~hidden[many]]).astype(np.float32)
                )
                folds, genes = _folds(dense, sides).topk(number, dim=1)
                for few in _batches(sides.shape[1], 4 * 3 * number * n_spots):
                    visible = sides[:, few].sum(dim=0)
                    scores[many][few] = _mean_z(dense.values[genes[few]], folds[few] > 0, visible)
        return scores

    @cached_property
    def _dense(self) -> _Dense:
        kept = _kept.get(self.canvas)
        if kept is None:
            kept = _kept[self.canvas] = _as_dense(self.canvas)
        return kept


class _Dense(NamedTuple):
    """Genes x spots, float32; the genes found in most spots first.

    Attributes
    ----------
    ranks
        Among all spots, minus their mean.
    logs
        Depth-normalised log counts.
    values
        What is averaged; the very tensor of ``logs`` but in the paper's scaling.
    n_found
        In how many spots each gene is found.
    """

    ranks: Tensor
    logs: Tensor
    values: Tensor
    n_found: NDArray[np.integer]


_kept: WeakKeyDictionary[GenePictures, _Dense] = WeakKeyDictionary()


def _as_dense(canvas: GenePictures) -> _Dense:
    ranks = ranks_of(canvas)
    n_found = np.diff(ranks.values.indptr)
    order = np.argsort(-n_found, kind="stable")
    order = order[n_found[order] > 0]
    middle = (canvas.section.n_spots + 1) / 2
    logs = _tensor(ranks.values[:, order].toarray().T)
    return _Dense(
        ranks=_tensor(ranks.above_zero[:, order].toarray().T + (ranks.of_zero[order] - middle)[:, None]),
        logs=logs,
        values=logs if ranks.values is canvas.expression else _tensor(canvas.expression[:, order].toarray().T),
        n_found=n_found[order],
    )


def _tensor(values: Float[np.ndarray, "..."]) -> Tensor:
    import torch

    return torch.as_tensor(np.ascontiguousarray(values, dtype=np.float32))


def _batches(number: int, n_bytes: int) -> Iterator[slice]:
    """Parts of so many maps, as many at once as the memory allows."""
    batch = max(1, BYTES // max(1, n_bytes))
    return (slice(start, min(start + batch, number)) for start in range(0, number, batch))


def _mean_z(
    values: Float[Tensor, "maps genes spots"], counts: Bool[Tensor, "maps genes"], visible: Float[Tensor, "maps spots"]
) -> Float[np.ndarray, "maps spots"]:
    """Mean of those genes that count, each z-scored over the visible spots; 0 where none does."""
    import torch

    visible = visible[:, None]
    n_visible = visible.sum(dim=2)
    mean = (values * visible).sum(dim=2) / n_visible
    variance = ((values - mean[:, :, None]).square_() * visible).sum(dim=2) / n_visible
    scale = torch.where(counts & (variance > 1e-12), variance.clamp(min=1e-12).rsqrt(), 0.0)
    scores = torch.einsum("bgs,bg->bs", values, scale) - (mean * scale).sum(dim=1, keepdim=True)
    scores /= counts.sum(dim=1, keepdim=True).clamp(min=1)
    return np.asarray(scores.numpy(), dtype=np.float64)


def _folds(dense: _Dense, sides: Float[Tensor, "2 maps spots"]) -> Float[Tensor, "maps genes"]:
    """Fold change of every gene that is strong and present, 0 of the others.

    ``sides`` are 1 at the visible spots inside, and at those outside.
    """
    import torch

    size = sides.sum(dim=2, keepdim=True).clamp(min=1)
    inside, outside = sides / size
    contrast, one = inside - outside, torch.ones(1)
    least_rank = (MIN_AUROC - SLACK - 0.5) * sides.shape[2]  # in mean rank: the number of spots times (AUROC - 1/2)
    least_found = MIN_FRACTION * size[0]
    # What is found in fewer spots than the smallest region asks for is in none of them often enough.
    asked = int((dense.n_found >= float(least_found.min())).sum())
    folds = torch.zeros(sides.shape[1], len(dense.n_found))
    together = max(1, IN_CACHE // (4 * sides.shape[2]))
    for start in range(0, asked, together):
        block = slice(start, min(start + together, asked))
        logs = dense.logs[block].T
        linear = logs.expm1()
        passes = (contrast @ dense.ranks[block].T >= least_rank) & (sides[0] @ (logs > 0).float() >= least_found)
        fold = torch.addmm(one, inside, linear).div_(torch.addmm(one, outside, linear))
        folds[:, block] = fold.mul_(passes)
    return folds
