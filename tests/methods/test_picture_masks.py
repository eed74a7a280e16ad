from __future__ import annotations

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.canvas.region import Region
from conceptstain.errors import InputError
from conceptstain.methods.picture_masks import masks_of, masks_of_region
from pictures import noise


def square(height, width, top=0, left=0, side=4):
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[top : top + side, left : left + side] = 7
    return mask


def test_a_pixel_of_the_frame_is_inside_by_half():
    canvas = cs.open([noise(32, 32)] * 2, as_="images").view(frame=8)
    masks = masks_of(canvas, [square(32, 32, side=8), square(32, 32, side=1)])
    assert masks.inside(0).sum() == 4
    assert masks.inside(0)[:2, :2].all()
    assert not masks.inside(1).any()
    assert not masks.can_judge(1)


def test_nothing_lies_beside_a_picture():
    canvas = cs.open([noise(16, 8)], as_="images").view(frame=8)
    masks = masks_of(canvas, [np.ones((16, 8))])
    laid = masks.on_frame(0)
    assert np.isnan(laid[:, :2]).all()
    assert np.isnan(laid[:, 6:]).all()
    assert (laid[:, 2:6] == 1).all()
    assert not masks.can_judge(0)  # it is full


def test_those_that_can_be_judged_come_in_the_order_asked_for():
    canvas = cs.open([noise(8, 8, seed=seed) for seed in range(5)], as_="images").view(frame=8)
    masks = masks_of(canvas, [square(8, 8), None, square(8, 8), square(8, 8, side=8), square(8, 8)])
    assert masks.judgeable([4, 3, 2, 1, 0]).tolist() == [4, 2, 0]
    assert masks.judgeable([4, 3, 2, 1, 0], most=2).tolist() == [4, 2]


def test_a_region_is_read_at_the_pixels_of_each_patch():
    slide = cs.open(noise(24, 24, 3), as_="slide")
    canvas = slide.view(size=8, stride=4, background="keep")
    corners = np.array([[6.0, 5], [6, 19], [17, 19], [17, 5]]) - 0.5
    region = Region.from_polygon("box", corners)
    painted = np.zeros((40, 40), dtype=bool)
    painted[6:17, 5:19] = True
    masks = masks_of_region(canvas, region)
    for item, (row, column) in enumerate(canvas.corners * 4):
        np.testing.assert_array_equal(masks.inside(item), painted[row : row + 8, column : column + 8])


def test_masks_of_nothing_are_refused():
    canvas = cs.open([noise(8, 8)] * 3, as_="images").view(frame=8)
    with pytest.raises(InputError, match=r"one mask for each picture\. Got 1 mask for 3 pictures"):
        masks_of(canvas, [square(8, 8)])
    with pytest.raises(InputError, match="no picture of that name"):
        masks_of(canvas, {"nobody": square(8, 8)})
    with pytest.raises(InputError, match="covers nothing of these pictures"):
        masks_of_region(canvas, Region.from_polygon("box", np.array([[0.0, 0], [0, 4], [4, 4]])))
