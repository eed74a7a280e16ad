"""What a network does on some items: how well it tells classes, how it scores concepts, how well it redraws.

It is measured under several conditions at once, such as with some units put out. Items are read and encoded in chunks,
each under every condition, and summed up in groups, so that the spread of whatever is compared is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias, final

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from conceptstain.canvas.class_labels import ClassLabels
from conceptstain.canvas.part_labels import PartLabels
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import LATENT
from conceptstain.concepts.scores import AlongLayer, score_of
from conceptstain.errors import MismatchError
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.methods.gradient import as_evaluated, copies_at_once
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.confusion import Confusion
from conceptstain.nets.encoder import Encoder, Encoding
from conceptstain.nets.tap import over_places, tap
from conceptstain.progress import Report, Step, silent

__all__ = [
    "GROUPS",
    "Condition",
    "Labels",
    "Performance",
    "check_labels",
    "confusions",
    "group_of",
    "measured",
    "targets_at",
]

GROUPS = 20  # that items are dealt into
LABELLED_AT_ONCE = 32  # pictures whose parts are in memory together: each has a plane for every class

Labels: TypeAlias = ClassLabels | PartLabels
"""What is known: a class for every item, or for every pixel."""

Condition: TypeAlias = Callable[[], AbstractContextManager[None]]
"""What a network is asked under, such as a hook that puts units out."""


@final
@dataclass(frozen=True, eq=False)
class Performance:
    """What a network did on some items, summed up in groups of them. Make it with :func:`measured`.

    Attributes
    ----------
    classes
        Names of the classes; none of an encoder without.
    concepts
        Names of the concepts.
    n_items
        How many items each group has.
    confusion
        ``confusion[g, c, d]``: how much of class c was taken for d; items, or area. All 0 without labels.
    scores
        Sums of the scores of classes, then of concepts, then of the squared error of what was redrawn, where the
        network can.
    parts
        Whether classes were told at every place.
    """

    classes: tuple[str, ...]
    concepts: tuple[str, ...]
    n_items: Float[np.ndarray, " groups"]
    confusion: Float[np.ndarray, "groups classes classes"]
    scores: Float[np.ndarray, "groups scores"]
    parts: bool = False

    @cached_property
    def there(self) -> NDArray[np.integer]:
        """Indices of the classes that some of the labels were of."""
        return np.flatnonzero(self.confusion.sum(axis=(0, 2)) > 0)

    @cached_property
    def measures(self) -> tuple[tuple[str, str], ...]:
        """What :meth:`values` gives: the measure, and of what."""
        of_classes = ("mean", *(self.classes[each] for each in self.there)) if len(self.there) else ()
        found = [("balanced accuracy", name) for name in of_classes]
        found += [("IoU", name) for name in of_classes if self.parts]
        found += [("taken for", name) for name in of_classes[1:]]
        found += [("class score", name) for name in self.classes]
        found += [("concept score", name) for name in self.concepts]
        redrawn = self.scores.shape[1] - len(self.classes) - len(self.concepts)
        return (*found, *([("reconstruction error", "mean")] if redrawn else []))

    def values(self, times: Float[np.ndarray, " groups"] | None = None) -> Float[np.ndarray, " measures"]:
        """Every measure; ``times`` is how often each group counts, None: once."""
        weights = np.ones(len(self.n_items)) if times is None else times
        found: list[Float[np.ndarray, " some"]] = []
        if len(self.there):
            confusion = self.told(weights)
            kinds = [confusion.one_against_rest, *([confusion.ious] if self.parts else [])]
            for of_classes in (each[self.there] for each in kinds):
                known = of_classes[np.isfinite(of_classes)]  # of groups drawn anew, a rare class may be in none
                found += [np.array([known.mean() if len(known) else np.nan]), of_classes]
            found.append((confusion.counts.sum(axis=0) / max(confusion.counts.sum(), 1e-12))[self.there])
        return np.concatenate([*found, weights @ self.scores / (weights @ self.n_items)])

    def told(self, times: Float[np.ndarray, " groups"] | None = None) -> Confusion:
        """Which classes were taken for which; ``times`` as for :meth:`values`."""
        weights = np.ones(len(self.n_items)) if times is None else times
        return Confusion(self.classes, np.einsum("g,gcd->cd", weights, self.confusion))


@dataclass
class _Sums:
    """A performance that is being summed up."""

    n_items: Float[np.ndarray, " groups"]
    confusion: Float[np.ndarray, "groups classes classes"]
    scores: list[Float[np.ndarray, "groups scores"]] = field(default_factory=list)


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
        Of what, checked already (:func:`check_labels`).
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
    n_items = np.bincount(groups).astype(np.float64)
    sums = [_Sums(n_items, np.zeros((n_groups, len(classes), len(classes)))) for _ in conditions]
    at_once = min(copies_at_once(canvas.shape), LABELLED_AT_ONCE if labels is not None and labels.parts else len(items))
    with as_evaluated(encoder.network):
        for start in range(0, len(items), at_once):
            part = slice(start, start + at_once)
            x = encoder.tensor(canvas.inputs(items[part]))
            told = None if labels is None else labels.of(items[part])
            for condition, total in zip(conditions, sums, strict=True):
                with torch.no_grad(), condition():
                    class_scores, others = _passed(encoder, classifier, canvas, x, concepts)
                over_items = [*([over_places(class_scores)] if class_scores is not None else []), *others]
                values = torch.cat(over_items, dim=1).double().cpu().numpy() if over_items else np.zeros((len(x), 0))
                total.scores = total.scores or [np.zeros((n_groups, values.shape[1]))]
                np.add.at(total.scores[0], groups[part], values)
                if told is not None and labels is not None and class_scores is not None:
                    targets = targets_at(told, labels, classes, class_scores.shape[2:])
                    np.add.at(total.confusion, groups[part], confusions(class_scores, targets))
            report(Step(min(start + at_once, len(items)), len(items), "Asking the network"))
    parts = classifier is not None and classifier.parts
    names = tuple(concept.name for concept in concepts)
    return [Performance(classes, names, n_items, each.confusion, each.scores[0], parts) for each in sums]


def check_labels(network: Encoder | Classifier, canvas: Canvas, labels: Labels) -> None:
    """Refuse labels that the network does not tell, or that are of another canvas.

    Raises
    ------
    MismatchError
        An encoder, which has no classes; classes that it does not know, parts for wholes or the other way round.
    InputError
        Labels of other items.
    """
    if not isinstance(network, Classifier):
        raise MismatchError(
            f"The encoder {network.name!r} tells no classes",
            got=f"labels of {labels.name}",
            cure="Give a classifier, or leave the labels out",
        )
    labels.check(canvas)
    strangers = [name for name in labels.classes if name not in network.classes]
    if strangers or labels.parts != network.parts:
        kinds = {True: "parts", False: "whole items"}
        raise MismatchError(
            f"The classifier {network.name!r} does not tell what these labels say",
            got=", ".join(strangers) if strangers else f"{kinds[labels.parts]} for {kinds[network.parts]}",
            cure=f"Give labels of {kinds[network.parts]}: {', '.join(network.classes)}",
        )


def group_of(n_items: int) -> NDArray[np.integer]:
    """Which group each of so many items is dealt into."""
    return np.arange(n_items) % min(GROUPS, n_items)


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
