"""Hexagonal lattices: finding one under the spots, and which of its points every spot is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

__all__ = ["Hexagons", "find_hexagons"]

NEIGHBOURS = 6
LEAST_PAIRS = 20  # of neighbours; fewer look hexagonal by chance
CLEARLY = 0.6  # length of the mean of exp(6i angle) over pairs of neighbours: 1 on a lattice, 0 on a square one
MOST_SCATTER = 0.25  # root mean square distance of spots from their points, in spacings; 0.37 where there is no lattice


@final
@dataclass(frozen=True, eq=False)
class Hexagons:
    """A hexagonal lattice in rows of which every second lies half a column to the side.

    Attributes
    ----------
    points
        Row and column of every spot. The point ``(row, column)`` lies at ``origin + row * row_step + (column + (row mod
        2) / 2) * column_step``; with ``by_columns`` it is the columns that are shifted.
    origin
        World coordinates ``(y, x)`` of the point ``(0, 0)``.
    row_step, column_step
        From a row to the next one, straight across, and from a column to the next one, in world units.
    by_columns
        Whether the straight lines of neighbours are the columns.
    """

    points: Int[np.ndarray, "spots 2"]
    origin: Float[np.ndarray, " 2"]
    row_step: Float[np.ndarray, " 2"]
    column_step: Float[np.ndarray, " 2"]
    by_columns: bool

    @property
    def pitch(self) -> float:
        """Distance between neighbours."""
        return float(np.linalg.norm(self.row_step if self.by_columns else self.column_step))


def find_hexagons(spots: Float[np.ndarray, "spots 2"], pitch: float | None = None) -> Hexagons | None:
    """The hexagonal lattice that the spots lie on, turned by any angle; None where they lie on no such lattice.

    Parameters
    ----------
    spots
        World coordinates ``(y, x)``.
    pitch
        Distance between neighbours where it is known: another lattice is none.
    """
    near = _neighbours(spots)
    if near is None:
        return None
    angles = np.arctan2(near[:, 0], near[:, 1])
    six = complex(np.exp(6j * angles).mean())
    if abs(six) < CLEARLY or abs(six) < abs(np.exp(4j * angles).mean()):
        return None
    spacing = float(np.linalg.norm(near, axis=1).mean())
    if pitch is not None and abs(spacing / pitch - 1) > 0.15:
        return None
    tilt = float(np.angle(six)) / 6  # of the line of neighbours nearest to the x axis, at most 30 degrees
    by_columns = abs(tilt) > np.pi / 12
    if by_columns:
        # The same lattice mirrored at the diagonal has its rows near the x axis.
        mirrored = _fitted(spots[:, ::-1], spacing, (np.pi / 2 - tilt + np.pi / 6) % (np.pi / 3) - np.pi / 6)
        if mirrored is None:
            return None
        points, origin, row_step, column_step = mirrored
        return Hexagons(points[:, ::-1], origin[::-1], column_step[::-1], row_step[::-1], by_columns=True)
    found = _fitted(spots, spacing, tilt)
    return None if found is None else Hexagons(*found, by_columns=False)


def _neighbours(spots: Float[np.ndarray, "spots 2"]) -> Float[np.ndarray, "pairs 2"] | None:
    """From spots to their neighbours, each pair once."""
    if len(spots) <= NEIGHBOURS:
        return None
    distances, indices = cKDTree(spots).query(spots, k=NEIGHBOURS + 1)
    reach = float(np.median(distances[:, 1:]))
    first, rank = np.nonzero((distances > 0.7 * reach) & (distances < 1.35 * reach))
    second = indices[first, rank]
    pairs = np.unique(np.sort(np.column_stack([first, second]), axis=1), axis=0)
    return spots[pairs[:, 1]] - spots[pairs[:, 0]] if len(pairs) >= LEAST_PAIRS else None


def _fitted(
    spots: Float[np.ndarray, "spots 2"], spacing: float, tilt: float
) -> (
    tuple[Int[np.ndarray, "spots 2"], Float[np.ndarray, " 2"], Float[np.ndarray, " 2"], Float[np.ndarray, " 2"]] | None
):
    """Points, origin and steps of the lattice with a line of neighbours at that angle to the x axis.

    Its steps are fitted to spots around the middle first and then to ever more, so that a small error of the spacing
    does not grow to a whole row at the far end.
    """
    basis = spacing * np.array([[np.sin(tilt), np.cos(tilt)], [np.sin(tilt + np.pi / 3), np.cos(tilt + np.pi / 3)]])
    middle = spots[np.argmin(np.linalg.norm(spots - np.median(spots, axis=0), axis=1))]
    origin, away = middle, np.linalg.norm(spots - middle, axis=1)
    reach, farthest = 4 * spacing, float(away.max())
    for _ in range(64):
        inside = away <= reach
        axial = _rounded((spots[inside] - origin) @ np.linalg.inv(basis))
        design = np.column_stack([axial, np.ones(len(axial))])
        if np.linalg.matrix_rank(design) == 3:
            solution = np.linalg.lstsq(design, spots[inside], rcond=None)[0]
            basis, origin = solution[:2], solution[2]
        if abs(np.linalg.det(basis)) < 0.5 * spacing**2:
            return None
        if reach > farthest:
            break
        reach *= 1.5
    axial = _rounded((spots - origin) @ np.linalg.inv(basis))
    scatter = spots - origin - axial @ basis
    if np.sqrt((scatter**2).sum(axis=1).mean()) > MOST_SCATTER * spacing or not _is_regular(basis):
        return None
    # Axial (along, up) becomes row and column: a step up goes half a column along. Rows count from the first one: which
    # of them are shifted must not hang on the spot that the fit began with, of which several may lie equally central.
    first = axial[:, 1].min()
    origin = origin + first * basis[1]
    rows = axial[:, 1] - first
    columns = axial[:, 0] + rows // 2
    row_step = basis[1] - basis[0] / 2
    return np.column_stack([rows, columns]), origin, row_step, basis[0]


def _rounded(axial: Float[np.ndarray, "spots 2"]) -> Int[np.ndarray, "spots 2"]:
    """The nearest point of the lattice: of three coordinates that add up to 0, the one rounded most is given up."""
    three = np.column_stack([axial, -axial.sum(axis=1)])
    near = np.rint(three)
    error = np.abs(near - three)
    worst = error.argmax(axis=1)
    rows = np.arange(len(near))
    near[rows, worst] = near[rows, worst] - near.sum(axis=1)
    return np.asarray(near[:, :2], dtype=int)


def _is_regular(basis: Float[np.ndarray, "2 2"]) -> bool:
    along, up = np.linalg.norm(basis, axis=1)
    cosine = float(basis[0] @ basis[1] / (along * up))
    return bool(abs(along / up - 1) < 0.12 and abs(cosine - 0.5) < 0.12)
