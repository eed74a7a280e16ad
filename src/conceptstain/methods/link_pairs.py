"""Pairs that a link learns from: how a classifier represents an item, and where a generative model has it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray

from conceptstain.errors import InputError
from conceptstain.inputs import Inputs, ItemIndices, Targets
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import CHUNK
from conceptstain.nets.generator import Generator
from conceptstain.nets.reading import check_readable, class_scores, units_of
from conceptstain.progress import Report, Step, silent

__all__ = ["Pairs", "encoded_pairs", "predictions_of", "representations_of"]


class Pairs(NamedTuple):
    """Representations with the latents of the same items.

    ``known`` and ``predicted`` are rows of the classifier's classes, by a label (-1: none) and by the classifier.
    """

    r: Float[np.ndarray, "items units"]
    latents: Float[np.ndarray, "items latent"]
    known: Int[np.ndarray, " items"]
    predicted: Int[np.ndarray, " items"]

    def of(self, items: NDArray[np.integer]) -> Pairs:
        """Some of them."""
        return Pairs(*(each[items] for each in self))


def encoded_pairs(
    classifier: Classifier,
    generator: Generator,
    canvas: Inputs,
    *,
    items: ItemIndices | None,
    labels: Targets | None,
    layer: str | None,
    report: Report = silent,
) -> Pairs:
    """Items of a canvas as the classifier represents them, and as the generator's encoder encodes them.

    Raises
    ------
    InputError
        The generator has no encoder, or labels are of parts.
    MismatchError
        The canvas is not the encoder's, or not what the classifier can read.
    """
    encoder = generator.encoder
    if encoder is None:
        raise InputError(
            f"The generator {generator.name!r} has no encoder",
            got="pairs that are to be encoded",
            cure='Sample them: pairs="sampled"',
        )
    if labels is not None and labels.parts:
        raise InputError("Labels are of whole items", got="labels of parts", cure="Use class_labels, or leave them out")
    encoder.check(canvas)
    check_readable(classifier, canvas)
    chosen = canvas.trainable if items is None else np.asarray(items, dtype=int)
    latents = encoder.latents(canvas, chosen).astype(np.float64)
    r, predicted = [], []
    for start in range(0, len(chosen), CHUNK):
        part = canvas.inputs(chosen[start : start + CHUNK])
        found, rows = _read(classifier, torch.as_tensor(part), layer)
        r.append(found)
        predicted.append(rows)
        report(Step(min(start + CHUNK, len(chosen)), len(chosen), "Reading pairs"))
    known = np.full(len(chosen), -1)
    if labels is not None:
        told = labels.of(chosen)
        rows = np.array([classifier.number(name) if name in classifier.classes else -1 for name in labels.classes])
        known = np.where(told.any(axis=1), rows[told.argmax(axis=1)], -1)
    return Pairs(np.concatenate(r), latents, known, np.concatenate(predicted))


def representations_of(
    classifier: Classifier, samples: Float[np.ndarray, "items ..."], layer: str | None = None
) -> Float[np.ndarray, "items units"]:
    """Samples as a layer of the classifier represents them; None: the penultimate one; float64."""
    parts = [
        _read(classifier, torch.as_tensor(samples[start : start + CHUNK]), layer)[0]
        for start in range(0, len(samples), CHUNK)
    ]
    return np.concatenate(parts)


def predictions_of(classifier: Classifier, samples: Float[np.ndarray, "items ..."]) -> Int[np.ndarray, " items"]:
    """Row of the class that the classifier takes every sample for."""
    r = representations_of(classifier, samples)
    return np.asarray(classifier.scores_of(r).argmax(axis=1))


def _read(
    classifier: Classifier, samples: torch.Tensor, layer: str | None
) -> tuple[Float[np.ndarray, "items units"], Int[np.ndarray, " items"]]:
    """Representations of samples, and what they are taken for."""
    with torch.inference_mode():
        last = units_of(classifier, samples)
        rows = class_scores(classifier, last).argmax(dim=1)
        units = last if layer is None else units_of(classifier, samples, layer)
    return units.double().cpu().numpy(), rows.cpu().numpy()
