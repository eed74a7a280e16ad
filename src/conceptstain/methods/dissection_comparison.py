"""Dissections side by side: of several networks, layers, objectives, or of one network while it learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from conceptstain.errors import InputError
from conceptstain.methods.detector_counts import counts_beside
from conceptstain.methods.dissection import DETECTOR, CountingRule, Dissection
from conceptstain.methods.dissection_controls import DissectionControls

__all__ = ["Compared", "compare_dissections"]

Compared = Mapping[str, Dissection | DissectionControls] | Sequence[Dissection | DissectionControls]
"""Dissections with their names; without any, their titles are their names."""


def compare_dissections(found: Compared, *, least: float = DETECTOR, rule: CountingRule = "published") -> pd.DataFrame:
    """Detectors and unique detectors of several dissections in one table, by category, each beside its controls.

    Only what was held against the same labels, at the same quantile and over the same items, can be compared; all else
    (networks, layers, objectives, epochs) may differ. A layer with more units has more chances: ``units`` tells.

    Parameters
    ----------
    found
        Dissections, with their controls or without, by name; or a sequence of them, which go by their titles.
    least
        IoU above which a unit is a detector.
    rule
        How unique detectors are counted; see :data:`conceptstain.methods.dissection.CountingRule`.

    Returns
    -------
    DataFrame
        Indexed by ``dissection``, ``category`` (``"all"`` first) and ``network`` (``"trained"``, then the controls):
        ``detectors`` and ``unique``, each with ``low`` and ``high``, and ``units``. Of the network itself these are the
        95 % interval over groups of items drawn anew; of controls the least and the greatest of the draws, around their
        mean.

    Raises
    ------
    InputError
        Nothing to compare, two of one name, or dissections that cannot be compared.
    """
    named = _named(found)
    parts = {}
    for name, each in named.items():
        own, drawn = (each.trained, each.drawn) if isinstance(each, DissectionControls) else (each, {})
        parts[name] = counts_beside(own, drawn, least, rule).assign(units=own.n_units)
    return pd.concat(parts, names=["dissection"])


def _named(found: Compared) -> dict[str, Dissection | DissectionControls]:
    if isinstance(found, Mapping):
        named = dict(found)
    else:
        titles = [_own(each).title for each in found]
        twice = [title for title in dict.fromkeys(titles) if titles.count(title) > 1]
        if twice:
            raise InputError(
                "Several dissections have one name",
                got=twice[0],
                cure="Give them as a mapping, with a name for each: {'epoch 0': first, 'epoch 10': second}",
            )
        named = dict(zip(titles, found, strict=True))
    if not named:
        raise InputError("Dissections are compared with each other", got="none", cure="Give one or more")
    (first, *others) = named
    for other in others:
        _check_alike(first, _own(named[first]), other, _own(named[other]))
    return named


def _check_alike(name: str, first: Dissection, other_name: str, other: Dissection) -> None:
    if other.labels != first.labels:
        got = f"{len(first.labels)} labels of {name!r}, {len(other.labels)} of {other_name!r}"
        missing = [str(label) for label in first.labels if label not in other.labels]
        got += f", which lacks {missing[0]}" if missing else ""
        raise InputError("Detectors of other labels cannot be compared", got=got, cure="Dissect both by the same ones")
    if other.quantile != first.quantile:
        raise InputError(
            "A unit that is active more often has other IoUs",
            got=f"a quantile of {first.quantile:g} for {name!r}, of {other.quantile:g} for {other_name!r}",
            cure="Dissect both with the same quantile=",
        )
    if other.n_items != first.n_items or (other.ground != first.ground).any():
        raise InputError(
            "Dissections are compared over the same items, on the same frame",
            got=f"{first.n_items:,} items for {name!r}, {other.n_items:,} for {other_name!r}",
            cure="Dissect both with the same items=, on canvases of one frame",
        )


def _own(found: Dissection | DissectionControls) -> Dissection:
    return found.trained if isinstance(found, DissectionControls) else found
