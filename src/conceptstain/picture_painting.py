"""Maps on pictures: values at the pixels of the pictures they belong to, ready to be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float

from conceptstain import colours
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.score_raster import ScoreRaster
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.display import Display, over_channels
from conceptstain.painting import map_label

__all__ = ["PicturePainting", "patch_painting", "picture_label", "picture_painting"]


@final
@dataclass(frozen=True, eq=False)
class PicturePainting:
    """Values at the pixels of pictures.

    Attributes
    ----------
    title
        Name for a layer or a panel.
    label
        What the values are, for a colour bar.
    maps
        For each picture that has a map, by its index, values ``(height, width)`` at its own pixels; NaN where the frame
        did not show it.
    signed
        Whether 0 is the middle or the bottom of the colours.
    chosen_limits
        Values at the ends of the colours, where someone chose them.
    """

    title: str
    label: str
    maps: Mapping[int, Float[np.ndarray, "height width"]]
    signed: bool
    chosen_limits: colours.Limits | None = None

    @cached_property
    def limits(self) -> colours.Limits:
        """Values at the ends of the colours: one pair for all pictures, so that they can be compared."""
        values = np.concatenate([each.ravel() for each in self.maps.values()])
        return self.chosen_limits or colours.limits(values, signed=self.signed)


def picture_label(thing: Attribution, canvas: ImageSet | ImagePatches, display: Display | None = None) -> str:
    """What the values of a map are as it is shown, for a colour bar."""
    words = (display or Display()).suited(thing).words
    return map_label(thing, canvas.scaling) + (f", {words}" if words else "")


def picture_painting(thing: Attribution, canvas: ImageSet, display: Display | None = None) -> PicturePainting:
    """Values of a map at the pixels of the pictures that it was asked at.

    A single map that is about no picture, such as a decoded concept, is laid on all of them where they have one size.

    Raises
    ------
    MismatchError
        The map was made for other pictures.
    InputError
        A single map, and pictures of several sizes.
    """
    _check(thing, canvas)
    values, signed = over_channels(thing, display)
    if thing.items:
        placed = {item: canvas.place(each, item) for item, each in zip(thing.items, values, strict=True)}
    else:
        everywhere = canvas.place(values[0])
        placed = dict.fromkeys(range(len(canvas)), everywhere)
    return PicturePainting(thing.title, picture_label(thing, canvas, display), placed, signed, thing.colour_limits)


def patch_painting(thing: Attribution, canvas: ImagePatches, display: Display | None = None) -> ScoreRaster:
    """Values of a map of patches as one raster, where patches overlap their weighted mean.

    Raises
    ------
    MismatchError
        The map was made for other patches.
    InputError
        A single map that is about no patch.
    """
    _check(thing, canvas)
    if not thing.items:
        raise InputError(
            "This map belongs to no patch of the slide", got=thing.title, cure="Show a map that is asked at patches"
        )
    values, signed = over_channels(thing, display)
    made = canvas.stitch(values, thing.items)
    return ScoreRaster(made.values, made.to_world, made.unit, thing.title, signed, thing.colour_limits)


def _check(thing: object, canvas: ImageSet | ImagePatches) -> None:
    if not isinstance(thing, Attribution):
        raise InputError(
            "Pictures are painted by maps",
            got=f"a {type(thing).__name__}",
            cure="Give a map; scores of patches are painted by canvas.paint(scores)",
        )
    beyond = [item for item in thing.items if not 0 <= item < len(canvas)]
    if thing.values.ndim != 4 or tuple(thing.values.shape[1:]) != canvas.shape or beyond:
        raise MismatchError(
            f"{thing.title!r} was made for other pictures",
            got=f"maps of {tuple(thing.values.shape[1:])} for pictures of {canvas.shape}",
            cure="Show it with the canvas it was made with",
        )
