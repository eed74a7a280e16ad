"""Evidence on spot profiles: whether hidden spots of a drawn group are told from others by what visible ones are like.

It is of each concept against all other spots, whatever else is drawn. The painted score may contrast the concept with
others and listen to neighbouring spots; the evidence does neither: the neighbours of a hidden spot are not all hidden,
and would tell. But it follows the painted score in its rule: it whitens where that does.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from conceptstain.concepts.cross_fit import cross_fitted, fold_auroc, folds_of
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.evidence import NO_SHAPE, Evidence, Tries
from conceptstain.concepts.latent_scores import LatentScorer
from conceptstain.concepts.latents import latents_of
from conceptstain.concepts.nulls import Null, both_nulls
from conceptstain.concepts.spot_concepts import SpotConcepts
from conceptstain.progress import Step

__all__ = ["spot_evidence", "spot_scorer"]


def spot_scorer(concepts: SpotConcepts, name: str) -> LatentScorer:
    """Scores by the rule that a concept is painted by, alone against all other spots, in all of the latent spaces."""
    latents = tuple(latents_of(concepts.canvas, encoder) for encoder in concepts.encoders)
    return LatentScorer(latents, whitened=concepts.rule(name) == "whitened")


def spot_evidence(concepts: SpotConcepts, name: str, tries: Tries) -> Evidence:
    """Evidence for one of the concepts; see :func:`conceptstain.concepts.evidence.evidence`.

    Where ``among`` said what to compare with, the evidence compares with all other spots all the same.
    """
    n_null, n_folds, seed, report = tries
    canvas, region = concepts.canvas, concepts.regions[concepts.number(name)]
    inside = region.choose(canvas.section)
    folds = folds_of(inside, canvas.places, n_folds=n_folds)
    scorer = spot_scorer(concepts, name)
    scores = cross_fitted(inside, folds, scorer)
    report(Step(1, 1, "Hiding spots"))
    value = fold_auroc(scores, inside, folds)
    rule = concepts.rule(name)
    random, shape = both_nulls(
        canvas,
        inside,
        scorer,
        number=n_null,
        seed=seed,
        key=("spot profiles", concepts.fingerprint, rule),
        n_folds=n_folds,
        report=report,
    )
    return Evidence(
        definition=Definition(name, region=region, form="contrast"),
        encoder=concepts.fingerprint,
        counted="spots",
        scores=scores,
        inside=inside,
        folds=folds,
        auroc=value,
        decoded_auroc=None,
        chosen=(),
        random=random,
        p_random=random.p(value),
        shape=shape,
        p_shape=None if shape is None else shape.p(value),
        settings={"n_null": n_null, "n_folds": n_folds, "seed": seed, "direction": rule},
        by="spot profiles",
        notes=_notes(concepts, name, inside, shape),
    )


def _notes(
    concepts: SpotConcepts, name: str, inside: Bool[np.ndarray, " spots"], shape: Null | None
) -> tuple[str, ...]:
    section = concepts.canvas.section
    fitted_here = any(encoder.has_seen(section) for encoder in concepts.encoders)
    seen_by = "Encoder and z-scores have" if fitted_here else "The z-scores have"
    notes = [
        f"{seen_by} seen all spots of {section.name}, hidden ones included, but not which of them belong together."
    ]
    if concepts.settings.contrast and len(concepts.names) > 1:
        notes.append(
            "The painted scores contrast the concepts with each other; the evidence compares each with all other spots."
        )
        shared = int(inside.sum()) - len(concepts.members[concepts.number(name)])
        if shared:
            notes.append(
                f"{shared} of the spots were drawn for several concepts: they count here, though not in the painted "
                "score."
            )
    if any(concepts.reading(name, encoder).context.weight for encoder in concepts.encoders):
        notes.append("The painted score listens to neighbouring spots; the evidence does not, as they may be seen.")
    if shape is None:
        notes.append(NO_SHAPE)
    return tuple(notes)
