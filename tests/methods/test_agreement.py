import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from conceptstain.errors import InputError
from conceptstain.methods.agreement import agreement, shuffled_masks


def squares(n=12, side=8, seed=0):
    """Masks of one square each, at random places."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((n, side, side), dtype=bool)
    for mask in masks:
        row, column = rng.integers(0, side - 2, 2)
        mask[row : row + 3, column : column + 3] = True
    return masks


def test_a_map_that_is_its_mask_agrees_in_every_measure():
    found = agreement(squares().astype(float), squares())
    for measure in ("auroc", "average_precision", "pointing"):
        assert found.interval(measure) == (1.0, 1.0, 1.0)


def test_its_opposite_agrees_in_none():
    table = agreement(-squares().astype(float), squares()).table()
    assert table.loc["auroc", "mean"] == 0
    assert table.loc["pointing", "mean"] == 0


def test_noise_agrees_as_much_as_chance():
    masks = squares(200)
    table = agreement(np.random.default_rng(5).random(masks.shape), masks).table()
    assert (table["low"] <= table["chance"]).loc[["auroc", "pointing"]].all()
    assert (table["chance"] <= table["high"]).all()
    assert table.loc["average precision", "mean"] < table.loc["average precision", "chance"] + 0.07
    assert table.loc["pointing", "chance"] == pytest.approx(masks.mean())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), levels=st.integers(2, 30))
def test_the_auroc_is_that_of_scikit_learn_with_ties(seed, levels):
    rng = np.random.default_rng(seed)
    maps, masks = rng.integers(0, levels, (3, 6, 7)).astype(float), squares(3, 7, seed)[:, :6]
    found = agreement(maps, masks)
    for item, value in zip(found.items, found.auroc, strict=True):
        assert value == pytest.approx(roc_auc_score(masks[item].ravel(), maps[item].ravel()))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_only_the_order_of_pixels_matters(seed):
    maps = np.random.default_rng(seed).normal(size=(5, 8, 8))
    one, other = agreement(maps, squares(5)), agreement(np.exp(3 * maps) + 7, squares(5))
    for measure in ("auroc", "average_precision", "pointing"):
        np.testing.assert_allclose(getattr(one, measure), getattr(other, measure))


def test_of_several_highest_pixels_the_part_inside_counts():
    maps, masks = np.zeros((1, 4, 4)), np.zeros((1, 4, 4), dtype=bool)
    maps[0, 0, :4] = 1
    masks[0, 0, :1] = True
    assert agreement(maps, masks).pointing.tolist() == [0.25]


def test_pixels_that_a_map_does_not_show_are_not_judged():
    maps, masks = squares(4).astype(float), squares(4)
    spoilt = maps.copy()
    spoilt[:, :, 0] = np.nan
    found = agreement(spoilt, masks)
    assert found.interval("auroc").mean == 1
    assert found.covered[0] == masks[0][:, 1:].mean()


def test_items_whose_mask_is_empty_or_full_are_left_out_and_sizes_may_differ():
    rng = np.random.default_rng(0)
    masks = [squares(1, 6)[0], np.zeros((5, 5), bool), np.ones((4, 9), bool), squares(1, 9)[0]]
    found = agreement([rng.random(mask.shape) for mask in masks], masks)
    assert found.items.tolist() == [0, 3]


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(InputError, match="one mask for each map"):
        agreement(np.zeros((2, 4, 4)), squares(3, 4))
    with pytest.raises(InputError, match="other pixels"):
        agreement(np.zeros((1, 4, 4)), squares(1, 5))
    with pytest.raises(InputError, match="No map can be judged"):
        agreement(np.zeros((2, 4, 4)), np.zeros((2, 4, 4)))
    with pytest.raises(InputError, match="no such measure"):
        agreement(squares().astype(float), squares()).interval("iou")


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(2, 9))
def test_shuffled_masks_are_the_same_masks_and_none_stays(seed, n):
    masks = [np.full((2, 2), number) for number in range(n)]
    numbers = [int(mask[0, 0]) for mask in shuffled_masks(masks, seed=seed)]
    assert sorted(numbers) == list(range(n))
    assert all(number != place for place, number in enumerate(numbers))


def test_masks_that_cannot_change_places_are_refused():
    for masks in ([np.zeros((2, 2))], [np.zeros((2, 2)), np.zeros((3, 3))]):
        with pytest.raises(InputError, match="cannot change places"):
            shuffled_masks(masks)
