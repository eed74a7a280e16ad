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

__all__ = ["latents_of"]

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
