"""Measuring what a network does under several conditions at once, such as with some units put out.

Items are read and encoded in chunks, each under every condition, and summed up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import LATENT
from conceptstain.concepts.scores import AlongLayer, score_of
from conceptstain.errors import InputError
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.methods.gradient import as_evaluated, copies_at_once
from conceptstain.methods.performance import Labels, Performance, group_of
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder, Encoding
from conceptstain.nets.tap import over_places, tap
from conceptstain.progress import Report, Step, silent

__all__ = ["LABELLED_AT_ONCE", "Condition", "check_numbers", "confusions", "measured", "targets_at"]

LABELLED_AT_ONCE = 32  # pictures whose parts are in memory together: each has a plane for every class

Condition: TypeAlias = Callable[[], AbstractContextManager[None]]
"""What a network is asked under, such as a hook that puts units out."""


def measured(
    network: Encoder | Classifier,
    canvas: Canvas,
    conditions: Sequence[Condition],
    *,
    items: NDArray[np.integer],
    labels: Labels | None = None,
    concepts: Sequence[Concept] = (),
    report: Report = silent,
) -> list[Performance]:
    """What a network does on items under each condition.

    Parameters
    ----------
    network, canvas, items, labels, concepts
        Of what, checked already (:func:`~conceptstain.methods.performance.check_labels`).
    conditions
        Each is entered around every pass under it.
    report
        Called after every chunk of items; may raise :class:`Cancelled`.
    """
    encoder = network.encoder if isinstance(network, Classifier) else network
    classifier = network if isinstance(network, Classifier) else None
    classes = classifier.classes if classifier else ()
    groups = group_of(len(items))
    n_groups = int(groups.max()) + 1
    confusion = np.zeros((len(conditions), n_groups, len(classes), len(classes)))
    scores = np.zeros((len(conditions), n_groups, 0))
    at_once = min(copies_at_once(canvas.shape), LABELLED_AT_ONCE if labels is not None and labels.parts else len(items))
    with as_evaluated(encoder.network):
        for start in range(0, len(items), at_once):
            part = slice(start, start + at_once)
            x = encoder.tensor(canvas.inputs(items[part]))
            told = None if labels is None else labels.of(items[part])
            for row, condition in enumerate(conditions):
                with torch.no_grad(), condition():
                    class_scores, others = _passed(encoder, classifier, canvas, x, concepts)
                over_items = others if class_scores is None else [over_places(class_scores), *others]
                if over_items:
                    values = torch.cat(over_items, dim=1).double().cpu().numpy()
                    check_numbers(values, network)
                    scores = scores if scores.size else np.zeros((len(conditions), n_groups, values.shape[1]))
                    np.add.at(scores[row], groups[part], values)
                if told is not None and labels is not None and class_scores is not None:
                    targets = targets_at(told, labels, classes, class_scores.shape[2:])
                    np.add.at(confusion[row], groups[part], confusions(class_scores, targets))
            report(Step(min(start + at_once, len(items)), len(items), "Asking the network"))
    parts = classifier is not None and classifier.parts
    names, n_items = tuple(concept.name for concept in concepts), np.bincount(groups).astype(np.float64)
    return [
        Performance(classes, names, n_items, counts, totals, parts)
        for counts, totals in zip(confusion, scores, strict=True)
    ]


def check_numbers(values: Float[np.ndarray, "..."], network: Encoder | Classifier) -> None:
    """Refuse scores that are no numbers, which would be counted as the first class; an InputError."""
    if not np.isfinite(values).all():
        raise InputError(
            f"Some scores of {network.name!r} are no numbers",
            got=f"{int(np.count_nonzero(~np.isfinite(values)))} of {values.size}",
            cure="Check the weights of the network and the values that it is given",
        )


def targets_at(
    told: Float[np.ndarray, "items labels ..."], labels: Labels, classes: Sequence[str], places: Sequence[int]
) -> Float[Tensor, "items classes ..."]:
    """What is known of items, in the classifier's order of classes and, of parts, at its places."""
    targets = torch.zeros(len(told), len(classes), *told.shape[2:])
    targets[:, [list(classes).index(name) for name in labels.classes]] = torch.as_tensor(told)
    return functional.adaptive_avg_pool2d(targets, (places[0], places[1])) if labels.parts else targets


def confusions(
    scores: Float[Tensor, "items classes *places"], targets: Float[Tensor, "items classes *places"]
) -> Float[np.ndarray, "items classes classes"]:
    """How much of every class was taken for each, of every item by itself."""
    scores, targets = (each[..., None] if each.ndim == 2 else each.flatten(2) for each in (scores, targets))
    n_items, n_classes, _ = scores.shape
    told = targets.to(scores.device).double()
    taken = scores.argmax(dim=1, keepdim=True).expand_as(told)
    return np.asarray(told.new_zeros(n_items, n_classes, n_classes).scatter_add_(2, taken, told).cpu())


def _passed(
    encoder: Encoder,
    classifier: Classifier | None,
    canvas: Canvas,
    x: Float[Tensor, "batch ..."],
    concepts: Sequence[Concept],
) -> tuple[Float[Tensor, "batch classes ..."] | None, list[Float[Tensor, "batch numbers"]]]:
    """Scores of classes, at places where parts are told; then those of concepts, and the error of what is redrawn."""
    at_places = classifier.places if classifier is not None and classifier.parts else ""
    scores = [score_of(concept) for concept in concepts]
    layers = {concept.space for concept in concepts} - {LATENT} | ({at_places} - {""})
    with ExitStack() as stack:
        taps = {layer: stack.enter_context(tap(encoder.network, layer)) for layer in layers}
        mean = encoder.encode(x).mean
        seen = {layer: each.take() for layer, each in taps.items()}
    class_scores = None
    if classifier is not None:
        weights, bias = encoder.tensor(classifier.weights), encoder.tensor(classifier.bias)
        read = seen[at_places] if at_places else mean
        class_scores = torch.einsum("nc...,kc->nk...", read, weights) + bias.reshape(-1, *[1] * (read.ndim - 2))
    others = [
        score(over_places(seen[score.layer])) if isinstance(score, AlongLayer) else score(Encoding(mean, mean))
        for score in scores
    ]
    redrawn = [_error(encoder, canvas, x, mean)] if hasattr(encoder.network, "decode") else []
    return class_scores, [each[:, None] for each in (*others, *redrawn)]


def _error(
    encoder: Encoder, canvas: Canvas, x: Float[Tensor, "batch ..."], mean: Float[Tensor, "batch latent"]
) -> Float[Tensor, " batch"]:
    """Mean squared error of the decoded mean over the values that hold data."""
    mask = encoder.tensor(np.broadcast_to(canvas.mask, canvas.shape).astype(np.float32))
    apart = (encoder.decode(mean) - x).square() * mask
    return apart.flatten(1).sum(dim=1) / mask.sum()
