"""The pictures or patches that a concept was made of, and the same concept made without some, or by another network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.canvas.expression import counted, several
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.concepts.concept import MOST_PATCHES, Concept, combined, direction_between
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.latents import latents_at, latents_of
from conceptstain.concepts.members import choose_members
from conceptstain.errors import InputError, MismatchError
from conceptstain.progress import Report, silent

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["Side", "Sides", "sharing_pixels", "sides_of"]

SAME = 0.999  # cosine from which a direction counts as the one that was given: other devices round otherwise


class Side(NamedTuple):
    """One part of a definition: what it was made of, and what a contrast holds against it."""

    weight: float
    definition: Definition
    positive: NDArray[np.integer]
    negative: NDArray[np.integer]

    @property
    def has_both(self) -> bool:
        """Whether a direction can be made of it."""
        return len(self.positive) > 0 and (len(self.negative) > 0 or self.definition.form == "mean")


@final
@dataclass(frozen=True, eq=False)
class Sides:
    """A concept's pictures, part by part. Make them with :func:`sides_of`.

    Attributes
    ----------
    concept
        What was made of them.
    canvas
        Their canvas.
    parts
        One for each term of the concept.
    """

    concept: Concept
    canvas: ImageSet | ImagePatches
    parts: tuple[Side, ...]

    @property
    def positives(self) -> NDArray[np.integer]:
        """What raises the concept, by index, ascending."""
        raising = [part.positive for part in self.parts if part.weight > 0]
        return np.unique(np.concatenate(raising or [part.positive for part in self.parts]))

    @property
    def items(self) -> NDArray[np.integer]:
        """All that had a part in the concept, by index, ascending."""
        used = [np.concatenate([part.positive, *self._against(part)]) for part in self.parts]
        return np.unique(np.concatenate(used))

    def hidden_with(self, item: int) -> NDArray[np.integer]:
        """An item, and all that share a pixel with it."""
        return sharing_pixels(self.canvas, item)

    def without(self, hidden: NDArray[np.integer]) -> Sides | None:
        """The sides without these items; None where that leaves one of them empty."""
        parts = tuple(
            part._replace(
                positive=part.positive[~np.isin(part.positive, hidden)],
                negative=part.negative[~np.isin(part.negative, hidden)],
            )
            for part in self.parts
        )
        return replace(self, parts=parts) if all(part.has_both for part in parts) else None

    def at_most(self, number: int) -> Sides:
        """As many of each side at most, spread evenly over it: their mean is nearly that of all."""
        parts = tuple(
            part._replace(positive=_spread(part.positive, number), negative=_spread(part.negative, number))
            for part in self.parts
        )
        return replace(self, parts=parts)

    def at_random(self, generator: np.random.Generator, *, hidden: NDArray[np.integer]) -> Sides:
        """As many random items in the place of each part's, none of them hidden.

        Raises
        ------
        InputError
            Nothing is left to draw from.
        """
        parts = []
        for part in self.parts:
            everything = self.items if part.definition.against is not None else self.canvas.trainable
            pool = generator.permutation(np.setdiff1d(everything, hidden))
            if len(pool) < 2:
                things = several(self.canvas.noun)
                raise InputError(
                    f"Too few {things} are left to draw random concepts from",
                    got=f"{len(pool)} of {counted(len(everything), self.canvas.noun)} are not asked about",
                    cure=f"Ask about fewer {things} (items=)",
                )
            number = min(len(part.positive), max(1, len(pool) // 2))
            parts.append(part._replace(positive=pool[:number], negative=pool[number : number + len(part.negative)]))
        return replace(self, parts=tuple(parts))

    def made_by(self, encoder: Encoder, latents: Float[np.ndarray, "items numbers"]) -> Concept:
        """The concept of these sides, in the form and space of the one they are of.

        Parameters
        ----------
        encoder
            The network.
        latents
            Of all items of the canvas in it; only those of the sides are read.
        """
        made = []
        for (weight, part), side in zip(self.concept.terms, self.parts, strict=True):
            direction = direction_between(part.definition.form, latents[side.positive], latents[side.negative])
            names = tuple(map(str, self.canvas.item_names[side.positive]))
            table = pd.DataFrame(index=pd.Index(names, name=self.canvas.noun))
            again = replace(part, direction=direction, items=names, encoder=encoder.fingerprint, table=table)
            made.append((weight, again))
        return combined(self.concept.definition, made) if self.concept.parts else made[0][1]

    def latents_by(self, encoder: Encoder, *, report: Report = silent) -> Float[np.ndarray, "items numbers"]:
        """Latents of the sides in a network, in the rows of the canvas; the other rows are NaN."""
        used = self.items
        found = latents_at(self.canvas, encoder, used, space=self.concept.space, report=report)
        latents = np.full((len(self.canvas), found.shape[1]), np.nan, dtype=found.dtype)
        latents[used] = found
        return latents

    @staticmethod
    def _against(part: Side) -> tuple[NDArray[np.integer], ...]:
        return () if part.definition.form == "mean" else (part.negative,)


def sharing_pixels(canvas: ImageSet | ImagePatches, item: int) -> NDArray[np.integer]:
    """Items that have a pixel in common with one: a picture alone, a patch with those that overlap it."""
    return canvas.sharing(item) if isinstance(canvas, ImagePatches) else np.array([item])


def sides_of(concept: Concept, canvas: ImageSet | ImagePatches, encoder: Encoder, *, report: Report = silent) -> Sides:
    """Which pictures or patches a concept was made of, and against.

    Parameters
    ----------
    concept
        Of pictures or patches, or combined of such.
    canvas
        The one it was made on.
    encoder
        The one it was made with.
    report
        Called while the canvas is encoded for the first time.

    Raises
    ------
    MismatchError
        Another encoder, or a concept that these pictures do not make.
    InputError
        A concept of a unit, which is made of no pictures, or items that the canvas does not have.
    """
    encoder.check(canvas)
    concept.check(encoder)
    if any(part.definition.of_network for _, part in concept.terms):
        things = several(canvas.noun)
        raise InputError(
            f"A unit or a class is not made of {things}, so no control of {things} can stand beside it",
            got=concept.origin,
            cure=f"Ask for the controls of a concept of {things}",
        )
    parts = tuple(_side(weight, part, canvas, encoder, report) for weight, part in concept.terms)
    found = Sides(concept, canvas, parts)
    known = all(part.has_both for part in parts)
    again = found.made_by(encoder, found.latents_by(encoder, report=report)).direction if known else None
    if again is None or not _point_alike(again, concept.direction):
        raise MismatchError(
            f"The concept {concept.name!r} is not what these {several(canvas.noun)} make",
            got=f"{canvas.source.name}, for a concept of {concept.origin}",
            cure="Give the canvas that it was made on (made_on=), or make it again with cs.concept",
        )
    return found


def _side(weight: float, part: Concept, canvas: ImageSet | ImagePatches, encoder: Encoder, report: Report) -> Side:
    """What one part was made of; only neighbours on a slide need the latents of all of it to be found again."""
    definition, latents = part.definition, np.empty((0, 0))
    if definition.like is not None or isinstance(canvas, ImageSet):
        latents = latents_of(canvas, encoder, space=part.space, report=report)
    members = choose_members(definition, canvas, latents)
    one, other = members.items, members.others
    if definition.like is None and isinstance(canvas, ImagePatches):
        one, other = _spread(one, MOST_PATCHES), _spread(other, MOST_PATCHES)
    return Side(weight, definition, one, other)


def _point_alike(one: Float[np.ndarray, " latent"], other: Float[np.ndarray, " latent"]) -> bool:
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return bool(lengths == 0 or one @ other >= SAME * lengths)


def _spread(items: NDArray[np.integer], number: int) -> NDArray[np.integer]:
    if len(items) <= number:
        return items
    return np.asarray(items[np.linspace(0, len(items) - 1, number).astype(int)])
