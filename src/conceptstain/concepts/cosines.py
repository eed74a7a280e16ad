"""How alike concepts point, and how alike random ones do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.canvas.canvas import Canvas
from conceptstain.canvas.expression import several
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.concepts.concept import MOST_PATCHES, Concept, direction_between
from conceptstain.concepts.definition import Form
from conceptstain.concepts.latents import latents_at, latents_of
from conceptstain.concepts.whitening import covariance
from conceptstain.errors import InputError, MismatchError
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["cosines", "random_cosines"]

DRAWS = 200


def cosines(concepts: Sequence[Concept]) -> pd.DataFrame:
    """Cosine between the directions of every two concepts.

    Concepts of the form ``"mean"`` all hold the mean latent of all genes, so that their cosines are high whatever they
    are: .9 may be nothing. Hold them against :func:`random_cosines`, or make contrasts.

    Parameters
    ----------
    concepts
        Of one encoder and one space.

    Returns
    -------
    DataFrame
        Concepts x concepts, by name: 1 where they point the same way, -1 where opposite. 0 beside a concept without
        direction.

    Raises
    ------
    InputError
        No concept.
    MismatchError
        Concepts of different encoders or spaces, whose directions cannot be compared.
    """
    _check(concepts)
    unit = _unit(np.array([concept.direction for concept in concepts], dtype=np.float64))
    return _table(concepts, unit @ unit.T)


def random_cosines(
    concepts: Sequence[Concept],
    canvas: Canvas,
    encoder: Encoder,
    *,
    quantile: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
    report: Report = silent,
) -> pd.DataFrame:
    """The cosine that chance gives: what :func:`cosines` has to exceed to say that two concepts are alike.

    Every concept is replaced by one of as many random genes, pictures or patches, made as it was: in its form and
    space, against as many random ones where those were named, a combination part by part. They are drawn from all that
    can be learned from, of a slide from 8,192 patches that are spread evenly over it, of which 4,096 at most stand for
    those of a concept. Those of a real concept are also like each other, which random ones are not, so this is what
    chance gives genes that have nothing in common.

    Parameters
    ----------
    concepts
        Of one encoder and one space.
    canvas, encoder
        As they were when the concepts were made.
    quantile
        Which quantile of the draws; 0.5 is what to expect.
    draws
        Number of random pairs.
    seed
        Of the draws.
    report
        Called after every draw.

    Returns
    -------
    DataFrame
        As of :func:`cosines`. On the diagonal, two random concepts that stand for the same one.

    Raises
    ------
    InputError
        No concept, one that is not made of items (a unit), or a setting out of range.
    MismatchError
        Concepts, canvas and encoder that do not belong together.
    """
    _check(concepts)
    if draws < 1 or not 0 <= quantile <= 1:
        raise InputError(
            "Random cosines need a draw or more, and a quantile of 0 to 1",
            got=f"draws={draws}, quantile={quantile}",
            cure=f"Use {DRAWS} and 0.95",
        )
    for concept in concepts:
        concept.check(encoder)
        if any(part.definition.of_network for _, part in concept.terms):
            things = several(canvas.noun)
            raise InputError(
                f"A unit or a class is not made of {things}, so random {things} cannot stand for it",
                got=concept.name,
                cure="Leave it out",
            )
    pool = _Pool(_drawn_from(canvas, encoder, concepts[0].space, report))
    stands = [[_stand(weight, part, canvas, pool) for weight, part in each.terms] for each in concepts]
    rng = np.random.default_rng(seed)
    drawn = np.empty((draws, len(concepts), len(concepts)))
    for draw in range(draws):
        one, other = (_unit(np.array([_random(parts, pool, rng) for parts in stands])) for _ in range(2))
        drawn[draw] = one @ other.T
        report(Step(draw + 1, draws, "Drawing random concepts"))
    pairs = np.concatenate([drawn, drawn.transpose(0, 2, 1)])  # neither of a pair is the first
    return _table(concepts, np.quantile(pairs, quantile, axis=0))


class _Stand(NamedTuple):
    """How many random items stand for a part of a concept, and against how many; None: against all others."""

    weight: float
    form: Form
    number: int
    against: int | None


@final
@dataclass(frozen=True, eq=False)
class _Pool:
    """What is drawn from."""

    latents: Float[np.ndarray, "items latent"]

    def __len__(self) -> int:
        return len(self.latents)

    @cached_property
    def total(self) -> Float[np.ndarray, " latent"]:
        return np.asarray(self.latents.sum(axis=0))

    @cached_property
    def covariance(self) -> Float[np.ndarray, "latent latent"]:
        return covariance(self.latents)

    def direction(self, form: Form, chosen: NDArray[np.integer]) -> Float[np.ndarray, " latent"]:
        """Of some, against all others in the pool; up to its length."""
        inside = self.latents[chosen].sum(axis=0)
        mean = inside / len(chosen)
        if form == "mean" or len(chosen) == len(self):
            return np.asarray(mean)
        contrast = np.asarray(mean - (self.total - inside) / (len(self) - len(chosen)))
        # Both sides together are the pool, whoever is chosen.
        return contrast if form == "contrast" else np.linalg.solve(self.covariance, contrast)


def _drawn_from(canvas: Canvas, encoder: Encoder, space: str, report: Report) -> Float[np.ndarray, "items latent"]:
    """Latents of what can be learned from; of a slide no more are encoded than twice what a concept is made of."""
    items = canvas.trainable
    if not isinstance(canvas, ImagePatches):
        return np.asarray(latents_of(canvas, encoder, space=space, report=report)[items], dtype=np.float64)
    spread = items[np.unique(np.linspace(0, len(items) - 1, 2 * MOST_PATCHES).astype(int))]
    return np.asarray(latents_at(canvas, encoder, spread, space=space, report=report), dtype=np.float64)


def _stand(weight: float, part: Concept, canvas: Canvas, pool: _Pool) -> _Stand:
    most = len(pool) if len(pool) == len(canvas.trainable) else len(pool) // 2
    number = min(len(part.items), most)
    named = part.definition.against
    against = None if named is None else min(len({canvas.item(name) for name in named}), len(pool) - number)
    return _Stand(weight, part.definition.form, number, against or None)


def _random(parts: Sequence[_Stand], pool: _Pool, rng: np.random.Generator) -> Float[np.ndarray, " latent"]:
    """The direction of as many random items in the place of every part's."""
    directions = []
    for _, form, number, against in parts:
        drawn = rng.choice(len(pool), number + (against or 0), replace=False)
        if against is None:
            directions.append(pool.direction(form, drawn))
        else:
            directions.append(direction_between(form, pool.latents[drawn[:number]], pool.latents[drawn[number:]]))
    return np.asarray(np.array([part.weight for part in parts]) @ _unit(np.array(directions)))


def _check(concepts: Sequence[Concept]) -> None:
    if not concepts:
        raise InputError("There is no concept to compare", cure="Make one or more")
    for word in ("encoder", "space"):
        told = {concept.name: getattr(concept, word) for concept in concepts}
        if len({getattr(concept, word) for concept in concepts}) > 1:
            raise MismatchError(
                f"Directions are compared in one {word}",
                got=", ".join(f"{name}: {value}" for name, value in told.items()),
                cure=f"Choose concepts of the same {word}",
            )


def _unit(directions: Float[np.ndarray, "concepts latent"]) -> Float[np.ndarray, "concepts latent"]:
    length = np.linalg.norm(directions, axis=1, keepdims=True)
    return np.asarray(np.divide(directions, length, out=np.zeros_like(directions), where=length > 0))


def _table(concepts: Sequence[Concept], values: Float[np.ndarray, "concepts concepts"]) -> pd.DataFrame:
    names = pd.Index([concept.name for concept in concepts], name="concept")
    return pd.DataFrame(values, index=names, columns=names.rename(None))
