"""What an arbitrary region does: random selections of spots, and a region's own shape laid elsewhere on the tissue.

Spots that lie together share a profile whether or not they are a layer, so almost any patch beats a random selection.
The stricter question is whether this patch does better than the same patch elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from conceptstain.concepts.cross_fit import FOLDS, Scorer, blocks_of, cross_fitted_all, fold_auroc, folds_of
from conceptstain.progress import Report, Step, silent

__all__ = ["Ground", "Null", "both_nulls", "null_of", "placed_shapes", "random_null", "random_selections"]

COVERED = 0.8  # part of a shape that has to lie on the tissue
REACH = 0.75  # pitches: a point further from every spot lies off the tissue
TRIES = 60  # placings tried for each one wanted, before a shape is said to be too large to be moved
LEAST_PLACINGS = 19  # the fewest that can show a p of .05
TOGETHER = 32  # regions between two reports
MOST_SCORES = 2**23  # made at a time


class Ground(Protocol):
    """What regions are selected from: a canvas of spots, or the pictures or patches that are tested."""

    @property
    def places(self) -> Float[np.ndarray, "items axes"]:
        """World coordinates ``(y, x)``, one row each; rows of no numbers for what lies nowhere."""
        ...


@final
@dataclass(frozen=True, eq=False)
class Null:
    """Cross-fitted values of regions without meaning.

    Attributes
    ----------
    aurocs
        One per region.
    scores
        Cross-fitted scores of the spots inside each region; one row per region.
    """

    aurocs: Float[np.ndarray, " regions"]
    scores: Float[np.ndarray, "regions inside"]

    def p(self, auroc: float) -> float:
        """The chance of doing as well: ``(1 + number at least as high) / (1 + number)``."""
        return float((1 + (self.aurocs >= auroc - 1e-12).sum()) / (1 + len(self.aurocs)))


def random_selections(n_inside: int, n_spots: int, *, number: int, seed: int) -> Bool[np.ndarray, "regions spots"]:
    """Selections of so many spots, each as likely as any other."""
    rng = np.random.default_rng(seed)
    regions = np.zeros((number, n_spots), dtype=bool)
    for region in regions:
        region[rng.choice(n_spots, n_inside, replace=False)] = True
    return regions


def placed_shapes(
    inside: Bool[np.ndarray, " spots"], places: Float[np.ndarray, "spots 2"], *, number: int, seed: int
) -> Bool[np.ndarray, "regions spots"]:
    """A region's shape turned by any angle, mirrored or not, and shifted over the tissue.

    Each placing takes the spots nearest to the moved shape, as many as the region has. Placings with less than four
    fifths of the shape on the tissue are left out; those that overlap with the region are not, as a null without them
    would let any patch on a smooth slope pass.

    Returns
    -------
    numpy.ndarray
        Up to ``number`` placings. None at all where fewer than 19 can be found: the shape is too large to be moved.
    """
    rng = np.random.default_rng(seed)
    tissue = cKDTree(places)
    pitch = float(np.median(tissue.query(places, k=2)[0][:, 1]))
    shape = places[inside] - places[inside].mean(axis=0)
    n_inside = len(shape)
    found: list[Bool[np.ndarray, " spots"]] = []
    tried = 0
    while len(found) < number and tried < TRIES * number:
        batch = min(512, TRIES * number - tried)
        tried += batch
        moved = _turned(shape, rng, batch)
        onto = places[rng.integers(len(places), size=batch)] + rng.uniform(-0.5, 0.5, (batch, 2)) * pitch
        moved += (onto - moved[np.arange(batch), rng.integers(n_inside, size=batch)])[:, None]
        distance, _ = tissue.query(moved.reshape(-1, 2))
        covered = (distance.reshape(batch, n_inside) <= REACH * pitch).mean(axis=1) >= COVERED
        for points in moved[covered][: number - len(found)]:
            away, _ = cKDTree(points).query(places)
            placed = np.zeros(len(places), dtype=bool)
            placed[np.argsort(away, kind="stable")[:n_inside]] = True
            found.append(placed)
    if len(found) < LEAST_PLACINGS:
        return np.empty((0, len(places)), dtype=bool)
    return np.array(found)


def null_of(
    regions: Bool[np.ndarray, "regions spots"],
    places: Float[np.ndarray, "spots axes"],
    scorer: Scorer,
    *,
    n_folds: int = FOLDS,
    report: Report = silent,
    message: str = "Trying other regions",
) -> Null:
    """Cross-fit regions as if each were the one asked about.

    Parameters
    ----------
    regions
        All of one size.
    places, scorer
        Of the section; see :mod:`conceptstain.concepts.cross_fit`.
    n_folds
        As for :func:`conceptstain.concepts.cross_fit.folds_of`.
    report
        Called after every 32 regions, or fewer of many places; may raise :class:`Cancelled`.
    message
        What the steps say.
    """
    n_inside = int(regions[0].sum()) if len(regions) else 0
    aurocs, scores = np.empty(len(regions)), np.empty((len(regions), n_inside))
    blocks = blocks_of(n_inside, places, n_folds=n_folds) if len(regions) else None
    together = max(1, min(TOGETHER, MOST_SCORES // max(1, n_folds * len(places))))
    for start in range(0, len(regions), together):
        some = regions[start : start + together]
        folds = np.array([folds_of(region, places, n_folds=n_folds, blocks=blocks) for region in some])
        for row, (crossed, region, of) in enumerate(
            zip(cross_fitted_all(some, folds, scorer), some, folds, strict=True), start
        ):
            aurocs[row] = fold_auroc(crossed, region, of)
            scores[row] = crossed[region]
        report(Step(min(start + together, len(regions)), len(regions), message))
    return Null(aurocs, scores)


_kept: WeakKeyDictionary[Ground, dict[tuple[object, ...], Null]] = WeakKeyDictionary()


def random_null(
    ground: Ground,
    scorer: Scorer,
    n_inside: int,
    *,
    number: int,
    seed: int,
    key: tuple[object, ...] = (),
    n_folds: int = FOLDS,
    report: Report = silent,
) -> Null:
    """The null of random selections of one size; made once per ground and size.

    Parameters
    ----------
    ground
        Whose places are selected.
    scorer
        What scores them.
    n_inside
        Number of spots.
    number, seed
        How many selections, and which.
    key
        What tells this scorer from others on the same ground.
    n_folds, report
        As for :func:`null_of`.
    """
    kept = _kept.setdefault(ground, {})
    full_key = (n_inside, number, seed, n_folds, *key)
    if full_key not in kept:
        regions = random_selections(n_inside, len(ground.places), number=number, seed=seed)
        message = "Trying random selections"
        kept[full_key] = null_of(regions, ground.places, scorer, n_folds=n_folds, report=report, message=message)
    return kept[full_key]


def both_nulls(
    ground: Ground,
    inside: Bool[np.ndarray, " spots"],
    scorer: Scorer,
    *,
    number: int,
    seed: int,
    key: tuple[object, ...],
    n_folds: int = FOLDS,
    report: Report = silent,
) -> tuple[Null, Null | None]:
    """What a region has to beat: random selections of its size, and its shape laid elsewhere.

    There is no shape of what lies nowhere, or where it is too large to be moved.

    Parameters
    ----------
    ground, scorer, number, seed, key, n_folds, report
        As for :func:`random_null`.
    inside
        The region.
    """
    n_inside = int(inside.sum())
    random = random_null(ground, scorer, n_inside, number=number, seed=seed, key=key, n_folds=n_folds, report=report)
    if not ground.places.shape[1]:
        return random, None
    placed = placed_shapes(inside, ground.places, number=number, seed=seed)
    if not len(placed):
        return random, None
    message = "Laying the shape elsewhere"
    return random, null_of(placed, ground.places, scorer, n_folds=n_folds, report=report, message=message)


def _turned(
    shape: Float[np.ndarray, "inside 2"], rng: np.random.Generator, number: int
) -> Float[np.ndarray, "placings inside 2"]:
    """The shape about its middle, turned by random angles and mirrored every other time."""
    angle = rng.uniform(0, 2 * np.pi, number)
    mirror = rng.choice([-1.0, 1.0], number)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle) * mirror, np.cos(angle) * mirror]])
    return np.asarray(np.einsum("ijm,nj->mni", turn, shape))
