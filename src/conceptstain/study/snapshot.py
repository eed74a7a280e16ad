"""A study at one moment: taken in no time where the study is changed, and packed or written anywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

from conceptstain.concepts.definition import Definition
from conceptstain.study.concept_list import ListState

if TYPE_CHECKING:  # these import torch
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.evidence import Evidence
    from conceptstain.concepts.spot_concepts import SpotConceptSettings
    from conceptstain.methods.finding import Finding
    from conceptstain.nets.encoder import Encoder
    from conceptstain.study.records import SourceRecord

__all__ = ["ControlsAsked", "Snapshot"]


@final
@dataclass(frozen=True)
class ControlsAsked:
    """Which controls were drawn: of a concept, beside a map; of drawn spots, of concepts that were read together."""

    definition: Definition
    map_key: str
    heard: tuple[tuple[str, Any], ...] = ()
    together: tuple[str, ...] = ()


@final
@dataclass(frozen=True, eq=False)
class Snapshot:
    """All that a study holds at one moment. Nothing in it changes; make it with :meth:`Study.snapshot`.

    Attributes
    ----------
    canvas
        The open section as gene pictures.
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
        Which controls were drawn.
    source
        The file the section was first read from, where a saved study knows it.
    changes
        How often the study was changed before.
    """

    canvas: GenePictures
    concepts: ListState = field(default_factory=ListState)
    findings: tuple[Finding, ...] = ()
    encoder: Encoder | None = None
    spot_encoders: tuple[Encoder, ...] = ()
    spot_settings: SpotConceptSettings | None = None
    made: Mapping[Definition, Concept] = field(default_factory=dict)
    evidence: Mapping[Definition, Evidence] = field(default_factory=dict)
    spot_evidence: Mapping[Definition, Evidence] = field(default_factory=dict)
    controls: tuple[ControlsAsked, ...] = ()
    source: SourceRecord | None = None
    changes: int = 0
