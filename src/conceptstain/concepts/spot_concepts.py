"""Concepts of spots: groups of drawn spots in latent space, and how much of each any other spot has.

A direction of the latent space shows what a concept is made of: the difference of the mean latents of its spots and of
those it is compared with. How much of it a spot has is measured with respect to how much spots differ anyway
(:class:`~conceptstain.concepts.groups.Groups`), and every step of that is a setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, final

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.canvas.neighbours import rings
from conceptstain.canvas.region import Region
from conceptstain.canvas.section import Section
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.groups import Groups, against_others
from conceptstain.concepts.latents import latents_of
from conceptstain.concepts.neighbour_context import LEAST_MEMBERS, NeighbourContext
from conceptstain.errors import ConceptStainError, InputError
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["Direction", "Reading", "SpotConceptSettings", "SpotConcepts", "SpotScores", "spot_concepts"]

Direction = Literal["auto", "plain", "whitened"]
ENOUGH_TO_WHITEN = 30  # with fewer spots the covariance is mostly noise


@final
@dataclass(frozen=True)
class SpotConceptSettings:
    """How drawn spots become scores.

    Attributes
    ----------
    direction
        ``"plain"``: along the difference of the means. ``"whitened"``: in units of how much spots of one group differ,
        by one pooled covariance of Ledoit & Wolf. ``"auto"``: whitened from 30 drawn spots on, of all concepts together
        where they are contrasted.
    contrast
        Compare each concept with each of the others, where there are two or more; else with all other spots at once.
    rest
        In a contrast, compare with the spots of no concept, too, where they are 10 or more. Without them a spot that is
        like none of the concepts may get any score: leave them out only where the concepts leave nothing out.
    context
        Weight of the neighbours' word, 0 to 1 (:class:`~conceptstain.concepts.neighbour_context.NeighbourContext`).
        None: chosen by cross-validation on the drawn spots, 0 where a concept has fewer than 10.
    singly
        Add to each contrast the score of the concept held singly against all other spots, in standard deviations: the
        contrast tells thin layers apart, and the other one holds where the mix of layers differs between sections.
    """

    direction: Direction = "auto"
    contrast: bool = True
    rest: bool = True
    context: float | None = None
    singly: bool = False

    def __post_init__(self) -> None:
        if self.direction not in ("auto", "plain", "whitened"):
            raise InputError(
                "There is no direction of that name", got=repr(self.direction), cure="Use auto, plain or whitened"
            )
        if self.context is not None and not 0 <= self.context <= 1:
            raise InputError("The weight of the context is out of range", got=f"{self.context}", cure="Use 0 to 1")

    def whitens(self, n_drawn: int) -> bool:
        """Whether so many drawn spots are scored in units of how much spots of one group differ."""
        return self.direction == "whitened" or (self.direction == "auto" and n_drawn >= ENOUGH_TO_WHITEN)


@final
@dataclass(frozen=True, eq=False)
class Reading:
    """What one encoder makes of groups of drawn spots.

    Attributes
    ----------
    encoder
        Whose latent space.
    groups
        The distributions; the first ones are the concepts'.
    context
        What neighbours say.
    concepts
        Numbers of the concepts among all; as many of the first groups are theirs.
    whitened
        Whether scores are in units of how much spots of one group differ; else along the difference of the means.
    """

    encoder: Encoder
    groups: Groups
    context: NeighbourContext
    concepts: tuple[int, ...]
    whitened: bool

    def scores(self, canvas: SpotProfiles, *, report: Report = silent) -> Float[np.ndarray, "spots concepts"]:
        """Log posterior of each of its concepts against the sum of the other groups, in nats."""
        latents = latents_of(canvas, self.encoder, report=report)
        around = rings(canvas.section) if self.context.weight else ()
        log_p = self.context.blended(self.groups.log_densities(latents), around)
        return np.asarray(against_others(log_p)[:, : len(self.concepts)])

    def direction(self, concept: int) -> Float[np.ndarray, " latent"]:
        """Mean latent of a concept's spots minus the mean of the other groups' means."""
        own = self.concepts.index(concept)
        others = np.delete(self.groups.means, own, axis=0).mean(axis=0)
        return np.asarray(self.groups.means[own] - others)


@final
@dataclass(frozen=True, eq=False)
class SpotScores:
    """Scores of every spot of a section.

    Attributes
    ----------
    canvas
        The section, with the genes of the encoders.
    table
        Spots x concepts, each column with mean 0 and standard deviation 1 over the section: averages over the encoders.
        They order the spots of one section; a value carried from one section to another is no threshold.
    """

    canvas: SpotProfiles
    table: pd.DataFrame

    @property
    def section(self) -> Section:
        """The section."""
        return self.canvas.section

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed, e.g. genes that the section lacks; one sentence each, to be shown to the user."""
        return self.canvas.notes


@final
@dataclass(frozen=True, eq=False)
class SpotConcepts:
    """Concepts that were drawn together. Make them with :func:`spot_concepts`.

    Attributes
    ----------
    canvas
        Where they were drawn.
    regions
        What was drawn, one region for each concept.
    members
        Indices of each concept's spots; those drawn for two contrasted concepts count for neither.
    readings
        For each encoder, how it reads them: one reading for all concepts where they are contrasted, else one for each;
        both where ``settings.singly`` adds them.
    settings
        How.
    notes
        What was assumed, one sentence each, to be shown to the user.
    """

    canvas: SpotProfiles
    regions: tuple[Region, ...]
    members: tuple[NDArray[np.integer], ...]
    readings: tuple[tuple[Reading, ...], ...]
    settings: SpotConceptSettings
    notes: tuple[str, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the concepts."""
        return tuple(region.name for region in self.regions)

    @property
    def encoders(self) -> tuple[Encoder, ...]:
        """The encoders whose scores are averaged."""
        return tuple(readings[0].encoder for readings in self.readings)

    @property
    def fingerprint(self) -> str:
        """Fingerprints of the encoders, as one word."""
        return "+".join(encoder.fingerprint for encoder in self.encoders)

    def number(self, name: str) -> int:
        """Number of a concept; an InputError listing the names where there is none."""
        if name not in self.names:
            raise InputError(
                "There is no concept of that name", got=repr(name), cure=f"Choose one of: {', '.join(self.names)}"
            )
        return self.names.index(name)

    def only(self) -> str:
        """Name of the concept where there is just one; an InputError listing the names where there are several."""
        if len(self.names) > 1:
            raise InputError(
                "There are several concepts to choose from",
                got=", ".join(self.names),
                cure=f"Choose one with name={self.names[0]!r}",
            )
        return self.names[0]

    def reading(self, name: str, encoder: Encoder) -> Reading:
        """How one of the encoders reads a concept."""
        number = self.number(name)
        for readings in self.readings:
            for reading in readings:
                if reading.encoder is encoder and number in reading.concepts:
                    return reading
        raise InputError(
            "These concepts were not made with that encoder",
            got=f"encoder {encoder.fingerprint}",
            cure="Use one of their encoders",
        )

    def rule(self, name: str) -> Literal["plain", "whitened"]:
        """The direction by which a concept is painted, where the settings left it open."""
        return "whitened" if self.reading(name, self.encoders[0]).whitened else "plain"

    def concept(self, name: str, encoder: Encoder) -> Concept:
        """A concept as the direction that maps are made of, in one of the encoders' latent spaces."""
        number = self.number(name)
        region, spots = self.regions[number], self.canvas.item_names[self.members[number]]
        others = [other for other in self.names if other != name]
        contrasted = self.settings.contrast and others
        against = f"against {' and '.join(others)}" if contrasted else "against the other spots"
        return Concept(
            definition=Definition(name, region=region, form="contrast"),
            direction=self.reading(name, encoder).direction(number),
            items=tuple(spots),
            origin=f"{len(spots)} of {len(self.canvas)} spots ({region.selector}), {against}",
            encoder=encoder.fingerprint,
            table=pd.DataFrame(index=pd.Index(spots, name="spot")),
        )

    def score(self, section: Section | SpotProfiles | None = None, *, report: Report = silent) -> SpotScores:
        """Score every spot of a section.

        Parameters
        ----------
        section
            Where to look, seen with the genes of the encoders: any section, or a canvas of the same genes. None: the
            section on which the concepts were drawn.
        report
            Called while the section is encoded for the first time.

        Raises
        ------
        MismatchError
            The section has none of the genes, or a canvas has others.
        """
        if section is None or section is self.canvas.section:
            canvas = self.canvas
        elif isinstance(section, Section):
            canvas = section.view("spots", genes=self.canvas.features)
        else:
            canvas = section
        total = np.zeros((len(canvas), len(self.regions)))
        for readings in self.readings:
            readings[0].encoder.check(canvas)
            for reading in readings:
                total[:, list(reading.concepts)] += _standardised(reading.scores(canvas, report=report))
        table = pd.DataFrame(_standardised(total), index=canvas.item_names, columns=list(self.names))
        return SpotScores(canvas, table)

    def score_all(
        self, sections: Sequence[Section | SpotProfiles], *, report: Report = silent
    ) -> tuple[SpotScores, ...]:
        """Score several sections, each on its own; see :meth:`score`.

        Raises
        ------
        MismatchError
            One of them cannot be scored; the message begins with its name.
        """
        scored = []
        for number, asked in enumerate(sections):
            name = asked.name if isinstance(asked, Section) else asked.section.name
            begun = Step(number, len(sections), f"Scoring {name}")

            def still(_step: Step, begun: Step = begun) -> None:
                report(begun)

            try:
                scored.append(self.score(asked, report=still))
            except ConceptStainError as error:
                what = error.what[:1].lower() + error.what[1:]
                raise type(error)(f"{name} cannot be scored: {what}", got=error.got, cure=error.cure) from error
            report(Step(number + 1, len(sections), begun.message))
        return tuple(scored)


def spot_concepts(
    regions: Region | Sequence[Region],
    canvas: SpotProfiles,
    encoders: Encoder | Sequence[Encoder],
    settings: SpotConceptSettings | None = None,
    *,
    among: Region | None = None,
    report: Report = silent,
) -> SpotConcepts:
    """Make concepts of drawn spots.

    Parameters
    ----------
    regions
        What was drawn: a region for each concept, of different names.
    canvas
        Where it was drawn.
    encoders
        One or more, of the same genes: :func:`~conceptstain.fitting.fit_seeds` gives several whose scores are averaged.
    settings
        How; None: the defaults.
    among
        Spots that a concept is compared with besides the other concepts'; None: all of the section.
    report
        Called after every encoder.

    Raises
    ------
    InputError
        No region or encoder, two regions of one name, a region with no spot of its own, too few spots for the settings.
    MismatchError
        An encoder is not for this canvas.
    """
    settings = settings or SpotConceptSettings()
    drawn = (regions,) if isinstance(regions, Region) else tuple(regions)
    asked = tuple(encoders) if isinstance(encoders, Sequence) else (encoders,)
    _check(drawn, asked)
    chosen = [region.choose(canvas.section) for region in drawn]
    compared = np.ones(len(canvas), dtype=bool) if among is None else among.choose(canvas.section)
    notes: tuple[str, ...] = ()
    members: list[NDArray[np.integer]]
    grouped: list[tuple[tuple[int, ...], list[NDArray[np.integer]]]] = []
    if settings.contrast and len(drawn) > 1:
        shared = np.sum(chosen, axis=0) > 1
        if shared.any():
            notes = (f"{shared.sum()} spots were drawn for more than one concept and count for none.",)
        members = [np.flatnonzero(mask & ~shared) for mask in chosen]
        rest = np.flatnonzero(compared & ~np.any(chosen, axis=0))
        compared_too = settings.rest and len(rest) >= LEAST_MEMBERS
        grouped.append((tuple(range(len(drawn))), [*members, rest] if compared_too else members))
    else:
        members = [np.flatnonzero(mask) for mask in chosen]
    if not grouped or settings.singly:
        others = [np.flatnonzero(compared & ~mask) for mask in chosen]
        grouped += [((number,), [members[number], others[number]]) for number in range(len(drawn))]
    for region, each in zip(drawn, members, strict=True):
        if len(each) == 0:
            raise InputError(
                f"The region {region.name!r} has no spot of its own",
                got="spots that belong to other concepts too",
                cure="Draw it apart from the others, or compare with all other spots (contrast=False)",
            )
    readings = []
    for number, encoder in enumerate(asked):
        encoder.check(canvas)
        readings.append(tuple(_read(canvas, encoder, concepts, groups, settings) for concepts, groups in grouped))
        report(Step(number + 1, len(asked), "Reading the drawn spots"))
    return SpotConcepts(canvas, drawn, tuple(members), tuple(readings), settings, notes)


def _read(
    canvas: SpotProfiles,
    encoder: Encoder,
    concepts: tuple[int, ...],
    members: list[NDArray[np.integer]],
    settings: SpotConceptSettings,
) -> Reading:
    latents = latents_of(canvas, encoder)
    n_drawn = sum(len(members[number]) for number in range(len(concepts)))
    whitened = settings.whitens(n_drawn)
    groups = Groups.of(latents, members, whitened=whitened)
    context = NeighbourContext.none(len(members))
    enough = min(map(len, members)) >= LEAST_MEMBERS
    if settings.context and not enough:
        raise InputError(
            "Too few spots were drawn to learn from their neighbours",
            got=f"{min(map(len, members))} spots for {LEAST_MEMBERS}",
            cure="Draw more of them, or use context=0",
        )
    if enough and settings.context != 0:
        context = NeighbourContext.of(
            latents,
            members,
            rings(canvas.section),
            spots=canvas.places,
            whitened=whitened,
            weight=settings.context,
        )
    return Reading(encoder, groups, context, concepts, whitened)


def _check(regions: tuple[Region, ...], encoders: tuple[Encoder, ...]) -> None:
    names = [region.name for region in regions]
    if not names or len(set(names)) < len(names):
        raise InputError(
            "Concepts need regions of different names", got=", ".join(names) or "no region", cure="Rename one of them"
        )
    if not encoders:
        raise InputError("Concepts live in an encoder's latent space", got="no encoder", cure="Fit one with fit_seeds")


def _standardised(scores: Float[np.ndarray, "spots concepts"]) -> Float[np.ndarray, "spots concepts"]:
    """Mean 0 and standard deviation 1 over the spots; 0 where all are alike."""
    deviation = scores.std(axis=0)
    return np.asarray((scores - scores.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0))
