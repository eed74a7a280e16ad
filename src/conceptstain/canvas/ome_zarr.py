"""Slides in OME-Zarr 0.4 (zarr 2) and 0.5 (zarr 3), with what is told of axes and scale."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from conceptstain.canvas.slide import Level
from conceptstain.canvas.slide_found import Found, refuse_piece
from conceptstain.canvas.slide_scale import size_in_ome_zarr
from conceptstain.canvas.untrusted import foreign_reader
from conceptstain.errors import ReadingError

__all__ = ["holds_slide", "levels_of_ome_zarr"]


def holds_slide(path: Path) -> bool:
    """Whether a folder is OME-Zarr, by what it says of itself; it is not opened."""
    for name in ("zarr.json", ".zattrs"):
        with suppress(OSError, ValueError):
            content = json.loads((path / name).read_text(encoding="utf-8"))
            attributes = content.get("attributes", content) if isinstance(content, dict) else {}
            if {"multiscales", "bioformats2raw.layout", "plate"} & {*attributes, *attributes.get("ome", {})}:
                return True
    return False


def levels_of_ome_zarr(path: Path) -> Found:
    """The first image of an OME-Zarr folder with its pyramid.

    Raises
    ------
    ReadingError
        A plate, no image, or metadata that contradict the arrays.
    """
    import zarr

    notes: list[str] = []
    with foreign_reader(path.name, "OME-Zarr", "Write it again, as OME-Zarr 0.4 or 0.5"):
        group: Any = zarr.open_group(path, mode="r")
        told = _ome(group)
        if "bioformats2raw.layout" in told and "multiscales" not in told:
            notes.append("It may hold several images, of which the first is shown.")
            group = group["0"]
            told = _ome(group)
        if "multiscales" not in told:
            raise ReadingError(
                f"{path.name} is no single image",
                got="a plate" if "plate" in told else "a zarr group without multiscales",
                cure="Give the folder of one of its images",
            )
        multiscale = told["multiscales"][0]
        arrays = [group[str(dataset["path"])] for dataset in multiscale["datasets"]]
        axes = _ome_axes(multiscale, arrays[0].ndim)
        levels = [Level(array, axes) for array in arrays]
        for array in arrays:
            refuse_piece(array.chunks, array.dtype, path.name)
        scale = size_in_ome_zarr(multiscale, axes)
    return Found(levels, scale, tuple(notes))


def _ome(group: Any) -> dict[str, Any]:
    attributes = dict(group.attrs)
    return {**attributes, **attributes.get("ome", {})}


def _ome_axes(multiscale: dict[str, Any], ndim: int) -> str:
    axes = multiscale.get("axes") or list("tczyx"[-ndim:] if ndim <= 5 else "")
    letters = "".join(str(axis["name"] if isinstance(axis, dict) else axis).upper()[:1] for axis in axes)
    if len(letters) != ndim or "Y" not in letters or "X" not in letters:
        raise ReadingError(
            "The axes of the image contradict it", got=f"{letters!r} for {ndim} axes", cure="Write the image again"
        )
    return letters
