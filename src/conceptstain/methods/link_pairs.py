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

__all__ = ["Pairs", "Read", "Sampled", "encoded_pairs", "read_samples", "sampled_pairs"]

MOST_DRAWN = 50  # samples for one that is kept, before it is said that the classifier does not agree


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


class Read(NamedTuple):
    """Representations, and rows of the classes that they were taken for."""

    r: Float[np.ndarray, "items units"]
    predicted: Int[np.ndarray, " items"]


class Sampled(NamedTuple):
    """Pairs of drawn samples, and for each class how many were kept of how many."""

    pairs: Pairs
    counts: dict[str, tuple[int, int]]


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
    check_readable(classifier, encoder)
    chosen = canvas.trainable if items is None else np.asarray(items, dtype=int)
    latents = encoder.latents(canvas, chosen).astype(np.float64)
    parts = []
    for start in range(0, len(chosen), CHUNK):
        parts.append(_read(classifier, canvas.inputs(chosen[start : start + CHUNK]), layer))
        report(Step(min(start + CHUNK, len(chosen)), len(chosen), "Reading pairs"))
    read = Read(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    known = np.full(len(chosen), -1)
    if labels is not None:
        told = labels.of(chosen)
        rows = np.array([classifier.number(name) if name in classifier.classes else -1 for name in labels.classes])
        known = np.where(told.any(axis=1), rows[told.argmax(axis=1)], -1)
    return Pairs(read.r, latents, known, read.predicted)


def sampled_pairs(
    classifier: Classifier,
    generator: Generator,
    n_pairs: int,
    rng: np.random.Generator,
    *,
    layer: str | None,
    report: Report = silent,
) -> Sampled:
    """Samples that a generator draws, as the classifier represents them, kept where the classifier agrees.

    Of a generator that draws classes by name, as many are kept of each that the classifier knows; one that it takes for
    another is drawn anew, from where chance went on. (The release begins every redraw with the same seed.) Of a
    generator without classes, or for a classifier of parts, all are kept.

    Raises
    ------
    InputError
        No class in common, or one of which nothing, or too little, is taken for what it was drawn as.
    MismatchError
        Samples that the classifier cannot read.
    """
    check_readable(classifier, generator)
    known = [name for name in (*generator.gaussians, *generator.classes) if name]
    shared: list[str | None] = [name for name in dict.fromkeys(known) if name in classifier.classes]
    if classifier.parts or not known:
        shared = [None]
    if not shared:
        raise InputError(
            f"{generator.name!r} draws no class that {classifier.name!r} tells",
            got=f"{', '.join(known)}, for {', '.join(classifier.classes)}",
            cure="Call the classes alike, or make the generator without classes",
        )
    kept, counts = [], {}
    wanted = [len(part) for part in np.array_split(np.arange(n_pairs), len(shared))]
    for name, number in zip(shared, wanted, strict=True):
        pairs, drawn = _agreed(classifier, generator, name, number, rng, layer, report, n_pairs)
        kept.append(pairs)
        counts[name or "any"] = (len(pairs.r), drawn)
    return Sampled(Pairs(*(np.concatenate(each) for each in zip(*kept, strict=True))), counts)


def _agreed(  # noqa: PLR0917 - one step of the above
    classifier: Classifier,
    generator: Generator,
    name: str | None,
    number: int,
    rng: np.random.Generator,
    layer: str | None,
    report: Report,
    n_pairs: int,
) -> tuple[Pairs, int]:
    """Pairs of a class that the classifier takes for it, and how many had to be drawn."""
    row = -1 if name is None else classifier.number(name)
    found: list[Pairs] = []
    n_kept = n_drawn = 0
    while n_kept < number and n_drawn < MOST_DRAWN * number:
        size = min(CHUNK, number if not n_drawn else CHUNK)
        latents = generator.draw(size, rng, name)
        read = read_samples(classifier, generator.samples(latents), layer)
        agreed = np.flatnonzero(read.predicted == row) if row >= 0 else np.arange(size)
        agreed = agreed[: number - n_kept]
        codes = np.full(len(agreed), row)
        found.append(Pairs(read.r[agreed], latents[agreed], codes, read.predicted[agreed]))
        n_kept, n_drawn = n_kept + len(agreed), n_drawn + size
        report(Step(min(n_kept, number), n_pairs, f"Drawing {name or 'samples'}"))
    if n_kept < number:
        raise InputError(
            f"{classifier.name!r} seldom takes samples of {name!r} for it",
            got=f"{n_kept} of {n_drawn:,} samples, for {number} that are wanted",
            cure="Ask for fewer pairs (n_pairs=, --n-pairs), or link a generator whose samples the classifier "
            "recognises",
        )
    return Pairs(*(np.concatenate(each) for each in zip(*found, strict=True))), n_drawn


def read_samples(classifier: Classifier, samples: Float[np.ndarray, "items ..."], layer: str | None = None) -> Read:
    """Samples as a layer of the classifier represents them, and what it takes them for.

    ``layer`` None: the one that classes are told from.
    """
    parts = [_read(classifier, samples[start : start + CHUNK], layer) for start in range(0, len(samples), CHUNK)]
    return Read(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _read(classifier: Classifier, samples: Float[np.ndarray, "items ..."], layer: str | None) -> Read:
    x = classifier.encoder.tensor(samples)
    with torch.inference_mode():
        last = units_of(classifier, x)
        rows = class_scores(classifier, last).argmax(dim=1)
        units = last if layer is None else units_of(classifier, x, layer)
    return Read(units.double().cpu().numpy(), rows.cpu().numpy())
