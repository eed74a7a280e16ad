"""Evidence: how well a concept holds for spots, or genes, that had no part in making it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, final, overload

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from conceptstain.canvas.canvas import Canvas
from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.section import Section
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.cross_fit import FOLDS
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.nulls import Null
from conceptstain.concepts.sentences import evidence_sentence
from conceptstain.errors import InputError
from conceptstain.progress import Report, silent

if TYPE_CHECKING:
    from conceptstain.concepts.spot_concepts import SpotConcepts
    from conceptstain.nets.encoder import Encoder

__all__ = [
    "ALPHA",
    "NO_SHAPE",
    "N_NULL",
    "By",
    "Counted",
    "Evidence",
    "Histogram",
    "Tries",
    "corrected",
    "evidence",
    "holm",
]

Counted: TypeAlias = Literal["spots", "genes", "pictures", "patches"]
By: TypeAlias = Literal["genes", "spot profiles", "latents"]

ALPHA = 0.05
N_NULL = 999
BAND = (0.05, 0.95)
NO_SHAPE = "The region is too large to be laid elsewhere on the tissue, so it has no shape null."


class Histogram(NamedTuple):
    """Parts of the spots (genes, pictures, patches) in each bin of cross-fitted scores.

    ``null_low`` to ``null_high`` is the band in which nine of ten regions without meaning have their inside.
    """

    edges: Float[np.ndarray, " edges"]
    inside: Float[np.ndarray, " bins"]
    outside: Float[np.ndarray, " bins"]
    null_low: Float[np.ndarray, " bins"]
    null_high: Float[np.ndarray, " bins"]


@final
@dataclass(frozen=True, eq=False)
class Evidence:
    """What speaks for a concept. Make it with :func:`evidence`.

    Nothing in it is in-sample: a value was scored by a map, or belongs to spots, that had no part in the choice.

    Attributes
    ----------
    definition
        What the concept was made from.
    encoder
        Fingerprint of the encoder that ``decoded_auroc`` is of; by spot profiles, of all encoders whose scores are
        averaged, as one word.
    counted
        ``"spots"`` for a concept of a region; ``"genes"`` for one of genes; ``"pictures"`` or ``"patches"`` of these.
    by
        What is scored by: the genes ``chosen`` without the hidden spots, spot profiles in the latent space, or the
        latents of pictures and patches.
    scores, inside, folds
        Cross-fitted score, whether it belongs to the concept, and fold: of every spot of the section; of every gene
        that can be learned from, once for each fold; or of the pictures or patches of both sides.
    auroc
        Chance that, of two hidden in the same fold, the one that belongs to the concept scores higher.
    decoded_auroc
        The same by the decoded maps of the folds' concepts; None for genes or a layer, by latents, and without a
        decoder.
    chosen
        The genes of each fold; by latents none are chosen.
    items
        Name of the gene, picture or patch of each score; empty for spots, which are in the order of the section.
    random, p_random
        Random selections of as many, or random genes found as often, and the chance that one does as well.
    shape, p_shape
        The region's shape laid elsewhere, and the chance that one does as well; None for genes and pictures, and for a
        shape too large to be moved.
    settings
        Enough to repeat it.
    notes
        What else has to be known, one sentence each.
    tried, p_corrected
        How many concepts were tried, and the p corrected for that; see :func:`corrected`.
    """

    definition: Definition
    encoder: str
    counted: Counted
    scores: Float[np.ndarray, " items"]
    inside: Bool[np.ndarray, " items"]
    folds: Int[np.ndarray, " items"]
    auroc: float
    decoded_auroc: float | None
    chosen: tuple[tuple[str, ...], ...]
    random: Null
    p_random: float
    shape: Null | None = None
    p_shape: float | None = None
    items: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    by: By = "genes"
    notes: tuple[str, ...] = ()
    tried: int = 1
    p_corrected: float | None = None

    @property
    def name(self) -> str:
        """What the user calls the concept."""
        return self.definition.name

    @property
    def number(self) -> int:
        """How many spots, genes, pictures or patches of the concept were tested."""
        return max(map(len, self.chosen)) if self.counted == "genes" else int(self.inside.sum())

    @property
    def p(self) -> float:
        """The larger p of the two nulls; corrected, where several concepts were tried."""
        return self.uncorrected_p if self.p_corrected is None else self.p_corrected

    @property
    def uncorrected_p(self) -> float:
        """The larger p of the two nulls, as if no other concept had been tried."""
        return self.p_random if self.p_shape is None else max(self.p_random, self.p_shape)

    @property
    def n_least(self) -> int:
        """Regions, or sets of genes, without meaning in the smaller of the nulls."""
        return min(len(null.aurocs) for null in (self.random, self.shape) if null is not None)

    @property
    def has_too_few_nulls(self) -> bool:
        """Whether so many nulls could not show a p of .05, however well the concept does: then they tell nothing.

        So it is where the least p that they can show, times the number of concepts tried, is more than .05. A concept
        whose p is more than .05 by itself, and not the least, is not distinguishable all the same.
        """
        least = 1 / (self.n_least + 1)
        passed = self.uncorrected_p <= max(ALPHA, least)
        return not self.holds and passed and least * self.tried > ALPHA

    @property
    def holds(self) -> bool:
        """Whether ``p`` is .05 or less."""
        return self.p <= ALPHA

    @property
    def sentence(self) -> str:
        """The evidence in one plain sentence."""
        return evidence_sentence(self)

    def table(self, canvas: Canvas) -> pd.DataFrame:
        """Cross-fitted scores, one row per spot, picture, patch, or gene and fold: ``fold``, ``inside``, ``score``."""
        if self.counted == "spots" and isinstance(canvas.source, Section):
            names = pd.Index(canvas.source.adata.obs_names.astype(str), name="spot")
        else:
            names = pd.Index(self.items, name=canvas.noun)
        columns = {"fold": self.folds, "inside": self.inside, "cross-fitted score": self.scores}
        return pd.DataFrame(columns, index=names)

    def histogram(self, n_bins: int = 20) -> Histogram:
        """Cross-fitted scores inside and outside, with the inside of null regions as a band.

        The null is that of the shape where there is one, else that of random selections.
        """
        null = (self.shape or self.random).scores
        edges = np.histogram_bin_edges(np.append(self.scores, np.percentile(null, [1, 99])), bins=n_bins)
        inner = edges[1:-1]

        def parts(values: Float[np.ndarray, " some"]) -> Float[np.ndarray, " bins"]:
            return np.asarray(np.bincount(np.searchsorted(inner, values, side="right"), minlength=n_bins) / len(values))

        low, high = np.quantile([parts(row) for row in null], BAND, axis=0)
        return Histogram(edges, parts(self.scores[self.inside]), parts(self.scores[~self.inside]), low, high)


class Tries(NamedTuple):
    """How hard to try: regions in each null, folds of a region, seed of the nulls, and who is told."""

    n_null: int
    n_folds: int
    seed: int
    report: Report


@overload
def evidence(
    concept: Concept,
    canvas: GenePictures | ImageSet | ImagePatches,
    encoder: Encoder,
    *,
    n_null: int = ...,
    n_folds: int = ...,
    seed: int = ...,
    report: Report = ...,
) -> Evidence: ...


@overload
def evidence(
    concepts: SpotConcepts,
    /,
    *,
    name: str | None = None,
    n_null: int = ...,
    n_folds: int = ...,
    seed: int = ...,
    report: Report = ...,
) -> Evidence: ...


def evidence(
    concept: Concept | SpotConcepts,
    canvas: GenePictures | ImageSet | ImagePatches | None = None,
    encoder: Encoder | None = None,
    *,
    name: str | None = None,
    n_null: int = N_NULL,
    n_folds: int = FOLDS,
    seed: int = 0,
    report: Report = silent,
) -> Evidence:
    """Test a concept on what had no part in making it.

    A concept of gene pictures, of pictures or of patches: ``evidence(concept, canvas, encoder)``. One of drawn spots:
    ``evidence(concepts, name="GCL")``.

    *A concept of a region.* The tissue is cut into contiguous blocks, which are dealt to folds (single spots for a
    small region). In every fold their values are hidden, genes and direction are chosen anew from the visible spots,
    and the hidden ones are scored: by the mean z-score of those genes (``auroc``), and by the decoded map of the
    concept made of them (``decoded_auroc``). Both nulls are made of the former. The network's weights are not made
    anew: where it was fitted to this section it has seen the hidden spots, though never which of them belong together.

    *A concept like a gene.* Half of the tissue is hidden while the neighbours are chosen, then the other half. Do the
    genes go together in the hidden half, more than other genes do (see :mod:`conceptstain.concepts.coherence`)?

    *A concept of named genes.* Nothing was chosen by the data, so nothing has to be hidden: does each of the genes go
    with the mean of the others, more than other genes do?

    *A concept of drawn spots.* Folds and nulls are those of a region; the visible spots are held against all others
    that are visible in the latent space, by the rule that is painted, but without contrast and without neighbours (see
    :mod:`conceptstain.concepts.spot_evidence`).

    *A concept of pictures, or of patches of a slide.* A fold of the positives and of the negatives is hidden, the
    direction is made anew of the others, and the hidden ones are scored along it (see
    :mod:`conceptstain.concepts.item_evidence`).

    Parameters
    ----------
    concept, canvas, encoder
        As they were when the concept was made. Concepts of spots know their canvas and their encoders.
    name
        Of one of the concepts of spots; None: the only one.
    n_null
        Regions in each null; the least p is one over this plus one.
    n_folds
        Folds of a region.
    seed
        Of the nulls.
    report
        Called after each fold and every 32 null regions; may raise :class:`Cancelled`.

    Raises
    ------
    InputError
        A combination or a unit, fewer than three on one of the sides, fewer than two genes, the neighbours of a
        picture, a setting out of range, or no such name.
    MismatchError
        Canvas, encoder and concept do not belong together.

    Notes
    -----
    A region drawn after looking at a gene, or at a map, was chosen by its values; its p is smaller than it should be.
    """
    if n_null < 1 or n_folds < 2:
        raise InputError(
            "Evidence needs one null region or more, and two folds or more",
            got=f"n_null={n_null}, n_folds={n_folds}",
            cure=f"Use {N_NULL} and {FOLDS}",
        )
    tries = Tries(n_null, n_folds, seed, report)
    if not isinstance(concept, Concept):
        from conceptstain.concepts.spot_evidence import spot_evidence

        return spot_evidence(concept, concept.only() if name is None else name, tries)
    if canvas is None or encoder is None:
        raise InputError(
            "A concept is tested on its canvas, with its encoder",
            got=f"the concept {concept.name!r} alone",
            cure="Use evidence(concept, canvas, encoder)",
        )
    from conceptstain.concepts.gene_evidence import genes_evidence, region_evidence

    if concept.parts:
        raise InputError(
            "A combination has no evidence of its own: its parts were chosen one by one",
            got=concept.definition.words,
            cure="Ask for the evidence of each part",
        )
    if concept.definition.of_network:
        raise InputError(
            "A unit or a class has no evidence: nothing was chosen that could be tested",
            got=concept.origin,
            cure="Ask for the evidence of a concept of genes or of a region",
        )
    encoder.check(canvas)
    concept.check(encoder)
    if isinstance(canvas, ImageSet | ImagePatches):
        from conceptstain.concepts.item_evidence import item_evidence

        return item_evidence(concept, canvas, encoder, tries)
    made = region_evidence if concept.definition.region is not None else genes_evidence
    return made(concept, canvas, encoder, tries)


def holm(p: Sequence[float]) -> Float[np.ndarray, " tests"]:
    """Holm's (1979) correction: p values that hold together for all tests that were tried, in their order."""
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def corrected(tried: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The same evidence, corrected for how many concepts were tried.

    Parameters
    ----------
    tried
        Of all concepts that were tried, also those that were given up.
    """
    raw = [replace(each, p_corrected=None).p for each in tried]
    return tuple(
        replace(each, tried=len(tried), p_corrected=float(p)) for each, p in zip(tried, holm(raw), strict=True)
    )
