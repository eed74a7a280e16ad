"""How important each unit is to each class: what the class loses without it (Bau et al. 2020)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray

from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.methods.gradient import as_evaluated, copies_at_once
from conceptstain.methods.interventions import asked_items, axes_removed, units_set
from conceptstain.methods.measuring import LABELLED_AT_ONCE, Condition, check_numbers, confusions, measured, targets_at
from conceptstain.methods.performance import Labels, Performance, group_of
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.tap import layer_named, tap
from conceptstain.progress import Report, Step, silent

__all__ = ["UnitImportance", "check_several", "number_of_units", "performances_without", "unit_importance"]


@final
@dataclass(frozen=True, eq=False)
class UnitImportance:
    """How important each unit of a layer is to each class. Make it with :func:`unit_importance`.

    Attributes
    ----------
    name
        The classifier's.
    layer
        Where the units are.
    classes
        Names of the classes that some labels were of.
    whole
        Balanced accuracy of each class with all units, ``(TPR + TNR) / 2`` of it against the rest.
    values
        ``imp(u, c)``: what it loses without the unit; negative where it gains.
    n_items
        How many items were asked about.
    """

    name: str
    layer: str
    classes: tuple[str, ...]
    whole: Float[np.ndarray, " classes"]
    values: Float[np.ndarray, "units classes"]
    n_items: int

    def order(self, class_name: str) -> Int[np.ndarray, " units"]:
        """Numbers of the units, the most important to a class first.

        Raises
        ------
        InputError
            No such class; the message lists them.
        """
        if class_name not in self.classes:
            raise InputError(
                "No item is of that class", got=repr(class_name), cure=f"Choose one of: {', '.join(self.classes)}"
            )
        return np.argsort(-self.values[:, self.classes.index(class_name)], kind="stable")

    def times_among(self, most: int = 4) -> Int[np.ndarray, " units"]:
        """For how many classes each unit is among the ``most`` important ones."""
        first = np.stack([self.order(name)[:most] for name in self.classes])
        return np.bincount(first.ravel(), minlength=len(self.values))

    def table(self) -> pd.DataFrame:
        """One row for every unit, one column for every class: ``imp(u, c)``."""
        return pd.DataFrame(self.values, index=pd.RangeIndex(len(self.values), name="unit"), columns=list(self.classes))


def unit_importance(
    classifier: Classifier,
    layer: str,
    canvas: Canvas,
    labels: Labels,
    *,
    items: ItemIndices | None = None,
    rotation: Float[np.ndarray, "units units"] | None = None,
    report: Report = silent,
) -> UnitImportance:
    """What every class loses when one unit is put out: ``imp(u, c) = BA_c(all) - BA_c(without u)``.

    The units that lose most on some items do so by chance, too: test what they do on others
    (:func:`~conceptstain.methods.ablation_curves.ablation_curves`).

    Parameters
    ----------
    classifier
        Of whole items or of parts.
    layer
        Of its encoder. Where classes are read from the layer itself (``classifier.places``), the network runs once;
        else once for every unit.
    canvas, labels
        What the classifier is asked about.
    items
        Indices; None: all that are labelled.
    rotation
        Of the layer's channels, a control: its axes are put out in place of units
        (:func:`~conceptstain.methods.rotation.random_rotation`).
    report
        Called after every chunk of items.

    Raises
    ------
    InputError
        No such layer or item, labels of other items, items of one class alone, or a rotation of another size.
    MismatchError
        The canvas or the labels are not what the classifier tells.

    References
    ----------
    Bau et al. 2020, "Understanding the role of individual units in a deep neural network", PNAS 117 (48).
    """
    chosen = asked_items(classifier, canvas, items, labels)
    name = layer_named(classifier.encoder, layer)
    n_units = number_of_units(classifier, name, canvas, chosen)
    _check_rotation(rotation, n_units)
    sets: list[NDArray[np.integer]] = [np.array([], dtype=int), *(np.array([unit]) for unit in range(n_units))]
    whole, *without = performances_without(
        classifier, name, canvas, sets, items=chosen, labels=labels, rotation=rotation, report=report
    )
    there = whole.there
    check_several(whole)
    before = whole.told().one_against_rest[there]
    after = np.stack([each.told().one_against_rest[there] for each in without])
    classes = tuple(classifier.classes[each] for each in there)
    return UnitImportance(classifier.name, name, classes, before, before - after, len(chosen))


def check_several(whole: Performance) -> None:
    """Refuse items of one class alone, which is told from nothing; an InputError."""
    if len(whole.there) == 1:
        raise InputError(
            "A class is told from others",
            got=f"items of {whole.classes[whole.there[0]]} alone",
            cure="Give labelled items of two classes or more",
        )


def number_of_units(classifier: Classifier, layer: str, canvas: Canvas, items: NDArray[np.integer]) -> int:
    """How many units a layer has."""
    encoder = classifier.encoder
    with as_evaluated(encoder.network), torch.inference_mode(), tap(encoder.network, layer) as tapped:
        encoder.encode(encoder.tensor(canvas.inputs(items[:1])))
        return int(tapped.take().shape[1])


def performances_without(
    classifier: Classifier,
    layer: str,
    canvas: Canvas,
    sets: Sequence[NDArray[np.integer]],
    *,
    items: NDArray[np.integer],
    labels: Labels,
    rotation: Float[np.ndarray, "units units"] | None = None,
    report: Report = silent,
) -> list[Performance]:
    """How well classes are told without each of several sets of units of a layer, or of axes of a rotation of it.

    Scores are a linear function of the layer that they are read from, ``classifier.places``: of this one, the network
    runs once, and the units are left out of the sum. Of any other it runs once for every set.
    """
    if layer != classifier.places:
        network = classifier.encoder.network
        conditions: list[Condition] = [partial(units_set, network, layer, each.tolist()) for each in sets]
        if rotation is not None:
            conditions = [partial(axes_removed, network, layer, rotation[each]) for each in sets]
        return measured(classifier, canvas, conditions, items=items, labels=labels, report=report)
    groups = group_of(len(items))
    n_groups, n_classes = int(groups.max()) + 1, len(classifier.classes)
    confusion = np.zeros((len(sets), n_groups, n_classes, n_classes))
    scores = np.zeros((len(sets), n_groups, n_classes))
    weights, bias = classifier.encoder.tensor(classifier.weights), classifier.encoder.tensor(classifier.bias)
    turned = None if rotation is None else classifier.encoder.tensor(rotation)
    weights = weights if turned is None else weights @ turned.T
    left = weights.new_ones(len(sets), weights.shape[1])
    for row, units in enumerate(sets):
        left[row, units] = 0
    for part, activation, told in _chunks(classifier, canvas, items, labels, report):
        read = activation.flatten(2)
        read = read if labels.parts else read.mean(dim=2, keepdim=True)
        read = read if turned is None else turned @ read
        targets = targets_at(told, labels, classifier.classes, activation.shape[2:]).to(read.device)
        targets = targets.flatten(2) if labels.parts else targets[..., None]
        for row, kept in enumerate(left):
            found = (weights * kept) @ read + bias[:, None]
            np.add.at(confusion[row], groups[part], confusions(found, targets))
            np.add.at(scores[row], groups[part], found.mean(dim=2).double().cpu().numpy())
    check_numbers(scores, classifier)
    n_items = np.bincount(groups).astype(np.float64)
    return [
        Performance(classifier.classes, (), n_items, each, sums, classifier.parts)
        for each, sums in zip(confusion, scores, strict=True)
    ]


def _chunks(
    classifier: Classifier, canvas: Canvas, items: NDArray[np.integer], labels: Labels, report: Report
) -> Iterator[tuple[slice, torch.Tensor, Float[np.ndarray, "items labels ..."]]]:
    """Of some items at a time, what the classes are read from, and what is known."""
    encoder = classifier.encoder
    at_once = min(copies_at_once(canvas.shape), LABELLED_AT_ONCE if labels.parts else len(items))
    with as_evaluated(encoder.network), tap(encoder.network, classifier.places) as tapped, torch.inference_mode():
        for start in range(0, len(items), at_once):
            part = slice(start, start + at_once)
            encoder.encode(encoder.tensor(canvas.inputs(items[part])))
            yield part, tapped.take(), labels.of(items[part])
            report(Step(min(start + at_once, len(items)), len(items), "Leaving units out"))


def _check_rotation(rotation: Float[np.ndarray, "units units"] | None, n_units: int) -> None:
    if rotation is not None and rotation.shape != (n_units, n_units):
        raise InputError(
            "The rotation is of another number of units",
            got=f"{rotation.shape[0]} for {n_units}",
            cure=f"Use random_rotation({n_units})",
        )
