from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import conceptstain as cs
from classes import quick, squares
from conceptstain.canvas.class_labels import class_labels
from conceptstain.canvas.painted_labels import painted_labels
from conceptstain.classifying import ClassifierSettings, cross_validate_classifier, fit_classifier
from conceptstain.errors import InputError
from conceptstain.nets.augmentation import Augmentation
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.classifier_network import ClassifierNetwork, ClassifierNetworkSettings
from conceptstain.nets.classifier_settings import ClassifierTrainingSettings
from conceptstain.nets.kept_epochs import Checkpoints
from factories import tiny_section


def test_a_classifier_of_pictures_tells_them_apart() -> None:
    canvas, labels, _ = squares()
    classifier = fit_classifier(canvas, labels, quick(15))
    assert cs.confusion(classifier, canvas, labels).balanced_accuracy > 0.9
    assert (classifier.name, classifier.classes, classifier.encoder.latent) == ("values", ("bright", "dark"), 6)
    assert not any(each.requires_grad for each in classifier.encoder.network.parameters())


def test_a_classifier_of_spots_keeps_the_names_of_their_genes() -> None:
    canvas = tiny_section(10, 10).view("spots")
    settings = ClassifierSettings(
        ClassifierNetworkSettings((), 0, hidden=(8,)), ClassifierTrainingSettings(20, learning_rate=0.01, device="cpu")
    )
    labels = class_labels(canvas, obs="layer")
    classifier = fit_classifier(canvas, labels, settings, name="layers")
    assert classifier.encoder.features == canvas.features
    assert classifier.name == "layers"
    assert cs.confusion(classifier, canvas, labels).balanced_accuracy > 0.8


def test_the_card_says_what_was_learned_from_and_how_well() -> None:
    canvas, labels, _ = squares()
    card = fit_classifier(canvas, labels, quick(3)).card
    assert card["labels"]["classes"] == {"bright": 16.0, "dark": 8.0}
    assert card["images"][0]["content"] == canvas.source.content
    assert card["training"]["epochs"] == 3
    assert 0 <= card["held out"]["balanced accuracy"] <= 1
    assert np.sum(card["held out"]["confusion"]) == 6


def test_the_same_seed_gives_the_same_classifier_and_permuted_labels_another() -> None:
    canvas, labels, _ = squares()
    one, same = (fit_classifier(canvas, labels, quick(2)) for _ in range(2))
    assert one.fingerprint == same.fingerprint
    other = fit_classifier(canvas, replace(labels, codes=labels.codes[::-1].copy()), quick(2))
    assert other.fingerprint != one.fingerprint


def test_items_that_are_not_labelled_change_nothing() -> None:
    canvas, labels, _ = squares()
    codes = labels.codes.copy()
    codes[[0, 1]] = -1
    without = fit_classifier(canvas, replace(labels, codes=codes), quick(2))
    asked = fit_classifier(canvas, labels, quick(2), items=np.arange(2, len(canvas)))
    assert without.fingerprint == asked.fingerprint


def test_cross_validation_asks_every_item_of_the_classifier_that_did_not_see_it() -> None:
    canvas, labels, _ = squares()
    found = cross_validate_classifier(canvas, labels, quick(10), folds=2)
    assert found.confusion.counts.sum() == len(canvas)
    assert sorted(np.bincount(found.fold_of)) == [12, 12]
    assert len(found.folds) == 2
    recounted = np.zeros((2, 2))
    np.add.at(recounted, (labels.codes, found.predictions), 1)
    np.testing.assert_array_equal(recounted, found.confusion.counts)
    alone = fit_classifier(canvas, labels, quick(10), items=np.flatnonzero(found.fold_of != 0))
    np.testing.assert_array_equal(alone.predictions(canvas)[found.fold_of == 0], found.predictions[found.fold_of == 0])


def test_labels_without_meaning_are_told_apart_no_better_than_by_chance() -> None:
    canvas = tiny_section(10, 10, seed=3).view("spots")
    coins = pd.Series(np.random.default_rng(0).permutation(["a"] * 50 + ["b"] * 50), index=canvas.item_names)
    settings = ClassifierSettings(
        ClassifierNetworkSettings((), 0, hidden=(4,)), ClassifierTrainingSettings(10, learning_rate=0.01, device="cpu")
    )
    found = cross_validate_classifier(canvas, class_labels(canvas, values=coins), settings, folds=4)
    assert 0.3 < found.confusion.balanced_accuracy < 0.7


def test_what_nothing_can_be_learned_from_is_refused() -> None:
    canvas, labels, _ = squares()
    one = class_labels(canvas, values=dict.fromkeys(canvas.item_names, "same"))
    with pytest.raises(InputError, match="only one class"):
        fit_classifier(canvas, one, quick(1))
    few = class_labels(canvas, values={**dict.fromkeys(canvas.item_names, "many"), "0": "few", "1": "few"})
    with pytest.raises(InputError, match="2 of few"):
        fit_classifier(canvas, few, quick(1))
    other, _, _ = squares(9)
    with pytest.raises(InputError, match="of other pictures"):
        fit_classifier(other, labels, quick(1))
    with pytest.raises(InputError, match="Use 2 to 8 folds"):
        cross_validate_classifier(canvas, labels, quick(1), folds=9)


def test_gene_pictures_are_told_apart_too() -> None:
    canvas = tiny_section(12, 12, n_genes=24).view("genes")
    kinds = ["inner"] * 8 + ["outer"] * 8 + ["even"] * 8
    labels = class_labels(canvas, values=dict(zip(canvas.item_names, kinds, strict=True)))
    network = ClassifierNetworkSettings((4, 6), halvings=1)
    training = ClassifierTrainingSettings(3, batch_size=8, learning_rate=0.01, jitter=1, device="cpu")
    classifier = fit_classifier(canvas, labels, ClassifierSettings(network, training))
    assert classifier.scores(canvas).shape == (24, 3)


def test_patches_are_turned_and_told_apart() -> None:
    picture = np.random.default_rng(0).uniform(0.2, 0.4, (64, 128)).astype(np.float32)
    picture[:, 64:] += 0.4
    canvas = cs.open(picture).view("patches", size=16, stride=16, background="keep")
    sides = pd.Series(np.where(canvas.corners[:, 1] < 4, "dim", "bright"), index=canvas.item_names)
    settings = ClassifierSettings.of(canvas)
    assert settings.training.augmentation.symmetries == "all"
    labels = class_labels(canvas, values=sides)
    training = replace(settings.training, epochs=30, batch_size=8, learning_rate=0.02, device="cpu")
    small = ClassifierSettings(ClassifierNetworkSettings((4, 6), halvings=1), training)
    assert cs.confusion(fit_classifier(canvas, labels, small), canvas, labels).balanced_accuracy == 1


def test_settings_follow_the_canvas() -> None:
    canvas, _, _ = squares()
    of_pictures = ClassifierSettings.of(canvas)
    of_parts = ClassifierSettings.of(canvas, parts=True)
    of_spots = ClassifierSettings.of(tiny_section().view("spots"))
    of_genes = ClassifierSettings.of(tiny_section().view("genes"))
    assert of_pictures.training.augmentation.changes
    assert of_spots.network is not None
    assert of_spots.network.hidden
    assert of_genes.training.jitter == 1
    assert (of_parts.training.batch_norm, of_pictures.training.batch_norm) == (True, False)


def test_a_classifier_of_parts_finds_them() -> None:
    canvas, _, masks = squares(24)
    labels = cs.part_labels(canvas, painted_labels(canvas, masks, names=["", "bright", "dark"]), background="noise")
    settings = ClassifierSettings(ClassifierNetworkSettings((4, 8), halvings=1), quick(25).training)
    classifier = fit_classifier(canvas, labels, settings)
    assert classifier.parts
    found = cs.confusion(classifier, canvas, labels)
    assert found.counts.sum() == pytest.approx(24 * 8 * 8)  # places of the last layer
    assert found.balanced_accuracy > 0.8
    enlarged = classifier.part_predictions(canvas, size=(16, 16))
    assert (enlarged == masks).mean() > 0.8


def test_parts_are_moved_with_the_pictures() -> None:
    canvas, _, masks = squares(24)
    labels = cs.part_labels(canvas, painted_labels(canvas, masks, names=["", "bright", "dark"]), background="noise")
    training = replace(quick(25).training, augmentation=Augmentation("all", shift=4, light=0.02))
    settings = ClassifierSettings(ClassifierNetworkSettings((4, 8), halvings=1), training)
    assert cs.confusion(fit_classifier(canvas, labels, settings), canvas, labels).balanced_accuracy > 0.75


def test_parts_are_cross_validated_by_pictures() -> None:
    canvas, _, masks = squares(12)
    labels = cs.part_labels(canvas, painted_labels(canvas, masks, names=["", "bright", "dark"]))
    found = cross_validate_classifier(canvas, labels, quick(2), folds=3)
    assert sorted(np.bincount(found.fold_of)) == [4, 4, 4]
    assert found.confusion.counts.sum() == pytest.approx(masks.astype(bool).sum() / 4)
    few = cs.part_labels(canvas, painted_labels(canvas, masks, names=["", "bright", "dark"]))
    with pytest.raises(InputError, match="too few pictures with parts"):
        fit_classifier(canvas, few, quick(1), items=[0, 1])


def test_checkpoints_are_the_classifier_at_its_epochs_and_change_nothing() -> None:
    canvas, labels, _ = squares()
    kept = Checkpoints[Classifier]([0, 2, 6])
    settings = replace(quick(6), training=replace(quick(6).training, validation_fraction=0.0))
    classifier = fit_classifier(canvas, labels, settings, checkpoints=kept)
    assert classifier.fingerprint == fit_classifier(canvas, labels, settings).fingerprint
    assert list(kept) == [0, 2, 6]
    assert kept[6].fingerprint == classifier.fingerprint  # nothing was held out: the last epoch is the best
    assert len({each.fingerprint for each in kept.values()}) == 3
    assert (kept[2].name, kept[2].card["history"]) == ("values, epoch 2", {"epoch": 2, "epochs": 6})
    first = ClassifierNetwork(canvas.shape, settings.network, seed=settings.training.seed)
    for name, weights in first.state_dict().items():
        assert (kept[0].encoder.network.state_dict()[name] == weights).all()
