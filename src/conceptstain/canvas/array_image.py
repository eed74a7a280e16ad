"""The image of a Spatial Transcriptomics array: found by its published name, placed by its alignment or frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float

from conceptstain.canvas.section import TissueImage
from conceptstain.canvas.tissue_image import check_placing, read_image
from conceptstain.errors import InputError, ReadingError

__all__ = ["Companions", "place_on_array", "published_companions", "read_alignment"]

# The array's frame: positions 1..33 by 1..35 (x by y), and images are published cropped to it.
COLUMNS, ROWS = 32, 34
IMAGES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
SNAP = 0.1  # how far the width of an image may be off a whole fraction of the full size


@final
@dataclass(frozen=True)
class Companions:
    """What the published files beside a count matrix are called, where they are there."""

    name: str
    image: Path | None = None
    alignment: Path | None = None


def published_companions(path: Path) -> Companions:
    """Look beside ``Rep1_MOB_count_matrix-1.tsv.gz`` for ``HE_Rep1.jpg`` and ``Rep1_MOB_transformation.txt``.

    Names are compared without regard to case; the section is called by the part before the first ``_``.
    """
    bare = path.name.removesuffix(".gz").removesuffix(".tsv")
    stem, published, _ = bare.partition("_count_matrix")
    replicate = bare.split("_")[0]
    beside = {found.name.lower(): found for found in sorted(path.parent.iterdir()) if found.is_file()}
    images = [f"he_{part}{extension}".lower() for part in (replicate, stem) for extension in IMAGES]
    return Companions(
        name=replicate if published or "_count" in bare else bare,
        image=next((beside[name] for name in images if name in beside), None),
        alignment=beside.get(f"{stem}_transformation.txt".lower()),
    )


def place_on_array(
    path: Path,
    alignment: Path | None,
    image_scale: float | None,
    spots: Float[np.ndarray, "spots 2"],
    *,
    pitch: float,
) -> tuple[TissueImage, tuple[str, ...]]:
    """Read an image and place it under the spots of the array.

    Parameters
    ----------
    path
        The image.
    alignment
        Nine numbers, a matrix for row vectors ``[x, y, 1]`` onto the full-size image; None: the image is cropped to the
        array, so that position ``(x, y)`` lies ``(x - 1) / 32`` of its width and ``(y - 1) / 34`` of its height in.
    image_scale
        Size of the image relative to the full size; None: from its width, as the nearest 1, 1/2, 1/3, ...
    spots
        World coordinates ``(y, x)``, to check the placing with.
    pitch
        World units between neighbouring array positions.

    Raises
    ------
    ReadingError
        The image or the alignment cannot be read, or they do not go together.
    """
    picture = read_image(path)
    height, width = picture.size
    if alignment is None:
        if image_scale is not None:
            raise InputError(
                "The scale of an image says nothing without an alignment file",
                got=f"image_scale={image_scale}",
                cure="Give the alignment file too, or neither of them",
            )
        from_position = np.diag([ROWS * pitch / height, COLUMNS * pitch / width, 1.0])
        told = f"Without an alignment file, {path.name} is taken as cropped to the array of 33 x 35 spots."
    else:
        onto_full = read_alignment(alignment)
        scale = image_scale if image_scale is not None else _scale(onto_full, width, alignment, path)
        from_position = _from_position(onto_full * np.array([scale, scale, 1.0]), pitch)
        told = f"{path.name} is placed by {alignment.name}, at {_in_words(scale)} of the full size."
    tissue = picture.placed(from_position)
    cure = "Check that the image and the alignment are of this section" if alignment else "Give the alignment file"
    return tissue, (*picture.notes, told, *check_placing(tissue, spots, path.name, cure))


def read_alignment(path: Path) -> Float[np.ndarray, "3 3"]:
    """Read nine numbers as the matrix for row vectors ``[x, y, 1]``.

    Raises
    ------
    ReadingError
        Missing, not nine numbers, or no affine map of that form.
    """
    if not path.is_file():
        raise ReadingError(f"There is no alignment file {path.name}", got=str(path), cure="Check the path")
    words = path.read_text(encoding="utf-8", errors="replace").replace(",", " ").split()
    try:
        numbers = np.array([float(word) for word in words])
    except ValueError:
        numbers = np.array([])
    if numbers.size != 9 or not np.isfinite(numbers).all():
        raise ReadingError(
            f"{path.name} is not an alignment file",
            got=f"{len(words)} words, {numbers.size} of them numbers" if words else "an empty file",
            cure="Give a text file of nine numbers, separated by spaces",
        )
    matrix = numbers.reshape(3, 3)
    if not np.allclose(matrix[:, 2], [0, 0, 1]) or abs(np.linalg.det(matrix)) < 1e-9:
        raise ReadingError(
            f"The numbers of {path.name} do not place an image",
            got=f"a third column of {', '.join(f'{value:g}' for value in matrix[:, 2])}",
            cure="Give the matrix for row vectors [x, y, 1], whose third column is 0, 0, 1",
        )
    return matrix


def _scale(onto_full: Float[np.ndarray, "3 3"], width: int, alignment: Path, image: Path) -> float:
    """The whole fraction of the full size at which an image cropped to the array has this width."""
    full_width = float(np.hypot(*onto_full[0, :2])) * COLUMNS
    parts = round(full_width / width)
    if parts < 1 or abs(full_width / width / parts - 1) > SNAP:
        raise ReadingError(
            f"The scale of {image.name} cannot be told from {alignment.name}",
            got=f"an image {width} pixels wide for an array {full_width:.0f} pixels wide at full size",
            cure="Say how large the image is relative to the full size with image_scale=, such as 0.2",
        )
    return 1 / parts


def _from_position(onto_image: Float[np.ndarray, "3 3"], pitch: float) -> Float[np.ndarray, "3 3"]:
    """From positions ``(y, x, 1)`` on the image to the world, given row vectors ``[x, y, 1]`` of the array onto it."""
    swapped = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    to_array = swapped @ np.linalg.inv(onto_image).T @ swapped
    to_world = np.array([[pitch, 0.0, -pitch], [0.0, pitch, -pitch], [0.0, 0.0, 1.0]])
    return np.asarray(to_world @ to_array)


def _in_words(scale: float) -> str:
    return f"1/{round(1 / scale)}" if np.isclose(1 / scale, round(1 / scale)) else f"{scale:g}"
