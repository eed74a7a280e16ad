"""Layers of pictures lie where the pictures lie, to the pixel, and so do the maps on them."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

import conceptstain as cs
from conceptstain.layer_tuples import METADATA_KEY, layers
from conceptstain.methods.attribution import Attribution
from pictures import noise, pyramid, unit, write_ome_zarr, write_picture, write_pyramid
from strategies import laws

PLACES = (
    np.eye(3),
    np.diag([0.5, 0.5, 1.0]),
    np.array([[2.0, 0, 7], [0, 3, -5], [0, 0, 1]]),
    np.array([[0.0, 2, 7], [-2, 0, 5], [0, 0, 1]]),
)
places = pytest.mark.parametrize("to_world", PLACES, ids=["pixels", "scaled", "translated", "turned"])


def created(made):
    from napari.layers import Layer

    return Layer.create(*made)


def a_map(values, items, *, signed=True, method="decoded"):
    return Attribution(method, "stripes", np.asarray(values, np.float32), tuple(items), signed)


def a_slide(tmp_path, kind, pixels, to_world):
    where = {"to_world": to_world, "unit": "µm"}
    levels = pyramid(pixels)
    if kind == "array":
        return cs.open(pixels, **where)
    if kind == "levels":
        return cs.open(levels, as_="slide", **where)
    if kind == "zarr":
        return cs.open(write_ome_zarr(tmp_path / "a.zarr", levels), **where)
    return cs.open(write_pyramid(tmp_path / "a.tif", levels), **where)


@places
@pytest.mark.parametrize("shape", [(5, 20, 30), (5, 20, 30, 3)])
def test_a_stack_shows_its_pictures_where_they_lie(to_world, shape):
    stack = noise(*shape)
    layer = created(layers(cs.open(stack, to_world=to_world, unit="µm"))[0])
    np.testing.assert_array_equal(np.asarray(layer.data), stack)
    assert layer.rgb == (len(shape) == 4)
    np.testing.assert_allclose(layer.data_to_world((3, 7, 9)), [3, *(to_world @ [7, 9, 1])[:2]])
    assert [str(each) for each in layer.units] == ["pixel", "micrometer", "micrometer"]


@places
def test_a_map_lies_on_its_picture_to_the_pixel(to_world):
    stack = noise(5, 16, 24)
    images = cs.open(stack, to_world=to_world)
    canvas = images.view(frame=(16, 24))
    source = created(layers(images)[0])
    mapped = created(layers(a_map(canvas.inputs([3, 1]), [3, 1]), canvas)[0])
    for index in [(3, 0, 0), (3, 15, 23), (1, 7, 8)]:
        world = source.data_to_world(index)
        np.testing.assert_allclose(mapped.world_to_data(world), index, atol=1e-9)
        np.testing.assert_allclose(np.asarray(mapped.data[index]), stack[index] / 255, rtol=1e-6)
    assert np.isnan(np.asarray(mapped.data[0])).all()
    assert mapped.name == "stripes - decoded"


def test_a_picture_left_out_leaves_its_place_blank():
    stack = noise(4, 16, 24, dtype=np.float32)
    stack[1, 0, 0] = np.nan
    images = cs.open(stack)
    source = np.asarray(layers(images)[0][0])
    assert source.shape == stack.shape
    assert not source[1].any()
    np.testing.assert_array_equal(source[[0, 2, 3]], stack[[0, 2, 3]])
    canvas = images.view(frame=(16, 24))
    data = np.asarray(layers(a_map(canvas.inputs([1]), [1]), canvas)[0][0])
    np.testing.assert_array_equal(data[2], stack[2])


def test_pictures_of_several_sizes_share_their_upper_left_corner():
    pictures = [noise(16, 24, 3), noise(8, 40)]
    images = cs.open(pictures)
    data = np.asarray(layers(images)[0][0])
    assert data.shape == (2, 16, 40, 3)
    np.testing.assert_array_equal(data[0, :, :24], pictures[0])
    np.testing.assert_array_equal(data[1, :8], np.stack([pictures[1]] * 3, axis=-1))
    assert not data[1, 8:].any()
    canvas = images.view(frame=16, channels=1)
    mapped = np.asarray(layers(a_map(canvas.inputs([1]), [1]), canvas)[0][0])
    np.testing.assert_array_equal(mapped[1, :8], canvas.encoded_values(1)[0])
    assert np.isnan(mapped[1, 8:]).all()


def test_pictures_are_read_when_they_are_looked_at(tmp_path):
    for index in range(3):
        write_picture(tmp_path / f"{index}.png", noise(20, 30, seed=index))
    images = cs.open(tmp_path)
    data = layers(images)[0][0]
    assert images._kept.held == 0
    np.testing.assert_array_equal(np.asarray(data[1]), noise(20, 30, seed=1))
    assert images._kept.held == 600


def test_pictures_of_16_bits_are_shown_as_networks_see_them():
    stack = noise(2, 20, 30, dtype=np.uint16)
    layer = created(layers(cs.open(stack))[0])
    np.testing.assert_allclose(np.asarray(layer.data), stack / 65535, rtol=1e-6)
    assert list(layer.contrast_limits) == [0, 1]


def test_colours_of_a_map_are_added_as_magnitudes():
    canvas = cs.open(noise(2, 16, 16, 3)).view(frame=16)
    values = np.random.default_rng(0).normal(size=(1, 3, 16, 16))
    layer = created(layers(a_map(values, [1]), canvas)[0])
    np.testing.assert_allclose(np.asarray(layer.data[1]), np.abs(values[0]).sum(axis=0), rtol=1e-6)
    assert layer.contrast_limits[0] == 0
    assert layer.colormap.name == "viridis"


def test_a_map_of_no_picture_lies_on_all_of_one_size():
    canvas = cs.open(noise(3, 16, 16)).view(frame=16)
    values = np.random.default_rng(0).normal(size=(1, 1, 16, 16))
    data = np.asarray(layers(a_map(values, [], method="decoded"), canvas)[0][0])
    np.testing.assert_allclose(data, np.stack([values[0, 0]] * 3), rtol=1e-6)
    several = cs.open([noise(16, 16), noise(8, 40)], as_="images").view(frame=16)
    with pytest.raises(cs.InputError, match="differ in size"):
        layers(a_map(values, []), several)


def test_maps_of_other_pictures_are_refused():
    canvas = cs.open(noise(3, 16, 16)).view(frame=16)
    for made in (a_map(np.zeros((1, 1, 8, 8)), [0]), a_map(np.zeros((1, 1, 16, 16)), [3])):
        with pytest.raises(cs.MismatchError, match="made for other pictures"):
            layers(made, canvas)
    with pytest.raises(cs.InputError, match="painted by maps"):
        layers("Gene0", canvas)


@places
@pytest.mark.parametrize("kind", ["array", "levels", "zarr", "tiff"])
@pytest.mark.parametrize("shape", [(64, 96), (64, 96, 3)])
def test_a_slide_shows_its_pixels_where_they_lie(tmp_path, to_world, kind, shape):
    pixels = noise(*shape)
    layer = created(layers(a_slide(tmp_path, kind, pixels, to_world))[0])
    largest = layer.data[0] if layer.multiscale else layer.data
    np.testing.assert_array_equal(np.asarray(largest), pixels)
    assert layer.multiscale == (kind != "array")
    assert layer.rgb == (len(shape) == 3)
    np.testing.assert_allclose(layer.data_to_world((7, 9)), (to_world @ [7, 9, 1])[:2])
    assert [str(each) for each in layer.units] == ["micrometer", "micrometer"]
    if layer.multiscale:
        np.testing.assert_array_equal(np.asarray(layer.data[1]), pyramid(pixels)[1])


@places
@pytest.mark.parametrize(
    ("kind", "chosen"),
    [(kind, chosen) for kind in ("levels", "zarr", "tiff") for chosen in ({}, {"level": 1}, {"pixel_size": "twice"})]
    + [("array", {}), ("array", {"pixel_size": "twice"})],
)
def test_painted_scores_lie_on_the_slide_to_the_pixel(tmp_path, to_world, kind, chosen):
    slide = a_slide(tmp_path, kind, noise(64, 96), to_world)
    if "pixel_size" in chosen:
        chosen = {"pixel_size": 2 * slide.pixel_size}
    canvas = slide.view(size=8, stride=4, background="keep", **chosen)
    shrunk = 2 if chosen else 1
    scores = np.zeros(len(canvas), np.float32)
    scores[canvas.item("row 2, column 3")] = 1
    source, painted = created(layers(slide)[0]), created(layers(canvas.paint(scores))[0])
    touched = np.argwhere(painted.data > 0)
    corners = (touched.min(axis=0) - 0.5, touched.max(axis=0) + 0.5)
    on_source = [source.world_to_data(painted.data_to_world(corner)) for corner in corners]
    expected = np.array([[8, 12], [16, 20]]) * shrunk - 0.5
    np.testing.assert_allclose(on_source, expected, atol=1e-9)


@laws
@given(top=st.integers(0, 40), left=st.integers(0, 60))
def test_maps_of_patches_lie_on_their_pixels(top, left):
    pixels = noise(64, 96, 3)
    slide = cs.open(pixels, to_world=PLACES[2])
    canvas = slide.view(size=16, stride=8, background="keep")
    items = canvas.within(tuple((PLACES[2] @ [top, left, 1])[:2]) + tuple((PLACES[2] @ [top + 9, left + 9, 1])[:2]))
    layer = created(layers(a_map(canvas.inputs(items), items.tolist()), canvas)[0])
    source = created(layers(slide)[0])
    for index in np.argwhere(np.isfinite(layer.data))[::37]:
        y, x = np.rint(source.world_to_data(layer.data_to_world(index))).astype(int)
        assert layer.data[tuple(index)] == pytest.approx(unit(pixels)[:, y, x].sum(), rel=1e-4)


def test_a_slide_is_read_when_it_is_looked_at():
    class Unread:
        shape, dtype, ndim, chunks = (64, 96), np.dtype(np.uint8), 2, None

        def __getitem__(self, index):
            raise AssertionError("read")

    slide = cs.open(noise(64, 96))
    untouched = cs.Slide("a", (type(slide.levels[0])(Unread(), "YX"),), slide.among, (0,))
    layers(untouched)
    stored = zarr.array(noise(64, 96), chunks=(16, 32))
    assert layers(cs.open(stored))[0][0].chunks == ((16,) * 4, (32,) * 3)


def test_channels_first_and_16_bits_are_shown_in_0_to_1():
    stored = noise(5, 64, 96, dtype=np.uint16)
    slide = cs.open(stored, as_="slide", channels=(4, 0, 2))
    layer = created(layers(slide)[0])
    np.testing.assert_allclose(np.asarray(layer.data), np.moveaxis(stored[[4, 0, 2]], 0, -1) / 65535, rtol=1e-6)


def test_metadata_name_what_is_shown():
    images, slide = cs.open(noise(2, 16, 16)), cs.open(noise(64, 96))
    raster = slide.view(size=16, background="keep").paint(np.zeros(77, np.float32))
    for thing in (images, slide, raster):
        assert layers(thing)[0][1]["metadata"] == {METADATA_KEY: thing}
