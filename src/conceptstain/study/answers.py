"""What a study answers of its concepts, by the section and the encoders that are open; made on first use, then kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float

from conceptstain.errors import InputError
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import SPOT_SCORE, map_kind
from conceptstain.study.results import PictureResults, SpotResults, corrected_together

if TYPE_CHECKING:  # these import torch, and a window that shows an empty study should not wait for it
    import pandas as pd

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.definition import Definition
    from conceptstain.concepts.evidence import Evidence
    from conceptstain.concepts.spot_concepts import SpotConcepts, SpotConceptSettings
    from conceptstain.methods.controls import Controls
    from conceptstain.methods.finding import Finding
    from conceptstain.methods.spot_score import SpotScore
    from conceptstain.nets.encoder import Encoder
    from conceptstain.progress import Report
    from conceptstain.study.concept_list import ConceptList
    from conceptstain.study.snapshot import ControlsAsked, Snapshot

__all__ = ["Answers", "is_portable"]


@final
class Answers:
    """The open section as the encoders in use see it, and what they make of the concepts in a list.

    Parameters
    ----------
    concepts
        The list that names stand in. It is read, never changed.

    Attributes
    ----------
    canvas
        The open section as gene pictures.
    pictures, spots
        What was computed with the encoder of gene pictures, and with those of spot profiles; None: none is in use.
    chosen_spot_settings
        How drawn spots become scores, where that was chosen.
    """

    def __init__(self, concepts: ConceptList) -> None:
        self._list = concepts
        self.canvas: GenePictures | None = None
        self.pictures: PictureResults | None = None
        self.spots: SpotResults | None = None
        self.chosen_spot_settings: SpotConceptSettings | None = None

    # -- what is open ----------------------------------------------------------------------------------------------

    @property
    def encoders(self) -> tuple[Encoder, ...]:
        """All that are in use."""
        pictures = () if self.pictures is None else (self.pictures.encoder,)
        return (*pictures, *(() if self.spots is None else self.spots.encoders))

    def show(self, canvas: GenePictures) -> None:
        """Open a section; encoders were in use on the one before."""
        self.canvas, self.pictures, self.spots = canvas, None, None

    def use(self, encoder: Encoder) -> bool:
        """See gene pictures by this encoder; whether it is another than before, by which nothing was made."""
        canvas = self.need_canvas()
        encoder.check(canvas)
        if self.pictures is not None and self.pictures.encoder.fingerprint == encoder.fingerprint:
            self.pictures.encoder = encoder  # the same weights: what was made, and how much was tried, still holds
            return False
        self.pictures = PictureResults(canvas, encoder)
        return True

    def use_for_spots(self, canvas: SpotProfiles, encoders: Sequence[Encoder]) -> bool:
        """See spots by these encoders; whether they are others than before."""
        if canvas.section is not self.need_canvas().section:
            raise InputError(
                "These spots belong to another section",
                got=canvas.section.name,
                cure="View the open section as spots",
            )
        if not encoders:
            raise InputError("Spots are scored by one encoder or more", got="none", cure="Fit some to the section")
        for encoder in encoders:
            encoder.check(canvas)
        if self.spots is not None and self.spots.reads_alike(canvas, encoders):
            return False
        self.spots = SpotResults(canvas, encoders)
        return True

    def need_canvas(self) -> GenePictures:
        """The canvas; an InputError where nothing is open."""
        if self.canvas is None:
            raise InputError("No section is open", cure="Open one in the Data card, or drop a file on the viewer")
        return self.canvas

    def need_pictures(self) -> PictureResults:
        """What was computed of gene pictures; an InputError where no encoder of them is in use."""
        if self.pictures is None:
            raise InputError("No encoder is in use", cure="Load the bundled encoder or fit one in the Model card")
        return self.pictures

    def need_spots(self) -> SpotResults:
        """What was computed of spots; an InputError where no encoder of them is in use."""
        if self.spots is None:
            raise InputError(
                "No encoder of spot profiles is in use", cure="Fit spot profiles to this section in the Model card"
            )
        return self.spots

    # -- concepts of gene pictures ---------------------------------------------------------------------------------

    def concept(self, name: str, report: Report) -> Concept:
        """The concept of that name."""
        return self.need_pictures().concept(self._definition(name), report)

    def preview(self, definition: Definition, map_key: str, settings: MapSettings | None, report: Report) -> Finding:
        """A map of which nothing is kept."""
        from conceptstain.concepts.concept import make
        from conceptstain.methods.spot_score import spot_score

        if map_key == SPOT_SCORE.key:
            others = [each for each in self._definitions if each.name != definition.name]
            alone = replace(self.spot_settings, context=0.0)
            concepts = self.need_spots().read(definition, others, alone, report)
            made = spot_score(concepts, definition.name, report=report)
            return replace(made, concept=replace(made.concept, definition=definition))
        canvas, encoder = self.need_canvas(), self.need_pictures().encoder
        concept = make(definition, canvas, encoder, report=report)
        return map_kind(map_key).make(canvas, encoder, concept, settings=settings, report=report)

    def gene_scores(self, name: str, report: Report) -> Float[np.ndarray, " genes"]:
        """Concept score of every gene."""
        from conceptstain.concepts.latents import latents_of

        concept = self.concept(name, report)
        return concept.scores(latents_of(self.need_canvas(), self.need_pictures().encoder, space=concept.space))

    def cosines(self, names: Sequence[str], report: Report) -> pd.DataFrame:
        """Cosines between the directions of these concepts, or of all."""
        from conceptstain.concepts.cosines import cosines

        return cosines(self._named(names, report))

    def random_cosines(self, names: Sequence[str], quantile: float, report: Report) -> pd.DataFrame:
        """The cosines that chance gives in their place."""
        from conceptstain.concepts.cosines import random_cosines

        canvas, encoder = self.need_canvas(), self.need_pictures().encoder
        return random_cosines(self._named(names, report), canvas, encoder, quantile=quantile, report=report)

    # -- concepts of spots -----------------------------------------------------------------------------------------

    @property
    def spot_settings(self) -> SpotConceptSettings:
        """How drawn spots become scores."""
        from conceptstain.concepts.spot_concepts import SpotConceptSettings

        return self.chosen_spot_settings or SpotConceptSettings()

    def spot_concepts(self, name: str, report: Report) -> SpotConcepts:
        """The concept of that name and those it is told from."""
        return self.need_spots().concepts(self._definition(name), self._definitions, self.spot_settings, report)

    def spot_score(self, name: str, report: Report) -> SpotScore:
        """How much every spot has of the concept of that name."""
        from conceptstain.methods.spot_score import spot_score

        made = spot_score(self.spot_concepts(name, report), name, report=report)
        return replace(made, concept=replace(made.concept, definition=self._definition(name)))

    def spot_genes(self, name: str, report: Report) -> pd.DataFrame:
        """Genes of the concept of that name, up and down."""
        from conceptstain.methods.concept_genes import concept_genes

        return concept_genes(self.spot_concepts(name, report), name, report=report)

    # -- what they are worth ---------------------------------------------------------------------------------------

    def evidence(self, name: str, n_null: int, report: Report) -> Evidence:
        """The evidence for the concept of that name, corrected for all that were tested."""
        definition = self._definition(name)
        if self.spots is not None and definition.region is not None:
            self.spots.evidence(definition, self.spot_concepts(name, report), n_null, report)
        else:
            self.need_pictures().evidence(definition, n_null, report)
        return corrected_together(definition, self._tested())

    def known_evidence(self, name: str) -> Evidence | None:
        """The same, where it was made already."""
        definition, tested = self._definition(name), self._tested()
        by_spots = self.spots if definition.region is not None else None
        if by_spots is not None and not by_spots.is_tested(definition, self._definitions, self.spot_settings):
            return None
        return corrected_together(definition, tested) if definition in tested else None

    def controls(self, name: str, map_key: str, settings: MapSettings | None, report: Report) -> Controls:
        """A map of the concept of that name beside what it has to beat."""
        definition = self._definition(name)
        if map_key == SPOT_SCORE.key:
            return self.need_spots().controls(definition, self._definitions, self.spot_settings, report)
        return self.need_pictures().controls(definition, map_key, settings or MapSettings(), report)

    # -- kept and taken up -----------------------------------------------------------------------------------------

    def copy(self, before: Definition, after: Definition) -> None:
        """Keep what was made of a definition for the same under another name, too."""
        for results in self._results():
            results.copy(before, after)

    def rename(self, before: Definition, after: Definition) -> None:
        """As :meth:`copy`, where the other name takes the place of the one before."""
        for results in self._results():
            results.rename(before, after)

    def kept(self, listed: set[Definition]) -> dict[str, Any]:
        """The words of a :class:`Snapshot` that say what was computed; concepts and controls of those listed alone."""
        pictures, spots = self.pictures, self.spots
        made = {} if pictures is None else dict(pictures.concepts_of)
        controls = {} if pictures is None else dict(pictures.controls_of)
        controls |= {} if spots is None else spots.controls_of
        return {
            "encoder": None if pictures is None else pictures.encoder,
            "spot_encoders": () if spots is None else spots.encoders,
            "spot_settings": self.chosen_spot_settings,
            "made": {definition: concept for definition, concept in made.items() if definition in listed},
            "evidence": {} if pictures is None else dict(pictures.evidence_of),
            "spot_evidence": {} if spots is None else dict(spots.evidence_of),
            "controls": {asked: drawn for asked, drawn in controls.items() if asked.definition in listed},
        }

    def take_up(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot."""
        self.show(snapshot.canvas)
        self.chosen_spot_settings = snapshot.spot_settings
        if snapshot.encoder is not None:
            self.pictures = PictureResults(snapshot.canvas, snapshot.encoder)
            self.pictures.concepts_of.update(snapshot.made)
            self.pictures.evidence_of.update(snapshot.evidence)
            self.pictures.controls_of.update(_of_kind(snapshot.controls, spots=False))
        if snapshot.spot_encoders:
            profiles = snapshot.canvas.section.view("spots", genes=snapshot.spot_encoders[0].features)
            self.spots = SpotResults(profiles, snapshot.spot_encoders)
            self.spots.evidence_of.update(snapshot.spot_evidence)
            self.spots.controls_of.update(_of_kind(snapshot.controls, spots=True))

    def take_over(self, other: Answers) -> None:
        """Hold what another holds."""
        self.canvas, self.pictures, self.spots = other.canvas, other.pictures, other.spots
        self.chosen_spot_settings = other.chosen_spot_settings

    # -- inside ----------------------------------------------------------------------------------------------------

    @property
    def _definitions(self) -> list[Definition]:
        return [entry.definition for entry in self._list]

    def _definition(self, name: str) -> Definition:
        return self._list.entry(name).definition

    def _named(self, names: Sequence[str], report: Report) -> list[Concept]:
        return [self.concept(name, report) for name in names or [entry.name for entry in self._list]]

    def _results(self) -> list[PictureResults | SpotResults]:
        return [results for results in (self.pictures, self.spots) if results is not None]

    def _tested(self) -> dict[Definition, Evidence]:
        """Evidence by definition: by profiles for those of spots, where there are encoders of those."""
        by_genes = {} if self.pictures is None else dict(self.pictures.evidence_of)
        if self.spots is None:
            return by_genes
        return {each: made for each, made in by_genes.items() if each.region is None} | self.spots.evidence_of


def _of_kind(controls: Mapping[ControlsAsked, Controls], *, spots: bool) -> dict[ControlsAsked, Controls]:
    return {asked: made for asked, made in controls.items() if (asked.map_key == SPOT_SCORE.key) is spots}


def is_portable(definition: Definition, canvas: GenePictures) -> bool:
    """Whether a definition means the same on this canvas; a combination, whether all its parts do."""
    if definition.combined is not None:
        return all(is_portable(part, canvas) for _, part in definition.combined)
    if definition.region is not None:
        return definition.region.is_portable_to(canvas.section)
    genes = [definition.like] if definition.like is not None else list(definition.items or ())
    try:
        return all(canvas.item(gene) is not None for gene in genes)
    except InputError:
        return False
