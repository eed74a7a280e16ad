"""Counterfactuals without a classifier: what would have to change in an item for it to have more of a concept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import LATENT
from conceptstain.concepts.latents import latents_at, latents_of
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.counterfactual import decoded_strip, row_of
from conceptstain.methods.counterfactual_known import changes_between
from conceptstain.methods.counterfactual_reading import decoded_samples
from conceptstain.methods.gradient import as_evaluated, copies_at_once
from conceptstain.methods.items import checked_items, concept_items
from conceptstain.methods.plausibility import plausibility
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.generators import as_generator
from conceptstain.progress import Report, Step, silent

__all__ = ["ConceptWalk", "concept_walk"]

POSITIONS = 60
HALVINGS = 8
FARTHEST = 3.0  # times the way that the score of the latent alone would need
NEIGHBOURS = 5


@final
@dataclass(frozen=True, eq=False)
class ConceptWalk:
    """Walks of items along a concept. Make it with :func:`concept_walk`; see also :class:`Counterfactual`.

    Attributes
    ----------
    concept
        What they walk along.
    wanted
        The score that they walk to.
    items
        Indices of the items.
    item_names
        Their names.
    path
        Latents from start to end.
    start, end
        The decoded samples there, of the inputs' shape.
    scores
        Concept scores of the decoded samples along the path, encoded again.
    success
        Whether the score was reached.
    steps
        Positions that were tried.
    distances, changes
        Between start and end: in the latent space; mean absolute difference of the samples.
    plausibility
        Of the end; see :func:`~conceptstain.methods.plausibility.plausibility`.
    network
        The encoder.
    settings
        Enough to repeat it.
    """

    concept: Concept
    wanted: float
    items: Int[np.ndarray, " items"]
    item_names: tuple[str, ...]
    path: Float[np.ndarray, "items frames latent"]
    start: Float[np.ndarray, "items ..."]
    end: Float[np.ndarray, "items ..."]
    scores: Float[np.ndarray, "items frames"]
    success: Bool[np.ndarray, " items"]
    steps: Int[np.ndarray, " items"]
    distances: Float[np.ndarray, " items"]
    changes: Float[np.ndarray, " items"]
    plausibility: Float[np.ndarray, " items"]
    network: Encoder = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for every item: ``success``, ``from`` and ``to`` (scores), and sizes as of a counterfactual."""
        return pd.DataFrame(
            {
                "success": self.success,
                "from": self.scores[:, 0],
                "to": self.scores[:, -1],
                "steps": self.steps,
                "distance": self.distances,
                "change": self.changes,
                "plausibility": self.plausibility,
            },
            index=pd.Index(self.item_names, name="item"),
        )

    @property
    def asked(self) -> Bool[np.ndarray, " items"]:
        """Whether an item had to move: those that score as high already stay as they are."""
        return self.steps > 0

    def row(self, item: int) -> int:
        """Where an item of the canvas stands among ``items``; an InputError where it was not asked about."""
        return row_of(self.items, item)

    def strip(self, item: int) -> Float[np.ndarray, "frames ..."]:
        """The samples along the path of an item; decoded when asked for."""
        return decoded_strip(self.network, self.path[self.row(item)])

    def difference(self, item: int) -> Float[np.ndarray, "..."]:
        """What changes from an item's start to its end, in the units of the inputs."""
        row = self.row(item)
        return np.asarray(self.end[row] - self.start[row])

    @property
    def title(self) -> str:
        """Name for a figure."""
        return f"{self.concept.name}, concept walk"


def concept_walk(
    encoder: Encoder,
    canvas: Canvas,
    items: ItemIndices,
    concept: Concept,
    *,
    to: float | Literal["positives"] = "positives",
    frames: int = 11,
    report: Report = silent,
) -> ConceptWalk:
    """Walk items along a concept, until what is decoded has its score.

    The path is ``z + t v``, the shortest way to a higher score ``<z, v>``. It ends where the decoded sample, *encoded
    again*, has the score, which may be farther than where the latent has it: what the decoder does not draw is no
    change. An item that scores as high already stays as it is.

    Parameters
    ----------
    encoder
        That the concept was made with, and that decodes.
    canvas
        What the items are of.
    items
        Indices.
    concept
        Of the latent space.
    to
        The score to reach; ``"positives"``: the mean score of the items that the concept was made from.
    frames
        Positions that the path is told at.
    report
        Called while encoding, and at every position; may raise :class:`Cancelled`.

    Raises
    ------
    InputError
        No such item, a score that is no number, or fewer than two frames.
    MismatchError
        Canvas, encoder and concept do not belong together, the concept is a layer's or has no direction, none of its
        items is here, or the encoder cannot decode.
    """
    encoder.check(canvas)
    concept.check(encoder)
    if concept.space != LATENT:
        raise MismatchError(
            "Walks go through the latent space alone",
            got=f"the concept {concept.name!r} of the layer {concept.space}",
            cure="Make the concept in latent space",
        )
    if not concept.direction.any():
        raise MismatchError(
            f"The concept {concept.name!r} leads nowhere",
            got="a direction of length 0",
            cure="Make it from other items",
        )
    chosen = checked_items(canvas, items)
    positives = isinstance(to, str)
    if frames < 2 or (to != "positives" if positives else not np.isfinite(float(to))):
        raise InputError(
            "A walk leads to a score, and is told at two frames or more",
            got=f"to={to!r}, {frames} frames",
            cure='Give to="positives" or a number',
        )
    wanted = _mean_of_positives(canvas, encoder, concept, report) if positives else float(to)
    starts = latents_at(canvas, encoder, chosen, report=report).astype(np.float64)
    direction = concept.direction.astype(np.float64)
    ways = np.maximum(wanted - concept.scores(starts), 0) / (direction @ direction)
    positions, success, steps = _searched(encoder, concept, starts, ways, wanted=wanted, report=report)
    parts = np.linspace(0, 1, frames)[None, :, None]
    path = starts[:, None] + parts * (positions[:, None] * direction)[:, None]
    made = as_generator(encoder)
    start, end = (decoded_samples(made, path[:, frame]) for frame in (0, -1))
    known = canvas.trainable
    latents = latents_of(canvas, encoder, report=report).astype(np.float64)
    own = np.where(np.isin(chosen, known), np.searchsorted(known, chosen), -1)
    return ConceptWalk(
        concept=concept,
        wanted=wanted,
        items=chosen,
        item_names=tuple(str(canvas.item_names[item]) for item in chosen),
        path=path,
        start=start,
        end=end,
        scores=np.stack([_seen_again(encoder, concept, path[:, frame]) for frame in range(frames)], axis=1),
        success=success,
        steps=steps,
        distances=np.linalg.norm(path[:, -1] - path[:, 0], axis=1),
        changes=changes_between(start, end, canvas.mask),
        plausibility=plausibility(path[:, -1], latents[known], own=own, neighbours=NEIGHBOURS),
        network=encoder,
        settings={"to": to, "score": wanted, "encoder": encoder.fingerprint, "frames": frames},
    )


def _searched(
    encoder: Encoder,
    concept: Concept,
    starts: Float[np.ndarray, "items latent"],
    ways: Float[np.ndarray, " items"],
    *,
    wanted: float,
    report: Report,
) -> tuple[Float[np.ndarray, " items"], Bool[np.ndarray, " items"], Int[np.ndarray, " items"]]:
    """How far each item goes along the direction, whether it arrived, and how many positions were tried."""
    direction, n_items = concept.direction.astype(np.float64), len(starts)
    best, highest = np.zeros(n_items), np.full(n_items, -np.inf)
    success, steps = ways == 0, np.zeros(n_items, dtype=int)
    reached = np.zeros(n_items)

    def seen(positions: Float[np.ndarray, " items"], rows: Int[np.ndarray, " items"]) -> Float[np.ndarray, " items"]:
        return _seen_again(encoder, concept, starts[rows] + positions[:, None] * direction)

    width = FARTHEST * ways / POSITIONS
    for step in range(POSITIONS + 1):
        rows = np.flatnonzero(~success)
        if not len(rows):
            break
        positions = step * width[rows]
        scores = seen(positions, rows)
        better = scores > highest[rows]
        best[rows[better]], highest[rows[better]] = positions[better], scores[better]
        success[rows], reached[rows], steps[rows] = scores >= wanted, positions, step
        report(Step(int(success.sum()), n_items, f"Walking, position {step} of {POSITIONS}"))
    rows = np.flatnonzero(success & (reached > 0))
    low, high = reached[rows] - width[rows], reached[rows].copy()
    for _ in range(HALVINGS if len(rows) else 0):
        middle = (low + high) / 2
        there = seen(middle, rows) >= wanted
        low, high = np.where(there, low, middle), np.where(there, middle, high)
    reached[rows] = high
    steps[rows] += HALVINGS
    return np.where(success, reached, best), success, steps


def _seen_again(
    encoder: Encoder, concept: Concept, latents: Float[np.ndarray, "items latent"]
) -> Float[np.ndarray, " items"]:
    """Concept scores of what is decoded from latents and encoded again."""
    scores = np.empty(len(latents))
    at_once = copies_at_once(encoder.shape)
    with as_evaluated(encoder.network), torch.no_grad():
        for first in range(0, len(latents), at_once):
            part = slice(first, first + at_once)
            again = encoder.encode(encoder.decode(encoder.tensor(latents[part]))).mean
            scores[part] = concept.scores(again.double().cpu().numpy())
    return scores


def _mean_of_positives(canvas: Canvas, encoder: Encoder, concept: Concept, report: Report) -> float:
    found, _ = concept_items(canvas, concept)
    return float(concept.scores(latents_at(canvas, encoder, found, report=report)).mean())
