"""Sweeps: what a generator draws while units of a classifier go through their range.

As in "Linking in Style" (Wehrheim, Osuna-Vargas and Kaschube 2024): one unit of an item's representation is set to
values from its lowest to its highest, the others are left, and the link makes a latent of each. A linear link moves the
latent along the unit's column of ``W``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.special import softmax
from scipy.stats import t

from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.methods.items import checked_items
from conceptstain.methods.link import Link
from conceptstain.methods.link_pairs import read_samples
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import CHUNK, Encoder
from conceptstain.nets.generator import Generator
from conceptstain.nets.generators import as_generator
from conceptstain.nets.reading import check_readable, class_scores, penultimate
from conceptstain.progress import Report, silent

__all__ = [
    "Spread",
    "Starts",
    "Sweep",
    "checked_units",
    "class_probabilities",
    "moved_latents",
    "spaced_values",
    "spread_over_items",
    "starts_of",
    "sweep",
]

LEVEL = 0.95


class Spread(NamedTuple):
    """Means over items, and where they lie with a confidence of 95 %, by Student's t; NaN for less than two items."""

    mean: Float[np.ndarray, "..."]
    low: Float[np.ndarray, "..."]
    high: Float[np.ndarray, "..."]


class Starts(NamedTuple):
    """Where sweeps start: items, as the linked layer represents them."""

    items: NDArray[np.integer]
    r: Float[np.ndarray, "items units"]


@final
@dataclass(frozen=True, eq=False)
class Sweep:
    """What changes while units go through their range. Make it with :func:`sweep`.

    Attributes
    ----------
    units
        Which units of the linked layer, all at once.
    values
        What each is set to at every step.
    items, item_names
        Where the sweeps start.
    start
        The items as the layer represents them.
    origins
        Their latents by the link, ``L(r)``.
    latents
        The latents at every step.
    samples
        What the generator makes of them.
    probabilities
        Of the classifier's classes, read from these samples.
    classes
        Names of the classes.
    features
        Genes, where samples are profiles.
    classifier, generator
        Names of both.
    """

    units: tuple[int, ...]
    values: Float[np.ndarray, "swept steps"]
    items: Int[np.ndarray, " items"]
    item_names: tuple[str, ...]
    start: Float[np.ndarray, "items units"]
    origins: Float[np.ndarray, "items latent"]
    latents: Float[np.ndarray, "items steps latent"]
    samples: Float[np.ndarray, "items steps ..."]
    probabilities: Float[np.ndarray, "items steps classes"]
    classes: tuple[str, ...]
    features: tuple[str, ...]
    classifier: str
    generator: str

    @property
    def title(self) -> str:
        """Name for a figure, e.g. ``"unit 7 of digits, by gene-pictures"``."""
        called = f"unit {self.units[0]}" if len(self.units) == 1 else f"units {', '.join(map(str, self.units))}"
        return f"{called} of {self.classifier}, by {self.generator}"

    @property
    def change(self) -> Float[np.ndarray, "items ..."]:
        """The last sample of each item minus its first."""
        return np.asarray(self.samples[:, -1] - self.samples[:, 0])

    @property
    def table(self) -> pd.DataFrame:
        """Genes that change, where samples are profiles; else the classes."""
        return self.gene_table if self.features else self.class_table

    @property
    def class_table(self) -> pd.DataFrame:
        """What the classifier says of the first and the last samples, one row for every class, in their order.

        Returns
        -------
        DataFrame
            Indexed by class: mean probability ``first`` and ``last``, their ``change`` with ``low`` and ``high`` (95 %
            over the items, Student's t).
        """
        first, last = self.probabilities[:, 0], self.probabilities[:, -1]
        found = spread_over_items(last - first)
        return pd.DataFrame(
            {
                "first": first.mean(axis=0),
                "last": last.mean(axis=0),
                "change": found.mean,
                "low": found.low,
                "high": found.high,
            },
            index=pd.Index(self.classes, name="class"),
        )

    @property
    def gene_table(self) -> pd.DataFrame:
        """How genes change, those that rise first.

        Returns
        -------
        DataFrame
            Indexed by gene: ``change`` in the samples' scaling (standard deviations), ``low`` and ``high`` (95 % over
            the items, Student's t), and ``agreeing``, the part of the items that agree with the sign.

        Raises
        ------
        InputError
            Samples are pictures.
        """
        if not self.features:
            raise InputError(
                "Genes change in profiles of spots", got="samples that are pictures", cure="Read class_table"
            )
        found = spread_over_items(self.change)
        agreeing = (np.sign(self.change) == np.sign(found.mean)).mean(axis=0)
        told = {"change": found.mean, "low": found.low, "high": found.high, "agreeing": agreeing}
        index = pd.Index(self.features, name="gene")
        return pd.DataFrame(told, index=index).sort_values("change", ascending=False, kind="stable")


def sweep(
    link: Link,
    classifier: Classifier,
    generator: Generator | Encoder,
    canvas: Canvas,
    units: int | Sequence[int],
    *,
    items: ItemIndices,
    steps: int = 3,
    values: Float[np.ndarray, "..."] | Sequence[float] | None = None,
    report: Report = silent,
) -> Sweep:
    """Draw what a unit stands for: set it to values from its lowest to its highest, in the representations of items.

    Parameters
    ----------
    link
        From the classifier's layer to the generator's latents.
    classifier
        Whose units.
    generator
        What draws; of an encoder, its decoder.
    canvas
        What the items are of, as the classifier reads it.
    units
        One, or several that go through their ranges together.
    items
        Where to start from.
    steps
        Values, evenly spaced over the range that the link saw; the release has 3.
    values
        In place of these: of one unit ``(steps,)``, of several ``(units, steps)``.
    report
        Called after every chunk of samples.

    Raises
    ------
    InputError
        No such unit or item, or fewer than two steps.
    MismatchError
        A link of other networks, or a canvas that the classifier cannot read.

    References
    ----------
    Wehrheim, Osuna-Vargas, Kaschube 2024, "Linking in Style".
    """
    made = as_generator(generator)
    link.check(classifier, made)
    chosen = checked_units(link, [units] if isinstance(units, int | np.integer) else units)
    spaced = _values(link, chosen, steps, values)
    starts = starts_of(link, classifier, canvas, items)
    latents = moved_latents(link, starts.r, chosen, spaced)
    n_items, n_steps, n_latent = latents.shape
    samples = made.samples(latents.reshape(-1, n_latent), report=report)
    return Sweep(
        units=tuple(map(int, chosen)),
        values=spaced,
        items=starts.items,
        item_names=tuple(str(canvas.item_names[item]) for item in starts.items),
        start=starts.r,
        origins=link.latents(starts.r),
        latents=latents,
        samples=samples.reshape(n_items, n_steps, *samples.shape[1:]),
        probabilities=class_probabilities(classifier, samples).reshape(n_items, n_steps, -1),
        classes=classifier.classes,
        features=made.features,
        classifier=classifier.name,
        generator=made.name,
    )


def starts_of(link: Link, classifier: Classifier, canvas: Canvas, items: ItemIndices) -> Starts:
    """Items as the linked layer represents them.

    Raises
    ------
    InputError
        No such item.
    MismatchError
        A canvas that the classifier cannot read.
    """
    check_readable(classifier, canvas)
    chosen = checked_items(canvas, items)
    layer = None if link.penultimate else link.layer
    return Starts(chosen, read_samples(classifier, canvas.inputs(chosen), layer).r)


def checked_units(link: Link, units: Sequence[int] | Int[np.ndarray, " swept"]) -> Int[np.ndarray, " swept"]:
    """Numbers of units as an array.

    Raises
    ------
    InputError
        None, one twice, or one that the linked layer does not have.
    """
    chosen = np.asarray(units, dtype=int)
    if not len(chosen) or len(np.unique(chosen)) < len(chosen) or chosen.min() < 0 or chosen.max() >= link.units:
        raise InputError(
            "These are not units of the linked layer",
            got=", ".join(map(str, chosen[:10])) or "none",
            cure=f"Choose different ones of 0 to {link.units - 1}",
        )
    return chosen


def moved_latents(
    link: Link,
    r: Float[np.ndarray, "items units"],
    units: Int[np.ndarray, " swept"],
    values: Float[np.ndarray, "swept steps"],
) -> Float[np.ndarray, "items steps latent"]:
    """Latents of representations with some units set to values, one step after the other.

    Of a linear link ``L(r) + sum_u W[:, u] (value_u - r_u)``.
    """
    if link.is_linear:
        by = values[None] - r[:, units, None]
        return np.asarray(link.latents(r)[:, None] + np.einsum("ius,lu->isl", by, link.weights[:, units]))
    changed = np.repeat(r[:, None], values.shape[1], axis=1)
    changed[:, :, units] = values.T
    return link.latents(changed.reshape(-1, r.shape[1])).reshape(len(r), values.shape[1], -1)


def class_probabilities(
    classifier: Classifier, samples: Float[np.ndarray, "samples ..."]
) -> Float[np.ndarray, "samples classes"]:
    """What a classifier says of samples, some at a time: softmax of its scores, float64."""
    scores = []
    with torch.inference_mode():
        for start in range(0, len(samples), CHUNK):
            part = torch.as_tensor(samples[start : start + CHUNK])
            scores.append(class_scores(classifier, penultimate(classifier, part)).double().cpu().numpy())
    return np.asarray(softmax(np.concatenate(scores), axis=1))


def spread_over_items(values: Float[np.ndarray, "items ..."]) -> Spread:
    """Mean over the items with its interval; items of which there is no number, NaN, are left out."""
    n = np.isfinite(values).sum(axis=0)
    counted = np.maximum(n, 1)
    mean = np.where(n > 0, np.nansum(values, axis=0, dtype=np.float64) / counted, np.nan)
    squares = np.nansum((values - mean) ** 2, axis=0, dtype=np.float64)
    deviation = np.sqrt(squares / np.maximum(n - 1, 1) / counted)
    reach = np.where(n > 1, t.ppf((1 + LEVEL) / 2, np.maximum(n - 1, 1)) * deviation, np.nan)
    return Spread(mean, mean - reach, mean + reach)


def _values(
    link: Link,
    units: Int[np.ndarray, " swept"],
    steps: int,
    values: Float[np.ndarray, "..."] | Sequence[float] | None,
) -> Float[np.ndarray, "swept steps"]:
    if values is None:
        return spaced_values(link, units, steps)
    given = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if given.ndim != 2 or given.shape[0] != len(units) or given.shape[1] < 2 or not np.isfinite(given).all():
        raise InputError(
            "Every unit has two finite values or more",
            got=f"shape {np.shape(values)} for {len(units)} units",
            cure="Give (steps,) for one unit, (units, steps) for several",
        )
    return given


def spaced_values(link: Link, units: Int[np.ndarray, " swept"], steps: int) -> Float[np.ndarray, "swept steps"]:
    """From the lowest to the highest value that the link saw of each unit, evenly.

    Raises
    ------
    InputError
        Fewer than two steps.
    """
    if steps < 2:
        raise InputError("A sweep has two steps or more", got=str(steps), cure="Use 3")
    low, high = link.ranges[units].T
    return np.linspace(low, high, steps, axis=1)
