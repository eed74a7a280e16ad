from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.canvas.score_raster import averaged
from strategies import laws
from twins.patches import painted


@laws
@given(
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    size=st.sampled_from([4, 6, 8]),
    data=st.data(),
    seed=st.integers(0, 99),
)
def test_a_cell_is_the_mean_of_the_patches_over_it(rows, columns, size, data, seed):
    stride = data.draw(st.integers(1, size))
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(rows, columns)).astype(np.float32)
    scores[rng.random((rows, columns)) < 0.3] = np.nan
    found = averaged(scores, size, stride)
    corners = np.argwhere(np.ones((rows, columns)))
    expected = painted(scores.ravel(), corners, size, stride, found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
