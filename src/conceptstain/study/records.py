"""What a study is made of, as plain records: the words that saved studies and recipes are written in.

Records are strict: a word too many, a missing one or a wrong type is refused. They hold no arrays and no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, final

from pydantic import Field, field_validator

from conceptstain.canvas.region import Region
from conceptstain.concepts.definition import LATENT, Along, Definition, Form
from conceptstain.concepts.spot_concepts import Direction, SpotConceptSettings
from conceptstain.study.concept_list import LONGEST_NAME
from conceptstain.study.record import MOST, Finite, Key, Name, Record
from conceptstain.study.region_record import Place, RegionRecord

__all__ = [
    "DefinitionRecord",
    "EntryRecord",
    "FileRecord",
    "SourceRecord",
    "SpotSettingsRecord",
    "Tables",
    "TablesRecord",
]


@final
class FileRecord(Record):
    """A file, without its folder, and the SHA-256 of its content."""

    name: Annotated[str, Field(pattern=r"^[^/\x00]{1,255}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if name in {".", ".."}:
            raise ValueError("a file is named without its folder")
        return name


@final
class SourceRecord(Record):
    """The file that a section was first read from, and what else it was opened with."""

    file: FileRecord
    image: FileRecord | None = None
    alignment: FileRecord | None = None
    image_scale: Annotated[Finite, Field(gt=0)] | None = None
    section: Name | None = None
    gene_names: Name | None = None
    pixel_size: Annotated[Finite, Field(gt=0)] | None = None


@final
class AlongRecord(Record):
    """A direction that was found elsewhere, such as that of a class."""

    direction: Annotated[tuple[Finite, ...], Field(min_length=1, max_length=MOST)]
    encoder: Name
    words: Name


@final
class DefinitionRecord(Record):
    """A definition; regions and parts are named by their keys in the tables."""

    name: Annotated[str, Field(max_length=LONGEST_NAME)]
    like: Name | None = None
    items: Annotated[tuple[Name, ...], Field(max_length=MOST)] | None = None
    region: Key | None = None
    combined: Annotated[tuple[tuple[Finite, Key], ...], Field(max_length=1000)] | None = None
    unit: Annotated[int, Field(ge=0, le=MOST)] | None = None
    form: Form = "mean"
    neighbours: Annotated[int, Field(ge=1, le=2**53)] = 50
    space: Name = LATENT
    against: Annotated[tuple[Name, ...], Field(max_length=MOST)] | None = None
    least_covered: Annotated[Finite, Field(gt=0, le=1)] = 0.5
    along: AlongRecord | None = None


@final
class EntryRecord(Record):
    """A line of the concept list."""

    definition: Key
    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


@final
class SpotSettingsRecord(Record):
    """How drawn spots become scores."""

    direction: Direction = "auto"
    contrast: bool = True
    rest: bool = True
    context: Annotated[Finite, Field(ge=0, le=1)] | None = None
    singly: bool = False

    @classmethod
    def of(cls, settings: SpotConceptSettings) -> SpotSettingsRecord:
        """The record of settings."""
        return cls(**{word: getattr(settings, word) for word in cls.model_fields})

    def made(self) -> SpotConceptSettings:
        """The settings."""
        return SpotConceptSettings(**dict(self))


@final
class TablesRecord(Record):
    """Regions and definitions, each once."""

    regions: dict[Key, RegionRecord] = Field(default_factory=dict)
    definitions: dict[Key, DefinitionRecord] = Field(default_factory=dict)

    def made(self, place: Place) -> dict[str, Definition]:
        """The definitions by key, those of one region sharing it.

        Raises
        ------
        MismatchError
            A region is not of this section, or of other patches of this slide.
        InputError
            A definition that cannot be.
        KeyError
            A key that is in no table, or a part that comes before what it is made of.
        """
        regions = {key: record.made(place) for key, record in self.regions.items()}
        made: dict[str, Definition] = {}
        for key, record in self.definitions.items():
            made[key] = Definition(
                name=record.name,
                like=record.like,
                items=record.items,
                region=None if record.region is None else regions[record.region],
                form=record.form,
                neighbours=record.neighbours,
                combined=None if record.combined is None else tuple((w, made[part]) for w, part in record.combined),
                unit=record.unit,
                space=record.space,
                against=record.against,
                least_covered=record.least_covered,
                along=record.along and Along(**dict(record.along)),
            )
        return made


@final
class Tables:
    """Collects regions and definitions, each under a key of its own that a reader understands."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._regions: dict[Region, str] = {}
        self._definitions: dict[Definition, str] = {}
        self._region_records: dict[str, RegionRecord] = {}
        self._definition_records: dict[str, DefinitionRecord] = {}

    @property
    def record(self) -> TablesRecord:
        """All that was collected."""
        return TablesRecord(regions=self._region_records, definitions=self._definition_records)

    def definition(self, definition: Definition) -> str:
        """The key of a definition; it is collected on first use, after its region and its parts."""
        if definition not in self._definitions:
            parts = definition.combined
            combined = None if parts is None else tuple((weight, self.definition(part)) for weight, part in parts)
            region = None if definition.region is None else self._region(definition.region)
            key = _free(definition.name, self._definition_records)
            self._definition_records[key] = DefinitionRecord(
                name=definition.name,
                like=definition.like,
                items=definition.items,
                region=region,
                combined=combined,
                unit=definition.unit,
                form=definition.form,
                neighbours=definition.neighbours,
                space=definition.space,
                against=definition.against,
                least_covered=definition.least_covered,
                along=definition.along and AlongRecord(**vars(definition.along)),
            )
            self._definitions[definition] = key
        return self._definitions[definition]

    def _region(self, region: Region) -> str:
        if region not in self._regions:
            key = _free(region.name, self._region_records)
            self._region_records[key] = RegionRecord.of(region, self._place)
            self._regions[region] = key
        return self._regions[region]


def _free(name: str, taken: Mapping[str, object]) -> str:
    wanted = name[:LONGEST_NAME] or "unnamed"
    key, number = wanted, 2
    while key in taken:
        key, number = f"{wanted} ({number})", number + 1
    return key
