"""Dissections as they might be counted, without a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conceptstain.canvas.label_maps import Label
from conceptstain.methods.dissection import Counts, Dissection

LABELS = (Label("nose", "part"), Label("ear", "part"), Label("skin", "material"), Label("wool", "material"))


def of_ious(*rows: Sequence[float], layer: str = "conv", groups: int = 1) -> Dissection:
    """A dissection with these IoUs of units and labels, to a thousandth, counted in equal groups of items."""
    iou = np.array(rows)
    shared = np.rint(2000 * iou / (1 + iou)).astype(int)
    n_units = len(rows)
    once = Counts(shared[None], np.full((1, n_units, 2), 1000), np.full((1, 4), 1000), np.array([[10_000, 20_000]]))
    counts = Counts(*(np.repeat(each, groups, axis=0) for each in once))
    return Dissection("tiny", layer, LABELS, np.zeros(n_units), counts, n_items=5, quantile=0.05)
