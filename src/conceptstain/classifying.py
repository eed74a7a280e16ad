"""Fitting a classifier to what is shown and labelled, and testing one on what it did not see."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TypeAlias, final

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold
from torch import Tensor, nn

from conceptstain.canvas.class_labels import ClassLabels
from conceptstain.canvas.expression import counted, several
from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.part_labels import PartLabels
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError
from conceptstain.fitting import Learnable, card_of
from conceptstain.inputs import ItemIndices
from conceptstain.nets.augmentation import Augmentation, Symmetries
from conceptstain.nets.class_loss import masses_of
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.classifier_network import ClassifierNetwork, ClassifierNetworkSettings
from conceptstain.nets.classifier_settings import ClassifierTrainingSettings
from conceptstain.nets.classifier_training import ClassifierHistory, train_classifier
from conceptstain.nets.confusion import Confusion, confusion
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.kept_epochs import Checkpoints, KeptAt, unwatched
from conceptstain.progress import Report, Step, silent

__all__ = ["ClassifierSettings", "CrossValidation", "cross_validate_classifier", "fit_classifier"]

LEAST_ITEMS = 4  # of a class: fewer cannot be learned from and held out
PART_BALANCE = 0.5  # areas of parts differ a thousandfold: with 1, some pixels of a necklace would steer the training
ITEMS_PER_EPOCH = 5000  # at most; a slide has more patches than can be gone through

Labels: TypeAlias = ClassLabels | PartLabels
"""What is learned: a class for every item, or for every pixel."""


@final
@dataclass(frozen=True)
class ClassifierSettings:
    """What to fit and how.

    Attributes
    ----------
    network
        What to build; None: what suits the shape of the inputs, and whether parts are told.
    training
        How to train it.
    """

    network: ClassifierNetworkSettings | None = None
    training: ClassifierTrainingSettings = field(default_factory=ClassifierTrainingSettings)

    @classmethod
    def of(cls, canvas: Learnable, *, parts: bool = False) -> ClassifierSettings:
        """The defaults for a canvas: images are shifted and relit, patches also turned and reflected.

        Where parts are told, convolutions are normalised while they learn: more parts have a unit of their own then.
        """
        network = ClassifierNetworkSettings.of(canvas.shape, parts=parts)
        if isinstance(canvas, GenePictures):
            return cls(network, ClassifierTrainingSettings(jitter=1))
        if isinstance(canvas, SpotProfiles):
            return cls(network)
        symmetries: Symmetries = "all" if isinstance(canvas, ImagePatches) else "none"
        training = ClassifierTrainingSettings(
            learning_rate=2e-3,
            balance=PART_BALANCE if parts else 1.0,
            augmentation=Augmentation(symmetries, shift=2, light=0.05),
            items_per_epoch=ITEMS_PER_EPOCH,
            batch_norm=parts,
        )
        return cls(network, training)


@final
@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What classifiers said of items that they had not seen.

    Attributes
    ----------
    confusion
        Of all items, each by the classifier that had not seen it.
    folds
        Balanced accuracy of each.
    fold_of
        Which fold every item of the canvas was in; -1: in none, as it is not labelled.
    predictions
        Row of the class that every item was taken for; -1 where it was in no fold, and where parts are told.
    """

    confusion: Confusion
    folds: tuple[float, ...]
    fold_of: Int[np.ndarray, " items"]
    predictions: Int[np.ndarray, " items"]


def fit_classifier(
    canvas: Learnable,
    labels: Labels,
    settings: ClassifierSettings | None = None,
    *,
    name: str = "",
    items: ItemIndices | None = None,
    checkpoints: Checkpoints[Classifier] | None = None,
    report: Report = silent,
) -> Classifier:
    """Train a classifier on labelled genes, spots, pictures or patches, or on the parts of pictures.

    Parameters
    ----------
    canvas
        What is to be told apart.
    labels
        What it is: :func:`~conceptstain.canvas.class_labels.class_labels`, or
        :func:`~conceptstain.canvas.part_labels.part_labels`.
    settings
        None: the defaults for the canvas, :meth:`ClassifierSettings.of`.
    name
        Name to show; empty: that of the labels.
    items
        Indices of those that may be learned from; None: all that are labelled.
    checkpoints
        At which epochs to keep the classifier as it then is, beside the one that is best in the end.
    report
        Called after every training step; may raise :class:`Cancelled`.

    Returns
    -------
    Classifier
        On the CPU, with a card that says what it was trained on and how, and how well it tells what was held out.

    Raises
    ------
    InputError
        Labels of other items, one class alone, classes of fewer than four items, or settings or checkpoints that are
        not for these inputs.
    """
    settings = settings or ClassifierSettings.of(canvas, parts=labels.parts)
    wanted = settings.network or ClassifierNetworkSettings.of(canvas.shape, parts=labels.parts)
    chosen = _learnable(canvas, labels, items)
    network = ClassifierNetwork(canvas.shape, wanted, seed=settings.training.seed)
    head = _first_step(wanted.latent, len(labels.classes), settings.training.seed)
    called = name or labels.name
    masses = [round(float(mass), 3) for mass in masses_of(labels, chosen)]
    learned = {
        "name": labels.name,
        "classes": dict(zip(labels.classes, masses, strict=True)),
        "parts": labels.parts,
        "notes": list(labels.notes),
    }

    def classifier(
        called: str, network: ClassifierNetwork, head: nn.Linear, history: ClassifierHistory | KeptAt
    ) -> Classifier:
        found = history.confusion if isinstance(history, ClassifierHistory) else None
        plain = replace(history, confusion=None) if isinstance(history, ClassifierHistory) else history
        card = {**card_of([canvas], wanted, settings.training, plain), "labels": learned}
        if found is not None:
            card["held out"] = {
                "confusion": found.counts.tolist(),
                "balanced accuracy": found.balanced_accuracy,
            }
        encoder = Encoder(
            name=f"{called}, penultimate layer",
            network=network.to("cpu"),
            shape=canvas.shape,
            scaling=canvas.scaling,
            latent=wanted.latent,
            card=card,
            features=canvas.features if isinstance(canvas, SpotProfiles) else (),
        )
        weights, bias = (each.detach().cpu().numpy().copy() for each in (head.weight, head.bias))
        return Classifier(called, encoder, weights, bias, labels.classes, network.places, labels.parts, card)

    blank = (network, head) if checkpoints is None else (deepcopy(network), deepcopy(head))

    def kept(at: KeptAt, *weights: Mapping[str, Tensor]) -> Classifier:
        copied = deepcopy(blank)
        for module, state in zip(copied, weights, strict=True):
            module.load_state_dict(state)
        return classifier(f"{called}, epoch {at.epoch}", *copied, at)

    watch = unwatched if checkpoints is None else checkpoints.watching(kept)
    history = train_classifier(
        network, head, canvas, labels, settings.training, items=chosen, report=report, watch=watch
    )
    return classifier(called, network, head, history)


def cross_validate_classifier(
    canvas: Learnable,
    labels: Labels,
    settings: ClassifierSettings | None = None,
    *,
    folds: int = 5,
    report: Report = silent,
) -> CrossValidation:
    """Fit as many classifiers as there are folds, each without one fold, and test it on that.

    A classifier chooses its epoch by items that it holds out of the others, never by those that it is tested on. Folds
    are drawn at random, of each class alike: neighbouring spots and overlapping patches fall into different ones.

    Parameters
    ----------
    canvas, labels, settings
        As for :func:`fit_classifier`.
    folds
        How many.
    report
        Called after every training step of all.

    Raises
    ------
    InputError
        As :func:`fit_classifier`; fewer than two folds, or more than the smallest class has items.
    """
    settings = settings or ClassifierSettings.of(canvas, parts=labels.parts)
    chosen = _learnable(canvas, labels, None)
    groups = np.zeros(len(chosen), dtype=int) if labels.parts else labels.of(chosen).argmax(axis=1)
    most = int(np.unique(groups, return_counts=True)[1].min())
    if not 2 <= folds <= most:
        raise InputError(
            "Every fold holds items of every class",
            got=f"{folds} folds, for {most} of the smallest class",
            cure=f"Use 2 to {most} folds",
        )
    split = (KFold if labels.parts else StratifiedKFold)(folds, shuffle=True, random_state=settings.training.seed)
    fold_of, predictions = np.full(len(canvas), -1), np.full(len(canvas), -1)
    total = Confusion(labels.classes, np.zeros((len(labels.classes),) * 2))
    accuracies = []
    for fold, (learned, left) in enumerate(split.split(chosen, groups)):

        def of_all(step: Step, fold: int = fold) -> None:
            told = f"Fold {fold + 1} of {folds}: {step.message}"
            report(Step(fold * step.total + step.done, folds * step.total, told, step.values))

        classifier = fit_classifier(canvas, labels, settings, items=chosen[learned], report=of_all)
        tested = chosen[left]
        found = confusion(classifier, canvas, labels, tested)
        accuracies.append(found.balanced_accuracy)
        total += found
        fold_of[tested] = fold
        if not labels.parts:
            predictions[tested] = classifier.predictions(canvas, tested)
    return CrossValidation(total, tuple(accuracies), fold_of, predictions)


def _learnable(canvas: Learnable, labels: Labels, items: ItemIndices | None) -> NDArray[np.integer]:
    """The items to learn from; refuses labels that nothing can be learned from."""
    labels.check(canvas)
    chosen = np.intersect1d(labels.labelled, canvas.trainable)
    if items is not None:
        chosen = np.intersect1d(chosen, np.asarray(items, dtype=int))
    if len(labels.classes) < 2:
        raise InputError(
            "There is only one class, which cannot be told from any other",
            got=", ".join(labels.classes),
            cure="Give labels of two classes or more",
        )
    if labels.parts:
        if len(chosen) < LEAST_ITEMS:
            raise InputError(
                f"There are too few {several(canvas.noun)} with parts",
                got=counted(len(chosen), canvas.noun),
                cure=f"Label {LEAST_ITEMS} or more",
            )
        return chosen
    few = {
        each: int(number)
        for each, number in zip(labels.classes, labels.of(chosen).sum(axis=0), strict=True)
        if number < LEAST_ITEMS
    }
    if few:
        raise InputError(
            f"A class is learned from {LEAST_ITEMS} {several(canvas.noun)} or more",
            got=", ".join(f"{number} of {each}" for each, number in few.items()),
            cure="Label more of them, or leave these classes out",
        )
    return chosen


def _first_step(latent: int, n_classes: int, seed: int) -> nn.Linear:
    """The last step of a network before it learned: no class is preferred."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed + 1)
        head = nn.Linear(latent, n_classes)
        nn.init.normal_(head.weight, std=1 / math.sqrt(latent))
        nn.init.zeros_(head.bias)
    return head
