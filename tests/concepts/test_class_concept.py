from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from classes import fitted_to_squares, quick
from conceptstain.canvas.class_labels import ClassLabels, class_labels
from conceptstain.canvas.image_set import ImageSet
from conceptstain.classifying import ClassifierSettings, fit_classifier
from conceptstain.concepts.class_concept import class_concept
from conceptstain.concepts.concept import make
from conceptstain.concepts.latents import latents_of
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.integrated import integrated_gradients
from conceptstain.methods.saliency import saliency
from conceptstain.methods.support import supported_methods
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.classifier_network import ClassifierNetworkSettings
from conceptstain.study.records import Tables
from factories import tiny_section


@cache
def fitted() -> tuple[Classifier, ImageSet, ClassLabels]:
    return fitted_to_squares()


def test_its_score_is_that_of_the_class_without_the_bias() -> None:
    classifier, canvas, _ = fitted()
    found = class_concept(classifier, canvas, "dark").scores(latents_of(canvas, classifier.encoder))
    row = classifier.number("dark")
    np.testing.assert_allclose(found + classifier.bias[row], classifier.scores(canvas)[:, row], rtol=1e-6)


def test_against_another_class_it_is_the_log_odds() -> None:
    classifier, canvas, _ = fitted()
    concept = class_concept(classifier, canvas, "dark", against="bright")
    probabilities = classifier.probabilities(canvas)
    odds = np.log(probabilities[:, classifier.number("dark")] / probabilities[:, classifier.number("bright")])
    shift = np.subtract(*(classifier.bias[classifier.number(name)] for name in ("dark", "bright")))
    np.testing.assert_allclose(concept.scores(latents_of(canvas, classifier.encoder)) + shift, odds, rtol=1e-4)
    assert concept.name == "dark against bright"


def test_it_names_the_items_with_the_highest_scores() -> None:
    classifier, canvas, _ = fitted()
    concept = class_concept(classifier, canvas, "dark", neighbours=3)
    order = np.argsort(-classifier.scores(canvas)[:, classifier.number("dark")])
    assert concept.items == tuple(canvas.item_names[order[:3]])
    assert concept.origin.startswith("the class dark of values")


def test_a_map_of_it_is_that_of_the_class_score() -> None:
    classifier, canvas, _ = fitted()
    found = saliency(canvas, classifier.encoder, class_concept(classifier, canvas, "dark"), items=[0])
    assert np.asarray(found.values).any()
    assert supported_methods(classifier.encoder)["grad-cam"] is None


def test_another_encoder_is_refused() -> None:
    classifier, canvas, _ = fitted()
    concept = class_concept(classifier, canvas, "dark")
    other = replace(classifier.encoder, name="other", scaling="unit", shape=canvas.shape)
    assert make(concept.definition, canvas, other).items == concept.items  # the same network under another name
    stranger = fitted_to_squares(1)[0].encoder
    with pytest.raises(MismatchError, match="other networks do not have"):
        make(concept.definition, canvas, stranger)


def test_it_adds_up_with_other_concepts() -> None:
    classifier, canvas, _ = fitted()
    dark, bright = (class_concept(classifier, canvas, name) for name in ("dark", "bright"))
    difference = dark - bright
    assert difference.definition.words == "dark minus bright"
    assert dark.definition.has_same_source(class_concept(classifier, canvas, "dark").definition)


def test_it_can_be_written_and_read_again() -> None:
    classifier, canvas, _ = fitted()
    definition = class_concept(classifier, canvas, "dark").definition
    tables = Tables(canvas)
    key = tables.definition(definition)
    again = type(tables.record).model_validate_json(tables.record.model_dump_json()).made(canvas)[key]
    assert again.along == definition.along
    np.testing.assert_array_equal(
        make(again, canvas, classifier.encoder).direction, make(definition, canvas, classifier.encoder).direction
    )


def test_a_class_that_is_not_there_is_refused() -> None:
    classifier, canvas, _ = fitted()
    with pytest.raises(InputError, match="no such class"):
        class_concept(classifier, canvas, "grey")


def test_genes_of_a_spot_add_up_to_its_score_above_the_mean_spot() -> None:
    canvas = tiny_section(8, 8).view("spots")
    settings = ClassifierSettings(ClassifierNetworkSettings((), 0, hidden=(6,)), quick(5).training)
    classifier = fit_classifier(canvas, class_labels(canvas, obs="layer"), settings)
    concept = class_concept(classifier, canvas, "inner", against="outer")
    found = integrated_gradients(canvas, classifier.encoder, concept, baseline="mean", items=[3], steps=200)
    mean = torch.as_tensor(canvas.inputs(canvas.trainable).mean(axis=0, keepdims=True))
    ends = [classifier.encoder.latents(canvas, [3])[0], classifier.encoder.encode(mean).mean.numpy()[0]]
    above = np.subtract(*(end @ concept.direction for end in ends))
    assert found.values.sum() == pytest.approx(above, rel=2e-2, abs=1e-3)
    with pytest.raises(InputError, match="Only pictures can be blurred"):
        integrated_gradients(canvas, classifier.encoder, concept, items=[3])
