from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import conceptstain as cs
from conceptstain.canvas.canvas import Canvas, SpotCanvas
from conceptstain.errors import InputError
from conceptstain.inputs import Inputs
from pictures import noise, write_picture
from strategies import laws

SIZES = ((20, 30), (16, 16), (40, 12), (7, 50))


def some_images(seed=0, number=4, *, coloured=True):
    pictures = [noise(*SIZES[k % 4], *([3] if coloured and k % 2 else []), seed=seed + k) for k in range(number)]
    return cs.open(pictures, as_="images")


settings = st.fixed_dictionaries(
    {
        "fit": st.sampled_from(["pad", "stretch", "crop"]),
        "frame": st.sampled_from([8, 16, (24, 16)]),
        "channels": st.sampled_from([None, 1, 3]),
    }
)


def test_it_is_a_canvas_whose_places_are_no_spots():
    canvas = some_images().view("images")
    assert isinstance(canvas, Inputs)
    assert isinstance(canvas, Canvas)
    assert not isinstance(canvas, SpotCanvas)


@laws
@given(chosen=settings, seed=st.integers(0, 50))
def test_a_picture_read_at_its_own_pixels_is_what_was_encoded(chosen, seed):
    canvas = some_images(seed).view("images", **chosen)
    for item in range(len(canvas)):
        placed = canvas.place(canvas.inputs([item])[0], item)
        assert placed.shape[-2:] == canvas.images.sizes[item]
        np.testing.assert_array_equal(placed, canvas.encoded_values(item))


@laws
@given(chosen=settings, order=st.permutations(range(4)))
def test_a_batch_equals_one_by_one_in_any_order(chosen, order):
    canvas = some_images().view("images", **chosen)
    batch = canvas.inputs(order)
    assert batch.shape == (4, *canvas.shape)
    assert batch.dtype == np.float32
    assert 0 <= batch.min() <= batch.max() <= 1
    np.testing.assert_array_equal(batch, np.concatenate([canvas.inputs([item]) for item in order]))


def test_pictures_of_the_frames_size_are_encoded_and_placed_exactly():
    stack = noise(3, 16, 16, 3)
    canvas = cs.open(stack).view("images", frame=16)
    np.testing.assert_array_equal(canvas.inputs([1])[0], np.moveaxis(stack[1], -1, 0) / np.float32(255))
    np.testing.assert_array_equal(canvas.encoded_values(1), canvas.inputs([1])[0])


def test_frames_are_64_pixels_unless_asked():
    assert some_images().view().shape == (3, 64, 64)
    assert some_images(coloured=False).view().shape == (1, 64, 64)
    assert some_images().view(channels=1, frame=(32, 40)).shape == (1, 32, 40)


@pytest.mark.parametrize("wrong", [{"frame": 30}, {"frame": 512}, {"frame": 0}, {"fit": "zoom"}, {"channels": 2}])
def test_settings_that_no_network_takes_are_told(wrong):
    with pytest.raises(InputError):
        some_images().view("images", **wrong)


def test_the_mask_is_where_any_picture_lies():
    canvas = cs.open([noise(8, 32), noise(8, 16)], as_="images").view("images", frame=16)
    assert canvas.mask[4:12].all()
    assert not canvas.mask[:4].any()
    assert not canvas.mask[12:].any()


def test_constant_pictures_are_shown_and_not_learned_from():
    canvas = cs.open([noise(8, 8), np.zeros((8, 8), np.uint8), noise(8, 8, seed=1)]).view("images", frame=8)
    np.testing.assert_array_equal(canvas.trainable, [0, 2])
    assert not canvas.inputs([1]).any()


def test_pictures_are_found_by_their_name_with_or_without_its_ending(tmp_path):
    for name in ("a.png", "b.png", "b.tif"):
        write_picture(tmp_path / name, noise(20, 30))
    canvas = cs.open(tmp_path).view()
    assert canvas.item("a") == canvas.item("a.png") == 0
    assert canvas.item("b.tif") == 2
    with pytest.raises(InputError, match=r"no picture of that name.*b\.png"):
        canvas.item("b")


def test_scores_come_home_by_name():
    canvas = some_images().view()
    painted = canvas.paint(np.arange(4.0))
    assert dict(painted) == {"0": 0.0, "1": 1.0, "2": 2.0, "3": 3.0}


def test_values_of_another_size_or_of_nobody_knows_which_picture_are_refused():
    canvas = some_images().view(frame=16)
    with pytest.raises(InputError, match="not of this canvas"):
        canvas.place(np.zeros((3, 8, 8)), 0)
    with pytest.raises(InputError, match="differ in size"):
        canvas.place(np.zeros((3, 16, 16)))
    assert canvas.place(np.zeros((16, 16), np.float32), 0).shape == SIZES[0]


@laws
@given(chosen=settings, item=st.integers(0, 3))
def test_values_laid_on_the_frame_lie_where_the_picture_does(chosen, item):
    canvas = some_images().view("images", **{**chosen, "channels": 1})
    laid = canvas.lay(canvas.images.pixels(item, 1)[0], item)
    shown = canvas.shown(item)
    np.testing.assert_array_equal(np.isfinite(laid), shown)
    np.testing.assert_allclose(laid[shown], canvas.inputs([item])[0, 0][shown], atol=1e-6)
    assert not (shown & ~canvas.mask).any()


def test_values_of_other_pixels_are_not_laid():
    canvas = some_images().view("images", frame=16)
    with pytest.raises(InputError, match=r"not of the picture .*shape \(3, 3\) for \(20, 30\)"):
        canvas.lay(np.zeros((3, 3)), 0)


def test_maps_lie_where_the_pictures_lie():
    matrix = np.array([[2.0, 0, 7], [0, 3, 5], [0, 0, 1]])
    canvas = cs.open(noise(3, 20, 30), to_world=matrix).view()
    np.testing.assert_array_equal(canvas.to_world(1), matrix)
