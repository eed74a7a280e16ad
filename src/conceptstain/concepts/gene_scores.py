"""Scoring spots by the mean z-score of the genes enriched in others: what a region's genes tell without a model.

Two scorers do the same. :class:`EnrichedGenes` is exact: it calls the very functions that make a concept, on a canvas
that hides spots. :class:`QuickGenes` makes thousands of maps in seconds, for null distributions. Its ranks are those
of the whole tissue: hidden spots belong to neither side and give no moments, but they still space the ranks of the
others a little. So a null distribution is only ever compared with the quick score of the region that it is a null for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, final
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Bool, Float

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.region import Region
from conceptstain.concepts.enrichment import MIN_AUROC, MIN_FRACTION, enriched_genes, ranks_of
from conceptstain.errors import InputError
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["EnrichedGenes", "QuickGenes"]

LEAST_FOUND = 3  # spots: what is found in fewer is never enriched in a quarter of a region worth testing
BYTES = 64 * 2**20  # of one batch of the quick scorer


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

    Needs 8 bytes per spot and gene of memory.

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
        dense = self._dense
        number = min(self.number, dense.ranks.shape[0])
        batch = max(1, BYTES // (4 * (dense.ranks.shape[0] + 3 * number * inside.shape[1])))
        scores = np.empty(inside.shape)
        for start in range(0, len(inside), batch):
            part = slice(start, start + batch)
            scores[part] = _quick_scores(dense, inside[part], hidden[part], number)
        return scores

    @cached_property
    def _dense(self) -> _Dense:
        kept = _kept.get(self.canvas)
        if kept is None:
            kept = _kept[self.canvas] = _as_dense(self.canvas)
        return kept


class _Dense(NamedTuple):
    """Genes x spots, float32."""

    ranks: Tensor
    values: Tensor
    weight: Tensor


_kept: WeakKeyDictionary[GenePictures, _Dense] = WeakKeyDictionary()


def _as_dense(canvas: GenePictures) -> _Dense:
    import torch

    ranks = ranks_of(canvas)
    found = np.flatnonzero(canvas.n_spots_expressing >= LEAST_FOUND)
    n = canvas.section.n_spots
    centred = ranks.above_zero[:, found].toarray().T + (ranks.of_zero[found] - (n + 1) / 2)[:, None]
    variance = n + 1 - ranks.ties[found] / (n * (n - 1))
    weight = 1 / np.sqrt(np.where(variance > 1e-9, variance, np.inf))
    return _Dense(
        ranks=torch.as_tensor(np.ascontiguousarray(centred, dtype=np.float32)),
        values=torch.as_tensor(np.ascontiguousarray(canvas.expression[:, found].toarray().T)),
        weight=torch.as_tensor(weight.astype(np.float32)),
    )


def _quick_scores(
    dense: _Dense, inside: Bool[np.ndarray, "maps spots"], hidden: Bool[np.ndarray, "maps spots"], number: int
) -> Float[np.ndarray, "maps spots"]:
    import torch

    sides = torch.as_tensor(np.stack([inside & ~hidden, ~inside & ~hidden]).astype(np.float32))
    size = sides.sum(dim=2, keepdim=True).clamp(min=1)
    with torch.inference_mode():
        contrast = sides[0] / size[0] - sides[1] / size[1]
        difference = contrast @ dense.ranks.T  # in mean rank: the number of spots times (AUROC - 1/2)
        enough = difference >= (MIN_AUROC - 0.5) * inside.shape[1]
        strength = torch.where(enough, difference * dense.weight, -torch.inf)
        found, genes = strength.topk(number, dim=1)
        values = dense.values[genes]
        visible = (sides[0] + sides[1])[:, None]
        n_visible = visible.sum(dim=2)
        fraction = ((values > 0) * sides[0][:, None]).sum(dim=2) / size[0]
        mean = (values * visible).sum(dim=2) / n_visible
        variance = ((values - mean[:, :, None]).square_() * visible).sum(dim=2) / n_visible
        counts = (found > -torch.inf) & (fraction >= MIN_FRACTION)
        scale = torch.where(counts & (variance > 1e-12), variance.clamp(min=1e-12).rsqrt(), 0.0)
        scores = torch.einsum("bgs,bg->bs", values, scale) - (mean * scale).sum(dim=1, keepdim=True)
        scores /= counts.sum(dim=1, keepdim=True).clamp(min=1)
        return np.asarray(scores.numpy(), dtype=np.float64)
