"""How maps of pictures are shown: one value per pixel of what was computed for every channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from conceptstain.errors import InputError
from conceptstain.methods.attribution import Attribution

__all__ = ["PAPER", "Display", "over_channels"]

SMOOTH = 0.03  # of the width: what found parts of faces best, see docs/attribution-methods.md
# Maps made of gradients: their sign changes from pixel to pixel and from colour to colour.
GRADIENTS = frozenset(
    {"gradient saliency", "input x gradient", "guided backpropagation", "deconvolution", "rectified saliency"}
    | {"integrated gradients", "SmoothGrad", "DeepLift", "LRP-epsilon"}
)
ONE_FOR_ALL_CHANNELS = frozenset(
    {"attention", "activation", "Grad-CAM", "occlusion", "gradient by regions", "deviation"}
)


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

    def reduced(self, values: Float[np.ndarray, "maps channels h w"]) -> Float[np.ndarray, "maps h w"]:
        """One value per pixel, float32; what is left open is taken as not asked for."""
        made = (np.abs(values) if self.absolute else values).sum(axis=1)
        if self.smooth:
            sigma = self.smooth * made.shape[-1]
            made = gaussian_filter(made, (0, sigma, sigma), mode="nearest")
        if self.cut is not None:
            made = np.asarray([_cut(each, *self.cut) for each in made])
        return np.asarray(made, dtype=np.float32)

    @property
    def words(self) -> str:
        """What was done, for a label; empty where nothing was."""
        told = ["magnitudes summed over channels"] if self.absolute else []
        told += [f"smoothed by {self.smooth:.2g} of the width"] if self.smooth else []
        told += [] if self.cut is None else [f"cut at percentiles {self.cut[0]:g} and {self.cut[1]:g}"]
        return ", ".join(told)


PAPER = Display(absolute=False, smooth=0.0, cut=(0.5, 99.5))
"""As the figures of Concept Saliency Maps (Brocki & Chung 2019) were made: their ``preprocess``."""


def over_channels(
    thing: Attribution, display: Display | None = None
) -> tuple[Float[np.ndarray, "maps height width"], bool]:
    """One value per pixel, and whether it is signed; with ``display`` as it suits the map unless it is told.

    Of colours the magnitudes are added: a gradient may rise in red and fall in blue, and its plain sum over the
    channels would hide that.
    """
    asked = (display or Display()).suited(thing)
    values = thing.values[:, :1] if thing.method in ONE_FOR_ALL_CHANNELS else thing.values
    return asked.reduced(values), thing.signed and not asked.absolute


def _cut(values: Float[np.ndarray, "height width"], low: float, high: float) -> Float[np.ndarray, "height width"]:
    """``preprocess`` of the released code, of one map: nothing is brought to 0..1."""
    least, most = np.percentile(values, (low, high))
    made = np.clip(values, least, most)
    return np.where((values < least) & (least > 0), 0.0, made)
