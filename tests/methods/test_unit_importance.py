"""What classes lose without a unit, against networks without its weights, and counted slowly."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from classes import fitted_to_parts, fitted_to_squares
from conceptstain.canvas.class_labels import class_labels
from conceptstain.canvas.opening import open_source
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.interventions import axes_removed, units_set
from conceptstain.methods.measuring import measured
from conceptstain.methods.rotation import random_rotation
from conceptstain.methods.unit_importance import UnitImportance, performances_without, unit_importance
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder, Encoding
from laws import state_of
from twins.interventions import slow_balanced_accuracy

UNITS = 6


@cache
def scene(kind: str) -> tuple[Classifier, Any, Any]:
    return fitted_to_parts() if kind == "parts" else fitted_to_squares(8)


def weakened(classifier: Classifier, unit: int) -> Classifier:
    """The classifier without the weights into a unit of its second convolution."""
    network: Any = deepcopy(classifier.encoder.network)
    with torch.no_grad():
        network.encoder.conv2.weight[unit] = 0
        network.encoder.conv2.bias[unit] = 0
    return replace(classifier, encoder=replace(classifier.encoder, network=network))


@pytest.mark.parametrize("layer", ["conv2", "relu2"])
def test_importance_is_what_a_class_loses_without_the_weights_of_the_unit(layer: str) -> None:
    classifier, canvas, labels = scene("wholes")
    found = unit_importance(classifier, layer, canvas, labels)
    told = labels.codes.tolist()

    def accuracies(network: Classifier) -> list[float]:
        taken = network.predictions(canvas).tolist()
        return [slow_balanced_accuracy(told, taken, one) for one in (0, 1)]

    whole = accuracies(classifier)
    assert found.whole == pytest.approx(whole)
    for unit in range(UNITS):
        lost = np.subtract(whole, accuracies(weakened(classifier, unit)))
        assert found.values[unit] == pytest.approx(lost)
    assert found.layer == f"encoder.{layer}"
    assert found.n_items == len(canvas)


@pytest.mark.parametrize("kind", ["parts", "wholes"])
@pytest.mark.parametrize("rotation", [None, random_rotation(UNITS)])
def test_units_left_out_of_the_sum_are_units_put_out_by_a_hook(kind: str, rotation: np.ndarray | None) -> None:
    classifier, canvas, labels = scene(kind)
    sets = [np.array(each, dtype=int) for each in ([], [0], [4, 1], range(UNITS))]
    items = labels.labelled[::2]
    asked: dict[str, Any] = {"items": items, "labels": labels}
    summed = performances_without(classifier, "encoder.relu2", canvas, sets, rotation=rotation, **asked)
    network = classifier.encoder.network
    hooks = [lambda units=units: units_set(network, "encoder.relu2", units) for units in sets]
    if rotation is not None:
        hooks = [lambda units=units: axes_removed(network, "encoder.relu2", rotation[units]) for units in sets]
    hooked = measured(classifier, canvas, hooks, **asked)
    for one, other in zip(summed, hooked, strict=True):
        np.testing.assert_allclose(one.confusion, other.confusion)
        np.testing.assert_allclose(one.scores, other.scores, rtol=1e-4, atol=1e-4)
        assert one.measures == other.measures


class Colours(nn.Module):
    """Units that are the colours of a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.units = nn.Conv2d(3, 3, 1)
        nn.init.dirac_(self.units.weight)
        nn.init.zeros_(self.units.bias)

    def encode(self, x: torch.Tensor) -> Encoding:
        mean = self.units(x).mean(dim=(2, 3))
        return Encoding(mean, torch.full_like(mean, -torch.inf))


def test_a_class_that_is_read_from_one_unit_is_lost_without_it_and_no_other_class_is() -> None:
    kinds = np.arange(12) % 3
    pixels = np.where(np.arange(3) == kinds[:, None], 200, 50).astype(np.uint8)
    pixels = np.broadcast_to(pixels[:, None, None], (12, 8, 8, 3)).copy()
    canvas = open_source(pixels, as_="images").view("images", frame=8)
    encoder = Encoder("colours", Colours(), (3, 8, 8), "unit", 3)
    classifier = Classifier("colours", encoder, np.eye(3), np.array([0.0, 0.0, -0.1]), ("r", "g", "b"), places="units")
    labels = class_labels(canvas, values=pd.Series(np.array(["r", "g", "b"])[kinds], index=canvas.item_names))
    found = unit_importance(classifier, "units", canvas, labels)
    assert dict(zip(found.classes, found.whole, strict=True)) == {"r": 1, "g": 1, "b": 1}
    lost = found.table()
    for unit, name in enumerate("rgb"):
        assert lost.loc[unit, name] == pytest.approx(0.5)
        assert found.order(name)[0] == unit
    # What was of the lost class is now taken for another one, which loses a part of its specificity, and no more.
    assert lost.loc[0].to_dict() == pytest.approx({"r": 0.5, "g": 0.25, "b": 0.0})


def test_units_are_ordered_by_what_they_do_for_a_class() -> None:
    values = np.array([[0.1, 0.0], [0.3, -0.1], [0.2, 0.4]])
    found = UnitImportance("tiny", "conv", ("a", "b"), np.array([0.8, 0.9]), values, 10)
    assert found.order("a").tolist() == [1, 2, 0]
    assert found.order("b").tolist() == [2, 0, 1]
    assert found.times_among(1).tolist() == [0, 1, 1]
    assert found.times_among(2).tolist() == [1, 1, 2]
    assert found.table().loc[2, "b"] == pytest.approx(0.4)
    with pytest.raises(InputError, match="No item is of that class"):
        found.order("c")


def test_a_rotation_by_nothing_ranks_units_and_one_of_another_size_is_refused() -> None:
    classifier, canvas, labels = scene("wholes")
    for layer in ("conv2", "relu2"):
        units = unit_importance(classifier, layer, canvas, labels)
        axes = unit_importance(classifier, layer, canvas, labels, rotation=np.eye(UNITS))
        assert axes.values == pytest.approx(units.values)
    with pytest.raises(InputError, match="another number of units"):
        unit_importance(classifier, "relu2", canvas, labels, rotation=np.eye(UNITS - 1))


def test_nothing_is_left_on_the_network_and_encoders_without_classes_are_refused() -> None:
    classifier, canvas, labels = scene("parts")
    before = state_of(classifier.encoder.network)
    for layer in ("relu1", "relu2"):
        unit_importance(classifier, layer, canvas, labels, items=[0, 1, 2])
    assert state_of(classifier.encoder.network) == before
    with pytest.raises(MismatchError, match="does not tell"):
        unit_importance(classifier, "relu2", canvas, scene("wholes")[2])
