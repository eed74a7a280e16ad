"""Rings of neighbouring spots."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from conceptstain.canvas.grid import estimate_pitch
from conceptstain.canvas.section import Section

__all__ = ["rings"]


def rings(section: Section, number: int = 2) -> tuple[sparse.csr_array, ...]:
    """Averages over the rings of neighbours of every spot; made once and kept as long as the section lives.

    Ring ``k`` holds the spots that lie between ``k - 0.5`` and ``k + 0.5`` pitches away: on a square lattice the 8
    spots around a spot and then 12 around those (the corners of the 5 x 5 window are too far), on a hexagonal one 6 and
    12.

    Returns
    -------
    tuple of csr_array
        One for each ring, ``(spots, spots)``: its product with values averages them over a spot's ring. Where a ring is
        empty, the spot stands for it.
    """
    kept = _kept.setdefault(section, {})
    if number not in kept:
        kept[number] = _rings(section, number)
    return kept[number]


_kept: WeakKeyDictionary[Section, dict[int, tuple[sparse.csr_array, ...]]] = WeakKeyDictionary()


def _rings(section: Section, number: int) -> tuple[sparse.csr_array, ...]:
    spots = section.spots
    pitch = section.pitch or estimate_pitch(spots)
    pairs = cKDTree(spots).query_pairs((number + 0.5) * pitch, output_type="ndarray")
    distance = np.linalg.norm(spots[pairs[:, 0]] - spots[pairs[:, 1]], axis=1) / pitch
    ring_of_pair = np.maximum(np.ceil(distance - 0.5), 1)
    return tuple(_averaging(pairs[ring_of_pair == ring], len(spots)) for ring in range(1, number + 1))


def _averaging(pairs: np.ndarray, n_spots: int) -> sparse.csr_array:
    ones = np.ones(len(pairs))
    one_way = sparse.csr_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n_spots, n_spots))
    both = one_way + one_way.T
    alone = np.asarray(both.sum(axis=1)).ravel() == 0
    both = both + sparse.diags_array(alone.astype(float))
    return sparse.csr_array(sparse.diags_array(1 / np.asarray(both.sum(axis=1)).ravel()) @ both)
