"""Maps are judged as slow twins and scikit-learn judge them, in pieces and within the bound that is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from conceptstain.errors import InputError
from conceptstain.methods.detection import DetectionMetrics, ValueHistogram
from twins import anomaly as twins

few = settings(max_examples=25, deadline=None)
numbers = st.floats(-(2.0**100), 2.0**100, width=32)


def told(maps, masks):
    metrics = DetectionMetrics()
    for map_, mask in zip(maps, masks, strict=True):
        metrics.update(map_, mask)
    return metrics.result()


def some(seed, n=4, side=9):
    """Maps that know something of masks with several regions, some of which touch by a corner."""
    rng = np.random.default_rng(seed)
    masks = rng.random((n, side, side)) < 0.12
    masks[0] = False
    masks[1, 2:4, 2:4] = True
    maps = (rng.normal(size=masks.shape) + masks * rng.uniform(0, 2)).astype(np.float32)
    return maps, masks


@pytest.mark.parametrize("seed", range(6))
def test_all_of_it_is_what_the_twins_and_scikit_learn_find(seed):
    maps, masks = some(seed)
    found = told(maps, masks)
    exact = roc_auc_score(masks.ravel(), maps.ravel())
    assert abs(found.pixel_auroc - exact) <= found.bound + 1e-12
    assert found.bound < 1e-3
    assert found.image_auroc == pytest.approx(roc_auc_score(masks.any(axis=(1, 2)), maps.max(axis=(1, 2))))
    assert found.aupro == pytest.approx(twins.aupro(maps, masks), abs=2e-3)
    assert found.iou == pytest.approx(twins.best_iou(maps, masks), abs=0.02)
    above = maps >= np.float32(found.threshold)
    assert found.iou == pytest.approx((above & masks).sum() / (above | masks).sum())
    assert (found.n_pictures, found.n_anomalous) == (4, int(masks.any(axis=(1, 2)).sum()))


@pytest.mark.parametrize("seed", range(3))
def test_values_that_are_told_apart_are_judged_exactly(seed):
    maps, masks = some(seed)
    maps = np.round(maps * 8) / 8
    found = told(maps, masks)
    assert found.pixel_auroc == pytest.approx(roc_auc_score(masks.ravel(), maps.ravel()), abs=1e-12)
    assert found.aupro == pytest.approx(twins.aupro(maps, masks), abs=1e-9)
    assert found.iou == pytest.approx(twins.best_iou(maps, masks), abs=1e-12)


def test_a_map_that_is_the_mask_is_perfect_and_one_that_knows_nothing_is_not():
    _, masks = some(0)
    perfect = told(masks.astype(np.float32), masks)
    assert (perfect.pixel_auroc, perfect.image_auroc, perfect.aupro, perfect.iou) == (1, 1, 1, 1)
    flat = told(np.zeros(masks.shape, dtype=np.float32), masks)
    assert (flat.pixel_auroc, flat.image_auroc, flat.aupro) == pytest.approx((0.5, 0.5, 0.15))
    assert flat.bound == 0.5  # all of them count as equal, so nothing is known of their order


@pytest.mark.parametrize(("power", "seed"), [(-20, 0), (-3, 1), (1, 2), (30, 3)])
def test_powers_of_two_do_not_change_what_is_found(power, seed):
    maps, masks = some(seed)
    one, other = told(maps, masks), told(maps * np.float32(2.0**power), masks)
    assert one.pixel_auroc == pytest.approx(other.pixel_auroc, abs=1e-12)
    assert one.aupro == pytest.approx(other.aupro, abs=1e-12)


def test_the_order_of_pictures_does_not_matter_and_what_is_unknown_counts_for_nothing():
    maps, masks = some(3)
    found, turned = told(maps, masks), told(maps[::-1], masks[::-1])
    assert (found.pixel_auroc, found.image_auroc, found.iou) == (turned.pixel_auroc, turned.image_auroc, turned.iou)
    assert found.aupro == pytest.approx(turned.aupro)
    framed = np.pad(maps, ((0, 0), (3, 0), (0, 0)), constant_values=np.nan)
    assert told(framed, np.pad(masks, ((0, 0), (3, 0), (0, 0)), constant_values=True)).pixel_auroc == found.pixel_auroc


def test_without_any_mask_nothing_is_judged():
    metrics = DetectionMetrics()
    metrics.update(np.ones((3, 4), dtype=np.float32), None)
    found = metrics.result()
    assert np.isnan([found.pixel_auroc, found.image_auroc, found.aupro, found.iou]).all()


def test_masks_of_other_sizes_and_values_that_are_none_are_refused():
    metrics = DetectionMetrics()
    with pytest.raises(InputError, match=r"one value for each pixel.*\(2, 2\) for \(3, 4\)"):
        metrics.update(np.ones((3, 4)), np.ones((2, 2)))
    with pytest.raises(InputError, match="no values"):
        metrics.update(np.full((3, 4), np.nan), None)
    with pytest.raises(InputError, match="finite"):
        metrics.update(np.full((3, 4), np.inf), None)
    with pytest.raises(InputError, match=r"score of a picture.*nan"):
        metrics.update(np.ones((3, 4)), None, score=float("nan"))


@few
@given(values=arrays(np.float32, st.integers(1, 40), elements=numbers), part=st.floats(0.01, 1))
def test_a_quantile_is_never_too_low_and_hardly_too_high(values, part):
    histogram = ValueHistogram()
    for piece in np.array_split(values, 3):
        histogram.add(piece)
    exact = np.sort(values)[max(int(np.ceil(round(part * len(values), 9))) - 1, 0)]
    found = histogram.quantile(part)
    assert exact <= found <= exact + abs(exact) / 1024 + 1e-37
    assert np.isnan(ValueHistogram().quantile(0.5))
