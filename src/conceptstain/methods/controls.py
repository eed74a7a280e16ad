"""Controls of a map: what it has to beat before it says something about the network that drew it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy.stats import spearmanr

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.region import Region
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.cross_fit import FOLDS, LEAST_INSIDE, auroc, fold_auroc, folds_of
from conceptstain.concepts.gene_scores import EnrichedGenes
from conceptstain.concepts.held_out import fold_concept
from conceptstain.concepts.sentences import fraction
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.maps import map_kind
from conceptstain.methods.score_map import score_map
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conceptstain.methods.maps import MapKind
    from conceptstain.nets.encoder import Encoder

__all__ = ["Control", "Controls", "controls"]

MARGIN = 0.01  # of AUROC: what a map has to be ahead by
ALIKE = 0.9  # rank correlation from which two maps show the same
DRAWS = 5

Judged = Literal["cross-fitted", "plain", "none"]


@final
@dataclass(frozen=True, eq=False)
class Control:
    """One map that the map asked about has to beat.

    Attributes
    ----------
    name
        ``"no model"``, ``"random concept"``, ``"untrained network"`` or ``"sequencing depth"``.
    explanation
        What it is, in a line.
    values
        At the spots; one row per draw.
    aurocs
        How well each row tells the region's spots from the others; empty without a region.
    correlations
        Spearman's rank correlation of each row with the map.
    """

    name: str
    explanation: str
    values: Float[np.ndarray, "draws spots"]
    aurocs: Float[np.ndarray, " judged"]
    correlations: Float[np.ndarray, " draws"]

    @property
    def auroc(self) -> float | None:
        """Mean over the draws; None without a region."""
        return float(self.aurocs.mean()) if len(self.aurocs) else None

    @property
    def correlation(self) -> float:
        """Mean over the draws."""
        return float(self.correlations.mean())


@final
@dataclass(frozen=True, eq=False)
class Controls:
    """A map beside its controls. Make it with :func:`controls`.

    Attributes
    ----------
    name
        The concept's.
    method
        Key of the map: ``"decoded"``, ``"gradient"``, ...
    values
        The map at the spots.
    judged
        ``"cross-fitted"``: the region made the concept, so every spot was judged by a map of genes chosen without it.
        ``"plain"``: the region had no part in the concept. ``"none"``: there is no region, or it made the concept and
        has fewer than three spots, so that none can be held back.
    auroc
        Of the map; None without a region.
    controls
        One for each control.
    encoder, settings
        Enough to repeat it.
    """

    name: str
    method: str
    values: Float[np.ndarray, " spots"]
    judged: Judged
    auroc: float | None
    controls: tuple[Control, ...]
    encoder: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def control(self, name: str) -> Control | None:
        """The control of that name; None where it does not apply."""
        return next((each for each in self.controls if each.name == name), None)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the controls say against the map; one sentence when nothing does."""
        said = [sentence for each in self.controls if (sentence := self._said_by(each))]
        if said or not self.controls:
            return tuple(said)
        if self.auroc is None:
            return ("No control draws the same map; without a region, none can be said to be better.",)
        return (f"The map finds the region with AUROC {fraction(self.auroc)}, ahead of all its controls.",)

    def table(self) -> pd.DataFrame:
        """One row per map and draw; ``control`` is empty for the map itself.

        The columns are ``map``, ``control``, ``draw``, ``auroc``, ``judged`` and ``rank correlation``.
        """
        rows = [(self.name, self.method, "", 1, self.auroc, self.judged, 1.0)]
        for each in self.controls:
            aurocs = each.aurocs if len(each.aurocs) else [None] * len(each.correlations)
            for draw, (value, r) in enumerate(zip(aurocs, each.correlations, strict=True), 1):
                rows.append((self.name, self.method, each.name, draw, value, self.judged, float(r)))
        columns = ["concept", "map", "control", "draw", "auroc", "judged", "rank correlation"]
        table = pd.DataFrame(rows, columns=columns)
        return table.astype({"auroc": float}).set_index("concept")

    def _said_by(self, control: Control) -> str:
        if self.auroc is not None and control.auroc is not None:
            if self.auroc - control.auroc >= MARGIN:
                return ""
            return f"{_SAYINGS[control.name]} (AUROC {fraction(control.auroc)}, the map {fraction(self.auroc)})."
        if control.correlation < ALIKE:
            return ""
        return f"{_SAYINGS[control.name]} (rank correlation {fraction(control.correlation)})."


_SAYINGS = {
    "no model": "The model adds little to the mean of these genes here",
    "random concept": "Random genes give as good a map, so it says little about this concept",
    "untrained network": "An untrained network draws as good a map, so it says nothing about what was learned",
    "sequencing depth": "Sequencing depth alone shows as much",
}


def controls(
    canvas: GenePictures,
    encoder: Encoder,
    concept: Concept,
    method: str = "decoded",
    *,
    region: Region | None = None,
    dimension: int = 0,
    draws: int = DRAWS,
    seed: int = 0,
    report: Report = silent,
) -> Controls:
    """Draw what a map has to beat, on the same canvas and where it applies by the same method.

    - *no model*: the mean z-score of the same genes;
    - *random concept*: as many random genes, several draws;
    - *untrained network*: the same genes through a network with fresh weights;
    - *sequencing depth*: counts per spot, turned over where the map is high where they are low.

    A region judges them by AUROC. If it made the concept, the map, the gene mean and the untrained network's map are
    cross-fitted: spots are judged by maps of genes that were chosen with their values hidden, against others hidden
    with them. What does not depend on the region is judged on the same pairs of spots.

    Parameters
    ----------
    canvas, encoder, concept
        As for the map.
    method
        Key of the map; see :mod:`conceptstain.methods.maps`.
    region
        What the concept should find; None: the region that made it, if any.
    dimension
        Of the map ``"attention"``.
    draws
        Number of random concepts.
    seed
        Of the random concepts and of the untrained network.
    report
        Called after every map; may raise :class:`Cancelled`.

    Raises
    ------
    InputError
        No such map, or a region without any spot.
    MismatchError
        Canvas, encoder and concept do not belong together, or the map is not for this network.
    """
    from conceptstain.nets.untrained import untrained

    kind = map_kind(method)
    twin = untrained(encoder, seed=seed)
    task = _Task(canvas, canvas.hiding(np.zeros(canvas.section.n_spots, dtype=bool)), encoder, concept, kind, dimension)
    judge = _Judge(task, region or concept.definition.region, twin, report)
    values = _placed(canvas, kind.make(canvas, encoder, concept, dimension=dimension, report=report))
    uses_network = kind.key != "gene-mean"
    made: list[Control] = []

    def add(name: str, explanation: str, maps: list[Float[np.ndarray, " spots"]], aurocs: list[float]) -> None:
        r = np.array([_rank_correlation(values, each) for each in maps])
        made.append(Control(name, explanation, np.array(maps), np.array(aurocs), r))

    if uses_network:
        gene_mean = _placed(canvas, score_map(canvas, concept))
        add("no model", "mean z-score of the same genes", [gene_mean], judge.crossed("genes", gene_mean))
    random = [task.draw(encoder, other) for other in _random_concepts(task, draws, seed, report)]
    add("random concept", f"{len(concept.items)} random genes", random, judge.plain(random))
    if uses_network:
        through = task.draw(twin, fold_concept(concept.definition, task.lean, twin, concept.items))
        add("untrained network", "the same genes, fresh weights", [through], judge.crossed("untrained", through))
    if canvas.section.counts == "counts":
        depth = np.asarray(canvas.section.matrix.sum(axis=1), dtype=np.float64).ravel()
        if _rank_correlation(values, depth) < 0:
            depth = -depth  # a shallow layer is found by depth as well as a deep one
        add("sequencing depth", "counts per spot, many or few as suits the map", [depth], judge.plain([depth]))
    found = judge.crossed("map", values)
    return Controls(
        name=concept.name,
        method=kind.key,
        values=values,
        judged=judge.judged,
        auroc=found[0] if found else None,
        controls=tuple(made),
        encoder=encoder.fingerprint,
        settings={"draws": draws, "seed": seed, "dimension": dimension},
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
    dimension: int

    def draw(self, encoder: Encoder, concept: Concept) -> Float[np.ndarray, " spots"]:
        """The map of this kind, at the spots."""
        return _placed(self.lean, self.kind.make(self.lean, encoder, concept, dimension=self.dimension))


class _Judge:
    """Holds maps against a region, cross-fitted where the region made the concept."""

    def __init__(self, task: _Task, region: Region | None, twin: Encoder, report: Report) -> None:
        self.inside: Bool[np.ndarray, " spots"] | None = None
        self.folds: Int[np.ndarray, " spots"] | None = None
        self.judged: Judged = "none"
        self.crossed_scores: dict[str, Float[np.ndarray, " spots"]] = {}
        if region is None:
            return
        inside = region.choose(task.canvas.section)
        made_it = task.concept.definition.region is not None
        if made_it and min(inside.sum(), (~inside).sum()) < LEAST_INSIDE:
            return  # no spot can be held back, and in-sample AUROCs mean nothing
        self.inside = inside
        self.judged = "plain"
        if made_it:
            self.judged = "cross-fitted"
            self.folds = folds_of(self.inside, task.canvas.places, n_folds=FOLDS)
            self.crossed_scores = _cross_fit(task, self.inside, self.folds, twin, report)

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
    twin: Encoder,
    report: Report,
) -> dict[str, Float[np.ndarray, " spots"]]:
    """Every spot's value by the map, the gene mean and the untrained network's map of the fold that hides it.

    Hidden while the genes are chosen, shown when those genes are drawn: so it is for the gene mean, and hiding the
    spots from the network alone would let it lose for want of data. Nothing but the choice knows the region.
    """
    n_folds = int(folds.max()) + 1
    hidden = folds == np.arange(n_folds)[:, None]
    genes = EnrichedGenes(task.canvas, task.concept.definition.neighbours, report)
    means = genes(np.broadcast_to(inside, hidden.shape), hidden)
    crossed = {name: np.zeros(len(inside)) for name in ("map", "genes", "untrained")}
    for fold, (chosen, here) in enumerate(zip(genes.chosen, hidden, strict=True)):
        crossed["genes"][here] = means[fold, here]
        if chosen:
            for name, network in (("map", task.encoder), ("untrained", twin)):
                made = fold_concept(task.concept.definition, task.lean, network, chosen)
                crossed[name][here] = task.draw(network, made)[here]
        report(Step(fold + 1, n_folds, "Drawing maps of genes chosen without the hidden spots"))
    return crossed


def _random_concepts(task: _Task, draws: int, seed: int, report: Report) -> Iterator[Concept]:
    """Concepts of as many genes, drawn from all that can be learned from."""
    rng = np.random.default_rng(seed)
    pool = task.canvas.trainable
    number = min(len(task.concept.items), len(pool))
    for draw in range(draws):
        genes = task.canvas.item_names[np.sort(rng.choice(pool, number, replace=False))]
        yield fold_concept(task.concept.definition, task.lean, task.encoder, tuple(genes))
        report(Step(draw + 1, draws, "Drawing random concepts"))


def _placed(canvas: GenePictures, made: Attribution) -> Float[np.ndarray, " spots"]:
    """A map at the spots."""
    return np.asarray(canvas.place(made.mean()), dtype=np.float64)


def _rank_correlation(one: Float[np.ndarray, " spots"], other: Float[np.ndarray, " spots"]) -> float:
    """Spearman's; 0 where a map is the same everywhere."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)
