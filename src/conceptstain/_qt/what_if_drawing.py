"""How inputs and their changes are drawn in the What if card: pictures in their colours, or genes at both ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from conceptstain._qt.attention_work import coloured

if TYPE_CHECKING:
    from conceptstain.methods.dissection_passes import Canvas

__all__ = ["Pictures", "drawn", "limits_of", "reach_of"]

LISTED = 12  # genes that rise, and as many that fall


class Pictures(NamedTuple):
    """What is drawn of values: 8-bit colours, or genes.

    Attributes
    ----------
    colours
        ``(height, width, 4)``; None of spots.
    genes
        Names of those that change most with their change, those that rise and those that fall; empty of pictures.
    """

    colours: np.ndarray | None = None
    genes: tuple[tuple[tuple[str, float], ...], tuple[tuple[str, float], ...]] = ((), ())


def drawn(canvas: Canvas, values: np.ndarray, limits: tuple[float, float], *, difference: bool = False) -> Pictures:
    """Values of one input as a picture in its colours; of spots, the genes at both ends.

    Differences are drawn between limits that do not follow the slider, so that small ones look small.
    """
    if canvas.noun == "spot":
        return Pictures(genes=_ends(canvas, values))
    if difference:
        return Pictures(_signed(canvas, values, reach_of(limits)))
    return Pictures(coloured(canvas, values[None], limits)[0])  # type: ignore[arg-type]


def reach_of(limits: tuple[float, float]) -> tuple[float, float]:
    """Values at the ends of the colours of differences: half the range of what is drawn."""
    half = (limits[1] - limits[0]) / 2
    return -half, half


def _signed(canvas: Canvas, values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    from conceptstain._qt.attention_work import cropped
    from conceptstain.colours import rgba

    of_places = values.mean(axis=0)
    made = rgba(of_places.ravel(), signed=True, limits=limits).reshape(*of_places.shape, 4)
    shown = np.broadcast_to(canvas.mask, canvas.shape)[0]
    made[..., 3] = shown
    return cropped(made, shown)


def _ends(canvas: Canvas, values: np.ndarray) -> tuple[tuple[tuple[str, float], ...], tuple[tuple[str, float], ...]]:
    """The genes with the highest values above 0, and those with the lowest below."""
    names: Sequence[str] = canvas.features  # type: ignore[union-attr]
    most = min(LISTED, len(values))
    high = np.argpartition(-values, most - 1)[:most]
    low = np.argpartition(values, most - 1)[:most]
    rising = sorted(((names[gene], float(values[gene])) for gene in high), key=lambda each: -each[1])
    falling = sorted(((names[gene], float(values[gene])) for gene in low), key=lambda each: each[1])
    return (
        tuple(each for each in rising if each[1] > 0),
        tuple(each for each in falling if each[1] < 0),
    )


def limits_of(canvas: Canvas, given: np.ndarray, decoded: np.ndarray) -> tuple[float, float]:
    """Limits that the item and what is decoded of it share."""
    from conceptstain.colours import limits

    if canvas.scaling == "unit":
        return (0.0, 1.0)
    shown = np.broadcast_to(canvas.mask, given.shape)
    return limits(np.concatenate([given[shown], decoded[shown]]), signed=canvas.scaling == "z-score")
