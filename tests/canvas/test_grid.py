from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from conceptstain.canvas.grid import Grid, estimate_pitch
from conceptstain.errors import InputError, MismatchError
from strategies import laws, sections
from written import hexagonal_lattice


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


def hexagons(n_rows: int, n_columns: int) -> np.ndarray:
    return hexagonal_lattice(n_rows, n_columns, 1.0)


def turned(places: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return places @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


hexagonal_sections = {
    "n_rows": st.integers(8, 40),
    "n_columns": st.integers(8, 40),
    "seed": st.integers(0, 1000),
    "jitter": st.sampled_from([0.0, 0.02, 0.06]),
    "degrees": st.floats(0, 180),
    "pitch": st.floats(0.5, 500),
    "corner": st.floats(-1e4, 1e4),
}


def hexagonal_spots(*, n_rows, n_columns, seed, jitter, degrees, pitch, corner):
    rng = np.random.default_rng(seed)
    where = hexagons(n_rows, n_columns)
    where = where[rng.random(len(where)) < 0.9]
    return turned(where + rng.normal(0, jitter, where.shape).clip(-0.2, 0.2), degrees) * pitch + corner


@laws
@given(**hexagonal_sections)
def test_spots_of_a_hexagonal_lattice_do_not_share_cells_whichever_way_it_is_turned(**drawn):
    grid = Grid.around(hexagonal_spots(**drawn))
    assert grid.layout == "hexagonal"
    assert grid.n_shared == 0
    assert grid.pitch == pytest.approx(drawn["pitch"], rel=0.02)


@laws
@given(**hexagonal_sections)
def test_each_spot_of_a_hexagonal_lattice_lies_nearest_to_its_own_cell(**drawn):
    spots = hexagonal_spots(**drawn)
    grid = Grid.around(spots)
    centres = grid.centres(np.arange(grid.frame[0] * grid.frame[1]))
    nearest = cKDTree(centres).query(spots)[1]
    assert (nearest == grid.cells).mean() > 0.999
    np.testing.assert_allclose(grid.centres(), centres[grid.cells])


@laws
@given(**hexagonal_sections)
def test_neighbours_on_a_hexagonal_lattice_are_neighbours_in_the_picture(**drawn):
    drawn |= {"jitter": 0.0}
    spots = hexagonal_spots(**drawn)
    places = rows_and_columns(Grid.around(spots))
    pairs = cKDTree(spots).query_pairs(1.1 * drawn["pitch"], output_type="ndarray")
    assert np.abs(places[pairs[:, 0]] - places[pairs[:, 1]]).max() == 1


@laws
@example(seed=411, shift=36.0, factor=1.0, even=True)  # two spots are equally near to the middle
@given(
    seed=st.integers(0, 1000), shift=st.floats(-1e3, 1e3), factor=st.sampled_from([0.01, 1.0, 7.3]), even=st.booleans()
)
def test_moving_or_rescaling_a_hexagonal_world_changes_no_cell(seed, shift, factor, even):
    rng = np.random.default_rng(seed)
    where = hexagons(12, 9)[0 if even else 9 :]
    spots = where[rng.random(len(where)) < 0.9] * 100
    grid, other = Grid.around(spots), Grid.around((spots + shift) * factor)
    assert rows_and_columns(other).tolist() == rows_and_columns(grid).tolist()


def test_the_rows_of_visium_are_the_rows_of_the_picture():
    grid = Grid.around(hexagons(78, 64) * 100)
    assert grid.frame == (80, 64)
    assert rows_and_columns(grid).tolist() == [[row + 1, column] for row in range(78) for column in range(64)]
    assert grid.steps == pytest.approx(np.diag([np.sqrt(0.75), 1.0]) * 100, abs=1e-6)
    assert grid.shifted == "rows"


def test_a_lattice_in_columns_keeps_them_as_columns():
    grid = Grid.around(hexagons(20, 10)[:, ::-1] * 100)
    assert grid.shifted == "columns"
    assert np.ptp(rows_and_columns(grid), axis=0).tolist() == [9, 19]


@laws
@given(side=st.integers(6, 24), jitter=st.floats(0, 0.08), seed=st.integers(0, 1000))
def test_a_square_lattice_is_told_from_a_hexagonal_one(side, jitter, seed):
    rng = np.random.default_rng(seed)
    places = lattice(side, side) + rng.normal(0, jitter, (side * side, 2))
    assert Grid.around(places * 100).layout == "square"


@laws
@given(seed=st.integers(0, 10_000), n_spots=st.integers(30, 600))
def test_spots_without_a_lattice_have_cells_as_wide_as_their_median_distance(seed, n_spots):
    spots = np.random.default_rng(seed).uniform(0, 1000, (n_spots, 2))
    grid = Grid.around(spots)
    assert grid.layout == "free"
    assert grid.pitch == pytest.approx(estimate_pitch(spots))
    assert np.abs(spots - grid.centres()).max() <= grid.pitch / 2 + 1e-6
    alone = sum(1 for cell in grid.cells if (grid.cells == cell).sum() == 1)
    assert grid.n_shared == n_spots - alone


def test_a_layout_can_be_asked_for_and_is_refused_where_it_is_not():
    assert Grid.around(hexagons(10, 10), layout="free", pitch=0.5).layout == "free"
    with pytest.raises(InputError, match="no hexagonal lattice"):
        Grid.around(lattice(10, 10), layout="hexagonal")
