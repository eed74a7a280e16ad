"""What jobs run of links: classifiers are opened, and linked to what decodes; no Qt and no viewer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from conceptstain._qt.what_if_work import Begun, need_encoder
from conceptstain._qt.work import need_torch
from conceptstain.errors import InputError
from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    from jaxtyping import Float

    from conceptstain._qt.units_work import Network
    from conceptstain.methods.link import Link
    from conceptstain.nets.classifier import Classifier

__all__ = ["Linked", "OpenedClassifier", "classifier_of", "linked", "opened_classifier", "units_at"]


@final
@dataclass(frozen=True, eq=False)
class OpenedClassifier:
    """A classifier with the name to choose it by."""

    name: str
    classifier: Classifier


@final
@dataclass(frozen=True, eq=False)
class Linked:
    """A classifier that is linked to what decodes.

    Attributes
    ----------
    opened, network
        Which.
    link
        From the units to the latent space.
    order
        Units, first those that move the latent farthest over their range.
    names
        Of the units in that order, with the class that each speaks for most.
    sentence
        How well the link does on what it did not learn from.
    """

    opened: OpenedClassifier
    network: Network
    link: Link
    order: tuple[int, ...]
    names: tuple[str, ...]
    sentence: str

    def step(self, unit: int) -> Float[np.ndarray, " latent"]:
        """How the latent moves where the unit puts out one more."""
        return np.asarray(self.link.weights[:, unit])


def opened_classifier(path: Path, *, report: Report) -> OpenedClassifier:
    """Read a classifier from a file; an InputError where it is something else, or tells parts of items."""
    need_torch()
    from conceptstain.nets.classifier_checkpoint import KIND, load_classifier
    from conceptstain.nets.weights_file import read_weights, refuse_pickle

    report(Step(0, 1, "Reading"))
    refuse_pickle(path)
    kind = read_weights(path)[0].get("kind")
    if kind != KIND:
        raise InputError(
            f"{path.name} is no classifier",
            got=str(kind or "an encoder"),
            cure="Fit one with conceptstain fit-classifier",
        )
    classifier = load_classifier(path)
    if classifier.parts:
        raise InputError(
            f"{path.name} tells parts, not what the whole is",
            got="a classifier of parts",
            cure="Open one of whole items",
        )
    return OpenedClassifier(path.name, classifier)


def classifier_of(network: Network) -> OpenedClassifier | None:
    """The classifier that a network is; None: it is none, or tells parts of items and not items."""
    classifier = network.classifier
    if classifier is None or classifier.parts:
        return None
    return OpenedClassifier(network.name.rpartition(" · ")[0] or network.name, classifier)


def linked(opened: OpenedClassifier, network: Network, *, report: Report) -> Linked:
    """Link the classifier's units to the latent space, by least squares on what is open."""
    from conceptstain.methods.linking import link

    made = link(opened.classifier, need_encoder(network), network.need_canvas, report=report)
    spans = made.ranges[:, 1] - made.ranges[:, 0]
    reach = np.linalg.norm(made.weights, axis=0) * spans
    order = np.argsort(-reach, kind="stable")
    classes, rows = opened.classifier.classes, opened.classifier.weights
    names = [f"unit {unit} · for {classes[int(rows[:, unit].argmax())]}" for unit in order]
    return Linked(opened, network, made, tuple(int(unit) for unit in order), tuple(names), _sentence(made))


def _sentence(made: Link) -> str:
    """How well it does on what it did not learn from."""
    from conceptstain.methods.link_quality import VARIANCE

    told = made.quality.measures.get(VARIANCE)
    if told is None:
        return ""
    return (
        f"Of items that it did not learn from, the link explains {told.value.mean:.0%} of the variance of latents; "
        f"one of shuffled items {told.shuffled.mean:.0%}."
    )


def units_at(of: Begun, linked: Linked, *, report: Report) -> Float[np.ndarray, " units"]:
    """What the units put out for the items that are moved, the mean over them."""
    import torch

    from conceptstain.nets.reading import penultimate

    report(Step(0, 1, "Reading units"))
    encoder, canvas = need_encoder(of.network), of.network.need_canvas
    with torch.no_grad():
        read = penultimate(linked.opened.classifier, encoder.tensor(canvas.inputs(np.asarray(of.items))))
    return np.asarray(read.mean(dim=0).double().cpu().numpy())
