"""Counterfactuals: what would have to change in an item for a classifier to take it for another class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from conceptstain.canvas.canvas import Canvas
from conceptstain.inputs import ItemIndices
from conceptstain.methods.counterfactual import Counterfactual
from conceptstain.methods.counterfactual_asked import space_of, targets_of
from conceptstain.methods.counterfactual_known import Known, changes_between
from conceptstain.methods.counterfactual_paths import Line, Path, Proximal
from conceptstain.methods.counterfactual_reading import (
    check_whole,
    class_scores_of,
    decoded_samples,
    margins_of,
    probabilities_of,
    scores_of_latents,
    scores_of_samples,
)
from conceptstain.methods.counterfactual_settings import CounterfactualMethod, CounterfactualSettings, check_method
from conceptstain.methods.counterfactual_walks import (
    Linked,
    Walk,
    gradient_walk,
    path_walk,
    published_walk,
    resampled,
    stop_at,
)
from conceptstain.methods.gradient import as_evaluated, copies_at_once
from conceptstain.methods.items import checked_items
from conceptstain.methods.link import Link
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.generator import Generator
from conceptstain.nets.generators import as_generator
from conceptstain.nets.reading import check_readable, class_scores
from conceptstain.progress import Report, Step, silent

__all__ = ["counterfactual"]

LEAST_ITEMS = 4  # of a class: of fewer, no covariance is known


def counterfactual(
    classifier: Classifier,
    generator: Generator | Encoder,
    canvas: Canvas,
    items: ItemIndices,
    target: str | Sequence[str],
    *,
    link: Link | None = None,
    method: CounterfactualMethod = "proximal path",
    settings: CounterfactualSettings | None = None,
    second: Classifier | None = None,
    known: ItemIndices | None = None,
    report: Report = silent,
) -> Counterfactual:
    """Find what would have to change in items for a classifier to take them for another class.

    The path ends where the classifier, *shown the decoded sample*, gives the target the probability that was asked for.
    An item that the classifier has for its target already is its own counterfactual, without a step.

    - ``"proximal path"`` (ours) goes to the known items of the target class that are nearest, first along what hardly
      varies within that class and last along what varies most, so that an item keeps its own ways. It asks the
      classifier only where to stop, and follows no gradient of it.
    - ``"line search"`` goes along the difference of the two classes' mean latents.
    - ``"gradient"`` lets Adam raise the target's log-probability through decoder and classifier, with a pull to the
      start. What it finds may deceive the classifier alone.
    - ``"published"`` is the released search of Wehrheim et al.: a change of the penultimate representation, decoded
      through the link.

    Count a success only where a second classifier, trained on its own, confirms it.

    Parameters
    ----------
    classifier
        Whose answer is to change; it reads the canvas and what is decoded.
    generator
        What decodes: an encoder with a decoder, or a generative model of your own.
    canvas
        What the items are of: the encoder's own view; with a link, whatever the classifier reads.
    items
        Indices.
    target
        Name of a class; or one for each item.
    link
        From the classifier's representations to latents. With it paths start at ``L(r)`` of the items and class means
        are those of ``L(r)``; without, at the items' mean latents.
    method
        How the path is found.
    settings
        None: the defaults.
    second
        A classifier with the same names of classes that was trained on its own.
    known
        Indices of the items that the target's mean and spread are of, that plausibility is measured against, and among
        which the nearest of the target class is; the classifier says what they are. None: the trainable ones.
    report
        Called while encoding, and at every step; may raise :class:`Cancelled`.

    Raises
    ------
    InputError
        No such item, class or method, another number of targets than items, a classifier of parts, a generator without
        an encoder and no link, or the published search without a link.
    MismatchError
        Canvas, classifier, generator and link do not belong together, the generator cannot decode, or there are too few
        known items of a class.

    References
    ----------
    Wehrheim, Osuna-Vargas & Kaschube 2024, "Linking in style", arXiv:2409.16865.
    """
    check_method(method)
    settings = settings or CounterfactualSettings()
    made = as_generator(generator)
    chosen = checked_items(canvas, items)
    space = space_of(classifier, made, canvas, link, method)
    for judge in (classifier, second):
        if judge is not None:
            check_whole(judge)
            check_readable(judge, made)
    rows = targets_of(classifier, target, len(chosen))
    wanted = None if second is None else targets_of(second, [classifier.classes[row] for row in rows], len(rows))
    familiar = canvas.trainable if known is None else checked_items(canvas, known)

    pool = Known.of(canvas, classifier, space, chosen, known=familiar, report=report)
    redrawn = pool.redrawn(
        rows,
        lambda latents: scores_of_latents(classifier, made, latents),
        probability=settings.aim_of(method) or 0.5,
        least=LEAST_ITEMS,
    )
    question = _Question(classifier, made, pool if method == "line search" else redrawn, rows, link)
    frames, arrived, steps = _walked(question, method, settings, report)

    start, end = (decoded_samples(made, frames[:, frame]) for frame in (0, -1))
    along = [scores_of_latents(classifier, made, frames[:, at]) for at in range(settings.frames)]
    scores = np.stack(along, axis=1)
    confirmed = None
    if second is not None:
        confirmed = arrived & (scores_of_samples(second, end).argmax(axis=1) == wanted)
    nearest = redrawn.nearest(rows)
    found = nearest >= 0
    trivial = pool.latents[nearest]
    trivial_changes = changes_between(start, decoded_samples(made, trivial), canvas.mask)
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
        drawn={classifier.classes[row]: counts for row, counts in redrawn.drawn.items()},
        network=generator,
        classifier=classifier.fingerprint,
        generator=made.fingerprint,
        second=second.fingerprint if second is not None else "",
        link="" if link is None else link.fingerprint,
        settings={
            **asdict(settings),
            "method": method,
            "start": "mean latent of the item" if link is None else "L(r) of the item",
            "known": None if known is None else tuple(familiar.tolist()),
            "classifier name": classifier.name,
        },
    )


class _Question(NamedTuple):
    """Who is asked, about what, and which class is wanted."""

    classifier: Classifier
    generator: Generator
    pool: Known
    targets: Int[np.ndarray, " items"]
    link: Link | None


def _walked(
    question: _Question, method: CounterfactualMethod, settings: CounterfactualSettings, report: Report
) -> tuple[Float[np.ndarray, "items frames latent"], Bool[np.ndarray, " items"], Int[np.ndarray, " items"]]:
    """Paths of all items, whether they arrived, and the steps of their searches; chunk by chunk."""
    classifier, generator, pool, rows, _ = question
    frames = np.repeat(pool.starts[:, None], settings.frames, axis=1)
    arrived, steps = pool.origins == rows, np.zeros(len(rows), dtype=int)
    going = np.flatnonzero(~arrived)
    if method == "line search":
        pool.check(rows)
    if method == "proximal path":
        pool.check(rows, least=LEAST_ITEMS, origins=False)
    path_of = _paths(question, method, settings) if method in {"line search", "proximal path"} else None
    at_once = copies_at_once(generator.shape)
    with as_evaluated(generator.network), as_evaluated(classifier.encoder.network):
        for first in range(0, len(going), at_once):
            part = going[first : first + at_once]

            def report_of_all(step: Step, first: int = first) -> None:
                report(Step(first + step.done, len(going), step.message))

            path = None if path_of is None else path_of(part)
            walk = _walk(question, part, method, path, settings, report_of_all)
            frames[part] = resampled(walk, settings.frames).double().cpu().numpy()
            arrived[part], steps[part] = walk.arrived.cpu().numpy(), walk.steps.cpu().numpy()
    return frames, arrived, steps


def _paths(
    question: _Question, method: CounterfactualMethod, settings: CounterfactualSettings
) -> Callable[[Int[np.ndarray, " items"]], Path]:
    """What makes the paths of some items; what all paths share is found once."""
    _, generator, pool, rows, _ = question
    starts = generator.tensor(pool.starts)
    if method == "line search":
        directions = generator.tensor(pool.differences(rows))
        return lambda part: Line(starts[part], directions[part], settings.farthest)
    middles = generator.tensor(pool.middles(rows, settings.nearest))
    axes, variances = (generator.tensor(each) for each in pool.spread(rows))
    classes = torch.as_tensor(rows, device=starts.device)
    return lambda part: Proximal(
        starts[part], middles[part], axes, variances, classes[torch.as_tensor(part)], settings.farthest
    )


def _walk(  # noqa: PLR0917 - one step of the above
    question: _Question,
    part: Int[np.ndarray, " items"],
    method: CounterfactualMethod,
    path: Path | None,
    settings: CounterfactualSettings,
    report: Report,
) -> Walk:
    """The search of some items together."""
    classifier, generator, pool, rows, link = question

    def ask(z: Tensor) -> Tensor:
        return class_scores_of(classifier, generator.decode(z))

    start = generator.tensor(pool.starts[part])
    targets = torch.as_tensor(rows[part], device=start.device)
    if path is not None:
        return path_walk(
            ask,
            path,
            targets,
            frames=settings.frames,
            most=settings.steps_of(method),
            aim=stop_at(settings.aim_of(method)),
            stop=stop_at(settings.probability_of(method)),
            report=report,
        )
    if method == "published" and link is not None:
        r = generator.tensor(pool.representations[part])
        origins = torch.as_tensor(pool.origins[part], device=start.device)
        drawn = [np.random.default_rng([settings.seed, int(pool.asked[row])]).random(r.shape[1]) for row in part]
        first = generator.tensor(np.stack(drawn))
        linked = Linked(r, link.torch_latents, lambda units: class_scores(classifier, units), origins, first)
        return published_walk(ask, linked, targets, settings, report)
    return gradient_walk(ask, start, targets, settings, report)
