"""Decision boundaries: where on their paths items change their class, and what has changed by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, final

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from conceptstain.errors import InputError
from conceptstain.methods.counterfactual import Counterfactual
from conceptstain.methods.counterfactual_reading import decoded_samples
from conceptstain.methods.intervals import interval
from conceptstain.methods.part_measures import part_changes, part_measures
from conceptstain.nets.generators import as_generator

__all__ = ["DecisionBoundary", "decision_boundary"]

SAMPLE = "sample"


class Parts(Protocol):
    """What finds parts in samples, such as a segmenter."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts."""
        ...

    def segment(
        self, samples: Float[np.ndarray, "n ..."], latents: Float[np.ndarray, "n latent"] | None = None
    ) -> Int[np.ndarray, "n rows columns"]:
        """Number of the part at every pixel; -1: none."""
        ...


@final
@dataclass(frozen=True, eq=False)
class DecisionBoundary:
    """Margins along paths, and what has changed where they cross 0. Make it with :func:`decision_boundary`.

    Attributes
    ----------
    counterfactual
        Whose paths they are.
    items
        Indices of the items that cross, in the order of all that follows.
    positions
        Where on the path the frames lie, 0 the start and 1 the end.
    margins
        Score of the target less that of the origin, of every item that was asked, crossing or not.
    crossings
        Where on its path each item first crosses 0, linearly between the frames.
    latents
        There.
    samples
        What is decoded there.
    changes
        A row for every item and part, from the start to the crossing, as
        :func:`~conceptstain.methods.part_measures.part_changes` has them; of samples that are no pictures empty.
    """

    counterfactual: Counterfactual = field(repr=False)
    items: Int[np.ndarray, " crossing"]
    positions: Float[np.ndarray, " frames"]
    margins: Float[np.ndarray, "asked frames"]
    crossings: Float[np.ndarray, " crossing"]
    latents: Float[np.ndarray, "crossing latent"]
    samples: Float[np.ndarray, "crossing ..."]
    changes: pd.DataFrame = field(repr=False)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Means over the items that cross, with 95 % intervals.

        Returns
        -------
        DataFrame
            Indexed by ``part`` and ``measure``: ``mean``, ``low``, ``high`` and ``items``, how many of them the part is
            seen in.
        """
        rows = []
        for part, of in self.changes.groupby("part", sort=False):
            for measure in [column for column in of.columns if column.startswith("d_")]:
                values = of[measure].dropna().to_numpy()
                found = interval(values)
                rows.append((part, measure, found.mean, found.low, found.high, len(values)))
        columns = ["part", "measure", "mean", "low", "high", "items"]
        return pd.DataFrame(rows, columns=columns).set_index(["part", "measure"])

    @property
    def sentence(self) -> str:
        """How many cross, and where."""
        asked = len(self.margins)
        if not len(self.items):
            return f"None of {asked} items crosses the boundary."
        return (
            f"{len(self.items)} of {asked} items cross the boundary, "
            f"at the median after {np.median(self.crossings):.0%} of their path."
        )


def decision_boundary(counterfactual: Counterfactual, segmenter: Parts | None = None) -> DecisionBoundary:
    """Where items cross from the class they come from to their target, over all that were asked.

    A path ends where the target is nearly certain; the class changes earlier. Between the frames of a path the margin
    is taken for linear: ask for more frames for a finer crossing.

    Parameters
    ----------
    counterfactual
        Of any number of items.
    segmenter
        What finds parts in the samples; None: each sample is one part.

    Raises
    ------
    InputError
        No item was asked: all are in their target class, or are taken for it as soon as they are decoded.
    """
    rows = np.flatnonzero(counterfactual.asked)
    if not len(rows):
        raise InputError(
            "No item has a boundary before it",
            got=f"{len(counterfactual.items)} items that are taken for their target from the start",
            cure="Ask about items of another class",
        )
    margins = counterfactual.margins[rows]
    crossing = (margins > 0).any(axis=1)
    rows, of_crossing = rows[crossing], margins[crossing]
    after = (of_crossing > 0).argmax(axis=1)
    before = after - 1
    each = np.arange(len(rows))
    low, high = of_crossing[each, before], of_crossing[each, after]
    part = low / (low - high)
    paths = counterfactual.path[rows]
    latents = paths[each, before] + part[:, None] * (paths[each, after] - paths[each, before])
    made = as_generator(counterfactual.network)
    samples = decoded_samples(made, latents)
    n_frames = counterfactual.path.shape[1]
    changes = pd.DataFrame()
    if samples.ndim == 4 and len(rows):
        changes = _changes(counterfactual, rows, samples, latents, segmenter)
    return DecisionBoundary(
        counterfactual,
        counterfactual.items[rows],
        np.linspace(0, 1, n_frames),
        margins,
        (before + part) / (n_frames - 1),
        latents,
        samples,
        changes,
    )


def _changes(
    counterfactual: Counterfactual,
    rows: Int[np.ndarray, " crossing"],
    samples: Float[np.ndarray, "crossing ..."],
    latents: Float[np.ndarray, "crossing latent"],
    segmenter: Parts | None,
) -> pd.DataFrame:
    names: Sequence[str] = (SAMPLE,) if segmenter is None else segmenter.parts
    measured = []
    for shown, at in ((counterfactual.start[rows], counterfactual.path[rows, 0]), (samples, latents)):
        labels = (
            np.zeros((len(shown), *shown.shape[2:]), dtype=int) if segmenter is None else segmenter.segment(shown, at)
        )
        measured.append(part_measures(shown, labels, len(names)))
    found = part_changes(*measured, parts=names)
    items = np.array([counterfactual.item_names[row] for row in rows])
    return found.assign(item=items[found["sample"].to_numpy()]).drop(columns="sample")
