"""Units that are put out or forced, against networks whose weights were changed instead."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from classes import fitted_to_parts, fitted_to_squares
from conceptstain.canvas.class_labels import ClassLabels
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.painted_labels import painted_labels
from conceptstain.canvas.part_labels import PartLabels, part_labels
from conceptstain.concepts.class_concept import class_concept
from conceptstain.errors import ConceptStainError, InputError, MismatchError
from conceptstain.methods.interventions import axes_removed, effect_of_units, peaks_of_units, units_set
from conceptstain.methods.rotation import random_rotation
from conceptstain.methods.unit_importance import unit_importance
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.tap import tap
from conceptstain.progress import Cancelled, Step
from factories import tiny_encoder, tiny_profile_encoders, tiny_section
from laws import state_of
from scenes import concept_along
from twins.interventions import slow_balanced_accuracy, slow_iou


@cache
def of_wholes() -> tuple[Classifier, ImageSet, ClassLabels]:
    return fitted_to_squares(8)


@cache
def of_parts() -> tuple[Classifier, ImageSet, PartLabels]:
    return fitted_to_parts()


def without_weights(classifier: Classifier, layer: str, units: list[int]) -> Classifier:
    """The same classifier, with the weights into some units 0."""
    network = deepcopy(classifier.encoder.network)
    convolution = network.get_submodule(layer)
    assert isinstance(convolution, nn.Conv2d)
    assert convolution.bias is not None
    with torch.no_grad():
        convolution.weight[units] = 0
        convolution.bias[units] = 0
    return replace(classifier, encoder=replace(classifier.encoder, network=network))


@pytest.mark.parametrize(("layer", "behind"), [("encoder.conv1", "encoder.relu1"), ("encoder.conv2", "encoder.relu2")])
def test_units_that_are_put_out_are_units_without_weights(layer: str, behind: str) -> None:
    classifier, canvas, _ = of_wholes()
    expected = without_weights(classifier, layer, [0, 2]).scores(canvas)
    assert not np.allclose(expected, classifier.scores(canvas))
    for name in (layer, behind):
        with units_set(classifier.encoder.network, name, [0, 2]):
            np.testing.assert_allclose(classifier.scores(canvas), expected, rtol=1e-5, atol=1e-6)


def test_units_are_forced_to_a_value_each_at_all_of_their_places() -> None:
    classifier, canvas, _ = of_wholes()
    encoder = classifier.encoder
    with (
        units_set(encoder.network, "encoder.relu1", [3, 1], [5.0, -2.0]),
        tap(encoder.network, "encoder.relu1") as seen,
    ):
        encoder.latents(canvas, [0])
        forced = seen.take()
    assert (forced[:, 3] == 5).all()
    assert (forced[:, 1] == -2).all()
    with tap(encoder.network, "encoder.relu1") as seen:
        encoder.latents(canvas, [0])
        assert torch.equal(forced[:, [0, 2]], seen.take()[:, [0, 2]])


def test_axes_that_are_units_are_put_out_and_others_are_projected_away() -> None:
    classifier, canvas, _ = of_wholes()
    network = classifier.encoder.network
    with units_set(network, "encoder.conv2", [4, 1]):
        expected = classifier.scores(canvas)
    with axes_removed(network, "encoder.conv2", np.eye(6)[[4, 1]]):
        np.testing.assert_allclose(classifier.scores(canvas), expected, rtol=1e-5, atol=1e-6)
    axes = random_rotation(6)[:3]
    with tap(network, "encoder.relu2") as tapped:
        classifier.encoder.latents(canvas, [0])
        values = tapped.take()[:1].numpy().astype(float)
    with axes_removed(network, "encoder.relu2", axes), tap(network, "encoder.relu2") as tapped:
        classifier.encoder.latents(canvas, [0])
        left = tapped.take()[:1].numpy()
    slow = np.empty_like(values)
    for row, column in np.ndindex(values.shape[2:]):
        place = values[0, :, row, column]
        slow[0, :, row, column] = place - sum((axis @ place) * axis for axis in axes)
    np.testing.assert_allclose(left, slow, rtol=1e-4, atol=1e-6)
    with pytest.raises(InputError, match="no axes of the layer"), axes_removed(network, "encoder.conv1", axes):
        classifier.scores(canvas)


def test_the_gradient_passes_through_the_other_units_alone() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    x = torch.ones(1, 2)
    with units_set(network, "0", [1], 7.0):
        network(x).sum().backward()
    weights = network[0].weight.grad
    assert weights is not None
    assert not weights[1].any()
    assert weights[0].all()


def test_nothing_is_left_on_a_network_also_after_an_exception() -> None:
    classifier, canvas, _ = of_wholes()
    network = classifier.encoder.network
    before = state_of(network)

    def stop(_: Step) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        effect_of_units(classifier, "relu2", canvas, [0], report=stop)
    with pytest.raises(InputError, match=r"no such unit.*6.*0 to 5"):
        effect_of_units(classifier, "relu2", canvas, [6])
    with pytest.raises(ZeroDivisionError), units_set(network, "encoder.relu2", [0]):
        raise ZeroDivisionError
    effect_of_units(classifier, "relu2", canvas, [0], value="peak")
    assert state_of(network) == before


def test_balanced_accuracies_are_those_of_a_slow_twin() -> None:
    classifier, canvas, labels = of_wholes()
    units = [0, 1, 2]
    table = effect_of_units(classifier, "conv2", canvas, units, labels=labels).table
    changed = without_weights(classifier, "encoder.conv2", units)
    for column, network in (("before", classifier), ("after", changed)):
        taken = network.predictions(canvas).tolist()
        expected = [slow_balanced_accuracy(labels.codes.tolist(), taken, one) for one in (0, 1)]
        assert table.loc["balanced accuracy", column].tolist() == pytest.approx([np.mean(expected), *expected])
        scores = network.scores(canvas).mean(axis=0)
        assert table.loc["class score", column].tolist() == pytest.approx(scores.tolist(), rel=1e-4, abs=1e-5)


def test_overlaps_of_parts_are_those_of_a_slow_twin() -> None:
    classifier, canvas, _ = of_parts()
    whole_cells = np.repeat(np.repeat(np.random.default_rng(0).integers(0, 3, (24, 8, 8)), 2, axis=1), 2, axis=2)
    maps = painted_labels(canvas, whole_cells, names={1: "bright", 2: "dark"})
    labels = part_labels(canvas, maps, background="none")
    units = [1, 4]
    table = effect_of_units(classifier, "conv2", canvas, units, labels=labels).table
    told = [("none", "bright", "dark")[code] for code in whole_cells[:, ::2, ::2].ravel()]
    codes = [classifier.classes.index(name) for name in told]
    for column, network in (
        ("before", classifier),
        ("after", without_weights(classifier, "encoder.conv2", units)),
    ):
        taken = network.part_predictions(canvas).ravel().tolist()
        for one, name in enumerate(classifier.classes):
            assert table.loc[("IoU", name), column] == pytest.approx(slow_iou(codes, taken, one))
            slow = slow_balanced_accuracy(codes, taken, one)
            assert table.loc[("balanced accuracy", name), column] == pytest.approx(slow)


def test_nothing_put_out_changes_nothing() -> None:
    classifier, canvas, labels = of_parts()
    table = effect_of_units(classifier, "relu1", canvas, [], labels=labels).table
    assert (table[["change", "low", "high"]] == 0).all(axis=None)


def test_all_units_put_out_leave_the_bias_of_every_class() -> None:
    classifier, canvas, labels = of_parts()
    found = effect_of_units(classifier, "relu2", canvas, range(6), labels=labels).table
    assert found.loc["class score", "after"].to_numpy() == pytest.approx(classifier.bias, rel=1e-5)
    assert found.loc[("balanced accuracy", "mean"), "after"] == pytest.approx(0.5)


def test_scores_of_concepts_change_with_the_units_that_they_are_read_from() -> None:
    classifier, canvas, _ = of_wholes()
    encoder = classifier.encoder
    one, _ = (class_concept(classifier, canvas, name) for name in classifier.classes)
    other = concept_along(encoder, [1.0, 0, 0, 0], space="encoder.relu1")
    table = effect_of_units(classifier, "relu2", canvas, [0], concepts=[one, other]).table
    latents = encoder.latents(canvas).astype(float)
    expected = -(latents[:, 0] * one.direction[0]).mean()
    assert table.loc[("concept score", one.name), "change"] == pytest.approx(expected, rel=1e-4)
    assert table.loc[("concept score", "granule"), "change"] == 0  # its layer lies before


@pytest.mark.parametrize("view", ["genes", "spots"])
def test_encoders_that_decode_tell_how_badly_they_redraw(view: str) -> None:
    section = tiny_section(8, 8, missing=0.2)
    canvas = section.view("spots") if view == "spots" else section.view("genes", frame=(8, 8))
    encoder = tiny_profile_encoders(canvas.features)[0] if view == "spots" else tiny_encoder(canvas.shape)
    layer = next(name for name, each in encoder.network.named_modules() if isinstance(each, nn.ReLU))
    found = effect_of_units(encoder, layer, canvas, [0, 1])
    assert found.n_items == len(canvas.trainable)
    x = canvas.inputs(canvas.trainable)
    mask = np.broadcast_to(canvas.mask, canvas.shape)
    with units_set(encoder.network, layer, [0, 1]), torch.no_grad():
        decoded = encoder.decode(encoder.encode(encoder.tensor(x)).mean).numpy()
    errors = [np.mean((row - item)[mask] ** 2) for row, item in zip(decoded, x, strict=True)]
    assert found.table.loc[("reconstruction error", "mean"), "after"] == pytest.approx(np.mean(errors), rel=1e-5)


def test_items_one_by_one_are_what_they_are_together() -> None:
    classifier, canvas, labels = of_parts()
    items = [3, 0, 7]
    together = effect_of_units(classifier, "relu1", canvas, [1], labels=labels, items=items)
    alone = [effect_of_units(classifier, "relu1", canvas, [1], labels=labels, items=[item]) for item in items]
    for condition in ("before", "after"):
        one = np.concatenate([getattr(each, condition).confusion for each in alone])
        np.testing.assert_allclose(one, getattr(together, condition).confusion)
        one = np.concatenate([getattr(each, condition).scores for each in alone])
        np.testing.assert_allclose(one, getattr(together, condition).scores, rtol=1e-4, atol=1e-6)


def test_peaks_are_quantiles_of_all_places_and_of_few_the_highest() -> None:
    classifier, canvas, _ = of_wholes()
    with tap(classifier.encoder.network, "encoder.relu1") as tapped:
        classifier.encoder.latents(canvas)
        values = tapped.take().transpose(0, 1).flatten(1).numpy()
    ordered = np.sort(values, axis=1)[:, ::-1]
    found = peaks_of_units(classifier.encoder, "encoder.relu1", canvas, range(len(canvas)))
    assert found == pytest.approx(ordered[:, int(0.005 * values.shape[1])])
    dense = peaks_of_units(classifier.encoder, "mean.flatten", canvas, range(len(canvas)))
    assert dense == pytest.approx(classifier.encoder.latents(canvas).max(axis=0), rel=1e-5)
    forced = effect_of_units(classifier, "relu1", canvas, [2, 0], value="peak")
    assert forced.values == pytest.approx(found[[2, 0]])


def other_labels(labels: ClassLabels) -> ClassLabels:
    return replace(labels, classes=("bright", "green"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layer": "conv9"}, r"no such layer[\s\S]*encoder.conv1"),
        ({"units": [9], "value": "peak"}, r"no such unit"),
        ({"items": [99]}, "no such item"),
        ({"items": []}, "No item"),
        ({"units": np.array([False, True, True, False])}, "whole numbers"),  # not units 0 and 1
        ({"units": [1.7]}, "whole numbers"),
        ({"value": "max"}, "set to a number"),
        ({"value": float("nan")}, "set to a number"),
        ({"labels": of_parts}, "does not tell what these labels say"),
        ({"labels": other_labels}, "does not tell[\\s\\S]*green"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(changes: dict[str, object], words: str) -> None:
    classifier, canvas, labels = of_wholes()
    options = {"layer": "relu2", "units": [0], "labels": labels, **changes}
    if options["labels"] is of_parts:
        options["labels"] = of_parts()[2]
    elif options["labels"] is other_labels:
        options["labels"] = other_labels(labels)
    layer, units = options.pop("layer"), options.pop("units")
    with pytest.raises(ConceptStainError, match=words):
        effect_of_units(classifier, layer, canvas, units, **options)


def test_networks_without_classes_and_values_of_other_units_are_refused() -> None:
    classifier, canvas, labels = of_wholes()
    encoder: Encoder = classifier.encoder
    with pytest.raises(MismatchError, match="tells no classes"):
        effect_of_units(encoder, "relu2", canvas, [0], labels=labels)
    with pytest.raises(InputError, match="one value"), units_set(encoder.network, "encoder.relu2", [0, 1], [1.0]):
        pass
    with pytest.raises(InputError, match="whole numbers"), units_set(encoder.network, "encoder.relu2", [True, False]):
        pass
    with pytest.raises(InputError, match="set to numbers"), units_set(encoder.network, "encoder.relu2", [0], np.nan):
        pass
    with pytest.raises(InputError, match=r"no such layer"), units_set(encoder.network, "relu2", [0]):
        pass


def test_scores_that_are_no_numbers_are_refused_and_not_counted_as_the_first_class() -> None:
    classifier, canvas, labels = of_wholes()
    network = deepcopy(classifier.encoder.network)
    with torch.no_grad():
        network.get_submodule("encoder.conv2").bias[0] = float("nan")
    broken = replace(classifier, encoder=replace(classifier.encoder, network=network))
    for layer in ("conv1", "relu2"):
        with pytest.raises(InputError, match="no numbers"):
            unit_importance(broken, layer, canvas, labels)
    with pytest.raises(InputError, match="no numbers"):
        effect_of_units(broken, "conv1", canvas, [0], labels=labels)


def test_items_of_one_class_have_scores_and_no_balanced_accuracy() -> None:
    classifier, canvas, labels = of_wholes()
    bright = np.flatnonzero(labels.codes == labels.classes.index("bright"))
    found = effect_of_units(classifier, "relu2", canvas, [0, 1], items=bright, labels=labels)
    assert found.table.loc["balanced accuracy", "change"].isna().all()
    assert np.isfinite(found.table.loc["class score", "low"]).all()
    assert "nan" not in found.sentence
    with pytest.raises(InputError, match="told from others"):
        unit_importance(classifier, "relu2", canvas, labels, items=bright)


def test_an_effect_tells_itself_in_words() -> None:
    classifier, canvas, labels = of_wholes()
    found = effect_of_units(classifier, "relu2", canvas, [0, 3], labels=labels)
    assert found.title == "2 units of encoder.relu2 put out"
    assert found.sentence.startswith("2 units of encoder.relu2 put out: balanced accuracy from ")
    forced = effect_of_units(classifier.encoder, "relu2", canvas, [0], value="peak")
    assert forced.title == "unit 0 of encoder.relu2 forced"
    assert forced.sentence == "Unit 0 of encoder.relu2 forced: nothing was measured."
