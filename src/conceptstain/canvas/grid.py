"""The grid that follows the spots: each spot falls into the cell of the square lattice nearest to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from conceptstain.errors import InputError, MismatchError

__all__ = ["Grid", "estimate_pitch"]

PAPER_FRAME = (32, 32)
MULTIPLE = 8  # three halvings of a picture come out even
LARGEST = 1024


@final
@dataclass(frozen=True, eq=False)
class Grid:
    """Cells of a frame and the spots in them.

    Attributes
    ----------
    frame
        Height and width of the pictures, in cells.
    cells
        Flat (row-major) index of each spot's cell in the frame.
    pitch
        Side of a cell in world units.
    origin
        World coordinates ``(y, x)`` of the centre of cell ``(0, 0)``.
    """

    frame: tuple[int, int]
    cells: Int[np.ndarray, " spots"]
    pitch: float
    origin: tuple[float, float]

    @property
    def mask(self) -> Bool[np.ndarray, "height width"]:
        """Cells with at least one spot."""
        mask = np.zeros(self.frame, dtype=bool)
        mask.flat[self.cells] = True
        return mask

    @property
    def n_shared(self) -> int:
        """Spots that share their cell with another spot, and are averaged with it."""
        _, counts = np.unique(self.cells, return_counts=True)
        return int(counts[counts > 1].sum())

    @classmethod
    def around(
        cls,
        spots: Float[np.ndarray, "spots 2"],
        *,
        pitch: float | None = None,
        frame: tuple[int, int] | None = None,
    ) -> Grid:
        """Lay a lattice through the spots and centre it in a frame.

        Parameters
        ----------
        spots
            World coordinates ``(y, x)``.
        pitch
            Distance between neighbouring spots in world units; None: estimated by :func:`estimate_pitch`.
        frame
            Height and width in cells; None: 32 x 32 as in the paper where the tissue fits, else the next multiples
            of 8.

        Raises
        ------
        MismatchError
            The tissue does not fit the frame.
        """
        pitch = estimate_pitch(spots) if pitch is None else pitch
        phase = np.array([_phase(along, pitch) for along in spots.T])
        lattice = np.rint(spots / pitch - phase).astype(int)
        first = lattice.min(axis=0)
        extent = lattice.max(axis=0) - first + 1
        if extent.max() > LARGEST:
            raise InputError(
                "The spots are spread too far for their spacing to be drawn as pictures",
                got=f"{extent[0]} x {extent[1]} cells at a spacing of {pitch:.4g}",
                cure="Check the coordinates for outliers",
            )
        height, width = frame or _smallest_frame(extent)
        if extent[0] > height or extent[1] > width:
            raise MismatchError(
                "The tissue does not fit the frame of the pictures",
                got=f"{extent[0]} x {extent[1]} cells for a frame of {height} x {width}",
                cure="Fit an encoder to this section, whose frame follows the tissue",
            )
        corner = (np.array([height, width]) - extent) // 2
        rows, columns = (lattice - first + corner).T
        origin = (phase + first - corner) * pitch
        return cls(
            frame=(int(height), int(width)),
            cells=rows * width + columns,
            pitch=float(pitch),
            origin=(float(origin[0]), float(origin[1])),
        )


def estimate_pitch(spots: Float[np.ndarray, "spots 2"]) -> float:
    """Distance between neighbouring spots, in their own units.

    The median distance to the nearest neighbour is biased low when spots jitter about a lattice, so it is refined to
    the nearby spacing under which the coordinates are most nearly whole multiples (the peak of their periodogram).
    Where no spacing makes a lattice, the median stays.

    Raises
    ------
    InputError
        Fewer than two distinct positions.
    """
    distances, _ = cKDTree(spots).query(spots, k=2)
    nearest = float(np.median(distances[:, 1]))
    if not nearest > 0:
        raise InputError(
            "The spots have no spacing", got="most spots at the same position", cure="Check the coordinates"
        )
    tried = nearest * np.linspace(0.85, 1.3, 451)
    concentration = np.array([min(abs(_resultant(along, pitch)) for along in spots.T) for pitch in tried])
    best = int(np.argmax(concentration))
    return float(tried[best]) if concentration[best] > 0.5 else nearest


def _smallest_frame(extent: Int[np.ndarray, " 2"]) -> tuple[int, int]:
    if extent[0] <= PAPER_FRAME[0] and extent[1] <= PAPER_FRAME[1]:
        return PAPER_FRAME
    height, width = (int(-(-cells // MULTIPLE) * MULTIPLE) for cells in extent)
    return height, width


def _resultant(along: Float[np.ndarray, " spots"], pitch: float) -> complex:
    return complex(np.exp(2j * np.pi * along / pitch).mean())


def _phase(along: Float[np.ndarray, " spots"], pitch: float) -> float:
    """Where the lattice lines lie between 0 and 1 pitch, by the circular mean."""
    return float(np.angle(_resultant(along, pitch)) / (2 * np.pi))
