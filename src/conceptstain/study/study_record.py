"""The record of a study: all of it but its arrays. Saved studies and autosaved ones hold it as JSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, final

from pydantic import Field

from conceptstain.canvas.gene_pictures import Scaling
from conceptstain.concepts.evidence import By, Counted
from conceptstain.study.records import (
    EntryRecord,
    Finite,
    Key,
    Limits,
    Record,
    SourceRecord,
    SpotSettingsRecord,
    TablesRecord,
)

__all__ = [
    "ConceptRecord",
    "ControlRecord",
    "ControlsRecord",
    "EncoderRecord",
    "EvidenceRecord",
    "FindingRecord",
    "ListRecord",
    "PicturesRecord",
    "SectionRecord",
    "StudyRecord",
]

Json: TypeAlias = dict[str, Any]
Number: TypeAlias = Annotated[int, Field(ge=0)]
Side: TypeAlias = Annotated[int, Field(ge=1, le=1024)]


@final
class SectionRecord(Record):
    """The section as it was opened; its positions are the array ``section/spots``."""

    name: str
    unit: Literal["µm", "px"]
    spot_diameter: Finite
    pitch: Finite | None
    counts: Literal["counts", "normalised"]
    notes: tuple[str, ...]
    fingerprint: str
    source: SourceRecord | None


@final
class PicturesRecord(Record):
    """How genes become pictures."""

    scaling: Scaling
    frame: tuple[Side, Side] | None = None
    min_spots: Annotated[int, Field(ge=0, le=2**53)] | None = None


@final
class ConceptRecord(Record):
    """A concept; its direction is the array ``concept/<number>/direction``."""

    definition: Key
    items: tuple[str, ...]
    origin: str
    encoder: str
    index: str | None
    columns: dict[str, tuple[str, ...] | None]
    parts: tuple[tuple[Finite, Number], ...] = ()


@final
class FindingRecord(Record):
    """A map, or a spot score; its values are the array ``finding/<number>/values``."""

    kind: Literal["map", "spot score"]
    method: str
    name: str
    items: tuple[int, ...] = ()
    signed: bool = True
    concept: Number | None
    encoders: tuple[str, ...]
    section: str = ""
    settings: Json
    detail: str
    colour_limits: Limits | None


@final
class EvidenceRecord(Record):
    """Evidence; scores, folds and nulls are arrays under ``evidence/<number>``."""

    of: Key
    spots: bool
    told: Key
    encoder: str
    counted: Counted
    by: By
    auroc: float
    decoded_auroc: float | None
    chosen: tuple[tuple[str, ...], ...]
    p_random: float
    p_shape: float | None
    items: tuple[str, ...]
    settings: Json
    notes: tuple[str, ...]


@final
class ControlRecord(Record):
    """One control of a map; values, aurocs and correlations are arrays under ``controls/<number>/<place>``."""

    name: str
    explanation: str


@final
class ControlsRecord(Record):
    """A map beside its controls; its values are the array ``controls/<number>/values``.

    The first five words are what was asked, the others what was found.
    """

    of: Key
    map: str
    heard: Json
    together: tuple[Key, ...]
    spot_settings: SpotSettingsRecord | None
    name: str
    method: str
    judged: Literal["cross-fitted", "plain", "none"]
    auroc: float | None
    controls: tuple[ControlRecord, ...]
    encoder: str
    settings: Json
    n_inside: Number


@final
class EncoderRecord(Record):
    """An encoder; its weights are the array ``weights/<fingerprint>``, the bytes of a ``.safetensors`` file."""

    name: str
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    saved: bool


@final
class ListRecord(Record):
    """The concept list with undo."""

    entries: tuple[EntryRecord, ...] = ()
    done: tuple[tuple[EntryRecord, ...], ...] = ()
    undone: tuple[tuple[EntryRecord, ...], ...] = ()


@final
class StudyRecord(Record):
    """A study, without its arrays."""

    section: SectionRecord
    pictures: PicturesRecord
    tables: TablesRecord
    concepts: ListRecord
    spot_settings: SpotSettingsRecord | None = None
    encoder: EncoderRecord | None = None
    spot_encoders: tuple[EncoderRecord, ...] = ()
    made: tuple[ConceptRecord, ...] = ()
    known: tuple[tuple[Key, Number], ...] = ()
    findings: tuple[FindingRecord, ...] = ()
    evidence: tuple[EvidenceRecord, ...] = ()
    controls: tuple[ControlsRecord, ...] = ()
