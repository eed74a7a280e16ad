"""Pixels that active units and labels share."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from conceptstain.methods.unit_overlaps import Cells, count_overlaps
from twins import dissection as twin

N_LABELS = 4


@pytest.mark.parametrize("compiled", [False, True], ids=["torch", "numba"])
@settings(deadline=None)  # numba compiles at the first
@given(
    seed=st.integers(0, 999),
    side=st.integers(1, 5),
    pixels=st.integers(2, 11),
    offset=st.sampled_from([-0.5, 0.0, 0.75, 3.0]),
    stride=st.sampled_from([1.0, 1.5, 2.25]),
)
def test_pixels_are_counted_as_one_by_one(
    *, compiled: bool, seed: int, side: int, pixels: int, offset: float, stride: float
) -> None:
    if compiled:
        pytest.importorskip("numba")
    random = np.random.default_rng(seed)
    activation = random.standard_normal((2, 3, side, side)).astype(np.float32)
    thresholds = random.uniform(-3, 3, 3).astype(np.float32)
    labels = random.integers(0, N_LABELS, (2, pixels, pixels + 1, 2))
    counted = random.random((2, pixels, pixels + 1)) < 0.8
    found = count_overlaps(
        torch.as_tensor(activation),
        torch.as_tensor(thresholds),
        labels,
        down=Cells.of(side, pixels, offset=offset, stride=stride),
        across=Cells.of(side, pixels + 1, offset=offset, stride=stride),
        n_labels=N_LABELS,
        counted=counted,
        compiled=compiled,
    )
    active, shared = twin.overlaps(
        activation, thresholds, labels, offset=offset, stride=stride, n_labels=N_LABELS, counted=counted
    )
    assert (found.active == active).all()
    assert (found.shared == shared).all()
    assert (found.shared.sum(axis=1) == 2 * found.active.sum(axis=0)).all()  # each pixel once for each plane


@pytest.mark.parametrize(("side", "pixels"), [(4, 16), (7, 28), (3, 13), (8, 5)])
def test_maps_without_geometry_are_enlarged_as_torch_enlarges_them(side: int, pixels: int) -> None:
    activation = torch.randn(1, 2, side, side, generator=torch.Generator().manual_seed(side))
    stride = pixels / side
    cells = Cells.of(side, pixels, offset=(stride - 1) / 2, stride=stride)
    enlarged = functional.interpolate(activation, size=(pixels, pixels), mode="bilinear", align_corners=False)
    thresholds = torch.tensor([0.31, -0.17])
    found = count_overlaps(
        activation, thresholds, np.zeros((1, pixels, pixels, 1), dtype=int), down=cells, across=cells, n_labels=1
    )
    assert found.active[0].tolist() == [int((enlarged[0, unit] > thresholds[unit]).sum()) for unit in range(2)]


def test_masks_of_another_size_than_the_input_are_met_at_the_same_places() -> None:
    fine = Cells.of(8, 64, offset=3.5, stride=8.0)
    coarse = Cells.of(8, 32, offset=3.5, stride=8.0, n_input=64)
    place = np.repeat(np.arange(8), fine.number) + fine.fraction
    assert np.repeat(np.arange(8), coarse.number) + coarse.fraction == pytest.approx(
        place.reshape(32, 2).mean(axis=1), abs=0.07
    )
    assert (coarse.number.sum(), fine.number.sum()) == (32, 64)
