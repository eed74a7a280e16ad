"""Decoding latents and showing the samples to classifiers, some at a time."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from conceptstain.errors import InputError
from conceptstain.methods.gradient import as_evaluated, copies_at_once
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.generator import Generator
from conceptstain.nets.reading import class_scores, penultimate

__all__ = [
    "check_whole",
    "class_scores_of",
    "decoded_samples",
    "margins_of",
    "probabilities_of",
    "representations_of",
    "scores_of_latents",
    "scores_of_samples",
]


def check_whole(classifier: Classifier) -> None:
    """Refuse a classifier that tells parts; an InputError."""
    if classifier.parts:
        raise InputError(
            f"The classifier {classifier.name!r} tells parts, not what the whole is",
            got="a question about whole items",
            cure="Use a classifier of whole items",
        )


def class_scores_of(classifier: Classifier, samples: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch classes"]:
    """What a classifier says of samples; gradients reach these."""
    return class_scores(classifier, penultimate(classifier, samples))


def decoded_samples(generator: Generator, latents: Float[np.ndarray, "items latent"]) -> Float[np.ndarray, "items ..."]:
    """What is decoded from latents, float32; frozen networks with nothing of gradients."""
    with as_evaluated(generator.network):
        return generator.samples(latents)


def representations_of(
    classifier: Classifier, samples: Float[np.ndarray, "items ..."]
) -> Float[np.ndarray, "items units"]:
    """Penultimate representations of samples, float64."""
    at_once = copies_at_once(samples.shape[1:])
    found = np.empty((len(samples), classifier.encoder.latent))
    with as_evaluated(classifier.encoder.network), torch.no_grad():
        for first in range(0, len(samples), at_once):
            part = torch.as_tensor(samples[first : first + at_once])
            found[first : first + at_once] = penultimate(classifier, part).double().cpu().numpy()
    return found


def scores_of_samples(
    classifier: Classifier, samples: Float[np.ndarray, "items ..."]
) -> Float[np.ndarray, "items classes"]:
    """What a classifier says of samples, float64."""
    return classifier.scores_of(representations_of(classifier, samples))


def scores_of_latents(
    classifier: Classifier, generator: Generator, latents: Float[np.ndarray, "items latent"]
) -> Float[np.ndarray, "items classes"]:
    """What a classifier says of what is decoded from latents; samples are not kept."""
    at_once = copies_at_once(generator.shape)
    scores = [
        scores_of_samples(classifier, decoded_samples(generator, latents[first : first + at_once]))
        for first in range(0, len(latents), at_once)
    ]
    return np.concatenate(scores) if scores else np.empty((0, len(classifier.classes)))


def probabilities_of(
    scores: Float[np.ndarray, "*items classes"], rows: Int[np.ndarray, " items"]
) -> Float[np.ndarray, "*items"]:
    """The softmax probability of one row for every item, of scores ``(items, ..., classes)``."""
    chosen = _picked(scores, rows)
    return np.asarray(1 / np.exp(scores - chosen[..., None]).sum(axis=-1))


def margins_of(
    scores: Float[np.ndarray, "*items classes"], targets: Int[np.ndarray, " items"], origins: Int[np.ndarray, " items"]
) -> Float[np.ndarray, "*items"]:
    """Score of the target less that of the origin, of scores ``(items, ..., classes)``."""
    return np.asarray(_picked(scores, targets) - _picked(scores, origins))


def _picked(
    scores: Float[np.ndarray, "*items classes"], rows: Int[np.ndarray, " items"]
) -> Float[np.ndarray, "*items"]:
    index = rows.reshape(-1, *[1] * (scores.ndim - 1))
    return np.asarray(np.take_along_axis(scores, np.broadcast_to(index, (*scores.shape[:-1], 1)), axis=-1)[..., 0])
