"""Pictures and slides as records: what they are called, what is in them, and how they were opened and viewed.

The pixels are in the files that they came from. A picture is known again by the SHA-256 of its pixels, which is known
since it was opened, and a slide by its :attr:`content`; no file is read again to write a record.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, final

import numpy as np
from pydantic import Field, model_validator

from conceptstain.canvas.background import Background
from conceptstain.canvas.framing import Fit
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.images import Images, StackAxis
from conceptstain.canvas.pixel_values import Kind
from conceptstain.canvas.slide import Slide
from conceptstain.study.record import MOST, Fingerprint, Finite, Matrix, Record, RelativePath, Sha, Text, Unit

__all__ = [
    "MOST_KEPT",
    "AnyPictures",
    "ImagesRecord",
    "PictureRecord",
    "SlideRecord",
    "folder_of",
    "patches_sum",
    "pictures_record",
]

MOST_KEPT = 100_000_000
"""Values of pixels that are in no file, such as those of a layer, that are kept in a study; 100 MB of 8-bit values."""

Notes: TypeAlias = Annotated[tuple[Text, ...], Field(max_length=10_000)]
Whole: TypeAlias = Annotated[int, Field(ge=-(2**53), le=2**53)]
Words: TypeAlias = Annotated[dict[str, str | bool | Whole | Finite], Field(max_length=100)]
Side: TypeAlias = Annotated[int, Field(ge=1, le=256)]
Count: TypeAlias = Annotated[int, Field(ge=0, le=2**53)]


@final
class RangeRecord(Record):
    """The values that are taken as 0 and 1."""

    low: Finite
    high: Finite
    note: Text = ""


@final
class PictureRecord(Record):
    """One picture: its name, the SHA-256 of its pixels, its place among all given, and the number of its file."""

    name: Text
    sha256: Sha
    position: Count
    file: Count | None = None


@final
class FramesRecord(Record):
    """How pictures become inputs."""

    frame: tuple[Side, Side]
    fit: Fit
    channels: Literal[1, 3] | None = None


@final
class AxisRecord(Record):
    """Where pictures of a stack lie above each other."""

    step: Finite
    start: Finite
    unit: Unit


@final
class ImagesRecord(Record):
    """A set of pictures.

    ``files`` are named from one folder, which is not told; ``path`` is what was opened, as seen from there. ``kept``:
    they came from no file, and their pixels are arrays ``pixels/...`` beside the record.
    """

    kind: Literal["images"]
    name: Text
    content: Fingerprint
    files: Annotated[tuple[RelativePath, ...], Field(max_length=MOST)] = ()
    path: Text | None = None
    kept: bool = False
    pictures: Annotated[tuple[PictureRecord, ...], Field(min_length=1, max_length=MOST)]
    ranges: dict[Kind, RangeRecord]
    to_world: Matrix
    unit: Unit
    opened_with: Words = Field(default_factory=dict)
    axis: AxisRecord | None = None
    left_out: Annotated[tuple[tuple[Text, Text], ...], Field(max_length=MOST)] = ()
    notes: Notes = ()
    view: FramesRecord

    @model_validator(mode="after")
    def _files_are_named(self) -> ImagesRecord:
        if any(each.file is not None and each.file >= len(self.files) for each in self.pictures):
            raise ValueError("a picture is of a file that is not named")
        return self


@final
class PatchViewRecord(Record):
    """How a slide becomes patches; see :class:`conceptstain.canvas.patch_grid.ImagePatchSettings`."""

    size: Side
    stride: Side | None = None
    level: Annotated[int, Field(ge=0, le=64)] | None = None
    pixel_size: Annotated[Finite, Field(gt=0)] | None = None
    background: Background = "auto"
    brightness: Finite = 0.8
    saturation: Finite = 0.1
    least_tissue: Finite = 0.25


@final
class LevelRecord(Record):
    """A level whose pixels are kept: the axes of its array, and pixels of the largest level along one of its."""

    axes: Annotated[str, Field(pattern=r"^[A-Z]{2,8}$")]
    reduction: tuple[Annotated[Finite, Field(ge=1)], Annotated[Finite, Field(ge=1)]]


@final
class SlideRecord(Record):
    """A slide, with how many patches it has and the SHA-256 of where they lie.

    ``file`` is its file or folder, without where that is. ``levels``: it came from no file, and its pixels are arrays
    ``pixels/...`` beside the record.
    """

    kind: Literal["slide"]
    name: Text
    content: Fingerprint
    file: RelativePath | None = None
    levels: Annotated[tuple[LevelRecord, ...], Field(max_length=64)] = ()
    shown: Annotated[tuple[Count, ...], Field(min_length=1, max_length=4)]
    among: RangeRecord
    to_world: Matrix
    unit: Unit
    opened_with: Words = Field(default_factory=dict)
    notes: Notes = ()
    view: PatchViewRecord
    patches: Count
    where: Sha

    @property
    def kept(self) -> bool:
        """Whether its pixels lie beside the record."""
        return bool(self.levels)


AnyPictures: TypeAlias = Annotated[ImagesRecord | SlideRecord, Field(discriminator="kind")]


def pictures_record(canvas: ImageSet | ImagePatches, *, keeping: bool = True) -> ImagesRecord | SlideRecord:
    """The record of what a canvas shows.

    Parameters
    ----------
    canvas
        Pictures, or patches of a slide.
    keeping
        Whether pixels that are in no file are to be kept, where they are few enough.
    """
    return _images(canvas, keeping) if isinstance(canvas, ImageSet) else _slide(canvas, keeping)


def _images(canvas: ImageSet, keeping: bool) -> ImagesRecord:
    images = canvas.images
    folder = folder_of(images)
    files = {} if folder is None else {path: number for number, path in enumerate(_files(images))}
    n_values = sum(each.size[0] * each.size[1] * (3 if each.coloured else 1) for each in images.stored)
    beside = folder is None or images.path is None or not images.path.absolute().is_relative_to(folder)
    return ImagesRecord(
        kind="images",
        name=images.name,
        content=images.content,
        files=tuple(_from(folder, path) for path in files) if folder is not None else (),
        path=None if beside or folder is None or images.path is None else _from(folder, images.path),
        kept=keeping and not files and n_values <= MOST_KEPT,
        pictures=tuple(
            PictureRecord(
                name=each.name,
                sha256=each.digest,
                position=each.position,
                file=None if each.path is None else files.get(each.path),
            )
            for each in images.stored
        ),
        ranges={kind: RangeRecord(**asdict(among)) for kind, among in images.ranges.items()},
        to_world=images.to_world.tolist(),
        unit=images.unit,
        opened_with=dict(images.opened_with),
        axis=None if images.axis == StackAxis() else AxisRecord(**images.axis._asdict()),
        left_out=images.left_out,
        notes=images.notes,
        view=FramesRecord(
            frame=canvas.settings.sides,
            fit=canvas.settings.fit,
            channels=canvas.settings.channels,  # type: ignore[arg-type]  # 1 or 3, as was checked
        ),
    )


def _slide(canvas: ImagePatches, keeping: bool) -> SlideRecord:
    slide = canvas.slide
    n_values = sum(int(np.prod(level.array.shape)) for level in slide.levels)
    kept = keeping and slide.path is None and n_values <= MOST_KEPT
    return SlideRecord(
        kind="slide",
        name=slide.name,
        content=slide.content,
        file=None if slide.path is None else slide.path.name,
        levels=tuple(LevelRecord(axes=each.axes, reduction=each.reduction) for each in slide.levels) if kept else (),
        shown=slide.shown,
        among=RangeRecord(**asdict(slide.among)),
        to_world=slide.to_world.tolist(),
        unit=slide.unit,
        opened_with=dict(slide.opened_with),
        notes=slide.notes,
        view=PatchViewRecord(**asdict(canvas.settings)),
        patches=len(canvas),
        where=patches_sum(canvas),
    )


def patches_sum(canvas: ImagePatches) -> str:
    """SHA-256 of where the patches lie on their grid."""
    return hashlib.sha256(np.ascontiguousarray(canvas.corners, dtype="<i4").tobytes()).hexdigest()


def folder_of(source: Images | Slide) -> Path | None:
    """The folder that all files of pictures, or that of a slide, are named from; None where there are no files."""
    if isinstance(source, Slide):
        return None if source.path is None else source.path.absolute().parent
    files = [each.path for each in source.stored]
    if not files or any(each is None for each in files):
        return None
    homes = [each.absolute().parent for each in files if each is not None]
    if source.path is not None and source.path.is_dir():
        opened = source.path.absolute()
        if all(home.is_relative_to(opened) for home in homes):
            return opened
    try:
        return Path(os.path.commonpath(homes))
    except ValueError:  # on drives that have nothing in common
        return None


def _files(images: Images) -> list[Path]:
    return list(dict.fromkeys(each.path for each in images.stored if each.path is not None))


def _from(folder: Path, path: Path) -> str:
    return path.absolute().relative_to(folder).as_posix()
