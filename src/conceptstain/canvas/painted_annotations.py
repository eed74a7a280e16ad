"""Attributes of pictures from what is painted on them: masks and label images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Shaped

from conceptstain.canvas.annotations import Annotations
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.images import Images
from conceptstain.canvas.opening import open_source
from conceptstain.errors import InputError

__all__ = ["numbers_of", "opened_masks", "pages_of", "painted_annotations"]

MOST_LABELS = 255

Pages = Iterator[tuple[str, Shaped[np.ndarray, "height width"]]]


def painted_annotations(
    images: Images | ImageSet,
    masks: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Images | Any,
    *,
    least_pixels: int = 1,
    least_part: float = 0.0,
    above: float | None = None,
    names: Mapping[int, str] | None = None,
) -> Annotations:
    """Which pictures each label is painted on, as attributes called by the label's number.

    A picture has a label where at least ``least_pixels`` and ``least_part`` of its mask have it. It does not have it
    where none has; in between, it counts for neither side.

    Parameters
    ----------
    images
        The pictures.
    masks
        Masks of the same names: a folder, a pattern, a list of files, or images that were opened. Or one stack of whole
        numbers, ``(pictures, height, width)``, such as the data of a Labels layer that was painted on the pictures.
        0 is no label; colours, where a mask has them, are labels called ``"#rrggbb"``.
    least_pixels, least_part
        Pixels, and part of the mask, that have to be painted.
    above
        All that is brighter is one label, ``"1"``: for masks that were stored with losses.
    names
        What labels are called, by number.

    Raises
    ------
    InputError
        A stack of other pictures, more than 255 labels, or masks of none of the pictures.
    ReadingError
        No mask can be read.
    """
    pictures = images.images if isinstance(images, ImageSet) else images
    if least_pixels < 1 or not 0 <= least_part <= 1:
        raise InputError(
            "A label is painted on a picture by one pixel or more",
            got=f"least_pixels={least_pixels}, least_part={least_part:g}",
            cure="Use 1 or more pixels, and a part from 0 to 1",
        )
    stacked = hasattr(masks, "ndim") and hasattr(masks, "dtype")
    opened = None if stacked else masks if isinstance(masks, Images) else opened_masks(masks)
    pages = _pages_of_files(opened) if opened is not None else _pages_of_stack(pictures, masks)
    rows: dict[str, list[dict[str, int]]] = {}
    sizes: dict[str, int] = {}
    labels: set[str] = set()
    for name, page in pages:
        counts = _counts(page, above, names or {})
        labels |= counts.keys()
        if len(labels) > MOST_LABELS:
            raise InputError(
                "These masks have more labels than anyone paints",
                got=f"more than {MOST_LABELS}",
                cure="Give label images, or above=127 for masks that were stored with losses",
            )
        rows.setdefault(name, []).append(counts)
        sizes[name] = page.size
    if not labels:
        raise InputError("Nothing is painted", got="masks of nothing but 0", cure="Paint a label on some pictures")
    index = [name for name, each in rows.items() for _ in each]
    table = pd.DataFrame(index=pd.Index(index, name="picture"))
    for label in sorted(labels, key=lambda label: (len(label), label)):
        pixels = np.array([counts.get(label, 0) for each in rows.values() for counts in each])
        parts = pixels / np.array([sizes[name] for name in index])
        said = pd.array(pixels > 0, dtype="boolean")
        said[(pixels > 0) & ((pixels < least_pixels) | (parts < least_part))] = pd.NA
        table[label] = said
    notes = () if opened is None else (*opened.notes,)
    return Annotations("the masks" if opened is None else opened.name, table, notes).of(pictures)


def opened_masks(masks: Any) -> Images:
    """Masks as images; one file alone is one mask, not a slide, and a folder of nothing no unknown format."""
    plain = isinstance(masks, str | os.PathLike) and (Path(masks).is_file() or _is_empty(Path(masks)))
    found = open_source(masks, as_="images") if plain else open_source(masks)
    if not isinstance(found, Images):
        raise InputError(
            "Masks are images of the same names as the pictures",
            got=f"a {type(found).__name__.lower()}",
            cure="Give a folder of masks, or their stack",
        )
    return found


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _pages_of_files(masks: Images) -> Pages:
    for number, name in enumerate(masks.names):
        raw = masks.stored[number].read().pixels
        yield name, numbers_of(raw)


def _pages_of_stack(images: Images, stack: Any) -> Pages:
    """Pages of a stack that lies on the pictures, as it is shown: each at its place among all that were opened."""
    if stack.ndim != 3 or np.dtype(stack.dtype).kind not in "biu":
        raise InputError(
            "A stack of labels has a whole number for every pixel of every picture",
            got=f"{stack.dtype} values of shape {tuple(stack.shape)}",
            cure="Give the data of a Labels layer, (pictures, height, width)",
        )
    for stored, position in zip(images.stored, pages_of(images, stack.shape[0]), strict=True):
        height, width = stored.size  # beside a picture that is smaller than others, nothing of it can be painted
        yield stored.name, np.asarray(stack[position])[:height, :width]


def pages_of(images: Images, n_pages: int) -> list[int]:
    """Which page of a stack of labels is of which picture: its own, or that of all that were opened.

    Raises
    ------
    InputError
        There are too few pages.
    """
    positions = [each.position for each in images.stored]
    if n_pages == len(images):
        return list(range(len(images)))
    if n_pages <= positions[-1]:
        raise InputError(
            "The labels are not of these pictures",
            got=f"{n_pages:,} pages for {len(images):,} pictures",
            cure="Paint on the pictures as they are shown",
        )
    return positions


def numbers_of(raw: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "height width"]:
    """A mask as numbers: of colours, one for each; of colours that are all grey, their brightness."""
    if raw.ndim == 2:
        return raw
    if (raw == raw[..., :1]).all():
        return np.asarray(raw[..., 0])
    red, green, blue = np.moveaxis(raw.astype(np.int64), -1, 0)
    return np.asarray(-((red << 16) | (green << 8) | blue))  # negative, so that no label has that number


def _counts(page: Shaped[np.ndarray, "height width"], above: float | None, names: Mapping[int, str]) -> dict[str, int]:
    """Pixels of every label but 0."""
    if above is not None:
        page = np.asarray(page > above)
    elif page.dtype.kind == "f":
        raise InputError(
            "Labels are whole numbers", got=f"{page.dtype} values", cure="Give above=0.5, or export label images"
        )
    values, counts = np.unique(page, return_counts=True)
    return {
        names.get(int(value), f"#{-int(value):06x}" if value < 0 else f"{int(value)}"): int(count)
        for value, count in zip(values, counts, strict=True)
        if value != 0
    }
