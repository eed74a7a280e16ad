"""Label images of pictures and slides as label maps: parts, cell types, materials."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Int, Shaped
from numpy.typing import NDArray

from conceptstain.canvas.annotations import listed, picture_meant
from conceptstain.canvas.expression import counted
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.images import Images
from conceptstain.canvas.label_image import LabelImage
from conceptstain.canvas.label_maps import Label, LabelMaps
from conceptstain.canvas.painted_annotations import numbers_of, opened_masks
from conceptstain.canvas.slide import Slide
from conceptstain.errors import InputError, MismatchError

__all__ = ["Names", "painted_labels"]

Names: TypeAlias = Mapping[int, str] | Sequence[str]
"""Names by number; or in order, of 0, 1, 2 and so on. 0, and what is called ``""``, is no label."""

MOST_LABELS = 2000  # of Broden there are 1,197; instances that are numbered are no labels

Page = Callable[[int], "Shaped[np.ndarray, '_ _'] | None"]


def painted_labels(
    canvas: ImageSet | ImagePatches,
    masks: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Images | Slide | Any,
    *,
    names: Names | None = None,
    category: str = "part",
    to_world: NDArray[np.floating] | None = None,
    instances: str | None = None,
) -> LabelMaps:
    """What is painted on pictures or on a slide, pixel by pixel.

    Parameters
    ----------
    canvas
        The pictures, or the patches of a slide.
    masks
        Of pictures, label images of the same names: a folder, a pattern, a list of files, images that were opened, or
        one stack of whole numbers, ``(pictures, height, width)``. Of a slide, one label image: an array or a slide.
    names
        What the numbers mean. None: every number that is found is a label of its own, called by it.
    category
        Of all these labels.
    to_world
        Of an array on a slide, where it lies: the affine matrix from its pixels to the world; None: pixel on pixel.
    instances
        All numbers but 0 are things of one kind, called this, such as ``"nucleus"``.

    Returns
    -------
    LabelMaps
        On the canvas's frame; each pixel has the label that is nearest to its centre.

    Raises
    ------
    InputError
        Masks of none of the pictures, of another size than their picture, more than 2,000 labels, or names for none.
        A number without a name is told when it is met.
    """
    notes: tuple[str, ...] = ()
    if isinstance(canvas, ImagePatches):
        page, items, told = _on_slide(canvas, masks, to_world)
    else:
        page, items, told, notes = _on_pictures(canvas, masks)
    labels, number_of = _labels(page, items, names, instances)

    def planes(item: int) -> Int[np.ndarray, "planes rows columns"] | None:
        framed = page(item)
        if framed is None:
            return None
        if instances is not None:
            painted: Int[np.ndarray, "planes rows columns"] = (framed != 0).astype(np.int32)[None]
            return painted
        drawn = np.zeros(framed.shape, dtype=np.int32)
        for number in np.unique(framed).tolist():
            if number not in number_of:
                raise InputError(
                    f"The masks of {told} have a number without a name",
                    got=f"{number} on {canvas.item_names[item]}, for {len(number_of)} names",
                    cure='Name it, or call it "" to leave it out',
                )
            drawn[framed == number] = number_of[number]
        return drawn[None]

    frame = (canvas.shape[-2], canvas.shape[-1])
    named = tuple(Label(name, category) for name in labels)
    return LabelMaps(told, named, frame, items, sources=((planes, 0),), notes=notes)


def _labels(
    page: Page, items: NDArray[np.integer], names: Names | None, instances: str | None
) -> tuple[tuple[str, ...], dict[int, int]]:
    """Names of the labels, and which of them each painted number is, from 1; 0 for none."""
    if instances is not None:
        if names is not None:
            raise InputError("Instances have one name together", got="names=, too", cure="Leave names out")
        return (instances,), {}
    if names is None:
        found = _found(page, items)
        told = tuple(str(number) if number > 0 else f"#{-number:06x}" for number in found)
        return told, {0: 0} | {number: label for label, number in enumerate(found, 1)}
    given = {
        int(number): str(name) for number, name in (names.items() if isinstance(names, Mapping) else enumerate(names))
    }
    given[0] = given.get(0, "") if isinstance(names, Mapping) else ""
    labels = tuple(dict.fromkeys(name for name in given.values() if name))
    if not labels:
        raise InputError("No number has a name", got=repr(names), cure="Name one or more, {1: 'nucleus'}")
    place = {name: label for label, name in enumerate(labels, 1)}
    return labels, {number: place.get(name, 0) for number, name in given.items()}


def _on_pictures(canvas: ImageSet, masks: Any) -> tuple[Page, NDArray[np.integer], str, tuple[str, ...]]:
    pictures = canvas.images
    if hasattr(masks, "ndim") and hasattr(masks, "dtype"):
        stack = np.asarray(masks)
        if stack.ndim != 3 or len(stack) != len(pictures) or stack.dtype.kind not in "biu":
            raise InputError(
                "A stack of labels has a whole number for every pixel of every picture",
                got=f"{stack.dtype} values of shape {stack.shape} for {counted(len(pictures), 'picture')}",
                cure="Give the data of a Labels layer, (pictures, height, width)",
            )
        _check_sizes(canvas, dict.fromkeys(range(len(pictures)), stack.shape[1:]))
        return lambda item: canvas.lay_labels(stack[item], item), np.arange(len(pictures)), "the masks", ()
    opened = masks if isinstance(masks, Images) else opened_masks(masks)
    meant = {picture_meant(name, pictures): number for number, name in enumerate(opened.names)}
    strangers = len(opened) - len(meant) + (None in meant)
    of_item = {item: number for item, number in meant.items() if item is not None}
    if not of_item:
        raise MismatchError(
            f"{opened.name} has no mask of the pictures of {pictures.name}",
            got=f"names such as {opened.names[0]!r} for {pictures.names[0]!r}",
            cure="Name the masks as the pictures are named, with or without ending",
        )
    _check_sizes(canvas, {item: opened.sizes[number] for item, number in of_item.items()})
    notes = list(opened.notes)
    if strangers:
        notes.append(f"{counted(strangers, 'mask')} of {opened.name} belong to no picture, and count for nothing.")
    unsaid = [name for item, name in enumerate(pictures.names) if item not in of_item]
    if unsaid:
        notes.append(f"{counted(len(unsaid), 'picture')} without a mask count for nothing: {listed(unsaid)}.")

    def page(item: int) -> Shaped[np.ndarray, "_ _"] | None:
        number = of_item.get(item)
        return None if number is None else canvas.lay_labels(numbers_of(opened.stored[number].read().pixels), item)

    return page, np.array(sorted(of_item)), opened.name, tuple(notes)


def _check_sizes(canvas: ImageSet, sizes: Mapping[int, tuple[int, ...]]) -> None:
    for item, size in sizes.items():
        if tuple(size) != canvas.images.sizes[item]:
            raise MismatchError(
                f"The mask of {canvas.item_names[item]} has another size than the picture",
                got=f"{' x '.join(map(str, size))} for {' x '.join(map(str, canvas.images.sizes[item]))} pixels",
                cure="Export the masks at the size of the pictures",
            )


def _on_slide(
    canvas: ImagePatches, masks: Any, to_world: NDArray[np.floating] | None
) -> tuple[Page, NDArray[np.integer], str]:
    labels = LabelImage.of(masks, None, to_world)

    def page(item: int) -> Shaped[np.ndarray, "_ _"]:
        return labels.numbers(canvas.to_world(item), size)

    size = (canvas.shape[1], canvas.shape[2])
    told = masks.name if isinstance(masks, Slide) else "the labels"
    return page, np.arange(len(canvas)), told


def _found(page: Page, items: NDArray[np.integer]) -> list[int]:
    """Every number but 0 that is painted somewhere."""
    found: set[int] = set()
    for item in items:
        framed = page(int(item))
        found |= set() if framed is None else set(np.unique(framed).tolist())
        if len(found) > MOST_LABELS:
            raise InputError(
                "These masks have more labels than anyone names",
                got=f"more than {MOST_LABELS:,} numbers",
                cure='Where the numbers tell things of one kind apart, use instances="nucleus"',
            )
    found.discard(0)
    if not found:
        raise InputError("Nothing is painted", got="masks of nothing but 0", cure="Paint a label on some pictures")
    return sorted(found)
