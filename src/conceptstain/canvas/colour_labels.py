"""The colours of a picture as labels: which of eleven basic colours each pixel is nearest to."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from skimage.color import rgb2lab

from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.label_maps import Label, LabelMaps
from conceptstain.errors import InputError

__all__ = ["BASIC_COLOURS", "colour_labels"]

# The eleven basic colour terms (Berlin & Kay 1969), each by one example of sRGB. Broden names pixels by a table that
# was learned from photographs (van de Weijer et al. 2009); this is ours, and needs no table.
BASIC_COLOURS = {
    "black": (0, 0, 0),
    "blue": (0, 0, 255),
    "brown": (139, 69, 19),
    "grey": (128, 128, 128),
    "green": (0, 160, 0),
    "orange": (255, 140, 0),
    "pink": (255, 160, 190),
    "purple": (128, 0, 160),
    "red": (220, 0, 0),
    "white": (255, 255, 255),
    "yellow": (255, 230, 0),
}


def colour_labels(canvas: ImageSet | ImagePatches) -> LabelMaps:
    """Which basic colour each pixel has: of the eleven, the nearest in CIELAB. Computed from what the network sees.

    Parameters
    ----------
    canvas
        Pictures or patches with colours.

    Raises
    ------
    InputError
        Grey pictures.
    """
    if canvas.shape[0] != 3:
        raise InputError("Grey pictures have no colours", got=f"{canvas.shape[0]} channel", cure="Use other labels")
    examples = rgb2lab(np.array(list(BASIC_COLOURS.values()))[None] / 255)[0]

    def planes(item: int) -> Int[np.ndarray, "planes rows columns"]:
        lab: Float[np.ndarray, "rows columns 3"] = rgb2lab(np.moveaxis(canvas.inputs([item])[0], 0, -1))
        distances = ((lab[:, :, None] - examples) ** 2).sum(axis=-1)
        return np.where(canvas.shown(item), 1 + distances.argmin(axis=-1), 0).astype(np.int32)[None]

    labels = tuple(Label(name, "colour") for name in BASIC_COLOURS)
    frame = (canvas.shape[1], canvas.shape[2])
    return LabelMaps("colours", labels, frame, np.arange(len(canvas)), sources=((planes, 0),))
