"""Controls of the painted score of drawn spots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.concepts.cross_fit import LEAST_INSIDE, cross_fitted, fold_auroc, folds_of
from conceptstain.concepts.latent_scores import LatentScorer
from conceptstain.concepts.latents import latents_of
from conceptstain.concepts.nulls import random_selections
from conceptstain.concepts.spot_concepts import SpotConcepts
from conceptstain.concepts.spot_evidence import spot_scorer
from conceptstain.methods.controls import DEPTH, TWINS, Control, Controls, depth_like
from conceptstain.nets.untrained import untrained
from conceptstain.progress import Report, Step

__all__ = ["spot_controls"]


def spot_controls(concepts: SpotConcepts, name: str, *, draws: int, seed: int, report: Report) -> Controls:
    """Controls of the painted score of one of the concepts; see :func:`conceptstain.methods.controls.controls`."""
    canvas = concepts.canvas
    region = concepts.regions[concepts.number(name)].choose(canvas.section)
    n_drawn = int(region.sum())
    values = concepts.score().table[name].to_numpy(dtype=np.float64)
    folds = folds_of(region, canvas.places) if min(n_drawn, len(region) - n_drawn) >= LEAST_INSIDE else None
    painted = spot_scorer(concepts, name)
    made: list[Control] = []

    def add(
        title: str,
        explanation: str,
        *scorers: LatentScorer,
        of: Sequence[Bool[np.ndarray, " spots"]] = (region,),
    ) -> None:
        nothing = np.zeros((len(of), len(region)), dtype=bool)
        tried = [(scorer, each) for scorer in scorers for each in of]
        maps = [each for scorer in scorers for each in scorer(np.array(of), nothing)]
        crossed = [] if folds is None else [cross_fitted(each, folds, scorer) for scorer, each in tried]
        aurocs = [] if folds is None else [fold_auroc(each, region, folds) for each in crossed]
        made.append(Control.beside(values, title, explanation, maps, aurocs))
        report(Step(len(made), 5, "Drawing the controls"))

    profiles = canvas.inputs(np.arange(len(canvas)))
    components = _principal_components(canvas, profiles, concepts.encoders[0].latent)
    by_twins = [_by_twins(concepts, seed * TWINS + number, whitened=painted.whitened) for number in range(TWINS)]
    random = list(random_selections(n_drawn, len(region), number=draws, seed=seed))
    add("no model, profiles", "profiles along the difference of their means", LatentScorer((profiles,), whitened=False))
    add(
        "no model, principal components",
        f"{components.shape[1]} principal components, by the same rule",
        LatentScorer((components,), painted.whitened),
    )
    add("random spots", f"{n_drawn} random spots", painted, of=random)
    add("untrained network", "the same spots, fresh weights", *by_twins)
    depth = depth_like(values, canvas.section)
    if depth is not None:
        aurocs = [] if folds is None else [fold_auroc(depth, region, folds)]
        made.append(Control.beside(values, *DEPTH, [depth], aurocs))
    return Controls(
        name=name,
        method="spot score",
        values=values,
        judged="none" if folds is None else "cross-fitted",
        auroc=None if folds is None else fold_auroc(cross_fitted(region, folds, painted), region, folds),
        controls=tuple(made),
        encoder=concepts.fingerprint,
        settings={"draws": draws, "seed": seed, "direction": concepts.rule(name)},
        n_inside=n_drawn,
    )


def _by_twins(concepts: SpotConcepts, seed: int, *, whitened: bool) -> LatentScorer:
    """Scores by an untrained network in the place of each encoder."""
    first = seed * len(concepts.encoders)
    twins = [untrained(encoder, seed=first + number) for number, encoder in enumerate(concepts.encoders)]
    return LatentScorer(tuple(latents_of(concepts.canvas, twin) for twin in twins), whitened)


def _principal_components(
    canvas: SpotProfiles, profiles: Float[np.ndarray, "spots genes"], number: int
) -> Float[np.ndarray, "spots components"]:
    """The first principal components, at most as many as there are."""
    from sklearn.decomposition import PCA

    number = min(number, len(canvas), len(canvas.features))
    return np.asarray(PCA(number, random_state=0).fit_transform(profiles), dtype=np.float64)
