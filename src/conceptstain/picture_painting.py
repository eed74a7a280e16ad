"""Maps on pictures: values at the pixels of the pictures they belong to, ready to be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from conceptstain import colours
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.score_raster import ScoreRaster
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.attribution import Attribution
from conceptstain.painting import map_label

__all__ = [
    "PAPER",
    "Display",
    "PicturePainting",
    "over_channels",
    "patch_painting",
    "picture_label",
    "picture_painting",
]

SMOOTH = 0.03  # of the width: what found parts of faces best, see docs/attribution-methods.md
# Maps made of gradients: their sign changes from pixel to pixel and from colour to colour.
GRADIENTS = frozenset(
    {"gradient saliency", "input x gradient", "guided backpropagation", "deconvolution", "rectified saliency"}
    | {"integrated gradients", "SmoothGrad", "DeepLift", "LRP-epsilon"}
)
ONE_FOR_ALL_CHANNELS = frozenset({"attention", "Grad-CAM", "occlusion"})


@final
@dataclass(frozen=True)
class Display:
    """How the values of a map become one value per pixel of a picture. What was computed stays as it is.

    Attributes
    ----------
    absolute
        Add the magnitudes of the channels (True), or the values with their signs (False). None: what suits the map;
        magnitudes for maps made of gradients, whose plain sum finds parts of pictures no better than chance.
    smooth
        Standard deviation of a Gaussian over each map, as a part of its width. None: what suits the map; 3 % for maps
        made of gradients, else 0.
    cut
        Two percentiles of each map, beyond which values are cut off; where the lower one is above 0, what is below it
        becomes 0. None: nothing is cut. Figures of the paper use 0.5 and 99.5.

    Raises
    ------
    InputError
        ``smooth`` below 0 or above 1, or percentiles that are not in order within 0..100.
    """

    absolute: bool | None = None
    smooth: float | None = None
    cut: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.smooth is not None and not 0 <= self.smooth <= 1:
            raise InputError("Smoothing is a part of the width", got=f"{self.smooth:g}", cure="Use 0 for none, or 0.03")
        if self.cut is not None and not 0 <= self.cut[0] < self.cut[1] <= 100:
            raise InputError(
                "Percentiles lie in order within 0 and 100", got=f"{self.cut}", cure="The paper uses 0.5 and 99.5"
            )

    def suited(self, thing: Attribution) -> Display:
        """The same with nothing left open."""
        made_of_gradients = thing.method in GRADIENTS
        if self.absolute is not None:
            absolute = self.absolute
        elif thing.method in ONE_FOR_ALL_CHANNELS:
            absolute = False
        else:
            absolute = made_of_gradients or thing.values.shape[1] > 1
        smooth = self.smooth if self.smooth is not None else SMOOTH * made_of_gradients
        return Display(absolute, smooth, self.cut)

    @property
    def words(self) -> str:
        """What was done, for a label; empty where nothing was."""
        told = ["magnitudes summed over channels"] if self.absolute else []
        told += [f"smoothed by {self.smooth:.2g} of the width"] if self.smooth else []
        told += [] if self.cut is None else [f"cut at percentiles {self.cut[0]:g} and {self.cut[1]:g}"]
        return ", ".join(told)


PAPER = Display(absolute=False, smooth=0.0, cut=(0.5, 99.5))
"""As the figures of Concept Saliency Maps (Brocki & Chung 2019) were made: their ``preprocess``."""


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


def over_channels(
    thing: Attribution, display: Display | None = None
) -> tuple[Float[np.ndarray, "maps height width"], bool]:
    """One value per pixel, and whether it is signed; with ``display`` as it suits the map unless it is told.

    Of colours the magnitudes are added: a gradient may rise in red and fall in blue, and its plain sum over the
    channels would hide that.
    """
    asked = (display or Display()).suited(thing)
    values = thing.values[:, :1] if thing.method in ONE_FOR_ALL_CHANNELS else thing.values
    made = (np.abs(values) if asked.absolute else values).sum(axis=1)
    if asked.smooth:
        sigma = asked.smooth * made.shape[-1]
        made = gaussian_filter(made, (0, sigma, sigma), mode="nearest")
    if asked.cut is not None:
        made = np.asarray([_cut(each, *asked.cut) for each in made])
    return made.astype(np.float32, copy=False), thing.signed and not asked.absolute


def _cut(values: Float[np.ndarray, "height width"], low: float, high: float) -> Float[np.ndarray, "height width"]:
    """``preprocess`` of the released code, of one map: nothing is brought to 0..1."""
    least, most = np.percentile(values, (low, high))
    made = np.clip(values, least, most)
    return np.where((values < least) & (least > 0), 0.0, made)


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
    """Values of a map of patches as one raster, where patches overlap their mean.

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
