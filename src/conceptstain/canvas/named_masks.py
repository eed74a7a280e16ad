"""Masks of pictures, found by name: what is painted on each, at the picture's own pixels."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from jaxtyping import Bool

from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.images import Images
from conceptstain.canvas.opening import open_source
from conceptstain.errors import InputError

__all__ = ["NamedMasks", "named_masks"]

ENDINGS = ("", "_mask")  # of a mask's name, behind that of its picture


@final
@dataclass(frozen=True, eq=False)
class NamedMasks:
    """What is painted on pictures. Make it with :func:`named_masks`.

    Attributes
    ----------
    images
        The pictures.
    masks
        The masks.
    mask_of
        Index of the mask of each picture that has one.
    above
        What is brighter is painted.
    """

    images: Images
    masks: Images
    mask_of: dict[int, int]
    above: float

    def __len__(self) -> int:
        return len(self.mask_of)

    def at(self, item: int) -> Bool[np.ndarray, "height width"] | None:
        """Where a picture is painted; None where it has no mask.

        Raises
        ------
        ReadingError
            The file is gone or was changed since.
        """
        if item not in self.mask_of:
            return None
        raw = self.masks.raw(self.mask_of[item])
        return np.asarray((raw.max(axis=-1) if raw.ndim == 3 else raw) > self.above)


def named_masks(
    images: Images | ImageSet,
    masks: str | os.PathLike[str] | Images | Any,
    *,
    above: float = 0.0,
) -> NamedMasks:
    """Masks that are called as the pictures are, with or without their ending, or with ``_mask`` behind it.

    A picture without a mask has nothing painted on it. Every mask has to be of a picture, of its size.

    Parameters
    ----------
    images
        The pictures.
    masks
        A folder, a pattern, a list of files, or images that were opened.
    above
        What is brighter is painted; 127 for masks of 0 and 255 that were stored with losses.

    Raises
    ------
    InputError
        A mask of no picture, of several, or of another size; no mask.
    ReadingError
        No mask can be read.
    """
    pictures = images.images if isinstance(images, ImageSet) else images
    opened = masks if isinstance(masks, Images) else open_source(masks, as_="images")
    called: dict[str, int] = {}
    for number, name in enumerate(opened.names):
        called[name] = number
        called.setdefault(name.rpartition(".")[0] or name, number)
    mask_of: dict[int, int] = {}
    for item, name in enumerate(pictures.names):
        bare = name.rpartition(".")[0] or name
        found = [called[each] for each in (name, *(bare + ending for ending in ENDINGS)) if each in called]
        if found:
            mask_of[item] = found[0]
    left = sorted(set(range(len(opened))) - set(mask_of.values()))
    if left or not mask_of:
        names = ", ".join(opened.names[number] for number in left[:3])
        raise InputError(
            f"Masks are called as the pictures of {pictures.name} are",
            got=f"{names}{' and others' if len(left) > 3 else ''}, which no picture is called" if left else "no mask",
            cure=f"Call the mask of {pictures.names[0]} by its name, or put _mask behind it",
        )
    pictures_of: dict[int, list[int]] = {}
    for item, number in mask_of.items():
        pictures_of.setdefault(number, []).append(item)
    for number, items in pictures_of.items():
        if len(items) > 1:
            raise InputError(
                f"The mask {opened.names[number]} is of more than one picture",
                got=" and ".join(pictures.names[item] for item in items[:2]),
                cure="Call every mask as its picture is, with the ending",
            )
    for item, number in mask_of.items():
        size, wanted = opened.stored[number].size, pictures.stored[item].size
        if size != wanted:
            raise InputError(
                f"The mask {opened.names[number]} is not of the picture {pictures.names[item]}",
                got="{} x {} for {} x {} pixels".format(*size, *wanted),
                cure="Give masks of the pictures' own pixels",
            )
    return NamedMasks(pictures, opened, mask_of, above)
