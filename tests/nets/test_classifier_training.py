from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from classes import quick, squares
from conceptstain.canvas.class_labels import class_labels
from conceptstain.classifying import ClassifierSettings, fit_classifier
from conceptstain.errors import InputError
from conceptstain.nets.augmentation import Augmentation
from conceptstain.nets.classifier_network import ClassifierNetwork
from conceptstain.nets.classifier_settings import ClassifierTrainingSettings
from conceptstain.nets.classifier_training import ClassifierHistory, held_out, train_classifier
from conceptstain.nets.confusion import confusion
from conceptstain.progress import Cancelled, Step
from factories import tiny_section


def trained(epochs: int = 4, seed: int = 0, **changes: Any) -> tuple[ClassifierHistory, torch.Tensor, list[Step]]:
    """What a training said, its weights, and its steps."""
    canvas, labels, _ = squares()
    settings = quick(epochs, seed)
    training = ClassifierTrainingSettings(**{**vars(settings.training), **changes})
    network = ClassifierNetwork(canvas.shape, settings.network, seed=seed)
    steps: list[Step] = []
    with torch.random.fork_rng():
        torch.manual_seed(1)
        head = torch.nn.Linear(6, 2)
    history = train_classifier(network, head, canvas, labels, training, report=steps.append)
    return history, torch.cat([head.weight.flatten(), *(each.flatten() for each in network.parameters())]), steps


def test_squares_are_told_apart_by_what_was_held_out() -> None:
    history, _, _ = trained(15)
    assert max(history.validation_balanced_accuracy) == 1
    assert history.loss[-1] < history.loss[0]


def test_the_same_seed_gives_the_same_weights_and_another_others() -> None:
    (_, one, _), (_, same, _), (_, other, _) = trained(2), trained(2), trained(2, seed=1)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_the_epoch_that_is_kept_is_the_best_of_what_was_held_out() -> None:
    history, _, _ = trained(8)
    best = history.validation_balanced_accuracy[history.best_epoch - 1]
    assert best == max(history.validation_balanced_accuracy)
    assert history.confusion is not None
    assert history.confusion.balanced_accuracy == best
    assert history.confusion.counts.sum() == 6  # a quarter of each class


def test_where_nothing_is_held_out_the_last_epoch_is_kept() -> None:
    history, _, _ = trained(3, validation_fraction=0.0)
    assert (history.best_epoch, history.validation_loss, history.confusion) == (3, (), None)


def test_every_class_is_held_out_alike() -> None:
    _, labels, _ = squares(30)
    learned, left = held_out(labels, np.arange(30), 0.2, torch.Generator().manual_seed(0))
    assert not set(learned) & set(left)
    np.testing.assert_array_equal(labels.of(left).sum(axis=0), [4, 2])


def test_steps_are_reported_to_the_last() -> None:
    history, _, steps = trained(3)
    assert [step.done for step in steps] == list(range(1, steps[-1].total + 1))
    told = [step.values["balanced accuracy"] for step in steps if step.values]
    assert told == list(history.validation_balanced_accuracy)


def test_a_training_can_be_cancelled_and_leaves_threads_and_random_state_as_they_were() -> None:
    canvas, labels, _ = squares()
    settings = quick()
    network, head = ClassifierNetwork(canvas.shape, settings.network), torch.nn.Linear(6, 2)
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()

    def cancel(step: Step) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        train_classifier(network, head, canvas, labels, settings.training, report=cancel)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_images_are_augmented_while_they_are_learned_from() -> None:
    (_, plain, _), (_, changed, _) = trained(2), trained(2, augmentation=Augmentation("all", shift=1, light=0.1))
    assert not torch.equal(plain, changed)


def test_the_weights_that_are_kept_do_what_the_normalised_network_did() -> None:
    history, weights, _ = trained(6, batch_norm=True)
    canvas, labels, _ = squares()
    assert max(history.validation_balanced_accuracy) == 1
    assert not torch.equal(weights, trained(6)[1])
    settings = quick(6)
    training = ClassifierTrainingSettings(**{**vars(settings.training), "batch_norm": True})
    classifier = fit_classifier(canvas, labels, ClassifierSettings(settings.network, training))
    _, left = held_out(labels, labels.labelled, training.validation_fraction, torch.Generator().manual_seed(0))
    assert (confusion(classifier, canvas, labels, left).counts == classifier.card["held out"]["confusion"]).all()
    assert not any(module._forward_hooks for module in classifier.encoder.network.modules())


def test_profiles_have_no_convolutions_to_normalise() -> None:
    spots = tiny_section(6, 6).view("spots")
    labels = class_labels(spots, obs="layer")
    settings = ClassifierSettings(training=ClassifierTrainingSettings(epochs=1, batch_norm=True))
    with pytest.raises(InputError, match="Only convolutions"):
        fit_classifier(spots, labels, settings)


def test_an_epoch_may_take_fewer_items() -> None:
    _, _, steps = trained(3, items_per_epoch=8)
    assert steps[-1].total == 3


def test_a_training_that_diverges_is_told() -> None:
    with pytest.raises(InputError, match="diverged"):
        trained(4, learning_rate=1e30)


@pytest.mark.parametrize(
    "changes",
    [{"epochs": 0}, {"batch_size": 1}, {"learning_rate": 0.0}, {"balance": 2.0}, {"validation_fraction": 0.9}],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="out of range"):
        ClassifierTrainingSettings(**changes)
