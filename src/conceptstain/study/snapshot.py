"""A study at one moment: taken in no time where the study is changed, and packed or written anywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, final

from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError
from conceptstain.study.concept_list import ListState

if TYPE_CHECKING:  # these import torch
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.picture_canvas import PictureCanvas
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.evidence import Evidence
    from conceptstain.concepts.spot_concepts import SpotConceptSettings
    from conceptstain.methods.controls import Controls
    from conceptstain.methods.finding import Finding
    from conceptstain.nets.encoder import Encoder
    from conceptstain.study.records import SourceRecord

__all__ = ["ControlsAsked", "Snapshot"]


@final
@dataclass(frozen=True)
class ControlsAsked:
    """Which controls were drawn: asked again, the answer is the same.

    Attributes
    ----------
    definition
        The concept.
    map_key
        The map it was painted by.
    heard
        Of a map of gene pictures, the settings that it listens to.
    together
        Of a spot score, the concept and those it was told from, in the order they were read in.
    spot_settings
        Of a spot score, how the drawn spots became it.
    """

    definition: Definition
    map_key: str
    heard: tuple[tuple[str, Any], ...] = ()
    together: tuple[Definition, ...] = ()
    spot_settings: SpotConceptSettings | None = None

    def renamed(self, before: Definition, after: Definition) -> ControlsAsked:
        """The same of a definition under another name."""
        return replace(
            self,
            definition=after if self.definition is before else self.definition,
            together=tuple(after if each is before else each for each in self.together),
        )


@final
@dataclass(frozen=True, eq=False)
class Snapshot:
    """All that a study holds at one moment. Nothing in it changes; make it with :meth:`Study.snapshot`.

    Attributes
    ----------
    canvas
        What is open: a section as gene pictures, a set of pictures, or the patches of a slide.
    concepts
        The list, with undo.
    findings
        Maps, oldest first.
    encoder, spot_encoders
        Those in use.
    spot_settings
        How drawn spots become scores; None: never chosen.
    made
        Concepts by definition, as the encoder in use made them: those in the list, now or by undo.
    evidence, spot_evidence
        By definition, by genes and by spot profiles; also of concepts that were given up.
    controls
        Maps beside what they have to beat, by what was asked; of concepts in the list, now or by undo.
    source
        The file it was first read from, where a saved study knows it.
    changes
        How often the study was changed before.
    """

    canvas: PictureCanvas
    concepts: ListState = field(default_factory=ListState)
    findings: tuple[Finding, ...] = ()
    encoder: Encoder | None = None
    spot_encoders: tuple[Encoder, ...] = ()
    spot_settings: SpotConceptSettings | None = None
    made: Mapping[Definition, Concept] = field(default_factory=dict)
    evidence: Mapping[Definition, Evidence] = field(default_factory=dict)
    spot_evidence: Mapping[Definition, Evidence] = field(default_factory=dict)
    controls: Mapping[ControlsAsked, Controls] = field(default_factory=dict)
    source: SourceRecord | None = None
    changes: int = 0

    @property
    def genes(self) -> GenePictures:
        """The canvas of a section.

        Raises
        ------
        InputError
            Pictures or a slide are open.
        """
        from conceptstain.canvas.gene_pictures import GenePictures

        if not isinstance(self.canvas, GenePictures):
            raise InputError(
                "This is written of sections, not of pictures", got=self.canvas.source.name, cure="Open a section"
            )
        return self.canvas
