"""Latents of a whole canvas, or what a layer makes of it, computed once and kept as long as canvas and encoder live."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.definition import LATENT
from conceptstain.inputs import ItemIndices
from conceptstain.progress import Report, silent

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["SAMPLE", "centre_of", "keep_latents", "kept_latents", "latents_at", "latents_of", "representations"]

SAMPLE = 512  # items that stand for all of a canvas made for one fold

Kept: TypeAlias = "WeakKeyDictionary[Encoder, WeakKeyDictionary[Canvas, dict[str, Float[np.ndarray, '...']]]]"
_kept: Kept = WeakKeyDictionary()
_centres: Kept = WeakKeyDictionary()


def representations(
    canvas: Canvas,
    encoder: Encoder,
    items: ItemIndices | None = None,
    *,
    space: str = LATENT,
    report: Report = silent,
) -> Float[np.ndarray, "items numbers"]:
    """Items in a space: their mean latents, or the channels of a layer (see :func:`conceptstain.nets.tap.activations`).

    ``items`` None: all. Nothing is kept.
    """
    if space == LATENT:
        return encoder.latents(canvas, items, report=report)
    from conceptstain.nets.tap import activations

    return activations(encoder, canvas, space, items, report=report)


def latents_of(
    canvas: Canvas, encoder: Encoder, *, space: str = LATENT, report: Report = silent
) -> Float[np.ndarray, "items numbers"]:
    """All items in a space, read-only; instant after the first call for the same canvas, encoder and space.

    Both objects are frozen, so what is kept cannot go stale.
    """
    kept = _kept.setdefault(encoder, WeakKeyDictionary()).setdefault(canvas, {})
    if space not in kept:
        latents = representations(canvas, encoder, space=space, report=report)
        latents.flags.writeable = False
        kept[space] = latents
    return kept[space]


def keep_latents(
    canvas: Canvas, encoder: Encoder, latents: Float[np.ndarray, "items numbers"], *, space: str = LATENT
) -> None:
    """Keep what was made of all items elsewhere, for :func:`latents_of`."""
    latents.flags.writeable = False
    _kept.setdefault(encoder, WeakKeyDictionary()).setdefault(canvas, {}).setdefault(space, latents)


def kept_latents(canvas: Canvas, encoder: Encoder, *, space: str = LATENT) -> Float[np.ndarray, "items numbers"] | None:
    """What :func:`latents_of` keeps already; None where it would have to encode."""
    return _kept.get(encoder, WeakKeyDictionary()).get(canvas, {}).get(space)


def latents_at(
    canvas: Canvas, encoder: Encoder, items: ItemIndices, *, space: str = LATENT, report: Report = silent
) -> Float[np.ndarray, "items numbers"]:
    """Some items in a space: of what :func:`latents_of` keeps already, else these alone are encoded, and not kept."""
    kept = kept_latents(canvas, encoder, space=space)
    return representations(canvas, encoder, items, space=space, report=report) if kept is None else kept[items]


def centre_of(
    canvas: Canvas, encoder: Encoder, *, space: str = LATENT, report: Report = silent
) -> Float[np.ndarray, " numbers"]:
    """The mean of the trainable items in a space; of 512, spread evenly, where the canvas was made by ``hiding``.

    Such a canvas serves one fold or one control, and encoding all of its items would take many times as long as all
    else.
    """
    kept = _centres.setdefault(encoder, WeakKeyDictionary()).setdefault(canvas, {})
    if space not in kept:
        items = canvas.trainable
        if getattr(canvas, "hidden", None) is None:
            latents = latents_of(canvas, encoder, space=space, report=report)[items]
        else:
            spread = np.unique(np.linspace(0, len(items) - 1, SAMPLE).astype(int))
            latents = representations(canvas, encoder, items[spread], space=space, report=report)
        kept[space] = np.asarray(latents.mean(axis=0, dtype=np.float64))
    return kept[space]
