from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.methods.plausibility import plausibility


@given(seed=st.integers(0, 1000), neighbours=st.integers(1, 5))
def test_it_is_the_part_of_known_items_that_lie_as_far_out(seed: int, neighbours: int) -> None:
    rng = np.random.default_rng(seed)
    known, asked = rng.normal(size=(12, 3)), rng.normal(size=(4, 3)) * 2
    own = np.array([-1, 3, 5, -1])

    def far(z: np.ndarray, but: int) -> float:
        apart = np.sort([np.linalg.norm(z - each) for row, each in enumerate(known) if row != but])
        return float(apart[:neighbours].mean())

    standard = np.array([far(z, row) for row, z in enumerate(known)])
    slow = [(standard >= far(z, but) - 1e-12).mean() for z, but in zip(asked, own, strict=True)]
    np.testing.assert_allclose(plausibility(asked, known, own=own, neighbours=neighbours), slow)


def test_what_lies_far_out_is_not_plausible_and_a_known_item_is() -> None:
    known = np.random.default_rng(0).normal(size=(50, 2))
    told = plausibility(np.array([[9.0, 9.0], [0.0, 0.0]]), known)
    assert told[0] == 0
    assert told[1] > 0.5
    assert np.isnan(plausibility(known[:1], known[:1])).all()
