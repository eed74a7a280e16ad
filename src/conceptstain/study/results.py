"""What was computed of definitions on what is open, each made on first use and then kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, final

from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError
from conceptstain.methods.maps import SPOT_SCORE, map_kind
from conceptstain.progress import Report
from conceptstain.study.snapshot import ControlsAsked

if TYPE_CHECKING:  # these import torch, and a window that shows an empty study should not wait for it
    from conceptstain.canvas.picture_canvas import PictureCanvas
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.evidence import Evidence
    from conceptstain.concepts.spot_concepts import SpotConcepts, SpotConceptSettings
    from conceptstain.methods.controls import Controls
    from conceptstain.methods.map_settings import MapSettings
    from conceptstain.nets.encoder import Encoder

__all__ = ["PictureResults", "SpotResults", "corrected_together"]


@final
class PictureResults:
    """What one encoder makes of definitions on a section's gene pictures, a set of pictures, or a slide's patches."""

    def __init__(self, canvas: PictureCanvas, encoder: Encoder) -> None:
        self.canvas = canvas
        self.encoder = encoder
        self.evidence_of: dict[Definition, Evidence] = {}
        self.concepts_of: dict[Definition, Concept] = {}
        self.controls_of: dict[ControlsAsked, Controls] = {}

    def concept(self, definition: Definition, report: Report) -> Concept:
        """The direction of a definition."""
        from conceptstain.concepts.concept import make

        if definition not in self.concepts_of:
            self.concepts_of[definition] = make(definition, self.canvas, self.encoder, report=report)
        return self.concepts_of[definition]

    def evidence(self, definition: Definition, n_null: int, report: Report) -> Evidence:
        """What speaks for it, not corrected for others."""
        from conceptstain.concepts.evidence import evidence

        known = self.evidence_of.get(definition)
        if known is None or known.settings["n_null"] != n_null:
            concept = self.concept(definition, report)
            known = evidence(concept, self.canvas, self.encoder, n_null=n_null, report=report)
            self.evidence_of[definition] = known
        return known

    def controls(self, definition: Definition, map_key: str, settings: MapSettings, report: Report) -> Controls:
        """A map beside what it has to beat."""
        from conceptstain.methods.controls import controls

        asked = ControlsAsked(definition, map_key, tuple(map_kind(map_key).heard(settings).items()))
        if asked not in self.controls_of:
            concept = self.concept(definition, report)
            self.controls_of[asked] = controls(
                self.canvas, self.encoder, concept, map_key, settings=settings, report=report
            )
        return self.controls_of[asked]

    def copy(self, before: Definition, after: Definition) -> None:
        """Keep what was made of a definition for the same under another name, too."""
        if before in self.concepts_of:
            self.concepts_of[after] = replace(self.concepts_of[before], definition=after)
        if before in self.evidence_of:
            self.evidence_of[after] = replace(self.evidence_of[before], definition=after)
        _copy_controls(self.controls_of, before, after)

    def rename(self, before: Definition, after: Definition) -> None:
        """As :meth:`copy`, where the other name takes the place of the one before."""
        self.copy(before, after)
        _rename_controls(self.controls_of, before, after)


@final
class SpotResults:
    """What the encoders of spot profiles make of definitions on one section."""

    def __init__(self, canvas: SpotProfiles, encoders: Sequence[Encoder]) -> None:
        self.canvas = canvas
        self.encoders = tuple(encoders)
        self.evidence_of: dict[Definition, Evidence] = {}
        self._concepts: dict[tuple[SpotConceptSettings, tuple[Definition, ...]], SpotConcepts] = {}
        self.controls_of: dict[ControlsAsked, Controls] = {}

    def reads_alike(self, canvas: SpotProfiles, encoders: Sequence[Encoder]) -> bool:
        """Whether these are the same encoders on the same section."""
        own, other = ([encoder.fingerprint for encoder in each] for each in (self.encoders, encoders))
        return canvas.section is self.canvas.section and own == other

    def concepts(
        self, definition: Definition, others: Sequence[Definition], settings: SpotConceptSettings, report: Report
    ) -> SpotConcepts:
        """As :meth:`read`; made on first use, then kept."""
        taken = self._told_from(definition, others, settings)
        key = (settings, tuple(taken))
        if key not in self._concepts:
            self._concepts[key] = self._read(taken, settings, report)
        return self._concepts[key]

    def read(
        self, definition: Definition, others: Sequence[Definition], settings: SpotConceptSettings, report: Report
    ) -> SpotConcepts:
        """A concept and those it is told from, read together.

        It is told from those that were made from spots and have no spot in common with it or with each other; of two
        that overlap, from the first.

        Raises
        ------
        InputError
            It was not made from spots.
        """
        return self._read(self._told_from(definition, others, settings), settings, report)

    def _told_from(
        self, definition: Definition, others: Sequence[Definition], settings: SpotConceptSettings
    ) -> list[Definition]:
        """The definition, then those it is told from."""
        if definition.region is None:
            raise InputError(
                f"The concept {definition.name!r} was not made from spots, so spots cannot be compared with any",
                got=definition.words,
                cure="Choose another map, or make a concept of drawn spots",
            )
        taken = [definition]
        covered = definition.region.choose(self.canvas.section)
        for other in others if settings.contrast else ():
            if other is not definition and other.region is not None:
                spots = other.region.choose(self.canvas.section)
                if not (spots & covered).any():
                    taken.append(other)
                    covered = covered | spots
        return taken

    def _read(self, taken: Sequence[Definition], settings: SpotConceptSettings, report: Report) -> SpotConcepts:
        from conceptstain.concepts.spot_concepts import spot_concepts

        regions = [replace(each.region, name=each.name) for each in taken if each.region is not None]
        return spot_concepts(regions, self.canvas, self.encoders, settings, report=report)

    def evidence(self, definition: Definition, concepts: SpotConcepts, n_null: int, report: Report) -> Evidence:
        """What speaks for it, not corrected for others; made anew where it is painted by another rule than before."""
        from conceptstain.concepts.evidence import evidence

        known = self.evidence_of.get(definition)
        rule = concepts.rule(definition.name)
        if known is None or known.settings["n_null"] != n_null or known.settings["direction"] != rule:
            made = evidence(concepts, name=definition.name, n_null=n_null, report=report)
            known = self.evidence_of[definition] = replace(made, definition=definition)
        return known

    def is_tested(self, definition: Definition, others: Sequence[Definition], settings: SpotConceptSettings) -> bool:
        """Whether there is evidence for it by the rule it is painted by now, which more drawn spots may change."""
        known = self.evidence_of.get(definition)
        if known is None:
            return False
        regions = [each.region for each in self._told_from(definition, others, settings) if each.region is not None]
        n_drawn = sum(int(region.choose(self.canvas.section).sum()) for region in regions)
        return bool(known.settings["direction"] == ("whitened" if settings.whitens(n_drawn) else "plain"))

    def controls(
        self, definition: Definition, others: Sequence[Definition], settings: SpotConceptSettings, report: Report
    ) -> Controls:
        """The painted score beside what it has to beat."""
        from conceptstain.methods.controls import controls

        together = tuple(self._told_from(definition, others, settings))
        asked = ControlsAsked(definition, SPOT_SCORE.key, together=together, spot_settings=settings)
        if asked not in self.controls_of:
            concepts = self.concepts(definition, others, settings, report)
            self.controls_of[asked] = controls(concepts, name=definition.name, report=report)
        return self.controls_of[asked]

    def copy(self, before: Definition, after: Definition) -> None:
        """Keep what was made of a definition for the same under another name, too."""
        if before in self.evidence_of:
            self.evidence_of[after] = replace(self.evidence_of[before], definition=after)
        _copy_controls(self.controls_of, before, after)

    def rename(self, before: Definition, after: Definition) -> None:
        """As :meth:`copy`, where the other name takes the place of the one before."""
        self.copy(before, after)
        _rename_controls(self.controls_of, before, after)


def _copy_controls(known: dict[ControlsAsked, Controls], before: Definition, after: Definition) -> None:
    for asked, made in list(known.items()):
        if asked.definition is before:
            known[asked.renamed(before, after)] = replace(made, name=after.name)


def _rename_controls(known: dict[ControlsAsked, Controls], before: Definition, after: Definition) -> None:
    """Keep the controls of those that were told from a definition that has another name now."""
    for asked, made in list(known.items()):
        if asked.definition is not before and before in asked.together:
            known[asked.renamed(before, after)] = made


def corrected_together(asked: Definition, tried: dict[Definition, Evidence]) -> Evidence:
    """The evidence for one of the definitions, corrected for all; the same under two names counts once."""
    from conceptstain.concepts.evidence import corrected

    counted = [asked]
    for definition in tried:
        if not any(definition.has_same_source(each) for each in counted):
            counted.append(definition)
    return corrected([tried[each] for each in counted])[0]
