"""Evidence on gene pictures: for a region by the genes enriched in it, for genes by whether they go together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.concepts.coherence import coherence
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.cross_fit import cross_fitted, fold_auroc, folds_of
from conceptstain.concepts.evidence import NO_SHAPE, Evidence, Tries
from conceptstain.concepts.gene_scores import EnrichedGenes, QuickGenes
from conceptstain.concepts.held_out import decoded_auroc
from conceptstain.concepts.nulls import Null, both_nulls
from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["genes_evidence", "region_evidence"]


def region_evidence(concept: Concept, canvas: GenePictures, encoder: Encoder, tries: Tries) -> Evidence:
    """Of a concept of the genes that are enriched in a region."""
    n_null, n_folds, seed, report = tries
    definition = concept.definition
    if definition.region is None:
        raise InputError(f"The concept {definition.name!r} has no region")
    inside = definition.region.choose(canvas.section)
    folds = folds_of(inside, canvas.places, n_folds=n_folds)
    exact = EnrichedGenes(canvas, definition.neighbours, report)
    scores = cross_fitted(inside, folds, exact)
    quick = QuickGenes(canvas, definition.neighbours)
    of_nulls = fold_auroc(cross_fitted(inside, folds, quick), inside, folds)
    random, shape = both_nulls(
        canvas,
        inside,
        quick,
        number=n_null,
        seed=seed,
        key=("enriched genes", quick.number),
        n_folds=n_folds,
        report=report,
    )
    return Evidence(
        definition=definition,
        encoder=encoder.fingerprint,
        counted="spots",
        scores=scores,
        inside=inside,
        folds=folds,
        auroc=fold_auroc(scores, inside, folds),
        decoded_auroc=decoded_auroc(
            definition, canvas, encoder, inside=inside, folds=folds, chosen=exact.chosen, report=report
        ),
        chosen=tuple(exact.chosen),
        random=random,
        p_random=random.p(of_nulls),
        shape=shape,
        p_shape=None if shape is None else shape.p(of_nulls),
        settings={"n_null": n_null, "n_folds": n_folds, "seed": seed, "quick auroc": of_nulls},
        notes=_notes(canvas, encoder, exact.chosen, shape),
    )


def genes_evidence(concept: Concept, canvas: GenePictures, encoder: Encoder, tries: Tries) -> Evidence:
    """Of a concept like a gene, or of named genes."""
    found = coherence(concept, canvas, encoder, n_null=tries.n_null, seed=tries.seed, report=tries.report)
    value = fold_auroc(found.scores, found.inside, found.folds)
    return Evidence(
        definition=concept.definition,
        encoder=encoder.fingerprint,
        counted="genes",
        scores=found.scores,
        inside=found.inside,
        folds=found.folds,
        auroc=value,
        decoded_auroc=None,
        chosen=found.chosen,
        random=found.null,
        p_random=found.null.p(value),
        items=found.genes,
        settings={"n_null": tries.n_null, "seed": tries.seed},
    )


def _notes(
    canvas: GenePictures, encoder: Encoder, chosen: Sequence[tuple[str, ...]], shape: Null | None
) -> tuple[str, ...]:
    notes = []
    if encoder.has_seen(canvas.section):
        notes.append(
            f"The encoder was fitted to {canvas.section.name}, hidden spots included; it was never told which spots "
            "belong together."
        )
    empty = sum(not genes for genes in chosen)
    if empty:
        notes.append(f"In {empty} of {len(chosen)} folds no gene was enriched, so their spots could not be told apart.")
    if shape is None:
        notes.append(NO_SHAPE)
    return tuple(notes)
