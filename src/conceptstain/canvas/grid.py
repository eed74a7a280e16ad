"""The grid that follows the spots: each spot falls into the cell of their lattice that is nearest to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from conceptstain.canvas.hexagons import Hexagons, find_hexagons
from conceptstain.errors import InputError, MismatchError

__all__ = ["Grid", "Layout", "estimate_pitch"]

PAPER_FRAME = (32, 32)
MULTIPLE = 8  # three halvings of a picture come out even
LARGEST = 1024
LATTICE = 0.5  # length of the mean of exp(2 pi i x / pitch) from which the spots count as a square lattice

Layout = Literal["square", "hexagonal", "free"]
"""How spots lie: on a square lattice, on a hexagonal one such as Visium's, or on none."""


@final
@dataclass(frozen=True, eq=False)
class Grid:
    """Cells of a frame and the spots in them.

    On a square lattice, and where there is none, the cells are squares. On a hexagonal one they are its points, so that
    every spot has a cell of its own: a row of the picture is a row of the lattice, of which every second lies half a
    cell to the side. In the picture these are drawn straight above each other, and the rows, which lie 0.87 spacings
    apart, are drawn a whole one apart.

    Attributes
    ----------
    frame
        Height and width of the pictures, in cells.
    cells
        Flat (row-major) index of each spot's cell in the frame.
    pitch
        Distance between neighbouring cells along a row in world units; of squares, their side.
    origin
        World coordinates ``(y, x)`` of the centre of cell ``(0, 0)``.
    layout
        How the spots lie.
    steps
        World vectors ``(y, x)`` from a cell to the one below it and to the one on its right. Where rows or columns are
        shifted by halves, the step across them is straight.
    shifted
        Whether odd rows, or odd columns, are shifted.
    shift
        By how many steps: -0.5 or 0.5; 0 for squares.
    """

    frame: tuple[int, int]
    cells: Int[np.ndarray, " spots"]
    pitch: float
    origin: tuple[float, float]
    layout: Layout = "square"
    steps: Float[np.ndarray, "2 2"] | None = None
    shifted: Literal["rows", "columns"] = "rows"
    shift: float = 0.0

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

    def centres(self, cells: Int[np.ndarray, " cells"] | None = None) -> Float[np.ndarray, "cells 2"]:
        """World coordinates ``(y, x)`` of the centres of cells by their flat index; None: those of the spots."""
        cells = self.cells if cells is None else cells
        places = np.stack(np.divmod(cells, self.frame[1]), axis=1).astype(float)
        across, along = (0, 1) if self.shifted == "rows" else (1, 0)
        places[:, along] += self.shift * (places[:, across] % 2)
        steps = self.pitch * np.eye(2) if self.steps is None else self.steps
        return np.asarray(np.array(self.origin) + places @ steps)

    @classmethod
    def around(
        cls,
        spots: Float[np.ndarray, "spots 2"],
        *,
        pitch: float | None = None,
        frame: tuple[int, int] | None = None,
        layout: Layout | None = None,
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
        layout
            How the spots lie; None: found from where they are. Without a lattice, the cells are squares as wide as the
            median distance to the nearest neighbour, and spots that share one are averaged.

        Raises
        ------
        MismatchError
            The tissue does not fit the frame.
        InputError
            The spots are spread too far, or lie on no hexagonal lattice although that was asked for.
        """
        if layout in {None, "hexagonal"}:
            hexagons = find_hexagons(spots, pitch)
            if hexagons is not None:
                return cls._of_hexagons(hexagons, frame)
            if layout == "hexagonal":
                raise InputError(
                    "The spots lie on no hexagonal lattice", got=f"{len(spots):,} spots", cure="Leave the layout out"
                )
        pitch = estimate_pitch(spots) if pitch is None else pitch
        if layout is None:
            layout = "square" if _concentration(spots, pitch) > LATTICE else "free"
        phase = np.array([_phase(along, pitch) for along in spots.T])
        lattice = np.rint(spots / pitch - phase).astype(int)
        first, corner, frame = _framed(lattice, frame, pitch)
        rows, columns = (lattice - first + corner).T
        origin = (phase + first - corner) * pitch
        return cls(
            frame=frame,
            cells=rows * frame[1] + columns,
            pitch=float(pitch),
            origin=(float(origin[0]), float(origin[1])),
            layout=layout,
        )

    @classmethod
    def _of_hexagons(cls, hexagons: Hexagons, frame: tuple[int, int] | None) -> Grid:
        first, corner, frame = _framed(hexagons.points, frame, hexagons.pitch)
        rows, columns = (hexagons.points - first + corner).T
        steps = np.stack([hexagons.row_step, hexagons.column_step])
        origin = hexagons.origin + (first - corner) @ steps
        shift = 0.5
        across = 1 if hexagons.by_columns else 0
        if (first - corner)[across] % 2:
            # The first line of the frame is a shifted one: seen from it, the others are shifted back.
            origin = origin + steps[1 - across] / 2
            shift = -0.5
        return cls(
            frame=frame,
            cells=rows * frame[1] + columns,
            pitch=hexagons.pitch,
            origin=(float(origin[0]), float(origin[1])),
            layout="hexagonal",
            steps=steps,
            shifted="columns" if hexagons.by_columns else "rows",
            shift=shift,
        )


def estimate_pitch(spots: Float[np.ndarray, "spots 2"]) -> float:
    """Distance between neighbouring spots, in their own units.

    The median distance to the nearest neighbour is biased low when spots jitter about a lattice, so it is refined to
    the nearby spacing under which the coordinates are most nearly whole multiples (the peak of their periodogram).
    Where no spacing makes a square lattice, the median stays.

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
    concentration = np.array([_concentration(spots, pitch) for pitch in tried])
    best = int(np.argmax(concentration))
    return float(tried[best]) if concentration[best] > LATTICE else nearest


def _framed(
    lattice: Int[np.ndarray, "spots 2"], frame: tuple[int, int] | None, pitch: float
) -> tuple[Int[np.ndarray, " 2"], Int[np.ndarray, " 2"], tuple[int, int]]:
    """The first row and column that hold a spot, the cell that they come to lie in, and the frame."""
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
    return first, (np.array([height, width]) - extent) // 2, (int(height), int(width))


def _smallest_frame(extent: Int[np.ndarray, " 2"]) -> tuple[int, int]:
    if extent[0] <= PAPER_FRAME[0] and extent[1] <= PAPER_FRAME[1]:
        return PAPER_FRAME
    height, width = (int(-(-cells // MULTIPLE) * MULTIPLE) for cells in extent)
    return height, width


def _concentration(spots: Float[np.ndarray, "spots 2"], pitch: float) -> float:
    """How nearly both coordinates are whole multiples of a spacing: 1 on a square lattice, about 0 on none."""
    return min(abs(_resultant(along, pitch)) for along in spots.T)


def _resultant(along: Float[np.ndarray, " spots"], pitch: float) -> complex:
    return complex(np.exp(2j * np.pi * along / pitch).mean())


def _phase(along: Float[np.ndarray, " spots"], pitch: float) -> float:
    """Where the lattice lines lie between 0 and 1 pitch, by the circular mean."""
    return float(np.angle(_resultant(along, pitch)) / (2 * np.pi))
