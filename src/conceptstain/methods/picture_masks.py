"""Masks of pictures and patches on the frame that networks see, where maps are held against them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, final

import numpy as np
from jaxtyping import Bool, Float, Shaped
from numpy.typing import NDArray

from conceptstain.canvas.expression import counted, several
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.region import Area, Region
from conceptstain.errors import InputError

__all__ = ["Masks", "PictureMasks", "masks_of", "masks_of_region"]

Masks: TypeAlias = (
    Mapping[str, Shaped[np.ndarray, "_ _"]]  # any axes: pictures differ in size
    | Mapping[int, Shaped[np.ndarray, "_ _"]]
    | Sequence[Shaped[np.ndarray, "_ _"] | None]
    | Shaped[np.ndarray, "_ _ _"]
)
"""One mask for each picture, at the picture's own pixels: what is not 0 is inside."""

HALF = 0.5  # of a pixel of the frame has to lie inside


@final
class PictureMasks:
    """Masks by item, laid on the frame when they are first asked for."""

    def __init__(
        self, canvas: ImageSet | ImagePatches, find: Callable[[int], Shaped[np.ndarray, "height width"] | None]
    ) -> None:
        self._canvas = canvas
        self._find = find
        self._laid: dict[int, Float[np.ndarray, "rows columns"] | None] = {}

    def on_frame(self, item: int) -> Float[np.ndarray, "rows columns"] | None:
        """The part of every pixel of the frame that lies inside; NaN beside the picture. None: it has no mask."""
        if item not in self._laid:
            mask = self._find(item)
            self._laid[item] = None if mask is None else self._canvas.lay(np.asarray(mask) != 0, item)
        return self._laid[item]

    def inside(self, item: int) -> Bool[np.ndarray, "rows columns"]:
        """The pixels of the frame of which half or more lies inside; none where there is no mask."""
        laid = self.on_frame(item)
        return np.zeros(self._canvas.shape[1:], dtype=bool) if laid is None else laid >= HALF

    def can_judge(self, item: int) -> bool:
        """Whether some pixels of the picture lie inside, and some outside."""
        laid = self.on_frame(item)
        if laid is None:
            return False
        inside = laid[np.isfinite(laid)] >= HALF
        return bool(inside.any() and not inside.all())

    def judgeable(self, items: Iterable[int], most: int | None = None) -> NDArray[np.integer]:
        """Those of the items that can be judged, in their order; the first so many."""
        found: list[int] = []
        for item in items:
            if most is not None and len(found) == most:
                break
            if self.can_judge(int(item)):
                found.append(int(item))
        return np.array(found, dtype=int)


def masks_of(canvas: ImageSet | ImagePatches, masks: Masks, items: NDArray[np.integer] | None = None) -> PictureMasks:
    """Masks that were handed over: by name or index, or as many as there are items.

    Parameters
    ----------
    canvas
        The pictures or patches.
    masks
        By name or index; or in the order of ``items``, or of the canvas.
    items
        What is asked about.

    Raises
    ------
    InputError
        Another number of masks than of items, or a name that the canvas does not have.
    """
    if isinstance(masks, Mapping):
        by_index = {canvas.item(key) if isinstance(key, str) else int(key): mask for key, mask in masks.items()}
        return PictureMasks(canvas, by_index.get)
    order = items if items is not None and len(masks) == len(items) else np.arange(len(canvas))
    if len(masks) != len(order):
        raise InputError(
            f"There has to be one mask for each {canvas.noun}",
            got=f"{counted(len(masks), 'mask')} for {counted(len(canvas), canvas.noun)}",
            cure="Give them by name, {name: mask}, or as many as there are (None for those without)",
        )
    in_order = {int(item): mask for item, mask in zip(order, masks, strict=True)}
    return PictureMasks(canvas, in_order.get)


def masks_of_region(canvas: ImageSet | ImagePatches, region: Region) -> PictureMasks:
    """What a region covers of each patch, pixel by pixel.

    Raises
    ------
    InputError
        Pictures, which lie nowhere in the world, or a region that was not drawn or painted.
    """
    area = region.selector
    if not isinstance(canvas, ImagePatches) or not isinstance(area, Area):
        raise InputError(
            f"The region {region.name!r} covers nothing of these {several(canvas.noun)}",
            got=str(area),
            cure="Give masks of pictures (masks=); of a slide, a region that was drawn or painted",
        )
    size = canvas.shape[1:]
    return PictureMasks(canvas, lambda item: area.covers(canvas.to_world(item), (size[0], size[1])))
