"""Which part every pixel of a generated sample is of, told by a trained network, by thresholds, or by the tissue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch.nn import functional

from conceptstain.canvas.label_maps import LabelMaps
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.part_measures import grey
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import CHUNK
from conceptstain.nets.tap import tap

__all__ = [
    "LayerSegmenter",
    "PartSegmenter",
    "Segmenter",
    "ThresholdSegmenter",
    "layer_segmenter",
    "part_segmenter",
    "threshold_segmenter",
]

BACKGROUND = "background"


@runtime_checkable
class Segmenter(Protocol):
    """Whatever tells the parts of samples."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts."""
        ...

    def segment(
        self,
        samples: Float[np.ndarray, "samples channels rows columns"],
        latents: Float[np.ndarray, "samples latent"] | None = None,
    ) -> Int[np.ndarray, "samples rows columns"]:
        """Number of the part at every pixel; -1: none. Some read the generator's own features, and need the latents."""
        ...


@final
@dataclass(frozen=True, eq=False)
class PartSegmenter:
    """A classifier of parts, asked about samples. Make it with :func:`part_segmenter`."""

    classifier: Classifier
    parts: tuple[str, ...]
    number_of: Int[np.ndarray, " classes"] = field(repr=False)

    def segment(
        self,
        samples: Float[np.ndarray, "samples channels rows columns"],
        latents: Float[np.ndarray, "samples latent"] | None = None,  # noqa: ARG002 - reads pictures alone
    ) -> Int[np.ndarray, "samples rows columns"]:
        """The part with the highest score at every pixel, scores enlarged by linear interpolation.

        Raises
        ------
        MismatchError
            Samples with other channels than the classifier learned from.
        """
        encoder, rows = self.classifier.encoder, len(self.classifier.classes)
        if samples.ndim != 4 or samples.shape[1] != encoder.shape[0]:
            raise MismatchError(
                f"The classifier {self.classifier.name!r} was made for other pictures",
                got=f"{samples.shape[1:]} for {encoder.shape}",
                cure="Train one on pictures of the generator's kind",
            )
        size = samples.shape[2:]
        found = np.empty((len(samples), *size), dtype=np.int64)
        weights = encoder.tensor(self.classifier.weights).reshape(rows, -1, 1, 1)
        bias = encoder.tensor(self.classifier.bias)
        with tap(encoder.network, self.classifier.places) as tapped, torch.inference_mode():
            for start in range(0, len(samples), CHUNK):
                x = encoder.tensor(samples[start : start + CHUNK])
                if size != encoder.shape[1:]:
                    x = functional.interpolate(x, size=encoder.shape[1:], mode="bilinear", align_corners=False)
                encoder.encode(x)
                scores = functional.conv2d(tapped.take(), weights, bias)
                scores = functional.interpolate(scores, size=size, mode="bilinear", align_corners=False)
                found[start : start + CHUNK] = self.number_of[scores.argmax(dim=1).cpu().numpy()]
        return found


def part_segmenter(
    classifier: Classifier, *, joined: Mapping[str, Sequence[str]] | None = None, none: str = BACKGROUND
) -> PartSegmenter:
    """A classifier of parts as a segmenter of generated pictures.

    Parameters
    ----------
    classifier
        Trained on label images: :func:`conceptstain.fit_classifier` with :func:`conceptstain.part_labels`.
    joined
        Classes that are one part, by its name: ``{"eyes": ["l_eye", "r_eye"]}``. The others stay as they are.
    none
        Name of the class that is no part, if it has one of that name.

    Raises
    ------
    InputError
        A classifier that tells what whole pictures are; a class that it does not have, or that is of two parts.
    """
    if not classifier.parts:
        raise InputError(
            f"The classifier {classifier.name!r} tells what wholes are, not their parts",
            got=", ".join(classifier.classes[:5]),
            cure="Train one on label images: part_labels",
        )
    part_of = {name: name for name in classifier.classes if name != none}
    together = [(name, part) for part, names in (joined or {}).items() for name in names]
    wrong = [name for name, _ in together if name not in part_of or [each for each, _ in together].count(name) > 1]
    if wrong:
        raise InputError(
            "Every part is joined of classes of its own",
            got=", ".join(dict.fromkeys(wrong)),
            cure=f"Choose each once, of: {', '.join(part_of)}",
        )
    part_of.update(together)
    parts = tuple(dict.fromkeys(part_of.values()))
    number_of = np.array([parts.index(part_of[name]) if name in part_of else -1 for name in classifier.classes])
    return PartSegmenter(classifier, parts, number_of)


@final
@dataclass(frozen=True)
class ThresholdSegmenter:
    """Parts by their light. Make it with :func:`threshold_segmenter`."""

    levels: tuple[float, ...]
    parts: tuple[str, ...]

    def segment(
        self,
        samples: Float[np.ndarray, "samples channels rows columns"],
        latents: Float[np.ndarray, "samples latent"] | None = None,  # noqa: ARG002 - reads pictures alone
    ) -> Int[np.ndarray, "samples rows columns"]:
        """How many of the levels the grey of each pixel reaches, less one."""
        return np.asarray(np.digitize(grey(samples), self.levels) - 1)


def threshold_segmenter(levels: float | Sequence[float], names: Sequence[str] | None = None) -> ThresholdSegmenter:
    """Parts by their light: ink and paper, nuclei and what is around them.

    Parameters
    ----------
    levels
        One, or several, ascending: a pixel is of the last part whose level its grey reaches, and below the first of
        none. In the samples' own units; pictures are 0..1.
    names
        Of the parts, one for each level; None: ``"above 0.5"``.

    Raises
    ------
    InputError
        No level, levels that do not ascend, or another number of names.
    """
    numbers = tuple(float(level) for level in np.atleast_1d(levels))
    called = tuple(f"above {level:g}" for level in numbers) if names is None else tuple(names)
    if not numbers or not np.isfinite(numbers).all() or (np.diff(numbers) <= 0).any():
        raise InputError("Levels ascend", got=str(numbers), cure="Give one or more, such as 0.5")
    if len(set(called)) != len(numbers) or len(called) != len(numbers):
        raise InputError(
            "Every level has a name of its own", got=f"{called} for {len(numbers)} levels", cure="Name each once"
        )
    return ThresholdSegmenter(numbers, called)


@final
@dataclass(frozen=True, eq=False)
class LayerSegmenter:
    """Parts that are the same in every sample: layers of a section. Make it with :func:`layer_segmenter`."""

    parts: tuple[str, ...]
    where: Int[np.ndarray, "rows columns"]

    def segment(
        self,
        samples: Float[np.ndarray, "samples channels rows columns"],
        latents: Float[np.ndarray, "samples latent"] | None = None,  # noqa: ARG002 - the same for all
    ) -> Int[np.ndarray, "samples rows columns"]:
        """The layers, once for every sample.

        Raises
        ------
        MismatchError
            Samples of another size.
        """
        if samples.shape[2:] != self.where.shape:
            raise MismatchError(
                "The layers were laid on another grid",
                got=f"samples of {samples.shape[2:]} for a grid of {self.where.shape}",
                cure="Make them for the canvas that the generator was trained on",
            )
        return np.broadcast_to(self.where, (len(samples), *self.where.shape))


def layer_segmenter(labels: LabelMaps) -> LayerSegmenter:
    """The layers of a section as parts of its gene pictures: what changes in them is how much a gene is expressed.

    Parameters
    ----------
    labels
        Of gene pictures, in one category: ``cs.section_labels(section.view("genes"), "layer")``.

    Raises
    ------
    InputError
        Labels of several categories, labels that differ from item to item, or none on the grid.
    """
    if len(labels.categories) != 1 or min(labels.frame) < 2 or not len(labels.items):
        raise InputError(
            "Layers are one category of labels on a grid",
            got=f"{len(labels.categories)} categories on a frame of {labels.frame}",
            cure='Give section_labels(section.view("genes"), "layer")',
        )
    first, last = (labels.of([int(labels.items[end])]).planes[0] for end in (0, -1))
    if not np.array_equal(first, last):
        raise InputError(
            "Layers are the same in every sample",
            got=f"labels of {labels.name} that differ between items",
            cure="Train a segmenter on label images: part_segmenter",
        )
    return LayerSegmenter(tuple(label.name for label in labels.labels), first.max(axis=-1, initial=0) - 1)
