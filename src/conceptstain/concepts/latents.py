"""Latents of a whole canvas, computed once and kept as long as canvas and encoder live."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float

from conceptstain.canvas.canvas import Canvas
from conceptstain.progress import Report, silent

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["SAMPLE", "centre_of", "latents_of"]

SAMPLE = 512  # items that stand for all of a canvas made for one fold

_kept: WeakKeyDictionary[Encoder, WeakKeyDictionary[Canvas, Float[np.ndarray, "items latent"]]] = WeakKeyDictionary()


def latents_of(canvas: Canvas, encoder: Encoder, *, report: Report = silent) -> Float[np.ndarray, "items latent"]:
    """Mean latents of all items, read-only; instant after the first call for the same two objects.

    Both are frozen, so what is kept cannot go stale.
    """
    of_encoder = _kept.setdefault(encoder, WeakKeyDictionary())
    if canvas not in of_encoder:
        latents = encoder.latents(canvas, report=report)
        latents.flags.writeable = False
        of_encoder[canvas] = latents
    return of_encoder[canvas]


_centres: WeakKeyDictionary[Encoder, WeakKeyDictionary[Canvas, Float[np.ndarray, " latent"]]] = WeakKeyDictionary()


def centre_of(canvas: Canvas, encoder: Encoder, *, report: Report = silent) -> Float[np.ndarray, " latent"]:
    """The mean latent of the trainable items; of 512 of them, spread evenly, where the canvas was made by ``hiding``.

    Such a canvas serves one fold or one control, and encoding all of its items would take many times as long as all
    else.
    """
    of_encoder = _centres.setdefault(encoder, WeakKeyDictionary())
    if canvas not in of_encoder:
        items = canvas.trainable
        if getattr(canvas, "hidden", None) is None:
            latents = latents_of(canvas, encoder, report=report)[items]
        else:
            spread = np.unique(np.linspace(0, len(items) - 1, SAMPLE).astype(int))
            latents = encoder.latents(canvas, items[spread], report=report)
        of_encoder[canvas] = np.asarray(latents.mean(axis=0, dtype=np.float64))
    return of_encoder[canvas]
