"""Controls of a map: what it has to beat before it says something about the network that drew it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, final, overload

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import spearmanr

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.region import Region
from conceptstain.canvas.section import Section
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.cross_fit import auroc_error
from conceptstain.concepts.sentences import fraction
from conceptstain.concepts.spot_concepts import SpotConcepts
from conceptstain.errors import InputError
from conceptstain.methods.map_settings import MapSettings
from conceptstain.progress import Report, silent

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["DEPTH", "NAMES", "TWINS", "Control", "Controls", "Judged", "controls", "depth_like"]

MARGIN = 0.01  # of AUROC: what a map has to be ahead of the mean of a control by
ALIKE = 0.9  # rank correlation from which two maps show the same
DRAWS = 5
TWINS = 3  # untrained networks: one alone may find a layer, or miss it, by its seed
NO_BETTER = 0.5  # AUROC of chance
ONE_SIDED = 1.645  # standard errors: 95 % of a normal distribution lie below
DEPTH = ("sequencing depth", "counts per spot, many or few as suits the map")

Judged = Literal["cross-fitted", "plain", "none"]


@final
@dataclass(frozen=True, eq=False)
class Control:
    """One map that the map asked about has to beat.

    Attributes
    ----------
    name
        On gene pictures ``"no model"``, ``"random concept"``, ``"untrained network"``, ``"sequencing depth"``; of drawn
        spots ``"no model, profiles"``, ``"no model, principal components"``, ``"random spots"`` and the last two.
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

    @classmethod
    def beside(
        cls,
        map_values: Float[np.ndarray, " spots"],
        name: str,
        explanation: str,
        maps: Sequence[Float[np.ndarray, " spots"]],
        aurocs: Sequence[float],
    ) -> Control:
        """A control of these draws, compared with the values of the map that is asked about."""
        r = np.array([_rank_correlation(map_values, each) for each in maps])
        return cls(name, explanation, np.array(maps), np.array(aurocs, dtype=np.float64), r)

    @property
    def auroc(self) -> float | None:
        """Mean over the draws; None without a region."""
        return float(self.aurocs.mean()) if len(self.aurocs) else None

    @property
    def correlation(self) -> float:
        """Mean over the draws."""
        return float(self.correlations.mean())

    def is_behind(self, auroc: float) -> bool:
        """Whether a map of that AUROC is ahead: of the mean by a margin, and of every draw."""
        return self.auroc is not None and auroc - self.auroc >= MARGIN and auroc > self.aurocs.max()


@final
@dataclass(frozen=True, eq=False)
class Controls:
    """A map beside its controls. Make it with :func:`controls`.

    Attributes
    ----------
    name
        The concept's.
    method
        Key of the map: ``"decoded"``, ``"gradient"``, ...; ``"spot score"`` for the score of drawn spots.
    values
        The map at the spots.
    judged
        ``"cross-fitted"``: the region made the concept, so every spot was judged by a map that was made without it.
        ``"plain"``: the region had no part in the concept. ``"none"``: there is no region, or it made the concept and
        has fewer than three spots, so that none can be held back.
    auroc
        Of the map; None without a region.
    controls
        One for each control.
    encoder, settings
        Enough to repeat it.
    n_inside
        Spots of the region; 0 without one.
    """

    name: str
    method: str
    values: Float[np.ndarray, " spots"]
    judged: Judged
    auroc: float | None
    controls: tuple[Control, ...]
    encoder: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    n_inside: int = 0

    @property
    def is_told_from_chance(self) -> bool:
        """Whether the map finds the region at all, by its AUROC alone.

        One-sided, at 95 %, by the standard error of Hanley & McNeil (1982). It takes spots as independent, which
        neighbours are not: what it lets pass may still be chance (the nulls of :func:`conceptstain.evidence` know
        better), what it refuses says nothing.
        """
        n_outside = len(self.values) - self.n_inside
        if self.auroc is None or not self.n_inside or not n_outside:
            return False
        return self.auroc - ONE_SIDED * auroc_error(self.auroc, self.n_inside, n_outside) > NO_BETTER

    def control(self, name: str) -> Control | None:
        """The control of that name; None where it does not apply."""
        return next((each for each in self.controls if each.name == name), None)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What speaks against the map, chance first, then its controls; one sentence when nothing does."""
        said = [sentence for each in self.controls if (sentence := self._said_by(each))]
        if self.auroc is not None and not self.is_told_from_chance:
            found = fraction(self.auroc)
            said.insert(0, f"With {_spots(self.n_inside)}, the map's AUROC of {found} is not told from chance.")
        if said or not self.controls:
            return tuple(said)
        if self.auroc is None and self.n_inside:
            few = _spots(min(self.n_inside, len(self.values) - self.n_inside))
            return (f"No control draws the same map; {few} cannot be held back, so none can be said to be better.",)
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
            if control.is_behind(self.auroc):
                return ""
            found = fraction(control.auroc)
            if len(control.aurocs) > 1:
                found += f" on average, {fraction(control.aurocs.min())} to {fraction(control.aurocs.max())}"
            comma = "; " if len(control.aurocs) > 1 else ", "
            return f"{_SAYINGS[control.name]} (AUROC {found}{comma}the map {fraction(self.auroc)})."
        if control.correlation < ALIKE:
            return ""
        return f"{_SAYINGS[control.name]} (rank correlation {fraction(control.correlation)})."


def _spots(number: int) -> str:
    return "one spot" if number == 1 else f"{number} spots"


_SAYINGS = {
    "no model": "The model adds little to the mean of these genes here",
    "no model, profiles": "The model adds little to the difference of the mean profiles here",
    "no model, principal components": "The model adds little to principal components here",
    "random spots": "Random spots give as good a score, so it says little about this concept",
    "random concept": "Random genes give as good a map, so it says little about this concept",
    "untrained network": "An untrained network draws as good a map, so it says nothing about what was learned",
    "sequencing depth": "Sequencing depth alone shows as much",
}

NAMES = tuple(_SAYINGS)
"""Of all controls."""


@overload
def controls(
    canvas: GenePictures,
    encoder: Encoder,
    concept: Concept,
    method: str = ...,
    *,
    region: Region | None = ...,
    settings: MapSettings | None = ...,
    draws: int = ...,
    seed: int = ...,
    report: Report = ...,
) -> Controls: ...


@overload
def controls(
    concepts: SpotConcepts, /, *, name: str | None = ..., draws: int = ..., seed: int = ..., report: Report = ...
) -> Controls: ...


def controls(
    canvas: GenePictures | SpotConcepts,
    encoder: Encoder | None = None,
    concept: Concept | None = None,
    method: str = "decoded",
    *,
    name: str | None = None,
    region: Region | None = None,
    settings: MapSettings | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    report: Report = silent,
) -> Controls:
    """Draw what a map has to beat, on the same canvas and where it applies by the same method.

    A map of gene pictures: ``controls(canvas, encoder, concept, "decoded")``.

    - *no model*: the mean z-score of the same genes;
    - *random concept*: as many random genes, several draws;
    - *untrained network*: the same genes through networks with fresh weights, three of them;
    - *sequencing depth*: counts per spot, turned over where the map is high where they are low.

    A region judges them by AUROC. If it made the concept, the map, the gene mean and the untrained network's map are
    cross-fitted: spots are judged by maps of genes that were chosen with their values hidden, against others hidden
    with them. What does not depend on the region is judged on the same pairs of spots.

    A combination is controlled by what is combined in the same way: its parts' gene means, random genes in the place of
    each part's, and each part's own genes through the untrained network.

    The painted score of drawn spots: ``controls(concepts, name="GCL")``.

    - *no model, profiles*: the profile of each spot along the difference of the mean profiles;
    - *no model, principal components*: as many of them as the network has latents, scored by the concept's rule;
    - *random spots*: as many random spots in place of the drawn ones, several draws;
    - *untrained network*: the same spots through networks with fresh weights, as many as the concept has, three times;
    - *sequencing depth*: as above.

    The drawn spots judge them, all cross-fitted by the folds of the evidence. As there, each is held against all other
    spots without neighbours' words, also where the painted score contrasts the concept with others.

    Parameters
    ----------
    canvas, encoder, concept
        As for the map; concepts of drawn spots stand alone.
    method
        Key of the map of gene pictures; see :mod:`conceptstain.methods.maps`.
    name
        Of one of the concepts of spots; None: the only one.
    region
        What the concept of gene pictures should find; None: the region that made it, if any.
    settings
        Of the map of gene pictures; None: those it has by default.
    draws
        Number of random concepts, one or more.
    seed
        Of the random concepts and of the untrained networks.
    report
        Called after every map; may raise :class:`Cancelled`.

    Raises
    ------
    InputError
        No such map or concept, no draw, a region without any spot, a unit, or a region beside a combination that a
        region has a part in.
    MismatchError
        Canvas, encoder and concept do not belong together, or the map is not for this network.
    """
    if draws < 1:
        raise InputError(
            "A map is held against one random concept or more", got=f"draws={draws}", cure=f"Use {DRAWS}, or more"
        )
    if isinstance(canvas, SpotConcepts):
        from conceptstain.methods.spot_controls import spot_controls

        return spot_controls(canvas, canvas.only() if name is None else name, draws=draws, seed=seed, report=report)
    if encoder is None or concept is None:
        raise InputError(
            "A map of gene pictures is of a concept, by an encoder",
            got="a canvas alone",
            cure="Use controls(canvas, encoder, concept)",
        )
    from conceptstain.methods.gene_controls import picture_controls

    return picture_controls(
        canvas,
        encoder,
        concept,
        method,
        region=region,
        settings=settings or MapSettings(),
        draws=draws,
        seed=seed,
        report=report,
    )


def depth_like(values: Float[np.ndarray, " spots"], section: Section) -> Float[np.ndarray, " spots"] | None:
    """Counts per spot, turned over where a map is high where they are low; None where the file holds no counts."""
    if section.counts != "counts":
        return None
    depth = np.asarray(section.matrix.sum(axis=1), dtype=np.float64).ravel()
    # A shallow layer is found by depth as well as a deep one.
    return -depth if _rank_correlation(values, depth) < 0 else depth


def _rank_correlation(one: Float[np.ndarray, " spots"], other: Float[np.ndarray, " spots"]) -> float:
    """Spearman's; 0 where a map is the same everywhere."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)
