"""Controls of a map on gene pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import Bool, Float, Int

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.region import Region
from conceptstain.concepts.concept import Concept, combined
from conceptstain.concepts.cross_fit import FOLDS, LEAST_INSIDE, auroc, fold_auroc, folds_of
from conceptstain.concepts.gene_scores import EnrichedGenes
from conceptstain.concepts.held_out import fold_concept
from conceptstain.errors import InputError
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.controls import DEPTH, TWINS, Control, Controls, Judged, depth_like
from conceptstain.methods.maps import map_kind
from conceptstain.methods.score_map import score_map
from conceptstain.nets.untrained import untrained
from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    from conceptstain.methods.map_settings import MapSettings
    from conceptstain.methods.maps import MapKind
    from conceptstain.nets.encoder import Encoder

__all__ = ["gene_controls"]

TWIN_NAMES = tuple(f"untrained {number}" for number in range(TWINS))


def gene_controls(
    canvas: GenePictures,
    encoder: Encoder,
    concept: Concept,
    method: str,
    *,
    region: Region | None,
    settings: MapSettings,
    draws: int,
    seed: int,
    report: Report,
) -> Controls:
    """Controls of a map of gene pictures; see :func:`conceptstain.methods.controls.controls`."""
    kind = map_kind(method)
    kind.check(concept.definition)
    _check_parts(concept, region)
    twins = [untrained(encoder, seed=seed * TWINS + number) for number in range(TWINS)]
    task = _Task(canvas, canvas.hiding(np.zeros(canvas.section.n_spots, dtype=bool)), encoder, concept, kind, settings)
    judge = _Judge(task, region or concept.definition.region, twins, report)
    values = _placed(canvas, kind.make(canvas, encoder, concept, settings=settings, report=report))
    uses_network = kind.key != "gene-mean"
    made: list[Control] = []

    def add(name: str, explanation: str, maps: list[Float[np.ndarray, " spots"]], aurocs: list[float]) -> None:
        made.append(Control.beside(values, name, explanation, maps, aurocs))

    if uses_network:
        gene_mean = _placed(canvas, score_map(canvas, concept))
        add("no model", "mean z-score of the same genes", [gene_mean], judge.crossed("genes", gene_mean))
    random = [task.draw(encoder, other) for other in _random_concepts(task, draws, seed, report)]
    number = sum(len(part.items) for _, part in concept.terms)
    add("random concept", f"{number} random genes", random, judge.plain(random))
    if uses_network:
        genes = [part.items for _, part in concept.terms]
        through = [task.draw(twin, task.again(twin, genes)) for twin in twins]
        judged = [value for each, name in zip(through, TWIN_NAMES, strict=True) for value in judge.crossed(name, each)]
        add("untrained network", "the same genes, fresh weights", through, judged)
    depth = depth_like(values, canvas.section)
    if depth is not None:
        add(*DEPTH, [depth], judge.plain([depth]))
    found = judge.crossed("map", values)
    return Controls(
        name=concept.name,
        method=kind.key,
        values=values,
        judged=judge.judged,
        auroc=found[0] if found else None,
        controls=tuple(made),
        encoder=encoder.fingerprint,
        settings={"draws": draws, "seed": seed, **kind.heard(settings)},
        n_inside=judge.n_inside,
    )


@final
@dataclass(frozen=True, eq=False)
class _Task:
    """The map that is asked about; ``lean`` shows the same pictures, with a centre that is quickly made."""

    canvas: GenePictures
    lean: GenePictures
    encoder: Encoder
    concept: Concept
    kind: MapKind
    settings: MapSettings

    def draw(self, encoder: Encoder, concept: Concept) -> Float[np.ndarray, " spots"]:
        """The map of this kind, at the spots."""
        return _placed(self.lean, self.kind.make(self.lean, encoder, concept, settings=self.settings))

    def again(self, encoder: Encoder, genes: Sequence[Sequence[str]]) -> Concept:
        """The concept with other genes in the place of each part's, in the same form, space and combination."""
        made = [
            (weight, fold_concept(part.definition, self.lean, encoder, names))
            for (weight, part), names in zip(self.concept.terms, genes, strict=True)
        ]
        return combined(self.concept.definition, made) if self.concept.parts else made[0][1]


class _Judge:
    """Holds maps against a region, cross-fitted where the region made the concept."""

    def __init__(self, task: _Task, region: Region | None, twins: Sequence[Encoder], report: Report) -> None:
        self.inside: Bool[np.ndarray, " spots"] | None = None
        self.folds: Int[np.ndarray, " spots"] | None = None
        self.judged: Judged = "none"
        self.crossed_scores: dict[str, Float[np.ndarray, " spots"]] = {}
        self.n_inside = 0
        if region is None:
            return
        inside = region.choose(task.canvas.section)
        self.n_inside = int(inside.sum())
        made_it = task.concept.definition.region is not None
        if made_it and min(inside.sum(), (~inside).sum()) < LEAST_INSIDE:
            return  # no spot can be held back, and in-sample AUROCs mean nothing
        self.inside = inside
        self.judged = "plain"
        if made_it:
            self.judged = "cross-fitted"
            self.folds = folds_of(self.inside, task.canvas.places, n_folds=FOLDS)
            self.crossed_scores = _cross_fit(task, self.inside, self.folds, twins, report)

    def plain(self, maps: list[Float[np.ndarray, " spots"]]) -> list[float]:
        """AUROC of maps that do not depend on the region."""
        return [] if self.inside is None else [self._of(each) for each in maps]

    def crossed(self, name: str, values: Float[np.ndarray, " spots"]) -> list[float]:
        """AUROC of a map that depends on the concept's genes."""
        return self.plain([self.crossed_scores.get(name, values)])

    def _of(self, values: Float[np.ndarray, " spots"]) -> float:
        if self.inside is None:
            return 0.5
        return auroc(values, self.inside) if self.folds is None else fold_auroc(values, self.inside, self.folds)


def _cross_fit(
    task: _Task,
    inside: Bool[np.ndarray, " spots"],
    folds: Int[np.ndarray, " spots"],
    twins: Sequence[Encoder],
    report: Report,
) -> dict[str, Float[np.ndarray, " spots"]]:
    """Every spot's value by the map, the gene mean and the untrained networks' maps of the fold that hides it.

    Hidden while the genes are chosen, shown when those genes are drawn: so it is for the gene mean, and hiding the
    spots from the network alone would let it lose for want of data. Nothing but the choice knows the region.
    """
    n_folds = int(folds.max()) + 1
    hidden = folds == np.arange(n_folds)[:, None]
    genes = EnrichedGenes(task.canvas, task.concept.definition.neighbours, report)
    means = genes(np.broadcast_to(inside, hidden.shape), hidden)
    networks = dict(zip(("map", *TWIN_NAMES), (task.encoder, *twins), strict=True))
    crossed = {name: np.zeros(len(inside)) for name in ("genes", *networks)}
    for fold, (chosen, here) in enumerate(zip(genes.chosen, hidden, strict=True)):
        crossed["genes"][here] = means[fold, here]
        if chosen:
            for name, network in networks.items():
                made = fold_concept(task.concept.definition, task.lean, network, chosen)
                crossed[name][here] = task.draw(network, made)[here]
        report(Step(fold + 1, n_folds, "Drawing maps of genes chosen without the hidden spots"))
    return crossed


def _random_concepts(task: _Task, draws: int, seed: int, report: Report) -> Iterator[Concept]:
    """Concepts of as many genes, drawn from all that can be learned from; each part of a combination by itself."""
    rng = np.random.default_rng(seed)
    pool = task.canvas.trainable
    numbers = [min(len(part.items), len(pool)) for _, part in task.concept.terms]
    for draw in range(draws):
        genes = [task.canvas.item_names[np.sort(rng.choice(pool, number, replace=False))] for number in numbers]
        yield task.again(task.encoder, [tuple(names) for names in genes])
        report(Step(draw + 1, draws, "Drawing random concepts"))


def _check_parts(concept: Concept, region: Region | None) -> None:
    """Refuse what no control stands for, and a region that may have made what it is to judge."""
    if any(part.definition.of_network for _, part in concept.terms):
        raise InputError(
            "A unit or a class is not made of genes, so no control of genes can stand beside it",
            got=concept.origin,
            cure="Ask for the controls of a concept of genes or of a region",
        )
    if concept.parts and region is not None and any(part.definition.region is not None for _, part in concept.parts):
        raise InputError(
            "A combination that a region has a part in cannot be judged by a region",
            got=concept.definition.words,
            cure="Ask for its controls without a region, or for those of each part",
        )


def _placed(canvas: GenePictures, made: Attribution) -> Float[np.ndarray, " spots"]:
    """A map at the spots."""
    return np.asarray(canvas.place(made.mean()), dtype=np.float64)
