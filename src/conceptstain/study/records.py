"""What a study is made of, as plain records: the words that saved studies and recipes are written in.

Records are strict: a word too many, a missing one or a wrong type is refused. They hold no arrays and no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Literal, TypeAlias, final

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from conceptstain.canvas.label_image import LabelImage
from conceptstain.canvas.region import ObsValue, PickedSpots, Polygon, Region, Selector
from conceptstain.canvas.section import Section
from conceptstain.concepts.definition import LATENT, Definition, Form
from conceptstain.concepts.spot_concepts import Direction, SpotConceptSettings
from conceptstain.errors import InputError, MismatchError
from conceptstain.study.concept_list import LONGEST_NAME

__all__ = [
    "DefinitionRecord",
    "EntryRecord",
    "FileRecord",
    "Finite",
    "Key",
    "Limits",
    "Name",
    "Record",
    "RegionRecord",
    "SourceRecord",
    "SpotSettingsRecord",
    "Tables",
    "TablesRecord",
    "first_error",
]

MOST = 1_000_000  # of anything listed: what a file says is bounded before it is believed

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=500)]
Key: TypeAlias = Annotated[str, Field(min_length=1, max_length=600)]
Text: TypeAlias = Annotated[str, Field(max_length=10_000)]  # as files of others have it, such as a class of QuPath
Finite: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Point: TypeAlias = tuple[Finite, Finite]
Corners: TypeAlias = Annotated[tuple[Point, ...], Field(min_length=3, max_length=MOST)]
Limits: TypeAlias = tuple[Finite, Finite]


class Record(BaseModel):
    """A record: nothing in it that is not named here, and nothing in it changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")


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
class PolygonRecord(Record):
    """Outlines in world units, each a list of corners ``(y, x)``; and the holes cut out of each, where any has some."""

    kind: Literal["polygon"]
    unit: Literal["µm", "px"]
    outlines: tuple[Corners, ...]
    holes: tuple[tuple[Corners, ...], ...] = ()

    @model_validator(mode="after")
    def _holes_are_of_outlines(self) -> PolygonRecord:
        if self.holes and len(self.holes) != len(self.outlines):
            raise ValueError("there are holes of other outlines")
        return self


@final
class ObsRecord(Record):
    """A value in a column of ``obs``."""

    kind: Literal["obs"]
    column: Name
    value: Text


@final
class PickedRecord(Record):
    """Spots that were picked: those among the region's barcodes."""

    kind: Literal["picked"]


@final
class RegionRecord(Record):
    """A region: how it was chosen, and the barcodes of the spots that this chose."""

    name: Text
    chosen: Annotated[PolygonRecord | ObsRecord | PickedRecord, Field(discriminator="kind")]
    barcodes: Annotated[tuple[Name, ...], Field(max_length=MOST)] | None

    @classmethod
    def of(cls, region: Region, section: Section) -> RegionRecord:
        """The record of a region; without barcodes where it chooses nothing on this section."""
        barcodes: tuple[str, ...] | None = None
        with suppress(InputError):
            barcodes = tuple(section.adata.obs_names[region.selector.choose(section)].astype(str))
        return cls(name=region.name, chosen=_chosen(region.selector, section), barcodes=barcodes)

    def made(self, section: Section) -> Region:
        """The region on its section.

        Raises
        ------
        MismatchError
            The section does not have the spots, the unit, or the column; or other spots are chosen than were.
        """
        selector = self._selector(section)
        region = Region(self.name, selector)
        if self.barcodes is None:
            return region
        try:
            now = set(section.adata.obs_names[selector.choose(section)].astype(str))
        except InputError as error:
            raise MismatchError(
                f"The region {self.name!r} is not on this section", got=str(error), cure="Open the section it is of"
            ) from error
        if now != set(self.barcodes):
            raise MismatchError(
                f"The region {self.name!r} is of other spots here",
                got=f"{len(now)} spots, {len(now & set(self.barcodes))} of them the same, for {len(self.barcodes)}",
                cure="Open the section it was made on",
            )
        return region

    def _selector(self, section: Section) -> Selector:
        chosen = self.chosen
        if isinstance(chosen, ObsRecord):
            return ObsValue(chosen.column, chosen.value)
        if isinstance(chosen, PolygonRecord):
            if chosen.unit != section.unit:
                raise MismatchError(
                    f"The outlines of {self.name!r} are in other units",
                    got=f"{chosen.unit} for a section in {section.unit}",
                    cure="Open the section as it was opened then",
                )
            return Polygon(_arrays(chosen.outlines), tuple(_arrays(holes) for holes in chosen.holes))
        indices = section.adata.obs_names.astype(str).get_indexer(list(self.barcodes or ()))
        if (indices < 0).any():
            raise MismatchError(
                f"Spots of the region {self.name!r} are not in this section",
                got=f"{int((indices < 0).sum())} of {len(indices)} unknown",
                cure="Open the section they were picked on",
            )
        return PickedSpots(tuple(int(index) for index in indices))


def _chosen(selector: Selector, section: Section) -> PolygonRecord | ObsRecord | PickedRecord:
    if isinstance(selector, ObsValue):
        return ObsRecord(kind="obs", column=selector.column, value=selector.value)
    if isinstance(selector, Polygon):
        holes = tuple(_corners(each) for each in selector.holes)
        return PolygonRecord(kind="polygon", unit=section.unit, outlines=_corners(selector.outlines), holes=holes)
    if isinstance(selector, PickedSpots | LabelImage):  # of what was painted, the spots that it chose are kept
        return PickedRecord(kind="picked")
    raise InputError(
        "A region chosen that way cannot be written down",
        got=type(selector).__name__,
        cure="Make it of outlines, of a value in obs, or of spots (Region.from_mask)",
    )


def _corners(outlines: tuple[Float[np.ndarray, "_ 2"], ...]) -> tuple[tuple[Point, ...], ...]:
    return tuple(tuple((float(y), float(x)) for y, x in outline) for outline in outlines)


def _arrays(outlines: tuple[tuple[Point, ...], ...]) -> tuple[Float[np.ndarray, "_ 2"], ...]:
    return tuple(np.array(outline, dtype=float) for outline in outlines)


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

    def made(self, section: Section) -> dict[str, Definition]:
        """The definitions by key, those of one region sharing it.

        Raises
        ------
        MismatchError
            A region is not of this section.
        InputError
            A definition that cannot be.
        KeyError
            A key that is in no table, or a part that comes before what it is made of.
        """
        regions = {key: record.made(section) for key, record in self.regions.items()}
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
            )
        return made


@final
class Tables:
    """Collects regions and definitions, each under a key of its own that a reader understands."""

    def __init__(self, section: Section) -> None:
        self._section = section
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
            )
            self._definitions[definition] = key
        return self._definitions[definition]

    def _region(self, region: Region) -> str:
        if region not in self._regions:
            key = _free(region.name, self._region_records)
            self._region_records[key] = RegionRecord.of(region, self._section)
            self._regions[region] = key
        return self._regions[region]


def first_error(error: ValidationError) -> str:
    """What is wrong with a record, and where, in one line."""
    told = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(word) for word in told["loc"]) or "the whole"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where}: {told['msg']}{more}"


def _free(name: str, taken: Mapping[str, object]) -> str:
    wanted = name[:LONGEST_NAME] or "unnamed"
    key, number = wanted, 2
    while key in taken:
        key, number = f"{wanted} ({number})", number + 1
    return key
