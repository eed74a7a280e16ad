"""What jobs run of latents: how much each says, where each looks, and what each draws; no Qt and no viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from conceptstain.errors import MismatchError
from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    from conceptstain.canvas.picture_canvas import PictureCanvas
    from conceptstain.nets.encoder import Encoder

__all__ = ["OFFSETS", "Latents", "attended", "coloured", "cropped", "sorted_latents", "walks"]

MOST_PATCHES = 4096  # of a slide that latents are measured on
OFFSETS = (-2, -1, 0, 1, 2)  # standard deviations of the latent over the data
WALKS = 16  # latents that are decoded at once
BACKGROUND = 0.4  # how much of a picture is seen below its map


class Latents(NamedTuple):
    """The latents of an encoder, as they are on some data.

    Attributes
    ----------
    order
        Their numbers, the most informative first.
    information
        Of each, by number: mean divergence from the prior in nats; empty where the network has no variance.
    spread
        Of each, by number: the standard deviation of its means.
    centre
        The mean of the means.
    n_items
        How many genes, pictures or patches were asked.
    limits
        Values at the ends of the colours of what is decoded.
    no_maps, no_walks
        Why there are no maps of attention, and why nothing is decoded; empty where there are and it is.
    """

    order: tuple[int, ...]
    information: tuple[float, ...]
    spread: np.ndarray
    centre: np.ndarray
    n_items: int
    limits: tuple[float, float]
    no_maps: str
    no_walks: str


def sorted_latents(canvas: PictureCanvas, encoder: Encoder, *, report: Report) -> Latents:
    """Sort latents by what they say of the data; of a slide, of at most 4,096 patches spread evenly over it.

    Points without a variance have no divergence, and are sorted by how they spread.
    """
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.concepts.information import latent_information, most_informative
    from conceptstain.concepts.latents import latents_at
    from conceptstain.methods.maps import map_kind

    items = canvas.trainable
    part = isinstance(canvas, ImagePatches) and len(items) > MOST_PATCHES
    if part:
        items = items[np.linspace(0, len(items) - 1, MOST_PATCHES).astype(int)]
    means = latents_at(canvas, encoder, items, report=report)
    spread, centre = means.std(axis=0, dtype=np.float64), means.mean(axis=0, dtype=np.float64)
    try:
        found = latent_information(canvas, encoder, items=items if part else None, report=report)
    except MismatchError:
        found = None
    order = most_informative(spread if found is None else found)
    told = () if found is None else tuple(map(float, found))
    no_maps, no_walks = (map_kind(key).refusal(encoder) or "" for key in ("attention", "decoded"))
    first = None if no_walks else _walk(encoder, order[0], spread, centre)
    return Latents(order, told, spread, centre, len(items), _limits(canvas, first), no_maps, no_walks)


def _limits(canvas: PictureCanvas, first: np.ndarray | None) -> tuple[float, float]:
    """Colour limits that the pictures of all latents share: those of the first one's."""
    from conceptstain.colours import limits

    if canvas.scaling == "unit" or first is None:
        return (0.0, 1.0)
    shown = np.broadcast_to(canvas.mask, canvas.shape)
    return limits(first[:, shown], signed=canvas.scaling == "z-score")


def walks(
    canvas: PictureCanvas, encoder: Encoder, latents: Latents, first: int, *, report: Report
) -> tuple[tuple[int, ...], np.ndarray]:
    """What some latents draw, from a place in their order on: their numbers, ``(latents, steps, height, width, 4)``."""
    asked = latents.order[first : first + WALKS]
    drawn = []
    for done, dimension in enumerate(asked):
        report(Step(done, len(asked), "Decoding latents"))
        drawn.append(coloured(canvas, _walk(encoder, dimension, latents.spread, latents.centre), latents.limits))
    return asked, np.stack(drawn)


def _walk(encoder: Encoder, dimension: int, spread: np.ndarray, centre: np.ndarray) -> np.ndarray:
    from conceptstain.methods.traversal import traverse

    span = max(OFFSETS) * max(float(spread[dimension]), np.finfo(float).tiny)  # that of a dead latent is 0
    return traverse(encoder, dimension, start=centre, span=span, steps=len(OFFSETS)).pictures


def attended(
    canvas: PictureCanvas, encoder: Encoder, items: tuple[int, ...] | None, *, report: Report
) -> tuple[np.ndarray, np.ndarray]:
    """Where each latent looks, the mean over these items, or over all: 8-bit colours; first where all of them do.

    Returns
    -------
    all, each
        ``(height, width, 4)`` and ``(latents, height, width, 4)``. Below the map of one picture its grey values are
        seen; what is beside the tissue is transparent.
    """
    from conceptstain.methods.attention import attention_maps

    made = attention_maps(canvas, encoder, items=items, report=report)
    maps = np.stack([each.mean()[0] for each in made]).astype(np.float64)
    below = None if items is None else canvas.inputs(list(items)).mean(axis=(0, 1))
    shown = np.broadcast_to(canvas.mask, canvas.shape)[0]
    together, *each = (_heat(one, shown, below) for one in (maps.mean(axis=0), *maps))
    return together, np.stack(each)


def _heat(values: np.ndarray, shown: np.ndarray, below: np.ndarray | None) -> np.ndarray:
    from conceptstain.colours import limits, rgba

    made = rgba(values.ravel(), signed=False, limits=limits(values[shown], signed=False)).reshape(*values.shape, 4)
    if below is not None:
        made[..., :3] = (1 - BACKGROUND) * made[..., :3] + BACKGROUND * np.clip(below, 0, 1)[..., None]
    made[..., 3] = shown
    return cropped(made, shown)


def coloured(canvas: PictureCanvas, pictures: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Decoded pictures as a figure would colour them: photographs as they are, genes in the colours of maps."""
    from conceptstain.colours import rgba

    steps, channels, height, width = pictures.shape
    if canvas.scaling == "unit":
        made = np.ones((steps, height, width, 4))
        made[..., :3] = np.clip(np.moveaxis(pictures[:, [0, 1, 2] if channels == 3 else [0, 0, 0]], 1, -1), 0, 1)
    else:
        signed = canvas.scaling == "z-score"
        made = rgba(pictures[:, 0].ravel(), signed=signed, limits=limits).reshape(steps, height, width, 4)
    shown = np.broadcast_to(canvas.mask, canvas.shape)[0]
    made[..., 3] = shown
    return cropped(made, shown)


def cropped(colours: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Colours as 8 bits, without the rows and columns at the border that show nothing."""
    (top, bottom), (left, right) = ((found.min(), found.max() + 1) for found in np.nonzero(shown))
    return np.ascontiguousarray(np.rint(colours[..., top:bottom, left:right, :] * 255).astype(np.uint8))
