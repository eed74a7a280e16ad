"""Putting more and more units out: those that a class needs most, those that overlap with it, and random ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any, TypeAlias, final, get_args

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.ablation_curves import AblationCurves, Choice, Done
from conceptstain.methods.dissection import Dissection
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.methods.interventions import asked_items
from conceptstain.methods.items import checked_items
from conceptstain.methods.performance import Labels, Performance
from conceptstain.methods.rotation import random_rotation
from conceptstain.methods.unit_importance import UnitImportance, check_several, performances_without, unit_importance
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.confusion import ious, one_against_rest
from conceptstain.progress import Report, Step, silent

__all__ = ["NUMBERS", "ablation_curves"]

NUMBERS = (1, 2, 3, 4, 5, 8, 20, 64, 128, 256)
RESAMPLES = 200  # of groups of items, for intervals

_Found: TypeAlias = Float[np.ndarray, "resamples done orders numbers measures classes"]


def ablation_curves(
    classifier: Classifier,
    layer: str,
    canvas: Canvas,
    labels: Labels,
    *,
    items: ItemIndices | None = None,
    tested: ItemIndices | None = None,
    classes: Sequence[str] | None = None,
    dissection: Dissection | None = None,
    numbers: Sequence[int] = NUMBERS,
    draws: int = 10,
    rotations: int = 0,
    seed: int = 0,
    report: Report = silent,
) -> AblationCurves:
    """Put out the units that a class needs most, or keep these alone, and tell how well it is still told.

    Parameters
    ----------
    classifier, layer, canvas, labels
        As for :func:`~conceptstain.methods.unit_importance.unit_importance`.
    items
        Indices of the items that units are chosen on; None: all that are labelled.
    tested
        Indices of other items, which the curves are measured on; None: a random half of ``items``.
    classes
        Names of those that are asked about; None: all that labels of both halves are of. With a dissection, only those
        that it has a label of.
    dissection
        Of the same layer: beside the important units, those that overlap most with the label of the class's name.
    numbers
        How many units; those that the layer does not have are left out.
    draws
        Of random units.
    rotations
        Of the layer, a control: in each, the axes that a class needs most are found and put out in place of units.
        Where these do as well, what the class needs lies in the layer, not in its units.
    seed
        Of the halves, the draws and the rotations.
    report
        Called after every chunk of items.

    Raises
    ------
    InputError
        No such layer or item, an item that is in both halves, no number, no class in both halves, or a dissection of
        another layer.
    MismatchError
        The canvas or the labels are not what the classifier tells.

    References
    ----------
    Bau et al. 2020, "Understanding the role of individual units in a deep neural network", PNAS 117 (48): units are
    chosen on the training set and judged on the validation set.
    """
    random = np.random.default_rng(seed)
    chosen, judged = _halves(asked_items(classifier, canvas, items, labels), tested, canvas, random)

    def stage(number: int, words: str) -> Report:
        of = 2 + 2 * rotations
        return lambda step: report(Step(number * step.total + step.done, of * step.total, words))

    find = partial(unit_importance, classifier, layer, canvas, labels, items=chosen)
    importance = find(report=stage(0, "Finding important units"))
    n_units = len(importance.values)
    wanted = tuple(sorted({each for each in numbers if 0 < each <= n_units}))
    if not wanted or draws < 1 or rotations < 0:
        raise InputError(
            "Some units are put out, and random ones once or more",
            got=f"{', '.join(map(str, numbers)) or 'no number'} of {n_units}, {draws} draws, {rotations} rotations",
            cure=f"Give numbers from 1 to {n_units}, and 10 draws",
        )
    ask = partial(performances_without, classifier, importance.layer, canvas, items=judged, labels=labels)
    (whole,) = ask([np.array([], dtype=int)])
    check_several(whole)
    asked = _classes(importance, classes, dissection)
    names = tuple(name for name in asked if classifier.classes.index(name) in whole.there)
    if not names:
        raise InputError(
            "No class is in both halves of the items", got="none", cure="Label more items, or give others to test"
        )
    read = _Reading(whole, [classifier.classes.index(name) for name in names], seed)

    def judge(orders: Sequence[NDArray[np.integer]], told: Report, **options: Any) -> _Found:
        sets = [order[:number] for order in orders for number in wanted]
        others = [order[number:] for order in orders for number in wanted]
        found = np.stack([read.of(each) for each in ask([*sets, *others], report=told, **options)], axis=1)
        return found.reshape(found.shape[0], 2, len(orders), len(wanted), *found.shape[2:])

    by_class: dict[Choice, list[NDArray[np.integer]]] = {"important": [importance.order(name) for name in names]}
    if dissection is not None:
        by_class["overlapping"] = [_by_overlap(dissection, name) for name in names]
    drawn = [random.permutation(n_units) for _ in range(draws)]
    found = judge([*chain(*by_class.values()), *drawn], stage(1, "Leaving units out"))
    several = {choice: _own(found, row * len(names))[:, :, None] for row, choice in enumerate(by_class)}
    turned: list[_Found] = []
    for draw in range(rotations):
        rotation = random_rotation(n_units, seed + draw)
        of_axes = find(rotation=rotation, report=stage(2 + 2 * draw, "Finding important axes"))
        orders = [of_axes.order(name) for name in names]
        told = stage(3 + 2 * draw, "Leaving axes out")
        turned.append(_own(judge(orders, told, rotation=rotation), 0))
    if turned:
        several["rotated"] = np.stack(turned, axis=2)
    several["random"] = found[:, :, -draws:]
    curves: dict[tuple[Done, Choice], Float[np.ndarray, "resamples draws numbers measures classes"]] = {
        (done, choice): of_choice[:, row]
        for row, done in enumerate(get_args(Done))
        for choice, of_choice in several.items()
    }
    settings = {"seed": seed, "draws": draws, "rotations": rotations, "chosen on": len(chosen), "labels": labels.name}
    return AblationCurves(
        classifier.name,
        importance.layer,
        names,
        wanted,
        read.measures,
        read.of(whole),
        curves,
        importance,
        len(judged),
        settings,
    )


@final
class _Reading:
    """Measures of a few classes, as measured and of groups of items drawn anew: the same groups for all."""

    def __init__(self, whole: Performance, classes: list[int], seed: int) -> None:
        groups = len(whole.n_items)
        chosen = np.random.default_rng(seed).integers(0, groups, (RESAMPLES, groups))
        drawn = [np.bincount(rows, minlength=groups) for rows in chosen]
        self._times = np.stack([np.ones(groups), *drawn])
        self._classes = classes
        self.measures = ("balanced accuracy", *(["IoU"] if whole.parts else []))

    def of(self, performance: Performance) -> Float[np.ndarray, "resamples measures classes"]:
        counts = np.einsum("rg,gcd->rcd", self._times, performance.confusion)
        found = [one_against_rest(counts), *([ious(counts)] if len(self.measures) > 1 else [])]
        return np.stack(found, axis=1)[:, :, self._classes]


def _own(found: _Found, first: int) -> Float[np.ndarray, "resamples done numbers measures classes"]:
    """Of orders that each are of one class, what they do to that class."""
    return np.stack([found[:, :, first + column, :, :, column] for column in range(found.shape[-1])], axis=-1)


def _halves(
    items: NDArray[np.integer], tested: ItemIndices | None, canvas: Canvas, random: np.random.Generator
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """What units are chosen on, and what the choice is judged on."""
    chosen = np.unique(items)
    if tested is None:
        if len(chosen) < 2:
            raise InputError("One item has no halves", got="1 item", cure="Give two or more")
        chosen = random.permutation(chosen)
        return np.sort(chosen[: len(chosen) // 2]), np.sort(chosen[len(chosen) // 2 :])
    judged = np.unique(checked_items(canvas, tested))
    shared = np.intersect1d(chosen, judged)
    if len(shared):
        raise InputError(
            "Units are not judged by the items that they were chosen on",
            got=f"item {shared[0]} in both",
            cure="Give other items",
        )
    return chosen, judged


def _classes(
    importance: UnitImportance, classes: Sequence[str] | None, dissection: Dissection | None
) -> tuple[str, ...]:
    """The classes that are asked about."""
    strangers = [name for name in classes or () if name not in importance.classes]
    if strangers:
        importance.order(strangers[0])  # refuses it
    asked = importance.classes if classes is None else tuple(dict.fromkeys(classes))
    if dissection is None:
        return asked
    if dissection.layer != importance.layer or dissection.n_units != len(importance.values):
        raise InputError(
            "The dissection is of other units",
            got=f"{dissection.n_units} of {dissection.layer} for {len(importance.values)} of {importance.layer}",
            cure="Dissect the layer whose units are put out",
        )
    labels = {label.name for label in dissection.labels}
    found = tuple(name for name in asked if name in labels)
    if not found:
        raise InputError(
            "The dissection has no label of the classes",
            got=", ".join(sorted(labels)[:10]),
            cure=f"Dissect against labels of these names: {', '.join(asked)}",
        )
    return found


def _by_overlap(dissection: Dissection, class_name: str) -> NDArray[np.integer]:
    column = [label.name for label in dissection.labels].index(class_name)
    return np.argsort(-dissection.iou[:, column], kind="stable")
