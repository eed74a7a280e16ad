"""What a study answers of its concepts, by the section and the encoders that are open; made on first use, then kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float

from conceptstain.errors import InputError
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import ITEM_DEVIATION, ITEM_SCORE, SPOT_DEVIATION, SPOT_SCORE, map_kind
from conceptstain.study.results import PictureResults, SpotResults, corrected_together

if TYPE_CHECKING:  # these import torch, and a window that shows an empty study should not wait for it
    import pandas as pd

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.canvas.patch_blocks import World
    from conceptstain.canvas.picture_canvas import PictureCanvas
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.definition import Definition
    from conceptstain.concepts.evidence import Evidence
    from conceptstain.concepts.spot_concepts import SpotConcepts, SpotConceptSettings
    from conceptstain.methods.controls import Controls
    from conceptstain.methods.finding import Finding
    from conceptstain.methods.item_score import ItemScore
    from conceptstain.methods.spot_score import SpotScore
    from conceptstain.nets.encoder import Encoder
    from conceptstain.progress import Report
    from conceptstain.study.concept_list import ConceptList
    from conceptstain.study.snapshot import ControlsAsked, Snapshot

__all__ = ["Answers", "is_portable"]


@final
class Answers:
    """What is open as the encoders in use see it, and what they make of the concepts in a list.

    Parameters
    ----------
    concepts
        The list that names stand in. It is read, never changed.

    Attributes
    ----------
    canvas
        What is open: a section as gene pictures, a set of pictures, or the patches of a slide.
    pictures, spots
        What was computed with the encoder of pictures, and with those of spot profiles; None: none is in use.
    chosen_spot_settings
        How drawn spots become scores, where that was chosen.
    """

    def __init__(self, concepts: ConceptList) -> None:
        self._list = concepts
        self.canvas: PictureCanvas | None = None
        self.pictures: PictureResults | None = None
        self.spots: SpotResults | None = None
        self.chosen_spot_settings: SpotConceptSettings | None = None

    # -- what is open ----------------------------------------------------------------------------------------------

    @property
    def encoders(self) -> tuple[Encoder, ...]:
        """All that are in use."""
        pictures = () if self.pictures is None else (self.pictures.encoder,)
        return (*pictures, *(() if self.spots is None else self.spots.encoders))

    def show(self, canvas: PictureCanvas) -> None:
        """Open something; encoders were in use on what was open before."""
        self.canvas, self.pictures, self.spots = canvas, None, None

    def use(self, encoder: Encoder) -> bool:
        """See pictures by this encoder; whether it is another than before, by which nothing was made."""
        canvas = self.need_canvas()
        encoder.check(canvas)
        if self.pictures is not None and self.pictures.encoder.fingerprint == encoder.fingerprint:
            self.pictures.encoder = encoder  # the same weights: what was made, and how much was tried, still holds
            return False
        self.pictures = PictureResults(canvas, encoder)
        return True

    def use_for_spots(self, canvas: SpotProfiles, encoders: Sequence[Encoder]) -> bool:
        """See spots by these encoders; whether they are others than before."""
        if canvas.section is not self.need_section():
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

    def need_canvas(self) -> PictureCanvas:
        """The canvas; an InputError where nothing is open."""
        if self.canvas is None:
            raise InputError("Nothing is open", cure="Open data in the Data card, or drop a file on the viewer")
        return self.canvas

    @property
    def section(self) -> Section | None:
        """The open section; None where nothing is open, or pictures are."""
        return self.genes.section if self.genes is not None else None

    @property
    def genes(self) -> GenePictures | None:
        """The open section as gene pictures; None where nothing is open, or pictures are."""
        from conceptstain.canvas.gene_pictures import GenePictures

        return self.canvas if isinstance(self.canvas, GenePictures) else None

    def need_genes(self) -> GenePictures:
        """The section as gene pictures; an InputError where none is open."""
        if self.genes is None:
            raise InputError(
                "No section is open",
                got="nothing" if self.canvas is None else self.canvas.source.name,
                cure="Open spots with their genes in the Data card",
            )
        return self.genes

    def need_section(self) -> Section:
        """The section; an InputError where none is open."""
        return self.need_genes().section

    def need_pictures(self) -> PictureResults:
        """What was computed of pictures; an InputError where no encoder of them is in use."""
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

    # -- concepts of pictures --------------------------------------------------------------------------------------

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
            return made.defined_by(definition)
        if map_key == SPOT_DEVIATION.key:
            return self._spot_deviation(definition, report)
        canvas, encoder = self.need_canvas(), self.need_pictures().encoder
        concept = make(definition, canvas, encoder, report=report)
        if map_key == ITEM_SCORE.key:
            return self._scored(concept, report)
        if map_key == ITEM_DEVIATION.key:
            return self._item_deviation(concept, report)
        return map_kind(map_key).make(canvas, encoder, concept, settings=settings, report=report)

    def item_scores(self, name: str, report: Report) -> Float[np.ndarray, " items"]:
        """Concept score of every gene, picture or patch."""
        from conceptstain.concepts.latents import latents_of

        concept = self.concept(name, report)
        return concept.scores(latents_of(self.need_canvas(), self.need_pictures().encoder, space=concept.space))

    def item_score_runs(self, name: str, visible: World | None, report: Report) -> Iterator[ItemScore]:
        """The score of pictures or patches as it grows."""
        return self._score_runs(self.concept(name, report), visible, report)

    def _score_runs(self, concept: Concept, visible: World | None, report: Report) -> Iterator[ItemScore]:
        from conceptstain.methods.item_score import item_score_runs

        canvas = self._need_items(ITEM_SCORE.label)
        return item_score_runs(canvas, self.need_pictures().encoder, concept, visible=visible, keep=True, report=report)

    def _need_items(self, what: str) -> ImageSet | ImagePatches:
        """Pictures or patches; an InputError where a section is open."""
        from conceptstain.canvas.gene_pictures import GenePictures

        canvas = self.need_canvas()
        if isinstance(canvas, GenePictures):
            raise InputError(
                f"{what} is of pictures and patches",
                got=f"the genes of {canvas.section.name}",
                cure="Choose another map",
            )
        return canvas

    def _scored(self, concept: Concept, report: Report) -> ItemScore:
        *_, whole = self._score_runs(concept, None, report)
        return whole

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
        return made.defined_by(self._definition(name))

    def spot_deviation(self, name: str, report: Report) -> SpotScore:
        """How far every spot lies from those of the concept of that name."""
        return self._spot_deviation(self._definition(name), report)

    def _spot_deviation(self, definition: Definition, report: Report) -> SpotScore:
        from conceptstain.methods.deviation_score import spot_deviation

        spots = self.need_spots()
        return spot_deviation(definition, spots.canvas, spots.encoders, report=report)

    def item_deviation(self, name: str, report: Report) -> ItemScore:
        """How far every picture or patch lies from those of the concept of that name."""
        return self._item_deviation(self.concept(name, report), report)

    def _item_deviation(self, concept: Concept, report: Report) -> ItemScore:
        from conceptstain.methods.deviation_score import item_deviation

        canvas = self._need_items(ITEM_DEVIATION.label)
        return item_deviation(canvas, self.need_pictures().encoder, concept, report=report)

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
            profiles = self.need_section().view("spots", genes=snapshot.spot_encoders[0].features)
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


def is_portable(definition: Definition, canvas: PictureCanvas, before: PictureCanvas | None) -> bool:
    """Whether a definition that was made on one canvas means the same on another.

    Names of genes and pictures do, where the other has them all; annotations do; outlines and patches mean something on
    the same slide alone, however it is cut into patches. Of a combination, all parts have to.

    Parameters
    ----------
    definition
        What is asked about.
    canvas
        Where it is to be used.
    before
        Where it was made; None: nowhere yet.
    """
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.image_patches import ImagePatches

    if definition.combined is not None:
        return all(is_portable(part, canvas, before) for _, part in definition.combined)
    if isinstance(canvas, ImagePatches):
        here = isinstance(before, ImagePatches) and _is_same_place(before, canvas)
        return here and (definition.region is not None or _grid_of(before) == _grid_of(canvas))
    if definition.region is not None:
        return isinstance(canvas, GenePictures) and definition.region.is_portable_to(canvas.section)
    if definition.of_network:
        return False
    named = [definition.like] if definition.like is not None else list(definition.items or ())
    try:
        return all(canvas.item(name) is not None for name in (*named, *(definition.against or ())))
    except InputError:
        return False


def _is_same_place(before: ImagePatches, now: ImagePatches) -> bool:
    """Whether the world of both is that of one slide."""
    one, other = before.slide, now.slide
    return one.content == other.content and one.unit == other.unit and bool(np.allclose(one.to_world, other.to_world))


def _grid_of(canvas: PictureCanvas | None) -> tuple[int, float, int, int] | None:
    """What rows and columns of patches mean."""
    from conceptstain.canvas.image_patches import ImagePatches

    if not isinstance(canvas, ImagePatches):
        return None
    return canvas.level, canvas.factor, canvas.settings.size, canvas.settings.step
