"""Layers of pictures and slides, read only where they are looked at, and of the maps that belong on them."""

from __future__ import annotations

from typing import Any

import dask
import dask.array as da
import numpy as np
from jaxtyping import Float

from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.images import Images
from conceptstain.canvas.pixel_values import unit_values
from conceptstain.canvas.score_raster import ScoreRaster
from conceptstain.canvas.slide import Level, Slide
from conceptstain.colours import colormap, limits
from conceptstain.errors import InputError
from conceptstain.layer_words import LayerTuple, shared_words
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.display import Display
from conceptstain.methods.item_score import ItemScore
from conceptstain.picture_painting import patch_painting, picture_painting

__all__ = ["picture_map_layer", "raster_layer", "slide_layer", "stack_layer"]

OPACITY = 0.7  # of a map on its picture
PIECE = 1024  # pixels along a side of what is read at once, where a slide has no tiles


def stack_layer(images: Images) -> LayerTuple:
    """Pictures as one stack, each read when it is looked at.

    Pictures lie at their place among all that were opened, those left out are blank. Where sizes differ, upper left
    corners lie on each other, and the rest of the largest size is blank.
    """
    height, width = np.max(images.sizes, axis=0).tolist()
    coloured = images.channels == 3
    whole = all(each.kind == "8-bit" for each in images.stored)
    shape, dtype = (height, width, *([3] if coloured else [])), np.dtype(np.uint8 if whole else np.float32)
    pages = [da.zeros(shape, dtype=dtype, chunks=shape)] * (images.stored[-1].position + 1)
    for index, stored in enumerate(images.stored):
        page = dask.delayed(_page)(images, index, shape, dtype)
        pages[stored.position] = da.from_delayed(page, shape, dtype)
    settings = {
        "name": images.name,
        "rgb": coloured,
        "affine": _stacked(images),
        **shared_words(images.unit, images, stacked=images.axis.unit),
    }
    if not coloured:
        settings["contrast_limits"] = (0, 255) if whole else (0.0, 1.0)
    return da.stack(pages), settings, "image"


def slide_layer(slide: Slide) -> LayerTuple:
    """A slide as its pyramid, of which napari reads what it shows."""
    levels = [_lazy(slide, level) for level in slide.levels]
    settings = {
        "name": slide.name,
        "rgb": slide.channels == 3,
        "multiscale": len(levels) > 1,
        "affine": slide.to_world,
        **shared_words(slide.unit, slide),
    }
    if slide.channels == 1:
        settings["contrast_limits"] = (0, 255) if levels[0].dtype == np.uint8 else (0.0, 1.0)
    return (levels if len(levels) > 1 else levels[0]), settings, "image"


def raster_layer(raster: ScoreRaster) -> LayerTuple:
    """Scores of patches, or maps stitched of them, where the patches lie; nothing is drawn where there is none."""
    settings = {
        "name": raster.name,
        "affine": raster.to_world,
        "contrast_limits": raster.colour_limits or limits(raster.values, signed=raster.signed),
        **_map_words(signed=raster.signed),
        **shared_words(raster.unit, raster),
    }
    return raster.values, settings, "image"


def picture_map_layer(thing: Any, canvas: ImageSet | ImagePatches, display: Display | None = None) -> LayerTuple:
    """A map at the pixels of the pictures, or of the patches, that it was asked at.

    Raises
    ------
    InputError, MismatchError
        As :func:`picture_painting` and :func:`patch_painting` have it.
    """
    if isinstance(thing, ItemScore):
        return _scored(thing, canvas)
    if isinstance(canvas, ImagePatches):
        data, settings, kind = raster_layer(patch_painting(thing, canvas, display))
        return data, {**settings, **shared_words(canvas.slide.unit, thing)}, kind
    return _stacked_maps(thing, canvas, display)


def _scored(score: ItemScore, canvas: ImageSet | ImagePatches) -> LayerTuple:
    score.check(canvas)
    if isinstance(canvas, ImageSet):
        raise InputError(
            "The scores of pictures are one number for each, which is no layer",
            got=score.title,
            cure="Sort the pictures by them, or show a map",
        )
    data, settings, kind = raster_layer(score.raster(canvas))
    return data, {**settings, **shared_words(canvas.slide.unit, score)}, kind


def _stacked_maps(thing: Attribution, canvas: ImageSet, display: Display | None) -> LayerTuple:
    images = canvas.images
    painted = picture_painting(thing, canvas, display)
    shape = tuple(np.max(images.sizes, axis=0).tolist())
    pages = [da.full(shape, np.nan, dtype=np.float32, chunks=shape)] * (images.stored[-1].position + 1)
    for item, values in painted.maps.items():
        pages[images.stored[item].position] = da.from_array(_blank_beside(values, shape), chunks=shape)
    settings = {
        "name": painted.title,
        "affine": _stacked(images),
        "contrast_limits": painted.limits,
        **_map_words(signed=painted.signed),
        **shared_words(images.unit, thing, stacked=images.axis.unit),
    }
    return da.stack(pages), settings, "image"


def _map_words(*, signed: bool) -> dict[str, Any]:
    return {"colormap": colormap(signed=signed).name, "opacity": OPACITY, "interpolation2d": "nearest", "rgb": False}


def _page(images: Images, index: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """A picture in the upper left corner of a page."""
    raw = images.raw(index)
    if dtype != np.uint8:
        raw = np.moveaxis(images.pixels(index), 0, -1)
        raw = raw if len(shape) == 3 else raw[..., 0]
    page = np.zeros(shape, dtype=dtype)
    page[: raw.shape[0], : raw.shape[1]] = raw[..., None] if len(shape) > raw.ndim else raw
    return page


def _blank_beside(values: Float[np.ndarray, "height width"], shape: tuple[int, int]) -> np.ndarray:
    if values.shape == shape:
        return values
    page = np.full(shape, np.nan, dtype=np.float32)
    page[: values.shape[0], : values.shape[1]] = values
    return page


def _stacked(images: Images) -> Float[np.ndarray, "4 4"]:
    """The map to the world for stacks, whose first axis counts pictures."""
    made = np.eye(4)
    made[1:, 1:] = images.to_world
    made[0, [0, 3]] = images.axis.step, images.axis.start
    return made


def _lazy(slide: Slide, level: Level) -> Any:
    """A level with channels last, as napari takes it: 8 bits as they are, all others in 0..1."""
    array = level.array
    lazy = array if isinstance(array, da.Array) else da.from_array(array, chunks=_pieces(level), name=False)
    lazy = lazy[tuple(slice(None) if axis in "YXSC" else 0 for axis in level.axes)]
    kept = [axis for axis in level.axes if axis in "YXSC"]
    channels = [axis for axis in kept if axis in "SC"]
    lazy = lazy.transpose([kept.index(axis) for axis in ("Y", "X", *channels)])
    if len(channels) > 1:
        lazy = lazy.reshape(*lazy.shape[:2], -1)
    if channels:
        lazy = lazy[..., list(slide.shown)] if len(slide.shown) > 1 else lazy[..., slide.shown[0]]
    if lazy.dtype == np.uint8:
        return lazy
    if len(slide.shown) == 4:
        raise InputError(
            "Transparency can only be shown for 8-bit slides",
            got=str(lazy.dtype),
            cure="Open it with channels=(0, 1, 2)",
        )
    return lazy.map_blocks(unit_values, slide.among, dtype=np.float32)


def _pieces(level: Level) -> tuple[int, ...]:
    """What is read at once: the tiles or chunks of the file, else squares."""
    pieces = getattr(level.array, "chunks", None)
    whole = [min(int(side), PIECE) if axis in "YX" else int(side) for axis, side in _sides(level)]
    if not pieces or len(pieces) != len(whole) or not all(isinstance(piece, int) for piece in pieces):
        return tuple(whole)
    return tuple(int(piece) for piece in pieces)


def _sides(level: Level) -> list[tuple[str, int]]:
    return list(zip(level.axes, level.array.shape, strict=True))
