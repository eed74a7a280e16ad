"""A snapshot as one record and its arrays: what saved studies and autosaved ones are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.evidence import Evidence
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.controls import Controls
from conceptstain.methods.finding import Finding
from conceptstain.methods.spot_score import SpotScore
from conceptstain.nets.checkpoint import encoder_bytes, is_savable
from conceptstain.nets.encoder import Encoder
from conceptstain.study.concept_list import Entry, ListState
from conceptstain.study.hashing import section_fingerprint
from conceptstain.study.picture_records import pictures_record
from conceptstain.study.records import EntryRecord, SourceRecord, SpotSettingsRecord, Tables
from conceptstain.study.region_record import Place
from conceptstain.study.snapshot import ControlsAsked, Snapshot
from conceptstain.study.study_record import (
    ConceptRecord,
    ControlRecord,
    ControlsRecord,
    EncoderRecord,
    EvidenceRecord,
    FindingRecord,
    ListRecord,
    PicturesRecord,
    SectionRecord,
    StudyRecord,
)

__all__ = ["CONTROL_ARRAYS", "Arrays", "Packed", "packed", "pictures_told", "plain"]

Arrays: TypeAlias = dict[str, NDArray[Any]]

CONTROL_ARRAYS = ("values", "aurocs", "correlations")


class Packed(NamedTuple):
    """A record, and the arrays that it speaks of."""

    record: StudyRecord
    arrays: Arrays


def packed(snapshot: Snapshot) -> Packed:
    """The snapshot as a record and arrays.

    The scores of null regions are kept in single precision; everything else exactly. Settings of maps are kept as JSON
    has them, with lists for tuples. Networks that are not of this package are named, not kept.
    """
    canvas = snapshot.canvas
    packer = _Packer(canvas.section if isinstance(canvas, GenePictures) else canvas)
    if isinstance(canvas, GenePictures):
        packer.arrays["section/spots"] = np.asarray(canvas.section.spots, dtype=np.float64)
    record = StudyRecord(
        section=_section(canvas, snapshot.source) if isinstance(canvas, GenePictures) else None,
        pictures=pictures_told(canvas) if isinstance(canvas, GenePictures) else None,
        shown=None if isinstance(canvas, GenePictures) else pictures_record(canvas),
        concepts=packer.listed(snapshot.concepts),
        spot_settings=None if snapshot.spot_settings is None else SpotSettingsRecord.of(snapshot.spot_settings),
        encoder=None if snapshot.encoder is None else packer.encoder(snapshot.encoder),
        spot_encoders=tuple(packer.encoder(each) for each in snapshot.spot_encoders),
        findings=tuple(packer.finding(number, each) for number, each in enumerate(snapshot.findings)),
        known=tuple((packer.tables.definition(of), packer.concept(made)) for of, made in snapshot.made.items()),
        evidence=tuple(packer.evidences(snapshot)),
        controls=tuple(packer.controls(number, *each) for number, each in enumerate(snapshot.controls.items())),
        made=tuple(packer.concepts),
        tables=packer.tables.record,
    )
    return Packed(record, packer.arrays)


def pictures_told(canvas: GenePictures) -> PicturesRecord:
    """How genes become pictures."""
    settings = canvas.settings
    return PicturesRecord(scaling=settings.scaling, frame=settings.frame, min_spots=settings.min_spots)


def _section(canvas: GenePictures, source: SourceRecord | None) -> SectionRecord:
    section = canvas.section
    return SectionRecord(
        name=section.name,
        unit=section.unit,
        spot_diameter=section.spot_diameter,
        pitch=section.pitch,
        counts=section.counts,
        notes=section.notes,
        fingerprint=section_fingerprint(section),
        source=source,
    )


class _Packer:
    """Collects what is named more than once, and the arrays."""

    def __init__(self, place: Place) -> None:
        self.tables = Tables(place)
        self.arrays: Arrays = {}
        self.concepts: list[ConceptRecord] = []
        self._numbers: dict[Concept, int] = {}

    def listed(self, state: ListState) -> ListRecord:
        def entries(of: tuple[Entry, ...]) -> tuple[EntryRecord, ...]:
            return tuple(
                EntryRecord(definition=self.tables.definition(each.definition), colour=each.colour) for each in of
            )

        return ListRecord(
            entries=entries(state.entries),
            done=tuple(map(entries, state.done)),
            undone=tuple(map(entries, state.undone)),
        )

    def encoder(self, encoder: Encoder) -> EncoderRecord:
        if is_savable(encoder):
            content = np.frombuffer(encoder_bytes(encoder), dtype=np.uint8)
            self.arrays[f"weights/{encoder.fingerprint}"] = content
        return EncoderRecord(name=encoder.name, fingerprint=encoder.fingerprint, saved=is_savable(encoder))

    def concept(self, concept: Concept) -> int:
        if concept not in self._numbers:
            parts = tuple((weight, self.concept(part)) for weight, part in concept.parts)
            number = self._numbers[concept] = len(self.concepts)
            table, columns = concept.table, dict[str, tuple[str, ...] | None]()
            self.arrays[f"concept/{number}/direction"] = np.asarray(concept.direction)
            for place, column in enumerate(table.columns):
                values = table[column].to_numpy()
                is_text = values.dtype.kind not in "biuf"
                columns[str(column)] = tuple(map(str, values)) if is_text else None
                if not is_text:
                    self.arrays[f"concept/{number}/column {place}"] = values
            self.concepts.append(
                ConceptRecord(
                    definition=self.tables.definition(concept.definition),
                    items=concept.items,
                    origin=concept.origin,
                    encoder=concept.encoder,
                    index=table.index.name,
                    columns=columns,
                    parts=parts,
                )
            )
        return self._numbers[concept]

    def finding(self, number: int, made: Finding) -> FindingRecord:
        self.arrays[f"finding/{number}/values"] = np.asarray(made.values)
        return FindingRecord(
            kind=_kind(made),
            method=made.method,
            name=made.name,
            items=made.items if isinstance(made, Attribution) else (),
            signed=made.signed,
            concept=None if made.concept is None else self.concept(made.concept),
            encoders=made.encoders if isinstance(made, SpotScore) else (made.encoder,),
            section=_scored(made),
            settings=plain(made.settings),
            detail=made.detail,
            colour_limits=made.colour_limits,
            moves=tuple((self.concept(concept), far) for concept, far in made.moves)
            if isinstance(made, Attribution)
            else (),
        )

    def evidences(self, snapshot: Snapshot) -> list[EvidenceRecord]:
        kept = [(False, *each) for each in snapshot.evidence.items()]
        kept += [(True, *each) for each in snapshot.spot_evidence.items()]
        return [self._evidence(number, *each) for number, each in enumerate(kept)]

    def _evidence(self, number: int, spots: bool, of: Definition, found: Evidence) -> EvidenceRecord:
        here = f"evidence/{number}"
        self.arrays |= {f"{here}/{word}": np.asarray(getattr(found, word)) for word in ("scores", "inside", "folds")}
        for word, null in (("random", found.random), ("shape", found.shape)):
            if null is not None:
                self.arrays[f"{here}/{word}"] = np.asarray(null.aurocs)
                self.arrays[f"{here}/{word} scores"] = np.asarray(null.scores, dtype=np.float32)
        return EvidenceRecord(
            of=self.tables.definition(of),
            spots=spots,
            told=self.tables.definition(found.definition),
            encoder=found.encoder,
            counted=found.counted,
            by=found.by,
            auroc=found.auroc,
            decoded_auroc=found.decoded_auroc,
            chosen=found.chosen,
            p_random=found.p_random,
            p_shape=found.p_shape,
            items=tuple(map(str, found.items)),
            settings=plain(found.settings),
            notes=found.notes,
        )

    def controls(self, number: int, asked: ControlsAsked, found: Controls) -> ControlsRecord:
        here = f"controls/{number}"
        self.arrays[f"{here}/values"] = np.asarray(found.values)
        for place, each in enumerate(found.controls):
            for word in CONTROL_ARRAYS:
                self.arrays[f"{here}/{place}/{word}"] = np.asarray(getattr(each, word))
        settings = asked.spot_settings
        return ControlsRecord(
            of=self.tables.definition(asked.definition),
            map=asked.map_key,
            heard=plain(dict(asked.heard)),
            together=tuple(map(self.tables.definition, asked.together)),
            spot_settings=None if settings is None else SpotSettingsRecord.of(settings),
            name=found.name,
            method=found.method,
            judged=found.judged,
            auroc=found.auroc,
            controls=tuple(ControlRecord(name=each.name, explanation=each.explanation) for each in found.controls),
            encoder=found.encoder,
            settings=plain(found.settings),
            n_inside=found.n_inside,
        )


def _kind(made: Finding) -> Literal["map", "spot score", "item score"]:
    if isinstance(made, Attribution):
        return "map"
    return "spot score" if isinstance(made, SpotScore) else "item score"


def _scored(made: Finding) -> str:
    """Of a score, what it is of."""
    if isinstance(made, Attribution):
        return ""
    return made.section if isinstance(made, SpotScore) else made.source


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON has them: lists for tuples, plain numbers for numpy's."""
    told: dict[str, Any] = json.loads(json.dumps(dict(settings), default=_number))
    return told


def _number(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else str(value)
