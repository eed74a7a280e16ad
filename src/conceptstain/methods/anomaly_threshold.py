"""Thresholds of anomaly maps: what ordinary data hardly ever exceeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from conceptstain.canvas.canvas import Canvas
from conceptstain.canvas.expression import counted, several
from conceptstain.canvas.image_set import ImageSet
from conceptstain.concepts.cross_fit import FOLDS
from conceptstain.concepts.normal import Normal
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.anomaly import MapsOfItems, anomaly_maps
from conceptstain.methods.anomaly_settings import DEFAULT_ANOMALY, AnomalySettings, checked_quantile
from conceptstain.methods.detection import ValueHistogram
from conceptstain.methods.items import checked_items
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report, Step, silent

__all__ = ["AnomalyThreshold", "anomaly_threshold"]

QUANTILE = 0.99


@final
@dataclass(frozen=True)
class AnomalyThreshold:
    """A value that so much of ordinary data does not exceed. Make one with :func:`anomaly_threshold`.

    Attributes
    ----------
    value
        Of a pixel's map.
    item_value
        Of the highest value of an item's map: so much of the ordinary items lies below.
    quantile
        The part of ordinary pixels, and of ordinary items, that is not above.
    n_items
        Ordinary items that it was made of.
    how
        ``"held out"``: of other items than the normal was learned from. ``"cross-fitted"``: of its own, each held
        against a normal learned without it.
    encoder_has_seen
        Whether the network learned from these data, as far as its card tells: then maps of them are too low, and new
        ordinary data exceeds the threshold more often.
    """

    value: float
    item_value: float
    quantile: float
    n_items: int
    how: Literal["held out", "cross-fitted"]
    encoder_has_seen: bool

    @property
    def sentence(self) -> str:
        """What it is made of, in one plain sentence."""
        told = f"{self.quantile:.4g} of the pixels of {self.n_items:,} ordinary items ({self.how}) are not above it"
        seen = ", but the encoder has learned from them: of new data less may be below" if self.encoder_has_seen else ""
        return f"{told}{seen}."


def anomaly_threshold(
    canvas: Canvas,
    encoder: Encoder,
    normal: Normal,
    *,
    method: str = DEFAULT_ANOMALY,
    quantile: float = QUANTILE,
    items: ItemIndices | None = None,
    folds: int = FOLDS,
    settings: AnomalySettings | None = None,
    report: Report = silent,
) -> AnomalyThreshold:
    """The quantile of an anomaly map over ordinary data that the normal was not learned from; read in pieces.

    Parameters
    ----------
    canvas
        Ordinary data: that which the normal was learned from, or better other data of the kind.
    encoder, normal, method, settings
        As for :func:`~conceptstain.methods.anomaly.anomaly`.
    quantile
        Above 0, up to 1.
    items
        Indices of ordinary items; None: of the data that the normal was learned from, its own items, else all.
    folds
        In how many parts its own items are held out. Only maps that ask the normal change by it.
    report
        Called while maps are made.

    Returns
    -------
    AnomalyThreshold
        Too high by less than 1/2048 of its value, and never too low.

    Raises
    ------
    InputError
        A quantile outside of 0 to 1, or a normal of one item that no other is held against.
    MismatchError, InputError
        As for the map.
    """
    quantile = checked_quantile(quantile)
    pixels, highest, number = ValueHistogram(), ValueHistogram(), 0
    own = _own(canvas, normal)
    if items is not None:
        chosen = checked_items(canvas, items)
    else:
        chosen = np.array(sorted(own), dtype=int) if own else np.arange(len(canvas))
    rows = np.array([own.get(int(item), -1) for item in chosen])

    def maps_by(normal: Normal, of: NDArray[np.integer]) -> Iterator[MapsOfItems]:
        return anomaly_maps(canvas, encoder, normal, method=method, items=of, settings=settings)

    for found in _held_out(maps_by, normal, chosen, rows, folds):
        for item, map_ in zip(found.items, found.maps, strict=True):
            # Beside a picture that does not fill the frame nothing is seen of it.
            seen = map_[canvas.shown(int(item))] if isinstance(canvas, ImageSet) else map_.ravel()
            pixels.add(seen)
            highest.add(np.array([seen.max()]))
        number += len(found.items)
        report(Step(number, len(chosen), "Looking at what is ordinary"))
    return AnomalyThreshold(
        value=pixels.quantile(quantile),
        item_value=highest.quantile(quantile),
        quantile=quantile,
        n_items=len(chosen),
        how="cross-fitted" if (rows >= 0).any() else "held out",
        encoder_has_seen=encoder.has_seen(canvas.source),
    )


def _own(canvas: Canvas, normal: Normal) -> dict[int, int]:
    """Rows of the normal by the items of the canvas; empty where it was learned from other data."""
    if (canvas.noun, canvas.source.content) != (normal.noun, normal.content):
        return {}
    return {canvas.item(name): row for row, name in enumerate(normal.items)}


def _held_out(
    maps_by: Callable[[Normal, NDArray[np.integer]], Iterator[MapsOfItems]],
    normal: Normal,
    items: NDArray[np.integer],
    rows: NDArray[np.integer],
    folds: int,
) -> Iterator[MapsOfItems]:
    """Maps of items, each by a normal that was learned without it."""
    if (rows < 0).any():
        yield from maps_by(normal, items[rows < 0])
    if (rows < 0).all():
        return
    if len(normal) < 2 or folds < 2:
        raise InputError(
            f"The normal {normal.name!r} cannot be learned without some of its {several(normal.noun)}",
            got=f"{counted(len(normal), normal.noun)}, {folds} folds",
            cure="Learn it from two or more, use two folds or more, or give other ordinary data",
        )
    parts = normal.folds(folds)
    for fold in np.unique(parts):
        inside = (rows >= 0) & (parts[rows] == fold)
        if inside.any():
            rest = normal.without(np.flatnonzero(parts == fold))
            yield from maps_by(rest, items[inside])
