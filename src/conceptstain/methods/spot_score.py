"""The spot score: how much of a concept of spots each spot of a section has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final

import numpy as np
from jaxtyping import Float

from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import Definition
from conceptstain.progress import Report, silent

if TYPE_CHECKING:
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.concepts.spot_concepts import SpotConcepts

__all__ = ["SpotMethod", "SpotScore", "spot_score"]

SpotMethod: TypeAlias = Literal["spot score", "deviation of spots", "activation", "counterfactual"]


@final
@dataclass(frozen=True, eq=False)
class SpotScore:
    """One number per spot, and how it came about.

    Make it with :func:`spot_score`, :func:`conceptstain.spot_deviation`, of a unit of a network with
    :func:`conceptstain.unit_map`, or of a gene in counterfactuals with :func:`conceptstain.gene_changes`.

    Attributes
    ----------
    name
        The concept's, or ``"unit 3"``.
    values
        One per spot, in the order of the section. Of a spot score: mean 0 and standard deviation 1 over it; of a
        deviation: distances in standard deviations of the normal. Of a unit: its activation. Of a gene: how much it
        changes; NaN at spots that were not asked about.
    section
        Name of the section whose spots were scored.
    concept
        The concept as a direction in the latent space of the first encoder; None: it is of a unit or
        of a counterfactual.
    encoders
        Fingerprints of the encoders whose scores are averaged.
    settings
        Enough to repeat it.
    detail
        What tells it from other scores of the same concept, e.g. ``"against MCL"``.
    colour_limits
        Values at the ends of the colours, where someone chose them; None: those its values suggest.
    method
        Name of the score as a figure would print it.
    signed
        Whether 0 is the middle or the bottom of the colours.
    """

    name: str
    values: Float[np.ndarray, " spots"]
    section: str
    concept: Concept | None
    encoders: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""
    colour_limits: tuple[float, float] | None = None
    method: SpotMethod = "spot score"
    signed: bool = True

    @property
    def encoder(self) -> str:
        """Fingerprints of the encoders, as one word."""
        return "+".join(self.encoders)

    def defined_by(self, definition: Definition) -> SpotScore:
        """The same of the definition that it was asked by; of a unit or a counterfactual, as it is."""
        return self if self.concept is None else replace(self, concept=replace(self.concept, definition=definition))

    @property
    def title(self) -> str:
        """Name for a layer or a figure panel, e.g. ``"GCL - spot score, against MCL"``."""
        return f"{self.name} - {self.method}" + (f", {self.detail}" if self.detail else "")


def spot_score(
    concepts: SpotConcepts, name: str, section: Section | SpotProfiles | None = None, *, report: Report = silent
) -> SpotScore:
    """Score every spot by a concept of spots, as a finding that can be painted.

    Parameters
    ----------
    concepts
        The concepts, as they were drawn together.
    name
        Which of them.
    section
        Where to look; None: where they were drawn. See :meth:`SpotConcepts.score`.
    report
        Called while the section is encoded for the first time.

    Raises
    ------
    InputError
        No concept of that name.
    MismatchError
        The section has none of the genes.
    """
    encoder = concepts.encoders[0]
    concept = concepts.concept(name, encoder)
    scored = concepts.score(section, report=report)
    others = [other for other in concepts.names if other != name] if concepts.settings.contrast else []
    weights = [concepts.reading(name, each).context.weight for each in concepts.encoders]
    return SpotScore(
        name=name,
        values=scored.table[name].to_numpy(dtype=np.float64),
        section=scored.section.name,
        concept=concept,
        encoders=tuple(each.fingerprint for each in concepts.encoders),
        settings={
            "direction": concepts.settings.direction,
            "against": others,
            "rest": concepts.settings.rest,
            "singly": concepts.settings.singly,
            "context": weights,
            "drawn on": concepts.canvas.section.name,
            "missing": list(scored.canvas.missing),
            "asked": asdict(concepts.settings),
        },
        detail=_told(others),
    )


def _told(others: list[str]) -> str:
    if not others:
        return ""
    return f"against {others[0]}" if len(others) == 1 else f"against {len(others)} others"
