from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.canvas.grid import Grid, estimate_pitch
from conceptstain.errors import InputError, MismatchError
from strategies import laws, sections


def lattice(n_rows: int, n_columns: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(n_rows), np.arange(n_columns), indexing="ij"), axis=-1).reshape(-1, 2) * 1.0


def rows_and_columns(grid: Grid) -> np.ndarray:
    return np.stack(np.divmod(grid.cells, grid.frame[1]), axis=1)


@laws
@given(
    side=st.integers(8, 24),
    pitch=st.floats(0.5, 500),
    jitter=st.floats(0, 0.1),
    corner=st.floats(-1e4, 1e4),
    seed=st.integers(0, 1000),
)
def test_the_pitch_of_a_jittered_lattice_is_found_within_two_percent(side, pitch, jitter, corner, seed):
    rng = np.random.default_rng(seed)
    places = lattice(side, side + 1) + rng.normal(0, jitter, (side * (side + 1), 2))
    kept = rng.random(len(places)) < 0.85
    assert estimate_pitch(places[kept] * pitch + corner) == pytest.approx(pitch, rel=0.02)


def test_jitter_biases_the_nearest_neighbour_but_not_the_pitch():
    rng = np.random.default_rng(0)
    places = (lattice(20, 20) + rng.normal(0, 0.1, (400, 2))) * 200
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2)
    nearest = np.median(np.sort(gaps, axis=1)[:, 1])
    assert nearest < 180
    assert estimate_pitch(places) == pytest.approx(200, rel=0.005)


def test_spots_without_a_lattice_keep_their_median_distance():
    places = np.random.default_rng(3).uniform(0, 1000, (300, 2))
    gaps = np.sort(np.linalg.norm(places[:, None] - places[None], axis=2), axis=1)
    assert estimate_pitch(places) == pytest.approx(np.median(gaps[:, 1]))


@laws
@given(seed=st.integers(0, 1000), jitter=st.sampled_from([0.0, 0.05, 0.1]), n_rows=st.integers(5, 20))
def test_jittered_spots_fall_into_the_cells_of_their_lattice(seed, jitter, n_rows):
    rng = np.random.default_rng(seed)
    where = lattice(n_rows, 12)[rng.random(n_rows * 12) < 0.9]
    spots = (where + rng.normal(0, jitter, where.shape).clip(-0.3, 0.3)) * 200
    shift = rows_and_columns(Grid.around(spots, pitch=200)) - where
    assert (shift == shift[0]).all()


@laws
@given(section=sections(), shift=st.integers(-50, 50), factor=st.sampled_from([0.01, 1.0, 7.3]))
def test_moving_or_rescaling_the_world_changes_no_cell(section, shift, factor):
    grid = Grid.around(section.spots, pitch=200)
    other = Grid.around((section.spots + shift * 200) * factor, pitch=200 * factor)
    assert rows_and_columns(other).tolist() == rows_and_columns(grid).tolist()


@laws
@given(section=sections())
def test_each_spot_lies_nearest_to_the_centre_of_its_own_cell(section):
    grid = Grid.around(section.spots, pitch=200)
    centres = np.array(grid.origin) + rows_and_columns(grid) * grid.pitch
    assert np.abs(section.spots - centres).max() <= grid.pitch / 2 + 1e-6


@laws
@given(section=sections())
def test_the_mask_holds_the_spots_and_counts_those_that_share(section):
    grid = Grid.around(section.spots, pitch=200)
    alone = sum(1 for cell in grid.cells if (grid.cells == cell).sum() == 1)
    assert set(np.flatnonzero(grid.mask)) == set(grid.cells)
    assert grid.n_shared == section.n_spots - alone


def test_a_small_section_gets_the_frame_of_the_paper_and_lies_in_its_middle():
    grid = Grid.around(lattice(4, 6) * 200, pitch=200)
    assert grid.frame == (32, 32)
    assert rows_and_columns(grid).min(axis=0).tolist() == [14, 13]


def test_a_larger_section_gets_the_next_multiples_of_eight():
    assert Grid.around(lattice(33, 41) * 100, pitch=100).frame == (40, 48)


def test_a_frame_that_is_too_small_says_how_large_the_tissue_is():
    with pytest.raises(MismatchError, match="5 x 6 cells for a frame of 4 x 6"):
        Grid.around(lattice(5, 6) * 200, pitch=200, frame=(4, 6))


def test_an_outlier_far_away_is_an_error_and_not_a_huge_picture():
    spots = np.vstack([lattice(5, 5) * 200, [[1e9, 0]]])
    with pytest.raises(InputError, match="spread too far"):
        Grid.around(spots, pitch=200)


def test_spots_on_one_another_have_no_spacing():
    with pytest.raises(InputError, match="no spacing"):
        estimate_pitch(np.zeros((4, 2)))
