"""How alike concepts point, and how alike random ones do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.latents import latents_of
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
    canvas: GenePictures | SpotProfiles,
    encoder: Encoder,
    *,
    quantile: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
    report: Report = silent,
) -> pd.DataFrame:
    """The cosine that chance gives: what :func:`cosines` has to exceed to say that two concepts are alike.

    Every concept is replaced by one of as many random genes, made as it was: in its form and space, a combination part
    by part. The genes are drawn from all that can be learned from; those of a real concept are also like each other,
    which random ones are not, so this is what chance gives genes that have nothing in common.

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
        if any(part.definition.unit is not None for _, part in concept.terms):
            raise InputError(
                "A unit is not made of genes, so random genes cannot stand for it",
                got=concept.name,
                cure="Leave it out",
            )
    latents = latents_of(canvas, encoder, space=concepts[0].space, report=report)[canvas.trainable].astype(np.float64)
    rng = np.random.default_rng(seed)
    drawn = np.empty((draws, len(concepts), len(concepts)))
    for draw in range(draws):
        one, other = (_unit(np.array([_random(concept, latents, rng) for concept in concepts])) for _ in range(2))
        drawn[draw] = one @ other.T
        report(Step(draw + 1, draws, "Drawing random concepts"))
    pairs = np.concatenate([drawn, drawn.transpose(0, 2, 1)])  # neither of a pair is the first
    return _table(concepts, np.quantile(pairs, quantile, axis=0))


def _random(concept: Concept, latents: Float[np.ndarray, "items latent"], rng: np.random.Generator) -> np.ndarray:
    """The direction of as many random items in the place of every part's."""
    total = latents.sum(axis=0)
    directions, weights = [], []
    for weight, part in concept.terms:
        number = min(len(part.items), len(latents))
        chosen = latents[rng.choice(len(latents), number, replace=False)].sum(axis=0)
        direction = chosen / number
        if part.definition.form == "contrast" and number < len(latents):
            direction = direction - (total - chosen) / (len(latents) - number)
        directions.append(direction)
        weights.append(weight)
    return np.asarray(np.array(weights) @ _unit(np.array(directions)))


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
