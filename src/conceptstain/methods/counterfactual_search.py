"""Counterfactuals: what would have to change in an item for a classifier to take it for another class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from conceptstain.canvas.canvas import Canvas
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.counterfactual import Counterfactual
from conceptstain.methods.counterfactual_known import Known, changes_between
from conceptstain.methods.counterfactual_reading import (
    check_whole,
    class_scores_of,
    decoded_samples,
    margins_of,
    probabilities_of,
    scores_of_samples,
)
from conceptstain.methods.counterfactual_settings import CounterfactualMethod, CounterfactualSettings, check_method
from conceptstain.methods.counterfactual_walks import Line, gradient_walk, line_walk, resampled
from conceptstain.methods.gradient import as_evaluated, copies_at_once
from conceptstain.methods.items import checked_items
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report, Step, silent

__all__ = ["counterfactual"]


def counterfactual(
    classifier: Classifier,
    generator: Encoder,
    canvas: Canvas,
    items: ItemIndices,
    target: str | Sequence[str],
    *,
    method: CounterfactualMethod = "line search",
    settings: CounterfactualSettings | None = None,
    second: Classifier | None = None,
    known: ItemIndices | None = None,
    report: Report = silent,
) -> Counterfactual:
    """Find what would have to change in items for a classifier to take them for another class.

    The path starts at the mean latent of an item and ends where the classifier, *shown the decoded sample*, gives the
    target the probability that was asked for. An item that the classifier has for its target already is its own
    counterfactual, without a step. ``"line search"`` goes along the difference of the mean latents of the two classes,
    as the classifier tells the known items; ``"gradient"`` lets Adam make the target's log-probability larger through
    decoder and classifier, with a pull to the start.

    A search that follows the classifier's gradient finds what deceives it as gladly as what is meant: count a success
    only where a second classifier, trained on its own, confirms it.

    Parameters
    ----------
    classifier
        Whose answer is to change.
    generator
        What decodes: an encoder with a decoder.
    canvas
        Inputs of both.
    items
        Indices.
    target
        Name of a class; or one for each item.
    method
        How the path is found.
    settings
        None: the defaults.
    second
        A classifier with the same names of classes that was trained on its own.
    known
        Indices of the items that plausibility is measured against, that class means are of, and among which the
        nearest of the target class is; None: the trainable ones.
    report
        Called while encoding, and at every step; may raise :class:`Cancelled`.

    Raises
    ------
    InputError
        No such item, class or method, another number of targets than items, or a classifier of parts.
    MismatchError
        Canvas, classifier and generator do not belong together, the generator cannot decode, or there is no known item
        of a class whose mean is needed.
    """
    check_method(method)
    settings = settings or CounterfactualSettings()
    chosen = checked_items(canvas, items)
    judges = [each for each in (classifier, second) if each is not None]
    for judge in judges:
        check_whole(judge)
        judge.encoder.check(canvas)
    generator.check(canvas)
    rows = _targets(classifier, target, len(chosen))
    wanted = None if second is None else _targets(second, [classifier.classes[row] for row in rows], len(rows))
    familiar = canvas.trainable if known is None else checked_items(canvas, known)

    pool = Known.of(canvas, classifier, generator, chosen, known=familiar, report=report)
    frames, arrived, steps = _walked(_Question(classifier, generator, pool, rows), method, settings, report)

    start, end = (decoded_samples(generator, frames[:, frame]) for frame in (0, -1))
    along = [scores_of_samples(classifier, decoded_samples(generator, frames[:, at])) for at in range(settings.frames)]
    scores = np.stack(along, axis=1)
    confirmed = None
    if second is not None:
        confirmed = arrived & (scores_of_samples(second, end).argmax(axis=1) == wanted)
    nearest = pool.nearest(rows)
    found = nearest >= 0
    trivial = pool.latents[nearest]
    trivial_changes = changes_between(start, decoded_samples(generator, trivial), canvas.mask)
    return Counterfactual(
        method=method,
        items=chosen,
        item_names=tuple(str(canvas.item_names[item]) for item in chosen),
        classes=classifier.classes,
        origins=pool.origins,
        targets=rows,
        path=frames,
        start=start,
        end=end,
        probabilities=probabilities_of(scores, rows),
        margins=margins_of(scores, rows, pool.origins),
        success=arrived,
        confirmed=confirmed,
        steps=steps,
        distances=np.linalg.norm(frames[:, -1] - frames[:, 0], axis=1),
        changes=changes_between(start, end, canvas.mask),
        plausibility=pool.plausibility(frames[:, -1], settings.neighbours, settings.seed),
        nearest=np.where(found, pool.items[nearest], -1),
        nearest_distances=np.where(found, np.linalg.norm(trivial - frames[:, 0], axis=1), np.nan),
        nearest_changes=np.where(found, trivial_changes, np.nan),
        network=generator,
        classifier=classifier.fingerprint,
        generator=generator.fingerprint,
        second=second.fingerprint if second is not None else "",
        settings={
            **asdict(settings),
            "method": method,
            "start": "mean latent of the item",
            "known": None if known is None else tuple(familiar.tolist()),
            "classifier name": classifier.name,
        },
    )


class _Question(NamedTuple):
    """Who is asked, about what, and which class is wanted."""

    classifier: Classifier
    generator: Encoder
    pool: Known
    targets: Int[np.ndarray, " items"]


def _walked(
    question: _Question, method: CounterfactualMethod, settings: CounterfactualSettings, report: Report
) -> tuple[Float[np.ndarray, "items frames latent"], Bool[np.ndarray, " items"], Int[np.ndarray, " items"]]:
    """Paths of all items, whether they arrived, and the steps of their searches; chunk by chunk."""
    classifier, generator, pool, rows = question
    frames = np.repeat(pool.starts[:, None], settings.frames, axis=1)
    arrived, steps = pool.origins == rows, np.zeros(len(rows), dtype=int)
    going = np.flatnonzero(~arrived)
    differences = pool.differences(rows) if method == "line search" else np.zeros_like(pool.starts)
    at_once = copies_at_once(generator.shape)

    def ask(z: Tensor) -> Tensor:
        return class_scores_of(classifier, generator.decode(z))

    with as_evaluated(generator.network), as_evaluated(classifier.encoder.network):
        for first in range(0, len(going), at_once):
            part = going[first : first + at_once]

            def report_of_all(step: Step, first: int = first) -> None:
                report(Step(first + step.done, len(going), step.message))

            start = generator.tensor(pool.starts[part])
            targets = torch.as_tensor(rows[part], device=start.device)
            if method == "gradient":
                walk = gradient_walk(ask, start, targets, settings, report_of_all)
            else:
                line = Line(start, generator.tensor(differences[part]))
                walk = line_walk(ask, line, targets, settings, report_of_all)
            frames[part] = resampled(walk, settings.frames).double().cpu().numpy()
            arrived[part], steps[part] = walk.arrived.cpu().numpy(), walk.steps.cpu().numpy()
    return frames, arrived, steps


def _targets(classifier: Classifier, target: str | Sequence[str], n_items: int) -> Int[np.ndarray, " items"]:
    """A row for every item."""
    if isinstance(target, str):
        return np.full(n_items, classifier.number(target))
    if len(target) != n_items:
        raise InputError(
            "Every item has one target",
            got=f"{len(target)} targets for {n_items} items",
            cure="Give one class for all, or one for each",
        )
    return np.array([classifier.number(name) for name in target], dtype=int)
