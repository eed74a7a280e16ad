"""Explanations by units: contributions that add up to the score, with the labels and masks of a dissection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import conceptstain as cs
from classes import own_of_squares, quick, squares
from conceptstain.canvas.image_set import ImageSet
from conceptstain.errors import ConceptStainError, InputError, MismatchError
from conceptstain.methods.dissection import Dissection
from conceptstain.methods.explanation import explain
from conceptstain.methods.unit_maps import unit_mask
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from factories import tiny_encoder, tiny_section
from pictures import noise
from twins.unit_contributions import integrated

LAST, BEFORE, FIRST = "encoder.relu2", "encoder.conv2", "encoder.relu1"


@pytest.fixture(scope="module")
def told() -> tuple[Classifier, ImageSet, cs.ClassLabels, dict[str, Dissection]]:
    """A classifier of dark and bright squares, and what its layers see of them."""
    canvas, labels, masks = squares()
    classifier = cs.fit_classifier(canvas, labels, quick(6))
    maps = cs.painted_labels(canvas, masks, names=["", "bright", "dark"])
    found = cs.dissect_layers(classifier.encoder, [LAST, BEFORE, FIRST], canvas, maps, quantile=0.05)
    return classifier, canvas, labels, {each.layer: each for each in found}


@pytest.fixture(scope="module")
def of_parts() -> tuple[Classifier, ImageSet, cs.PartLabels, Dissection]:
    """A classifier of the pixels of squares, hardly trained, so that it is wrong."""
    canvas, _, masks = squares()
    maps = cs.painted_labels(canvas, masks, names=["", "bright", "dark"])
    parts = cs.part_labels(canvas, maps, background="rest")
    classifier = cs.fit_classifier(canvas, parts, quick(2))
    return classifier, canvas, parts, cs.dissect(classifier.encoder, classifier.places, canvas, maps, quantile=0.05)


@pytest.fixture(autouse=True)
def nothing_left(told: tuple) -> Iterator[None]:
    network = told[0].encoder.network
    before = [set(vars(module)) for module in network.modules()]
    yield
    assert [set(vars(module)) for module in network.modules()] == before
    assert not any(module._forward_hooks or module._backward_hooks for module in network.modules())


def test_contributions_of_the_last_layer_and_the_bias_are_the_score(told):
    classifier, canvas, _, found = told
    made = explain(classifier, found[LAST], canvas, 3, class_name="dark")
    assert made.linear
    assert made.contributions.sum() + made.rest == pytest.approx(made.score, abs=1e-12)
    assert made.score == pytest.approx(classifier.scores(canvas, [3])[0, classifier.number("dark")], rel=1e-5)
    assert made.rest == pytest.approx(classifier.bias[classifier.number("dark")])
    np.testing.assert_allclose(made.contributions, classifier.contributions(canvas, "dark", [3])[0], atol=1e-6)


def test_before_a_relu_integrated_gradients_say_the_same_as_behind_it(told):
    classifier, canvas, _, found = told
    behind = explain(classifier, found[LAST], canvas, 4, class_name="bright", against="dark")
    before = explain(classifier, found[BEFORE], canvas, 4, class_name="bright", against="dark")
    assert not before.linear
    np.testing.assert_allclose(before.contributions, behind.contributions, atol=1e-5)
    assert abs(before.gap) < 1e-5
    assert before.question == "bright against dark"


def test_contributions_of_a_deeper_layer_are_those_of_many_small_steps_and_the_gap_is_told(told):
    classifier, canvas, _, found = told
    network = classifier.encoder.network
    row = torch.as_tensor(classifier.weights[classifier.number("dark")], dtype=torch.float64)
    chain = dict(network.encoder.named_children())
    with torch.no_grad():
        x = classifier.encoder.tensor(canvas.inputs([5]))
        activation = chain["relu1"](chain["conv1"](x)).numpy()
    behind = [chain[name].double() for name in ("pool1", "conv2", "relu2")]
    try:

        def score(values: torch.Tensor) -> torch.Tensor:
            for layer in behind:
                values = layer(values)
            return (values.mean(dim=(2, 3)) @ row).sum()

        expected = integrated(score, activation)[0].sum(axis=(1, 2))
        rest = float(score(torch.zeros(activation.shape, dtype=torch.float64)))
    finally:
        network.float()
    made = explain(classifier, found[FIRST], canvas, 5, class_name="dark", steps=200)
    np.testing.assert_allclose(made.contributions, expected, atol=2e-3 * np.abs(expected).max())
    assert made.rest == pytest.approx(rest + classifier.bias[classifier.number("dark")], abs=1e-5)
    assert made.score == pytest.approx(made.rest + made.contributions.sum() + made.gap, abs=1e-9)
    rough = explain(classifier, found[FIRST], canvas, 5, class_name="dark", steps=2)
    assert abs(made.gap) < abs(rough.gap)


def test_a_wrong_prediction_is_explained_against_what_the_labels_say(told):
    classifier, canvas, labels, found = told
    item = int(np.flatnonzero(classifier.predictions(canvas) == classifier.number("bright"))[0])
    codes = labels.codes.copy()
    codes[item] = labels.classes.index("dark")
    made = explain(classifier, found[LAST], canvas, item, labels=replace(labels, codes=codes))
    assert made.wrong
    assert (made.predicted, made.truth, made.question) == ("bright", "dark", "bright against dark")
    assert made.score > 0
    pulls = [classifier.contributions(canvas, name, [item])[0] for name in ("bright", "dark")]
    np.testing.assert_allclose(made.contributions, pulls[0] - pulls[1], atol=1e-5)
    assert made.sentence.startswith(f"{canvas.item_names[item]} is taken for bright; the labels say dark. The score of")


def test_a_right_prediction_is_explained_by_its_class_alone(told):
    classifier, canvas, labels, found = told
    item = int(np.flatnonzero(classifier.predictions(canvas) == labels.codes)[0])
    made = explain(classifier, found[LAST], canvas, str(canvas.item_names[item]), labels=labels)
    assert not made.wrong
    assert made.question == made.predicted == made.truth


def test_masks_are_those_that_the_dissection_counted_and_the_table_has_its_labels(told):
    classifier, canvas, _, found = told
    made = explain(classifier, found[FIRST], canvas, 2, class_name="dark")
    for unit in range(found[FIRST].n_units):
        (mask,) = unit_mask(found[FIRST], classifier.encoder, canvas, unit, [2])
        np.testing.assert_array_equal(made.mask(unit), mask)
    table = made.table()
    assert table["contribution"].is_monotonic_decreasing
    known = found[FIRST].table()
    assert (table["label"] == known.loc[table.index, "label"]).all()
    assert table["part"].groupby(table["contribution"] > 0).sum().round(6).isin([0, 1]).all()


def test_a_concept_in_the_layer_is_the_sum_of_its_channels(told):
    classifier, canvas, _, found = told
    concept = cs.concept("some", canvas, classifier.encoder, items=[str(canvas.item_names[0])], space=FIRST)
    made = explain(classifier.encoder, found[FIRST], canvas, 7, concept=concept)
    assert made.linear
    assert made.rest == 0
    assert made.contributions.sum() == pytest.approx(made.score)


def test_a_concept_of_a_vae_is_explained_by_its_layers_with_the_gap_told():
    canvas = cs.open(np.stack([noise(16, 16, seed=seed) for seed in range(6)]), as_="images").view("images", frame=16)
    encoder: Encoder = tiny_encoder((1, 16, 16), scaling="unit")
    maps = cs.painted_labels(canvas, np.random.default_rng(0).integers(0, 3, (6, 16, 16)))
    found = cs.dissect(encoder, "relu2", canvas, maps, quantile=0.1)
    concept = cs.concept("some", canvas, encoder, items=[str(canvas.item_names[0])])
    made = explain(encoder, found, canvas, 1, concept=concept)
    assert made.score == pytest.approx(float(encoder.latents(canvas, [1])[0] @ concept.direction))
    assert abs(made.gap) < 1e-2 * np.abs(made.contributions).sum()
    assert "The sum misses the score by" in made.sentence


def test_a_class_of_pixels_is_explained_where_it_was_taken_wrongly(of_parts):
    classifier, canvas, parts, found = of_parts
    predicted = np.array(classifier.classes)[classifier.part_predictions(canvas, [1], size=(16, 16))[0]]
    known = np.array(parts.classes)[parts.of([1])[0].argmax(axis=0)]
    made = explain(classifier, found, canvas, 1, labels=parts)
    name, truth = made.question.split(" against ")
    assert made.linear
    assert made.within[(predicted == name) & (known == truth)].all()
    assert (predicted[made.within] == name).all()
    assert (known[made.within] != name).all()
    scores = classifier.part_scores(canvas, [1], size=(16, 16))[0]
    gain = scores[classifier.number(name)] - scores[classifier.number(truth)]
    assert made.score == pytest.approx(float(gain[made.within].mean()), rel=1e-4)
    assert made.contributions.sum() + made.rest == pytest.approx(made.score, abs=1e-9)


def test_pixels_may_be_chosen_by_hand(of_parts):
    classifier, canvas, _, found = of_parts
    within = np.zeros((16, 16), dtype=bool)
    within[3:9, 2:5] = True
    made = explain(classifier, found, canvas, 0, class_name="dark", within=within)
    score = classifier.part_scores(canvas, [0], size=(16, 16))[0, classifier.number("dark")]
    assert made.score == pytest.approx(float(score[within].mean()), rel=1e-4)
    whole = explain(classifier, found, canvas, 0, class_name="dark")
    assert whole.score == pytest.approx(float(classifier.scores(canvas, [0])[0, classifier.number("dark")]), rel=1e-4)


def test_a_spot_is_explained_by_units_of_a_dense_layer():
    spots = tiny_section(10, 10).view("spots")
    labels = cs.class_labels(spots, obs="layer")
    settings = cs.ClassifierSettings.of(spots)
    training = replace(settings.training, epochs=2, device="cpu")
    classifier = cs.fit_classifier(spots, labels, replace(settings, training=training))
    found = cs.dissect(classifier.encoder, "encoder.relu1", spots, cs.section_labels(spots))
    made = explain(classifier, found, spots, 4, class_name="inner", against="outer")
    assert made.linear
    assert made.contributions.sum() + made.rest == pytest.approx(made.score)
    log_odds = np.diff(classifier.scores(spots, [4])[0, [classifier.number("outer"), classifier.number("inner")]])
    assert made.score == pytest.approx(float(log_odds[0]), rel=1e-4)
    assert isinstance(made.table(), pd.DataFrame)


@pytest.mark.parametrize("layer", ["0.0", "0.1", "0.2", "1", "2"])
def test_a_network_of_ones_own_is_explained_by_any_layer_by_its_own_name(layer):
    canvas, _, masks = squares()
    classifier = own_of_squares()
    maps = cs.painted_labels(canvas, masks, names={1: "bright", 2: "dark"})
    found = cs.dissect(classifier.encoder, layer, canvas, maps, quantile=0.05)
    made = explain(classifier, found, canvas, 1, class_name="dark", steps=200)
    assert made.score == pytest.approx(classifier.scores(canvas, [1])[0, 1], rel=1e-5)
    assert made.linear == (layer == "2")
    assert made.rest + made.contributions.sum() == pytest.approx(made.score, abs=1e-3)
    assert not any(module._forward_hooks for module in classifier.encoder.network.modules())


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"class_name": "green"}, r"no such class[\s\S]*bright"),
        ({"class_name": "dark", "against": "dark"}, "against another"),
        ({"within": np.ones((3, 3), dtype=bool)}, "mask of the frame"),
        ({"item": 99}, "no such item"),
        ({"steps": 0}, "one step or more"),
    ],
)
def test_questions_without_an_answer_are_refused_in_words(told, asked, words):
    classifier, canvas, _, found = told
    item = asked.pop("item", 0)
    with pytest.raises(ConceptStainError, match=words):
        explain(classifier, found[LAST], canvas, item, **asked)


def test_networks_labels_and_layers_that_do_not_fit_are_refused(told, of_parts):
    classifier, canvas, _, found = told
    concept = cs.concept("some", canvas, classifier.encoder, items=[str(canvas.item_names[0])], space=FIRST)
    with pytest.raises(MismatchError, match="does not depend on the layer"):
        explain(classifier.encoder, found[LAST], canvas, 0, concept=concept)
    shuffled = replace(found[LAST], settings={**found[LAST].settings, "shuffled": 0})
    with pytest.raises(InputError, match="labels of other items"):
        explain(classifier, shuffled, canvas, 0)
    with pytest.raises(InputError, match="tells no classes"):
        explain(classifier.encoder, found[LAST], canvas, 0)
    with pytest.raises(MismatchError, match="another network"):
        explain(of_parts[0], found[LAST], canvas, 0, class_name="dark")
    with pytest.raises(InputError, match="labels of every pixel"):
        explain(classifier, found[LAST], canvas, 0, labels=of_parts[2])
    with pytest.raises(InputError, match="tells parts, of which"):
        explain(of_parts[0], of_parts[3], canvas, 0)
