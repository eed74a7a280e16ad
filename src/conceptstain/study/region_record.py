"""Regions as records: how each was chosen, and what it chose, so that it is known whether it still does."""

from __future__ import annotations

import base64
import hashlib
import zlib
from contextlib import suppress
from typing import Annotated, Any, Literal, TypeAlias, final
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator

from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.label_image import LabelImage
from conceptstain.canvas.packed_labels import PackedLabels, packed_labels
from conceptstain.canvas.patch_coverage import covered_parts
from conceptstain.canvas.region import ObsValue, PickedSpots, Polygon, Region, Selector
from conceptstain.canvas.section import Section
from conceptstain.errors import InputError, MismatchError
from conceptstain.study.record import MOST, Finite, Matrix, Name, Record, Sha, Text, Unit

__all__ = ["LabelsRecord", "ObsRecord", "PatchesRecord", "PickedRecord", "Place", "PolygonRecord", "RegionRecord"]

MOST_BITS = 2**34  # of a kept label: 130,000 x 130,000 pixels
HALF = 0.5

Place: TypeAlias = Section | ImageSet | ImagePatches
"""Where regions are chosen: a section, or the canvas of pictures or of a slide."""

Point: TypeAlias = tuple[Finite, Finite]
Corners: TypeAlias = Annotated[tuple[Point, ...], Field(min_length=3, max_length=MOST)]
Length: TypeAlias = Annotated[int, Field(ge=0, le=2**31)]


@final
class PolygonRecord(Record):
    """Outlines in world units, each a list of corners ``(y, x)``; and the holes cut out of each, where any has some."""

    kind: Literal["polygon"]
    unit: Unit
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
class LabelsRecord(Record):
    """A painted label over pictures or a slide, pixel by pixel.

    ``bits``: base64 of zlib of one bit for every pixel of ``box`` (top, left, height, width), rows filled to bytes.
    """

    kind: Literal["labels"]
    unit: Unit
    value: Annotated[int, Field(ge=-(2**53), le=2**53)] | None
    to_world: Matrix
    size: tuple[Length, Length]
    box: tuple[Length, Length, Length, Length]
    bits: Annotated[str, Field(max_length=2**31)]

    @classmethod
    def of(cls, image: LabelImage, unit: Unit) -> LabelsRecord:
        """The record of a label image."""
        held = packed_labels(image)
        return cls(
            kind="labels",
            unit=unit,
            value=image.value,
            to_world=image.to_world.tolist(),
            size=held.shape,
            box=held.box,
            bits=base64.b64encode(zlib.compress(held.bits.tobytes())).decode("ascii"),
        )

    def made(self) -> LabelImage:
        """The label image, which chooses the same points to the last one; a ValueError where the bits are damaged."""
        rows, across = self.box[2], -(-self.box[3] // 8)
        if rows * across > MOST_BITS // 8:
            raise ValueError(f"a label of {self.box[2]:,} x {self.box[3]:,} pixels")
        unpacker = zlib.decompressobj()
        try:
            content = unpacker.decompress(base64.b64decode(self.bits, validate=True), rows * across + 1)
        except zlib.error as error:
            raise ValueError(f"the bits of a label: {error}") from error
        if len(content) != rows * across:
            raise ValueError(f"{len(content):,} bytes for a label of {rows * across:,}")
        bits = np.frombuffer(content, dtype=np.uint8).reshape(rows, across)
        held: Any = PackedLabels(self.size, self.box, bits, 1 if self.value is None else self.value)
        return LabelImage.of(held, self.value, np.array(self.to_world))


@final
class PatchesRecord(Record):
    """The patches that lie in a region by half or more: how many, and the SHA-256 of which."""

    number: Annotated[int, Field(ge=0, le=2**53)]
    sha256: Sha


AnyChosen: TypeAlias = Annotated[PolygonRecord | ObsRecord | PickedRecord | LabelsRecord, Field(discriminator="kind")]


@final
class RegionRecord(Record):
    """A region: how it was chosen, and the barcodes of the spots, or the patches, that this chose."""

    name: Text
    chosen: AnyChosen
    barcodes: Annotated[tuple[Name, ...], Field(max_length=MOST)] | None
    patches: PatchesRecord | None = None

    @classmethod
    def of(cls, region: Region, place: Place) -> RegionRecord:
        """The record of a region; without barcodes or patches where it chooses nothing there."""
        barcodes: tuple[str, ...] | None = None
        patches: PatchesRecord | None = None
        with suppress(InputError):
            if isinstance(place, Section):
                barcodes = tuple(place.adata.obs_names[region.selector.choose(place)].astype(str))
            elif isinstance(place, ImagePatches):
                patches = _patches(region, place)
        return cls(name=region.name, chosen=_chosen(region.selector, place), barcodes=barcodes, patches=patches)

    def made(self, place: Place) -> Region:
        """The region where it was made.

        Raises
        ------
        MismatchError
            There are not the spots, the unit, or the column; or other spots or patches are chosen than were.
        """
        region = Region(self.name, self._selector(place))
        if self.barcodes is not None and isinstance(place, Section):
            self._check_spots(region, place)
        if self.patches is not None:
            self._check_patches(region, place)
        return region

    def _check_spots(self, region: Region, section: Section) -> None:
        was = set(self.barcodes or ())
        try:
            now = set(section.adata.obs_names[region.selector.choose(section)].astype(str))
        except InputError as error:
            raise MismatchError(
                f"The region {self.name!r} is not on this section", got=str(error), cure="Open the section it is of"
            ) from error
        if now != was:
            raise MismatchError(
                f"The region {self.name!r} is of other spots here",
                got=f"{len(now)} spots, {len(now & was)} of them the same, for {len(was)}",
                cure="Open the section it was made on",
            )

    def _check_patches(self, region: Region, place: Place) -> None:
        now = _patches(region, place) if isinstance(place, ImagePatches) else None
        if self.patches is not None and now != self.patches:
            number = "none" if now is None else f"{now.number:,}"
            raise MismatchError(
                f"The region {self.name!r} is of other patches here",
                got=f"{number} for {self.patches.number:,}",
                cure="Open the slide it was made on, as it was viewed then",
            )

    def _selector(self, place: Place) -> Selector:
        chosen = self.chosen
        if isinstance(chosen, ObsRecord):
            return ObsValue(chosen.column, chosen.value)
        if isinstance(chosen, PolygonRecord | LabelsRecord):
            if chosen.unit != _unit(place):
                raise MismatchError(
                    f"The {'outlines' if chosen.kind == 'polygon' else 'labels'} of {self.name!r} are in other units",
                    got=f"{chosen.unit} for {'a section' if isinstance(place, Section) else 'data'} in {_unit(place)}",
                    cure=f"Open {'the section' if isinstance(place, Section) else 'it'} as it was opened then",
                )
            if isinstance(chosen, LabelsRecord):
                return chosen.made()
            return Polygon(_arrays(chosen.outlines), tuple(_arrays(holes) for holes in chosen.holes))
        names = place.adata.obs_names.astype(str) if isinstance(place, Section) else place.item_names
        indices = names.get_indexer(list(self.barcodes or ()))
        if (indices < 0).any():
            raise MismatchError(
                f"Spots of the region {self.name!r} are not in this section",
                got=f"{int((indices < 0).sum())} of {len(indices)} unknown",
                cure="Open the section they were picked on",
            )
        return PickedSpots(tuple(int(index) for index in indices))


_patches_of: WeakKeyDictionary[ImagePatches, WeakKeyDictionary[Selector, PatchesRecord]] = WeakKeyDictionary()


def _patches(region: Region, canvas: ImagePatches) -> PatchesRecord:
    """Which patches a region chooses; asked once, as autosaving asks again and again."""
    known = _patches_of.setdefault(canvas, WeakKeyDictionary())
    if region.selector not in known:
        chosen = covered_parts(region, canvas) >= HALF
        told = hashlib.sha256(np.packbits(chosen).tobytes()).hexdigest()
        known[region.selector] = PatchesRecord(number=int(chosen.sum()), sha256=told)
    return known[region.selector]


def _unit(place: Place) -> Unit:
    return place.unit if isinstance(place, Section) else place.source.unit


def _chosen(selector: Selector, place: Place) -> PolygonRecord | ObsRecord | PickedRecord | LabelsRecord:
    if isinstance(selector, ObsValue):
        return ObsRecord(kind="obs", column=selector.column, value=selector.value)
    if isinstance(selector, Polygon):
        holes = tuple(_corners(each) for each in selector.holes)
        return PolygonRecord(kind="polygon", unit=_unit(place), outlines=_corners(selector.outlines), holes=holes)
    if isinstance(selector, LabelImage) and not isinstance(place, Section):
        return LabelsRecord.of(selector, _unit(place))
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
