"""Curves of more and more units put out: what was chosen where, and what it is measured against."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from classes import fitted_to_parts, fitted_to_squares
from conceptstain.canvas.label_maps import Label
from conceptstain.errors import InputError
from conceptstain.methods.ablating import ablation_curves
from conceptstain.methods.ablation_curves import AblationCurves
from conceptstain.methods.dissecting import dissect
from conceptstain.methods.interventions import axes_removed, effect_of_units
from conceptstain.methods.rotation import random_rotation
from conceptstain.methods.unit_importance import unit_importance
from conceptstain.nets.confusion import confusion
from conceptstain.progress import Step

CHOSEN, TESTED = list(range(10)), list(range(10, 24))


@cache
def parts() -> tuple[Any, Any, Any]:
    return fitted_to_parts()


@cache
def curves() -> AblationCurves:
    classifier, canvas, labels = parts()
    dissection = dissect(classifier.encoder, "relu2", canvas, labels.maps, quantile=0.1, items=CHOSEN)
    options: dict[str, Any] = {"items": CHOSEN, "tested": TESTED, "dissection": dissection, "draws": 3}
    return ablation_curves(classifier, "relu2", canvas, labels, numbers=(1, 2, 6, 50), **options)


def test_units_are_chosen_on_some_items_and_judged_on_others() -> None:
    classifier, canvas, labels = parts()
    importance = unit_importance(classifier, "relu2", canvas, labels, items=CHOSEN)
    np.testing.assert_array_equal(curves().importance.values, importance.values)
    for name in curves().classes:
        order = importance.order(name).tolist()
        for number in (1, 2):
            for done, units in (("removed", order[:number]), ("kept", order[number:])):
                table = effect_of_units(classifier, "relu2", canvas, units, labels=labels, items=TESTED).table
                for measure in ("balanced accuracy", "IoU"):
                    row = curves().of_class(name, done, "important", measure).loc[number]
                    assert row["value"] == pytest.approx(table.loc[(measure, name), "after"])
                    assert row["low"] <= row["value"] + 1e-9
                    assert row["high"] >= row["value"] - 1e-9


def test_overlapping_units_are_those_that_a_dissection_calls_by_the_class() -> None:
    classifier, canvas, labels = parts()
    dissection = dissect(classifier.encoder, "relu2", canvas, labels.maps, quantile=0.1, items=CHOSEN)
    column = [label.name for label in dissection.labels].index("dark")
    best = int(dissection.iou[:, column].argmax())
    table = effect_of_units(classifier, "relu2", canvas, [best], labels=labels, items=TESTED).table
    row = curves().of_class("dark", "removed", "overlapping").loc[1]
    assert row["value"] == pytest.approx(table.loc[("balanced accuracy", "dark"), "after"])
    assert curves().classes == ("bright", "dark")  # nothing is painted as "none", so that no unit overlaps with it


def test_all_units_kept_are_the_whole_and_all_removed_are_chance() -> None:
    for choice in curves().choices:
        kept, removed = (curves().mean(done, choice) for done in ("kept", "removed"))
        assert kept.loc[6].tolist()[0] == pytest.approx(removed.loc[0, "value"])
        assert removed.loc[6, "value"] == pytest.approx(0.5)
    assert curves().numbers == (1, 2, 6)  # the layer has no 50


def test_random_units_are_those_of_the_seed_and_lie_between_their_draws() -> None:
    classifier, canvas, labels = parts()
    one, same, other = (
        ablation_curves(classifier, "relu2", canvas, labels, numbers=(2,), draws=4, seed=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.curves["removed", "random"], same.curves["removed", "random"])
    assert not np.array_equal(one.curves["removed", "random"], other.curves["removed", "random"])
    row = one.of_class("dark", "removed", "random").loc[2]
    assert row["low"] <= row["value"] <= row["high"]
    assert one.n_tested == len(canvas) // 2


def test_axes_of_rotations_are_chosen_and_judged_as_units_are() -> None:
    classifier, canvas, labels = parts()
    halves: dict[str, Any] = {"items": CHOSEN, "tested": TESTED}
    found = ablation_curves(classifier, "relu2", canvas, labels, numbers=(2,), draws=1, rotations=2, seed=3, **halves)
    assert found.choices == ("important", "rotated", "random")
    values = []
    for seed in (3, 4):
        rotation = random_rotation(6, seed)
        order = unit_importance(classifier, "relu2", canvas, labels, items=CHOSEN, rotation=rotation).order("dark")
        with axes_removed(classifier.encoder.network, "encoder.relu2", rotation[order[:2]]):
            counts = confusion(classifier, canvas, labels, np.array(TESTED))
        values.append(counts.one_against_rest[classifier.classes.index("dark")])
    assert "axes of the layer rotated" in found.sentence
    row = found.of_class("dark", "removed", "rotated").loc[2]
    assert row.tolist() == pytest.approx([np.mean(values), min(values), max(values)])


def test_a_table_and_a_sentence_tell_all_curves() -> None:
    table = curves().table()
    assert list(table) == ["class", "measure", "done", "chosen", "units", "value", "low", "high"]
    assert len(table) == 2 * 3 * 3 * (4 + 3)  # measures, choices, classes and their mean, removed from 0 on and kept
    mean = table[(table["class"] == "mean") & (table["units"] == 2) & (table["done"] == "removed")]
    row = mean[(mean["chosen"] == "important") & (mean["measure"] == "IoU")].iloc[0]
    own = [curves().of_class(name, "removed", "important", "IoU").loc[2, "value"] for name in curves().classes]
    assert row["value"] == pytest.approx(np.mean(own))
    assert curves().sentence.startswith("Without the 6 most important units of encoder.relu2 for a class")


def test_a_class_lies_in_the_layer_only_where_other_axes_do_as_much_and_units_more_than_chance() -> None:
    def told(important: float, *rotated: float, random: float = 0.9) -> str:
        shape = curves().whole.shape
        draws = {"important": [important], "rotated": rotated, "random": [random]}
        drawn = {
            (done, choice): np.array(values).reshape(1, -1, 1, 1, 1) * np.ones((shape[0], 1, 1, *shape[1:]))
            for choice, values in draws.items()
            for done in ("removed", "kept")
        }
        return replace(curves(), numbers=(1,), whole=np.full(shape, 0.9), curves=drawn).sentence

    assert "in the layer" in told(0.6, 0.55, 0.62)
    assert "in the layer" not in told(0.6, 0.6, 0.9, 0.9)  # one draw of three does as much
    assert "in the layer" not in told(0.9, 0.9)  # neither does more than random units
    assert "no more than chance" in told(0.9, 0.9)


def test_any_layer_of_a_classifier_of_wholes_can_be_asked() -> None:
    classifier, canvas, labels = fitted_to_squares(8)
    steps: list[Step] = []
    found = ablation_curves(classifier, "conv1", canvas, labels, numbers=(1,), draws=1, report=steps.append)
    assert found.measures == ("balanced accuracy",)
    assert found.classes == ("bright", "dark")
    assert all(step.done <= step.total for step in steps)
    assert steps[-1].done == steps[-1].total
    alone = ablation_curves(classifier, "conv1", canvas, labels, numbers=(1,), draws=1, classes=["dark"])
    assert alone.classes == ("dark",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"numbers": (50,)}, "1 to 6"),
        ({"draws": 0}, "random ones once"),
        ({"items": [0, 1], "tested": [1, 2]}, "item 1 in both"),
        ({"items": [0]}, "no halves"),
        ({"classes": ["green"]}, "green"),
        ({"dissection": "of conv1"}, "of other units"),
        ({"dissection": "of other labels"}, "no label of the classes"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(options: dict[str, Any], words: str) -> None:
    classifier, canvas, labels = parts()
    if options.get("dissection") == "of conv1":
        options = {"dissection": dissect(classifier.encoder, "conv1", canvas, labels.maps, quantile=0.1)}
    elif options.get("dissection") == "of other labels":
        found = dissect(classifier.encoder, "relu2", canvas, labels.maps, quantile=0.1)
        options = {"dissection": replace(found, labels=(Label("hat", "part"), Label("tie", "part")))}
    with pytest.raises(InputError, match=words):
        ablation_curves(classifier, "relu2", canvas, labels, **options)
