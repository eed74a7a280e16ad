"""Setting units of a linked layer to values, one after the other, and drawing what a generator makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.methods.items import checked_items
from conceptstain.methods.link import Link
from conceptstain.methods.link_pairs import read_samples
from conceptstain.methods.sweep import Sweep
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.generator import Generator
from conceptstain.nets.generators import as_generator
from conceptstain.nets.reading import check_readable, class_probabilities
from conceptstain.progress import Report, silent

__all__ = ["Starts", "checked_units", "moved_latents", "spaced_values", "starts_of", "sweep"]


class Starts(NamedTuple):
    """Where sweeps start: items, as the linked layer represents them."""

    items: NDArray[np.integer]
    r: Float[np.ndarray, "items units"]


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
