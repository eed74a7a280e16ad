"""How well a link does on pairs that it did not learn from, beside one that learned shuffled pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import pandas as pd

from conceptstain.errors import InputError
from conceptstain.methods.intervals import Interval

__all__ = [
    "ACCURACY",
    "AGREEMENT",
    "BALANCED",
    "CONGRUENCE",
    "COSINE",
    "LINKED",
    "RETURNED",
    "VARIANCE",
    "LinkMeasure",
    "LinkQuality",
]

VARIANCE = "explained variance"
COSINE = "centred cosine"
RETURNED = "centred cosine, there and back"
ACCURACY = "cycle accuracy"
AGREEMENT = "cycle agreement"
BALANCED = ", balanced"
CONGRUENCE = "rank congruence"
LINKED = "rank congruence, linked"


@final
@dataclass(frozen=True)
class LinkMeasure:
    """One measure of a link.

    Attributes
    ----------
    value
        Of the link, with its interval over held-out items.
    shuffled
        Of links that learned the same representations with latents of other items, their mean.
    ceiling
        The same of samples that were made from the items' own latents, without the link; None: the measure has none.
    """

    value: Interval
    shuffled: Interval
    ceiling: Interval | None = None


@final
@dataclass(frozen=True)
class LinkQuality:
    """How well a link does on pairs that it did not learn from.

    The measures, all of them ours, as the release has none:

    - ``"explained variance"`` of the latents by ``L(r)``, all dimensions together, around their mean;
    - ``"centred cosine"`` of latent and ``L(r)``, both from the mean latent of the learned pairs;
    - ``"centred cosine, there and back"`` of ``r`` and how the classifier represents the sample of ``L(r)``, both from
      the mean representation of the learned pairs;
    - ``"cycle accuracy"``: how often the classifier takes the sample of ``L(r)`` for what the label says the item is;
      ``"cycle agreement"``: for what it took the item itself for. ``", balanced"``: means over the classes;
    - ``"rank congruence"``: Spearman's correlation of the distances between representations with those between
      latents, in groups of items, so that an interval can be told; ``", linked"``: of ``L(r)`` with latents.

    Attributes
    ----------
    measures
        By name, in the order in which they are told; cycle accuracy where labels are known.
    n_learned, n_held_out
        How many pairs it learned from, and how many it is measured on.
    """

    measures: Mapping[str, LinkMeasure]
    n_learned: int
    n_held_out: int

    def __getitem__(self, name: str) -> LinkMeasure:
        """A measure by its name; an InputError that lists them where there is none of it."""
        if name not in self.measures:
            raise InputError(
                "That was not measured of this link", got=repr(name), cure=f"Choose one of: {', '.join(self.measures)}"
            )
        return self.measures[name]

    @property
    def table(self) -> pd.DataFrame:
        """One row for every measure: its value, low and high; the same of a shuffled link and of the ceiling."""
        nothing = Interval(*[float("nan")] * 3)
        rows = {}
        for name, measure in self.measures.items():
            columns = {"": measure.value, "shuffled ": measure.shuffled, "ceiling ": measure.ceiling or nothing}
            rows[name] = {
                f"{word}{part}": number
                for word, told in columns.items()
                for part, number in zip(("mean", "low", "high"), told, strict=True)
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("measure")
