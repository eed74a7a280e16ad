"""The recipe: all that is needed to do a study over again, for people to read and for a program to replay.

It names files by name and content, never by place. It holds data and no code; whole numbers are bounded, and all
others finite.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, final

from pydantic import Field, field_validator, model_validator

from conceptstain.progress import Report, silent
from conceptstain.recipe.records import (
    AnyMap,
    ControlsRecord,
    EncoderRecord,
    EvidenceRecord,
    FigureRecord,
    SectionRecord,
)
from conceptstain.study.picture_records import AnyPictures
from conceptstain.study.record import Name, Record
from conceptstain.study.records import EntryRecord, SpotSettingsRecord, TablesRecord
from conceptstain.study.study_record import PicturesRecord

if TYPE_CHECKING:
    from conceptstain.methods.link import Link
    from conceptstain.nets.classifier import Classifier
    from conceptstain.nets.encoder import Encoder
    from conceptstain.recipe.replaying import Replay
    from conceptstain.study import Snapshot, Study

__all__ = ["FORMAT_VERSION", "Recipe"]

FORMAT_VERSION = 2
"""The newest that is read, as :attr:`Recipe.recipe` has it: 1 is of sections, 2 of pictures and slides."""


@final
class Recipe(Record):
    """All that is needed to do a study over again. Make one with :meth:`of`, read one with :meth:`read`.

    Attributes
    ----------
    recipe
        Version of this schema.
    made_with
        Versions of packages.
    threads
        Of torch; sums are added up in another order with other numbers of them.
    device
        Where maps were made.
    section, pictures
        The section that was opened, and how its genes were seen.
    shown
        Instead: pictures, or a slide, with how they were opened and viewed.
    encoder, spot_encoders
        Fingerprints, and the ways to them.
    spot_settings
        How drawn spots become scores, where that was chosen.
    tables
        Regions and definitions, each under a key; regions as they were chosen, with the barcodes of their spots.
    concepts
        The list: definitions and colours.
    maps, evidence, controls, figures
        What was asked, with all parameters.
    """

    recipe: Literal[1, 2] = 1
    made_with: dict[Name, Name] = Field(default_factory=dict)
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    device: Name = "cpu"
    section: SectionRecord | None = None
    pictures: PicturesRecord | None = None
    shown: AnyPictures | None = None
    encoder: EncoderRecord | None = None
    spot_encoders: Annotated[tuple[EncoderRecord, ...], Field(max_length=100)] = ()
    spot_settings: SpotSettingsRecord | None = None
    tables: TablesRecord
    concepts: Annotated[tuple[EntryRecord, ...], Field(max_length=10_000)] = ()
    maps: Annotated[tuple[AnyMap, ...], Field(max_length=10_000)] = ()
    evidence: Annotated[tuple[EvidenceRecord, ...], Field(max_length=10_000)] = ()
    controls: Annotated[tuple[ControlsRecord, ...], Field(max_length=10_000)] = ()
    figures: Annotated[tuple[FigureRecord, ...], Field(max_length=1000)] = ()

    @field_validator("figures")
    @classmethod
    def _files_differ(cls, figures: tuple[FigureRecord, ...]) -> tuple[FigureRecord, ...]:
        names = [each.file.lower() for each in figures]
        if len(set(names)) < len(names):
            raise ValueError("two figures have one name")
        return figures

    @model_validator(mode="after")
    def _is_of_one_thing(self) -> Recipe:
        if (self.section is None) is not (self.pictures is None) or (self.section is None) is (self.shown is None):
            raise ValueError("a recipe is of a section, of pictures or of a slide")
        if (self.recipe == 1) is not (self.shown is None):
            raise ValueError("recipes of version 1 are of sections, those of version 2 of pictures and slides")
        return self

    @classmethod
    def of(cls, study: Study | Snapshot, *, figures: Sequence[str] = ("maps.svg",)) -> Recipe:
        """The recipe of a study; see :func:`conceptstain.recipe.recording.recorded`."""
        from conceptstain.recipe.recording import recorded

        return recorded(study, figures=figures)

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Recipe:
        """Read a recipe; see :func:`conceptstain.recipe.files.read_recipe`."""
        from conceptstain.recipe.files import read_recipe

        return read_recipe(Path(path))

    def write(
        self,
        path: str | PathLike[str],
        *,
        encoders: Sequence[Encoder] = (),
        classifiers: Sequence[Classifier] = (),
        links: Sequence[Link] = (),
        overwrite: bool = False,
    ) -> tuple[Path, ...]:
        """Write it, with weights beside it; see :func:`conceptstain.recipe.files.write_recipe`."""
        from conceptstain.recipe.files import write_recipe

        return write_recipe(
            self, Path(path), encoders=encoders, classifiers=classifiers, links=links, overwrite=overwrite
        )

    def run(
        self,
        data: str | PathLike[str],
        out: str | PathLike[str] | None = None,
        *,
        weights: str | PathLike[str] | None = None,
        overwrite: bool = False,
        report: Report = silent,
    ) -> Replay:
        """Do the study over again; see :func:`conceptstain.recipe.replaying.replay`."""
        from conceptstain.recipe.replaying import replay

        folder = None if weights is None else Path(weights)
        target = None if out is None else Path(out)
        return replay(self, Path(data), target, weights=folder, overwrite=overwrite, report=report)

    def methods_paragraph(self) -> str:
        """What was done, for a paper; see :func:`conceptstain.recipe.paragraph.methods_paragraph`."""
        from conceptstain.recipe.paragraph import methods_paragraph

        return methods_paragraph(self)
