"""Coherence: how well the genes of a concept go together in spots that had no part in choosing them.

A gene's value is Pearson's correlation, over the test spots, of its depth-normalised log counts with the summed
z-scores of the concept's genes, itself left out. Genes of a concept are compared with all others that can be learned
from. The null takes other genes for the concept's, each found in about as many spots as the one it stands for: genes
that are found everywhere correlate more, whatever they do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.concepts.concept import Concept, latent_neighbours
from conceptstain.concepts.cross_fit import contiguous_parts
from conceptstain.concepts.latents import representations
from conceptstain.concepts.nulls import Null
from conceptstain.errors import InputError
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["Coherence", "coherence"]

HALVES = 2
BLOCKS = 12  # contiguous blocks that the halves are made of
ALIKE = 50  # how many places up or down the list of abundances a stand-in may come from
TOGETHER = 32


class Coherence(NamedTuple):
    """Correlations of genes with a concept's genes.

    ``scores``, ``inside``, ``folds`` and ``genes`` have one entry per gene and fold: its correlation, whether the
    fold's concept holds it, the fold, and its name. ``chosen`` are the genes of each fold.
    """

    scores: Float[np.ndarray, " items"]
    inside: Bool[np.ndarray, " items"]
    folds: Int[np.ndarray, " items"]
    genes: tuple[str, ...]
    chosen: tuple[tuple[str, ...], ...]
    null: Null


def coherence(
    concept: Concept, canvas: GenePictures, encoder: Encoder, *, n_null: int, seed: int, report: Report = silent
) -> Coherence:
    """Correlations in hidden halves of the tissue (a concept like a gene), or in all of it (named genes).

    Raises
    ------
    InputError
        Fewer than two genes.
    """
    if len(concept.items) < 2:
        raise InputError(
            f"The concept {concept.name!r} has one gene, which has nothing to agree with",
            got=", ".join(concept.items),
            cure="Make a concept of several genes, or like this gene",
        )
    members = np.array([canvas.item(gene) for gene in concept.items])
    genes = np.union1d(canvas.trainable, members)
    tests = _tests(concept, canvas, encoder, members, report)
    rng = np.random.default_rng(seed)
    scores, inside, folds, aurocs, drawn = [], [], [], [], []
    for fold, (chosen, spots) in enumerate(tests):
        unit = _unit(canvas, genes, spots)
        places = np.searchsorted(genes, chosen)
        scores.append(_correlations(unit, places[None])[0])
        inside.append(np.isin(genes, chosen))
        folds.append(np.full(len(genes), fold))
        stand_ins = _stand_ins(canvas.n_spots_expressing[genes], places, n_null, rng)
        values = np.empty((n_null, len(places)))
        found = np.empty(n_null)
        for start in range(0, n_null, TOGETHER):
            part = slice(start, start + TOGETHER)
            found[part], values[part] = _null_part(unit, stand_ins[part])
            report(Step(min(start + TOGETHER, n_null), n_null, "Trying other genes"))
        aurocs.append(found)
        drawn.append(values)
    return Coherence(
        scores=np.concatenate(scores),
        inside=np.concatenate(inside),
        folds=np.concatenate(folds),
        genes=tuple(map(str, canvas.item_names[genes])) * len(tests),
        chosen=tuple(tuple(map(str, canvas.item_names[chosen])) for chosen, _ in tests),
        null=Null(np.mean(aurocs, axis=0), np.concatenate(drawn, axis=1)),
    )


def _tests(
    concept: Concept, canvas: GenePictures, encoder: Encoder, members: NDArray[np.integer], report: Report
) -> list[tuple[NDArray[np.integer], Bool[np.ndarray, " spots"]]]:
    """Genes, and the spots to test them on."""
    definition = concept.definition
    if definition.like is None:
        return [(members, np.ones(canvas.section.n_spots, dtype=bool))]
    half = contiguous_parts(canvas.places, BLOCKS) % HALVES
    tests = []
    for number in range(HALVES):
        blind = canvas.hiding(half == number)
        asked = np.union1d(blind.trainable, [canvas.item(definition.like)])
        found = representations(blind, encoder, asked, space=definition.space, report=report)
        latents = np.zeros((len(canvas), found.shape[1]), dtype=np.float32)
        latents[asked] = found
        table = latent_neighbours(definition.like, blind, latents, number=definition.neighbours)
        tests.append((np.array([canvas.item(gene) for gene in table.index]), half == number))
    return tests


def _unit(
    canvas: GenePictures, genes: NDArray[np.integer], spots: Bool[np.ndarray, " spots"]
) -> Float[np.ndarray, "genes tested"]:
    """Values at the test spots, each gene to mean 0 and length 1; 0 for a gene that does not vary there."""
    values = canvas.expression[np.flatnonzero(spots)][:, genes].toarray().T.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(np.divide(values, length, out=np.zeros_like(values), where=length > 1e-6))


def _correlations(
    unit: Float[np.ndarray, "genes tested"], sets: Int[np.ndarray, "sets members"]
) -> Float[np.ndarray, "sets genes"]:
    """Correlation of every gene with the sum of each set's genes, left out of it itself where it is one of them."""
    together = unit[sets].sum(axis=1)
    r = together @ unit.T / np.maximum(np.linalg.norm(together, axis=1, keepdims=True), 1e-6)
    for row, members in enumerate(sets):
        others = together[row] - unit[members]
        r[row, members] = (others * unit[members]).sum(axis=1) / np.maximum(np.linalg.norm(others, axis=1), 1e-6)
    return np.asarray(r, dtype=np.float64)


def _null_part(
    unit: Float[np.ndarray, "genes tested"], sets: Int[np.ndarray, "sets members"]
) -> tuple[Float[np.ndarray, " sets"], Float[np.ndarray, "sets members"]]:
    """AUROC of each set's genes against all others, and their correlations."""
    r = _correlations(unit, sets)
    aurocs = np.empty(len(sets))
    for row, members in enumerate(sets):
        others = np.sort(np.delete(r[row], members))
        mine = r[row, members]
        below = np.searchsorted(others, mine, side="left") + np.searchsorted(others, mine, side="right")
        aurocs[row] = below.mean() / 2 / len(others) if len(others) else 0.5
    return aurocs, np.take_along_axis(r, sets, axis=1)


def _stand_ins(
    abundance: NDArray[np.integer], members: NDArray[np.integer], number: int, rng: np.random.Generator
) -> Int[np.ndarray, "sets members"]:
    """For each member a gene found in about as many spots, no gene twice in a set."""
    order = np.argsort(abundance, kind="stable")
    rank = np.empty(len(order), dtype=int)
    rank[order] = np.arange(len(order))
    sets = np.empty((number, len(members)), dtype=int)
    for row in sets:
        taken: set[int] = set()
        for place, member in enumerate(members):
            near = np.arange(max(0, rank[member] - ALIKE), min(len(order), rank[member] + ALIKE + 1))
            free = [gene for gene in order[rng.permutation(near)[: len(taken) + 1]] if gene not in taken]
            row[place] = free[0] if free else rng.choice(np.setdiff1d(order, list(taken)))
            taken.add(int(row[place]))
    return sets
