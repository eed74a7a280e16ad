"""The record of a study: all of it but its arrays. Saved studies and autosaved ones hold it as JSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, final

from pydantic import Field, model_validator

from conceptstain.canvas.gene_pictures import Scaling
from conceptstain.concepts.evidence import By, Counted
from conceptstain.study.picture_records import AnyPictures
from conceptstain.study.record import Finite, Key, Limits, Record
from conceptstain.study.records import EntryRecord, SourceRecord, SpotSettingsRecord, TablesRecord

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
    """A map, or a score of spots, pictures or patches; its values are the array ``finding/<number>/values``.

    ``section``: of a score, what it is of: the name of the section, of the pictures or of the slide. ``moves``: of a
    what-if, numbers of the concepts and how far it went along each.
    """

    kind: Literal["map", "spot score", "item score"]
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
    moves: tuple[tuple[Number, Finite], ...] = ()


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
    """A study, without its arrays.

    It is of a ``section`` and the ``pictures`` of its genes; or, ``shown``, of pictures or a slide.
    """

    section: SectionRecord | None = None
    pictures: PicturesRecord | None = None
    shown: AnyPictures | None = None
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

    @model_validator(mode="after")
    def _is_of_one_thing(self) -> StudyRecord:
        if (self.section is None) is not (self.pictures is None) or (self.section is None) is (self.shown is None):
            raise ValueError("a study is of a section, of pictures or of a slide")
        return self

    @property
    def name(self) -> str:
        """Of what is open."""
        return self.section.name if self.section is not None else self.shown.name if self.shown is not None else ""

    @property
    def content(self) -> str:
        """What tells it from other data: SHA-256 of a section, or :attr:`content` of pictures and slides."""
        if self.section is not None:
            return self.section.fingerprint
        return self.shown.content if self.shown is not None else ""
