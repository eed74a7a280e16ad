from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.canvas.patch_blocks import BLOCK, block_keys, distances_to, in_blocks, runs
from strategies import laws

grids = st.tuples(st.integers(1, 40), st.integers(1, 40))


@laws
@given(grid=grids, seed=st.integers(0, 99))
def test_every_block_is_one_run_and_nothing_is_left_out(grid, seed):
    kept = np.argwhere(np.random.default_rng(seed).random(grid) < 0.7)
    corners = in_blocks(kept)
    assert {tuple(each) for each in corners.tolist()} == {tuple(each) for each in kept.tolist()}
    keys = block_keys(corners, grid[1])
    found = list(runs(keys))
    np.testing.assert_array_equal(np.concatenate(found), np.arange(len(corners)))
    blocks = [{tuple(each) for each in (corners[run] // BLOCK).tolist()} for run in found if len(run)]
    assert all(len(each) == 1 for each in blocks)
    assert len(set.union(set(), *blocks)) == len(blocks)


@laws
@given(grid=grids, top=st.integers(0, 300), left=st.integers(0, 300), height=st.integers(1, 200))
def test_what_is_looked_at_comes_first_and_then_what_is_near(grid, top, left, height):
    corners = in_blocks(np.argwhere(np.ones(grid)))
    distances = distances_to((top, left, top + height, left + 90), corners * 8, 16, np.eye(3))
    keys = block_keys(corners, grid[1])
    order = np.concatenate(list(runs(keys, distances)))
    np.testing.assert_array_equal(np.sort(order), np.arange(len(corners)))
    n_seen = int((distances == 0).sum())
    assert (distances[order[:n_seen]] == 0).all()
    nearest = [distances[keys == key].min() for key in keys[order[n_seen:]]]
    assert (np.diff(nearest) >= 0).all()


def test_a_distance_is_that_of_the_nearest_pixels():
    starts = np.array([[0, 0], [0, 30], [40, 50]])
    found = distances_to((9.5, 9.5, 19.5, 19.5), starts, 10, np.eye(3))
    np.testing.assert_allclose(found, [0, 10, np.hypot(20, 30)])
