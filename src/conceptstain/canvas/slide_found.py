"""What the readers of slides find in a file, before channels and values are looked at."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from conceptstain.canvas.slide import Level
from conceptstain.canvas.slide_scale import PixelSize
from conceptstain.errors import ReadingError

__all__ = ["CURE", "LARGEST_PIECE", "Found", "refuse_piece"]

LARGEST_PIECE = 2**30
"""Bytes of one tile or chunk, unpacked."""

CURE = "Export it again as a tiled TIFF with a pyramid, or as OME-Zarr"


class Found(NamedTuple):
    """Levels, the size of a pixel where it is told, and what to say."""

    levels: list[Level]
    scale: PixelSize | None = None
    notes: tuple[str, ...] = ()


def refuse_piece(chunks: Any, dtype: Any, name: str) -> None:
    """Refuse tiles or chunks that would not fit into memory.

    Raises
    ------
    ReadingError
        More than :data:`LARGEST_PIECE` bytes each.
    """
    n_bytes = float(np.prod(chunks, dtype=float)) * np.dtype(dtype).itemsize
    if n_bytes > LARGEST_PIECE:
        raise ReadingError(
            f"{name} is cut into pieces that are too large to be read",
            got=f"pieces of {n_bytes / 2**30:,.1f} GiB",
            cure="Write it with tiles of 256 to 1,024 pixels",
        )
