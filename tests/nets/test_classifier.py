from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.special import softmax

from blobs import SIDE
from classes import fitted_to_squares
from conceptstain.canvas.class_labels import ClassLabels
from conceptstain.canvas.image_set import ImageSet
from conceptstain.errors import InputError
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.profile_vae import ProfileVAE, ProfileVAESettings
from conceptstain.nets.tap import tap
from conceptstain.nets.untrained import kept_by_twins, untrained
from twins.classes import slow_part_scores


@cache
def fitted() -> tuple[Classifier, ImageSet, ClassLabels]:
    return fitted_to_squares()


def test_scores_are_latents_along_the_rows_of_the_classes() -> None:
    classifier, canvas, _ = fitted()
    latents = classifier.encoder.latents(canvas).astype(float)
    expected = [[z @ w + b for w, b in zip(classifier.weights, classifier.bias, strict=True)] for z in latents]
    np.testing.assert_allclose(classifier.scores(canvas), expected)


def test_contributions_of_units_add_up_to_the_score() -> None:
    classifier, canvas, _ = fitted()
    for row, name in enumerate(classifier.classes):
        parts = classifier.contributions(canvas, name)
        np.testing.assert_allclose(parts.sum(axis=1) + classifier.bias[row], classifier.scores(canvas)[:, row])


def test_scores_of_places_are_those_of_a_slow_twin_and_their_mean_is_the_score() -> None:
    classifier, canvas, _ = fitted()
    found = classifier.part_scores(canvas, [3, 4])
    with tap(classifier.encoder.network, classifier.places) as tapped:
        classifier.encoder.encode(classifier.encoder.tensor(canvas.inputs([3, 4])))
        activations = tapped.take().numpy()
    slow = [slow_part_scores(each, classifier.weights, classifier.bias) for each in activations]
    np.testing.assert_allclose(found, slow, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.mean(axis=(2, 3)), classifier.scores(canvas, [3, 4]), rtol=1e-4, atol=1e-5)


def test_scores_of_places_are_enlarged_on_demand() -> None:
    classifier, canvas, _ = fitted()
    assert classifier.part_scores(canvas, [0]).shape == (1, 2, SIDE // 2, SIDE // 2)
    enlarged = classifier.part_scores(canvas, [0], size=(SIDE, SIDE))
    assert enlarged.shape == (1, 2, SIDE, SIDE)
    np.testing.assert_array_equal(classifier.part_predictions(canvas, [0], size=(SIDE, SIDE)), enlarged.argmax(axis=1))


def test_a_batch_equals_one_by_one_and_follows_the_order_of_items() -> None:
    classifier, canvas, _ = fitted()
    together = classifier.scores(canvas)
    alone = np.concatenate([classifier.scores(canvas, [item]) for item in range(len(canvas))])
    np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-6)
    order = np.random.default_rng(0).permutation(len(canvas))
    np.testing.assert_allclose(classifier.scores(canvas, order), together[order], rtol=1e-5, atol=1e-6)
    places = classifier.part_scores(canvas)
    np.testing.assert_allclose(classifier.part_scores(canvas, order), places[order], rtol=1e-4, atol=1e-5)


def test_probabilities_are_the_softmax_and_predictions_the_highest() -> None:
    classifier, canvas, _ = fitted()
    scores = classifier.scores(canvas)
    np.testing.assert_allclose(classifier.probabilities(canvas), softmax(scores, axis=1))
    np.testing.assert_array_equal(classifier.predictions(canvas), scores.argmax(axis=1))


def test_the_fingerprint_changes_with_the_weights_the_classes_and_the_encoder() -> None:
    classifier, _, _ = fitted()
    others = [
        replace(classifier, weights=classifier.weights + 1),
        replace(classifier, bias=classifier.bias + 1),
        replace(classifier, classes=("one", "other")),
        replace(classifier, encoder=replace(classifier.encoder, scaling="z-score")),
    ]
    assert len({classifier.fingerprint, *(each.fingerprint for each in others)}) == 5
    assert replace(classifier, name="renamed").fingerprint == classifier.fingerprint


def test_a_class_that_is_not_there_is_refused_with_those_there_are() -> None:
    classifier, canvas, _ = fitted()
    with pytest.raises(InputError, match="bright, dark"):
        classifier.contributions(canvas, "grey")


def test_weights_of_another_number_of_classes_are_refused() -> None:
    classifier, _, _ = fitted()
    with pytest.raises(InputError, match="not of these classes"):
        replace(classifier, classes=("bright",))
    with pytest.raises(InputError, match="not of these classes"):
        replace(classifier, classes=("bright", "bright"))


def test_a_classifier_of_parts_does_not_say_what_the_whole_is() -> None:
    classifier, canvas, _ = fitted()
    with pytest.raises(InputError, match="part_predictions"):
        replace(classifier, parts=True).predictions(canvas)


def test_a_classifier_without_places_cannot_score_them() -> None:
    classifier, canvas, _ = fitted()
    with pytest.raises(InputError, match="no places"):
        replace(classifier, places="").part_scores(canvas)


def test_inputs_that_the_encoder_was_not_made_for_are_refused() -> None:
    _, canvas, _ = fitted()
    profiles = Encoder("profiles", ProfileVAE((5,), ProfileVAESettings("gaussian", 3, (4,))), (5,), "z-score", 3)
    other = Classifier("other", profiles, np.ones((2, 3)), np.zeros(2), ("a", "b"))
    with pytest.raises(ValueError, match="another shape"):
        other.scores(canvas)


def test_its_untrained_twin_has_the_first_weights_of_a_seed() -> None:
    classifier, canvas, _ = fitted()
    one, same, other = (untrained(classifier.encoder, seed=seed).latents(canvas) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
    assert not np.allclose(one, classifier.encoder.latents(canvas))
    assert kept_by_twins(classifier.encoder) == ()
