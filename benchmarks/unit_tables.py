"""Rows of the tables that tell what units see, one for a network or a control."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conceptstain.methods.dissection import Dissection
from conceptstain.methods.dissection_controls import DissectionControls

__all__ = ["Found", "by_kind", "chance", "joined", "line", "tell"]

Found = dict[str, list[Dissection]]


def chance(found: Dissection) -> np.ndarray:
    """The IoU of each label with as many places drawn by chance: ``qp / (q + p - qp)``."""
    p, q = found.prevalence, found.quantile
    return np.asarray(p * q / (p + q - p * q))


def by_kind(beside: DissectionControls) -> Found:
    return {"trained": [beside.trained], **{kind: list(each) for kind, each in beside.drawn.items()}}


def joined(several: Sequence[Found]) -> Found:
    """Draws of several seeds together."""
    return {kind: [each for found in several for each in found[kind]] for kind in several[0]}


def line(name: str, ious: Sequence[np.ndarray], uniques: Sequence[float] = ()) -> str:
    """A row: of each label the IoU of its best unit, their mean and, where it is given, the unique detectors.

    Parameters
    ----------
    name
        What the row is of.
    ious
        ``(units, labels)`` of each seed and draw; the mean over them is told, and the range of the last columns.
    uniques
        How many labels have a unit of their own, of each.
    """
    best = np.array([each.max(axis=0) for each in ious])
    cells = [f"{each:.3f}" for each in best.mean(axis=0)]
    return f"| {name} | {' | '.join(cells)} | {spread(best.mean(axis=1), 3)} | {spread(uniques, 0)} |"


def spread(values: Sequence[float] | np.ndarray, digits: int) -> str:
    """Their mean, and in brackets the least and the greatest, where there are several."""
    if not len(values):
        return ""
    mean = f"{np.mean(values):.{max(digits, 1)}f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def tell(name: str, found: Found, columns: Sequence[int], least: float) -> None:
    """A row for the trained network and each control."""
    for kind, each in found.items():
        uniques = [float(one.unique_detectors(least).sum()) for one in each]
        print(line(f"{name}, {kind}", [one.iou[:, columns] for one in each], uniques), flush=True)
