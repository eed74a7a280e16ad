"""The anomaly map of a concept: what the concept is made of is taken as normal."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.normal import Normal, learn_normal
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.anomaly import anomaly as anomaly_maps_of
from conceptstain.methods.anomaly_settings import DEFAULT_ANOMALY
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.items import checked_items, concept_items
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report, silent

__all__ = ["deviation"]

KEPT = 4  # normals of a canvas and an encoder: maps are asked for in pieces

Kept: TypeAlias = "WeakKeyDictionary[Encoder, WeakKeyDictionary[Canvas, dict[bytes, Normal]]]"
_kept: Kept = WeakKeyDictionary()


def deviation(
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    *,
    anomaly: str = DEFAULT_ANOMALY,
    items: ItemIndices | None = None,
    report: Report = silent,
) -> Attribution:
    """:func:`~conceptstain.methods.anomaly.anomaly` with the items that raise a concept as what is normal.

    Parameters
    ----------
    canvas, encoder, concept, report
        As for :func:`conceptstain.methods.saliency.saliency`.
    anomaly
        See :data:`~conceptstain.methods.anomaly_settings.ANOMALY_METHODS`.
    items
        Indices of what is looked at; None: the concept's own items, which are what is normal.

    Raises
    ------
    MismatchError
        Canvas, encoder and concept do not belong together, or the network cannot be asked that way.
    InputError
        No such method or item, or nothing that raises the concept.
    """
    encoder.check(canvas)
    concept.check(encoder)
    own, missing = concept_items(canvas, concept)
    chosen = own if items is None else checked_items(canvas, items)
    raising = [part for weight, part in concept.terms if weight > 0]
    if not raising:
        raise InputError(
            f"Nothing raises the concept {concept.name!r}, so nothing of it is normal",
            got=concept.origin,
            cure="Choose a concept of ordinary items",
        )
    if concept.parts:
        own = np.unique(np.concatenate([concept_items(canvas, part)[0] for part in raising]))
    # The normal is passed on as it is kept: what is learned from its pictures is known by it, and takes a while.
    normal = _learned(concept.name, canvas, encoder, own, report)
    made = anomaly_maps_of(canvas, encoder, normal, method=anomaly, items=chosen, report=report)
    return replace(made, name=concept.name, concept=concept, settings={**made.settings, "missing": missing})


def _learned(name: str, canvas: Canvas, encoder: Encoder, items: np.ndarray, report: Report) -> Normal:
    """The normal of these items; one of the last few, whatever it was called then, or learned now."""
    kept = _kept.setdefault(encoder, WeakKeyDictionary()).setdefault(canvas, {})
    key = np.asarray(items, dtype=np.int64).tobytes()
    found = kept.pop(key, None) or learn_normal(name, canvas, encoder, items, report=report)
    kept[key] = found
    for older in list(kept)[:-KEPT]:
        del kept[older]
    return found
