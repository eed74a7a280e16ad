"""Classifiers: an encoder whose latent space is read by one linear row for every class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.special import softmax
from torch.nn import functional

from conceptstain.errors import InputError
from conceptstain.inputs import Inputs, ItemIndices
from conceptstain.nets.encoder import CHUNK, Encoder
from conceptstain.nets.tap import tap
from conceptstain.progress import Report, Step, silent

__all__ = ["Classifier"]


@final
@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained classifier, frozen. The score of class c is ``<z(x), W_c> + b_c``, with z the penultimate layer.

    A class is a direction of the latent space, so that whatever can be asked about a concept can be asked about a class
    (:func:`~conceptstain.concepts.class_concept.class_concept`); what the units contribute adds up to the score.

    Attributes
    ----------
    name
        Name to show.
    encoder
        Its latent space is the penultimate representation: of convolutions, the mean over places of what the last one
        puts out behind its ReLU.
    weights
        ``W``, one row for every class.
    bias
        ``b``.
    classes
        Names of the classes, in the order of the rows.
    places
        Name of the layer whose mean over its places is the latent space; empty where there is none.
    parts
        Whether it was trained to answer for every place rather than for the whole.
    card
        What it was trained on and how, and how well it did, for people to read.
    """

    name: str
    encoder: Encoder
    weights: Float[np.ndarray, "classes latent"]
    bias: Float[np.ndarray, " classes"]
    classes: tuple[str, ...]
    places: str = ""
    parts: bool = False
    card: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows, latent = len(self.classes), self.encoder.latent
        if self.weights.shape != (rows, latent) or self.bias.shape != (rows,) or len(set(self.classes)) != rows:
            raise InputError(
                f"The weights of {self.name!r} are not of these classes",
                got=f"weights {self.weights.shape}, bias {self.bias.shape}, {len(set(self.classes))} different classes",
                cure=f"Give {rows} rows of {latent} numbers, and a name of its own to every class",
            )

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 over the encoder's fingerprint, the classes and their weights."""
        digest = hashlib.sha256(f"{self.encoder.fingerprint} {self.parts}".encode())
        for name in self.classes:
            digest.update(f"{name}\n".encode())
        for values in (self.weights, self.bias):
            digest.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
        return digest.hexdigest()[:12]

    def number(self, name: str) -> int:
        """The row of a class.

        Raises
        ------
        InputError
            No such class; the message lists them.
        """
        if name not in self.classes:
            raise InputError(
                f"The classifier {self.name!r} has no such class",
                got=repr(name),
                cure=f"Choose one of: {', '.join(self.classes)}",
            )
        return self.classes.index(name)

    def scores(
        self, canvas: Inputs, items: ItemIndices | None = None, *, report: Report = silent
    ) -> Float[np.ndarray, "items classes"]:
        """Scores of the classes, which a softmax makes probabilities of; of parts, their means over the places.

        Parameters
        ----------
        canvas
            What the items are of.
        items
            Indices; None: all.
        report
            Called after every chunk.

        Raises
        ------
        MismatchError
            Inputs that the encoder was not made for.
        """
        return self.scores_of(self.encoder.latents(canvas, items, report=report))

    def scores_of(self, latents: Float[np.ndarray, "items latent"]) -> Float[np.ndarray, "items classes"]:
        """Scores of latents: those of the encoder, or such as were changed, with units that were put out."""
        return np.asarray(latents.astype(np.float64) @ self.weights.T + self.bias)

    def probabilities(
        self, canvas: Inputs, items: ItemIndices | None = None, *, report: Report = silent
    ) -> Float[np.ndarray, "items classes"]:
        """Softmax of the scores; see :meth:`scores`."""
        return np.asarray(softmax(self.scores(canvas, items, report=report), axis=1))

    def predictions(
        self, canvas: Inputs, items: ItemIndices | None = None, *, report: Report = silent
    ) -> Int[np.ndarray, " items"]:
        """The row of the class with the highest score; see :meth:`scores`.

        Raises
        ------
        InputError
            It tells parts, of which a picture has several; see :meth:`part_predictions`.
        """
        if self.parts:
            raise InputError(
                f"The classifier {self.name!r} tells parts, not what the whole is",
                got="a question about whole items",
                cure="Use part_predictions",
            )
        return np.asarray(self.scores(canvas, items, report=report).argmax(axis=1))

    def contributions(
        self, canvas: Inputs, class_name: str, items: ItemIndices | None = None, *, report: Report = silent
    ) -> Float[np.ndarray, "items latent"]:
        """What every unit adds to the score of a class: ``W_cn z_n``. With ``b_c`` they add up to it.

        Raises
        ------
        InputError
            No such class.
        """
        row = self.weights[self.number(class_name)]
        return np.asarray(self.encoder.latents(canvas, items, report=report).astype(np.float64) * row)

    def part_scores(
        self,
        canvas: Inputs,
        items: ItemIndices | None = None,
        *,
        size: tuple[int, int] | None = None,
        report: Report = silent,
    ) -> Float[np.ndarray, "items classes rows columns"]:
        """Scores of the classes at every place of the last layer, whose mean over the places is the score of the whole.

        Of a classifier that was trained on whole pictures these are class activation maps (Zhou et al. 2016, equation
        2, with the bias spread evenly).

        Parameters
        ----------
        canvas, items, report
            As for :meth:`scores`.
        size
            Rows and columns to enlarge them to by linear interpolation, such as those of the inputs; None: as the layer
            has them.

        Raises
        ------
        InputError
            There is no layer with places.
        """
        chosen = np.arange(len(canvas)) if items is None else np.asarray(items, dtype=int)
        return np.concatenate(list(self.part_score_chunks(canvas, chosen, size=size, report=report)))

    def part_predictions(
        self,
        canvas: Inputs,
        items: ItemIndices | None = None,
        *,
        size: tuple[int, int] | None = None,
        report: Report = silent,
    ) -> Int[np.ndarray, "items rows columns"]:
        """The row of the class with the highest score at every place; see :meth:`part_scores`."""
        chosen = np.arange(len(canvas)) if items is None else np.asarray(items, dtype=int)
        chunks = self.part_score_chunks(canvas, chosen, size=size, report=report)
        return np.concatenate([chunk.argmax(axis=1) for chunk in chunks])

    def part_score_chunks(
        self,
        canvas: Inputs,
        items: ItemIndices,
        *,
        size: tuple[int, int] | None = None,
        chunk: int = CHUNK,
        report: Report = silent,
    ) -> Iterator[Float[np.ndarray, "items classes rows columns"]]:
        """What :meth:`part_scores` gives, some items at a time: memory does not grow with their number."""
        self.encoder.check(canvas)
        if not self.places:
            raise InputError(
                f"The classifier {self.name!r} has no places to score",
                got="a latent space that is no mean over places",
                cure="Use scores",
            )
        weights, bias = self.encoder.tensor(self.weights), self.encoder.tensor(self.bias)
        with tap(self.encoder.network, self.places) as tapped:
            for start in range(0, max(len(items), 1), chunk):
                asked = items[start : start + chunk]
                with torch.inference_mode():
                    self.encoder.encode(self.encoder.tensor(canvas.inputs(asked)))
                    scores = torch.einsum("nchw,kc->nkhw", tapped.take(), weights) + bias[:, None, None]
                    if size is not None:
                        scores = functional.interpolate(scores, size=size, mode="bilinear", align_corners=False)
                    found = scores.float().cpu().numpy()
                yield found
                report(Step(min(start + chunk, len(items)), len(items), "Scoring places"))
