from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given

from conceptstain.canvas.neighbours import rings
from factories import tiny_section
from strategies import laws, sections


@laws
@given(section=sections(most_jitter=0.1))
def test_rings_are_those_of_a_slow_twin(section):
    found = rings(section)
    apart = np.linalg.norm(section.spots[:, None] - section.spots, axis=-1) / section.pitch
    for ring, matrix in enumerate(found, start=1):
        for spot in range(section.n_spots):
            inner = 0.0 if ring == 1 else ring - 0.5
            there = [
                other for other in range(section.n_spots) if other != spot and inner < apart[spot, other] <= ring + 0.5
            ]
            expected = np.zeros(section.n_spots)
            expected[there or [spot]] = 1 / len(there or [spot])
            np.testing.assert_allclose(matrix[[spot]].toarray()[0], expected, atol=1e-12)


def test_a_spot_inside_a_square_lattice_has_eight_and_twelve_neighbours():
    section = tiny_section(7, 7, jitter=0.0)
    first, second = rings(section)
    assert (first[[24]].nnz, second[[24]].nnz) == (8, 12)


def test_a_spot_inside_a_hexagonal_lattice_has_six_and_twelve_neighbours():
    section = tiny_section(7, 7, jitter=0.0)
    rows, columns = np.divmod(np.arange(49), 7)
    spots = 100.0 * np.stack([rows * np.sqrt(3) / 2, columns + (rows % 2) / 2], axis=1)
    first, second = rings(replace(section, spots=spots, pitch=None))
    assert (first[[24]].nnz, second[[24]].nnz) == (6, 12)
