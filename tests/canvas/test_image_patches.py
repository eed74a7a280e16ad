from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import conceptstain as cs
from conceptstain.canvas import image_patches as module
from conceptstain.canvas.canvas import Canvas, SpotCanvas
from conceptstain.canvas.patch_blocks import BLOCK
from conceptstain.errors import InputError
from conceptstain.inputs import Inputs
from factories import tiny_encoder
from pictures import noise, pyramid, unit
from strategies import laws
from twins.patches import block_means, painted, patch_of

settings = st.fixed_dictionaries({"size": st.sampled_from([8, 16]), "stride": st.sampled_from([None, 3, 5, 8])})


def some_patches(height=60, width=90, *shape, seed=0, **chosen):
    return cs.open(noise(height, width, *shape, seed=seed)).view(**{"background": "keep", "size": 16, **chosen})


def test_it_is_a_canvas_whose_places_are_no_spots():
    canvas = some_patches()
    assert isinstance(canvas, Inputs)
    assert isinstance(canvas, Canvas)
    assert not isinstance(canvas, SpotCanvas)


@laws
@given(chosen=settings, height=st.integers(8, 50), width=st.integers(8, 50))
def test_patches_are_those_of_the_slow_twin_and_cover_the_slide(chosen, height, width):
    pixels = noise(height, width, 3)
    canvas = cs.open(pixels).view(background="keep", **chosen)
    batch = canvas.inputs(range(len(canvas)))
    covered = np.zeros((height, width), dtype=bool)
    for patch, (row, column) in zip(batch, canvas.corners, strict=True):
        top, left = row * canvas.settings.step, column * canvas.settings.step
        np.testing.assert_array_equal(patch, patch_of(unit(pixels), top, left, canvas.settings.size))
        covered[top : top + canvas.settings.size, left : left + canvas.settings.size] = True
    assert covered.all()


@laws
@given(chosen=settings, seed=st.integers(0, 99))
def test_any_patches_in_any_order_equal_one_by_one(chosen, seed):
    canvas = some_patches(seed=seed, **chosen)
    rng = np.random.default_rng(seed)
    items = rng.permutation(len(canvas))[: rng.integers(1, len(canvas))]
    one_by_one = np.concatenate([some_patches(seed=seed, **chosen).inputs([item]) for item in items[:40]])
    np.testing.assert_array_equal(canvas.inputs(items)[:40], one_by_one)


@laws
@given(chosen=settings)
def test_a_patch_at_its_pixels_is_what_was_encoded(chosen):
    canvas = some_patches(**chosen)
    for item in (0, len(canvas) // 2, len(canvas) - 1):
        np.testing.assert_array_equal(canvas.place(canvas.inputs([item])[0], item), canvas.encoded_values(item))


def test_latents_of_blocks_are_those_of_patches_read_one_by_one():
    canvas = some_patches(100, 150, 3, stride=8)
    encoder = tiny_encoder(canvas.shape, scaling="unit")
    blocks = np.concatenate([encoder.latents(canvas, items) for items in canvas.blocks()])
    fresh = some_patches(100, 150, 3, stride=8)
    slide = fresh.slide
    for item in range(0, len(fresh), 7):
        top, left = fresh.corners[item] * 8
        alone = encoder.encode(encoder.tensor(slide.region(0, int(top), int(left), 16, 16)[None])).mean
        np.testing.assert_allclose(blocks[item], alone.numpy()[0], rtol=1e-5, atol=1e-6)


def test_runs_of_items_are_read_once(monkeypatch):
    canvas = some_patches(300, 300, stride=4)
    taken = []
    region = type(canvas.slide).region

    def watched(self, *where):
        taken.append(where[3] * where[4])
        return region(self, *where)

    monkeypatch.setattr(type(canvas.slide), "region", watched)
    for start in range(0, len(canvas), 64):
        canvas.inputs(range(start, min(start + 64, len(canvas))))
    assert sum(taken) < 2 * 300 * 300  # patch by patch it would be 16 times the slide
    taken.clear()
    some_patches(300, 300, stride=4).inputs([0])
    assert taken == [16 * 16]


def test_a_coarser_pixel_size_averages_the_next_finer_level():
    pixels = noise(128, 192)
    slide = cs.open(pyramid(pixels), as_="slide", pixel_size=0.5)
    exact = slide.view(size=16, pixel_size=1.0, background="keep")
    assert (exact.level, exact.factor) == (1, 1.0)
    np.testing.assert_array_equal(exact.inputs([0])[0], unit(pyramid(pixels)[1])[:, :16, :16])
    between = slide.view(size=16, pixel_size=1.5, background="keep")
    assert (between.level, between.factor) == (1, 1.5)
    assert between.frame == (43, 64)
    level = slide.view(size=16, level=2, background="keep")
    np.testing.assert_array_equal(level.inputs([0])[0], unit(pyramid(pixels)[2])[:, :16, :16])


@pytest.mark.parametrize("factor", [1.5, 2.0, 2.7])
def test_averaged_patches_do_not_depend_on_what_they_are_read_with(factor):
    slide = cs.open(noise(150, 200, 3))
    canvas = slide.view(size=16, stride=8, pixel_size=factor, background="keep")
    assert canvas.factor == factor
    together = canvas.inputs(range(len(canvas)))
    for item in range(0, len(canvas), 5):
        alone = slide.view(size=16, stride=8, pixel_size=factor, background="keep").inputs([item])[0]
        np.testing.assert_allclose(together[item], alone, atol=1e-6)


def test_averaging_keeps_means():
    pixels = np.repeat(np.repeat(noise(32, 48, dtype=np.float32), 4, axis=0), 4, axis=1)
    canvas = cs.open(pixels).view(size=8, pixel_size=4.0, background="keep")
    expected = block_means(pixels[None], 4)
    inner = canvas.inputs([canvas.item("row 1, column 1")])[0]
    assert inner.shape == (1, 8, 8)
    assert abs(inner.mean() - expected[:, 4:12, 4:12].mean()) < 0.1


@laws
@given(chosen=settings, height=st.integers(8, 40), width=st.integers(8, 40), seed=st.integers(0, 9))
def test_a_painted_cell_is_the_mean_of_the_patches_over_it(chosen, height, width, seed):
    canvas = some_patches(height, width, **chosen)
    scores = np.random.default_rng(seed).normal(size=len(canvas)).astype(np.float32)
    raster = canvas.paint(scores)
    step = canvas.settings.step
    assert raster.values.shape == (-(-height // step), -(-width // step))
    expected = painted(scores, canvas.corners, canvas.settings.size, step, raster.values.shape)
    np.testing.assert_allclose(raster.values, expected, rtol=1e-5, atol=1e-6)


def test_painting_in_another_order_of_asking_is_the_same_and_unknown_scores_are_left_out():
    canvas = some_patches()
    scores = np.arange(len(canvas), dtype=np.float32)
    some = np.full(len(canvas), np.nan, dtype=np.float32)
    some[5] = 3
    raster = canvas.paint(some)
    assert np.nanmax(raster.values) == np.nanmin(raster.values) == 3
    assert np.isfinite(raster.values).sum() == 4
    assert np.isfinite(canvas.paint(scores).values).all()
    with pytest.raises(InputError, match="Every patch needs one score"):
        canvas.paint(scores[1:])


@pytest.mark.parametrize("chosen", [{}, {"level": 1}, {"pixel_size": 1.25}])
def test_cells_and_patches_lie_where_their_pixels_lie(chosen):
    matrix = np.array([[0.5, 0, 7], [0, 0.5, 5], [0, 0, 1]])
    slide = cs.open(pyramid(noise(160, 320)), as_="slide", to_world=matrix, unit="µm")
    canvas = slide.view(size=16, stride=8, background="keep", **chosen)
    item = canvas.item("row 2, column 3")
    pixel = 0.5 * (2 if chosen.get("level") else chosen.get("pixel_size", 0.5) / 0.5)
    # the corner of the slide lies half a pixel of the largest level before the centre of its first one
    corner = np.array([7 - 0.25, 5 - 0.25])
    np.testing.assert_allclose((canvas.to_world(item) @ [-0.5, -0.5, 1])[:2], corner + np.array([16, 24]) * pixel)
    raster = canvas.paint(np.zeros(len(canvas), np.float32))
    np.testing.assert_allclose((raster.to_world @ [-0.5, -0.5, 1])[:2], corner)
    np.testing.assert_allclose((raster.to_world @ [0.5, 1.5, 1])[:2], corner + np.array([8, 16]) * pixel)
    assert raster.unit == "µm"


def test_stitched_maps_show_no_seams():
    canvas = cs.open(noise(64, 96), as_="slide").view(size=32, stride=16, background="keep")
    items = [canvas.item(f"row 1, column {column}") for column in range(5)]
    maps = np.stack([np.full((32, 32), float(column)) for column in range(5)])
    across = canvas.stitch(maps, items).values[16]
    assert np.abs(np.diff(across)).max() < 1 / 8  # the mean of all that overlap would jump by 1/2
    assert (np.diff(across) >= 0).all()


def test_maps_of_patches_are_stitched_where_they_lie():
    pixels = noise(60, 90)
    canvas = cs.open(pixels).view(size=16, stride=8, background="keep")
    items = canvas.within((20, 30, 50, 89))
    raster = canvas.stitch(canvas.inputs(items)[:, 0], items)
    top, left = (raster.to_world @ [0, 0, 1])[:2].astype(int)
    height, width = raster.values.shape
    np.testing.assert_allclose(raster.values, pixels[top : top + height, left : left + width] / 255, rtol=1e-6)
    with pytest.raises(InputError, match="not maps of these patches"):
        canvas.stitch(np.zeros((2, 9, 9)), [0, 1])


def test_glass_is_skipped_and_that_is_said():
    pixels = np.full((128, 128, 3), 240, np.uint8)
    pixels[32:64, 64:96] = [200, 100, 160]
    canvas = cs.open(pixels).view(size=16, stride=16)
    assert {tuple(corner) for corner in canvas.corners.tolist()} == {(2, 4), (2, 5), (3, 4), (3, 5)}
    assert "60 of 64 patches are skipped as background, which is brighter than 0.8" in canvas.notes[0]
    assert np.isfinite(canvas.paint(np.ones(4, np.float32)).values).sum() == 4
    assert len(cs.open(pixels).view(size=16, stride=16, background="keep")) == 64
    with pytest.raises(InputError, match=r'nothing but background.*background="keep"'):
        cs.open(np.full((64, 64, 3), 240, np.uint8)).view(size=16)


def test_an_empty_dark_field_is_skipped_where_asked():
    pixels = np.zeros((64, 64), np.uint8)
    pixels[:32, :32] = 200
    assert len(cs.open(pixels).view(size=16, stride=16)) == 16
    assert len(cs.open(pixels).view(size=16, stride=16, background="dark")) == 4


def test_the_visible_region_comes_first_and_nothing_is_left_out():
    canvas = some_patches(400, 400, stride=8)
    visible = (200.0, 210.0, 260.0, 300.0)
    inside = set(canvas.within(visible).tolist())
    runs = list(canvas.blocks(visible))
    order = np.concatenate(runs)
    assert set(order[: len(inside)].tolist()) == inside
    np.testing.assert_array_equal(np.sort(order), np.arange(len(canvas)))
    assert max(map(len, runs)) <= BLOCK**2
    centres = (canvas.corners[order] * 8 + 8).astype(float)
    away = np.abs(centres - [230, 255]).max(axis=1)
    assert away[len(inside) : len(inside) + 100].mean() < away[-100:].mean()


def test_patches_are_found_by_row_and_column():
    canvas = some_patches()
    for item in (0, 7, len(canvas) - 1):
        assert canvas.item(canvas.item_names[item]) == item
    for wrong in ("row 900, column 0", "patch 3", ""):
        with pytest.raises(InputError, match="no patch of that name"):
            canvas.item(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 20},
        {"stride": 17},
        {"stride": 0},
        {"level": 3},
        {"level": 0, "pixel_size": 2.0},
        {"pixel_size": 0.5},
        {"background": "blue"},
    ],
)
def test_settings_that_no_slide_has_are_told(wrong):
    with pytest.raises(InputError):
        some_patches(**wrong)


@laws
@given(chosen=settings, item=st.integers(0, 40))
def test_patches_share_pixels_where_they_overlap(chosen, item):
    canvas = some_patches(**chosen)
    item %= len(canvas)
    size, corners = canvas.settings.size, canvas.corners * canvas.settings.step
    covered = np.zeros(corners.max(axis=0) + size, dtype=bool)
    covered[tuple(slice(at, at + size) for at in corners[item])] = True
    sharing = [covered[y : y + size, x : x + size].any() for y, x in corners]
    assert canvas.sharing(item).tolist() == np.flatnonzero(sharing).tolist()


def test_a_mask_of_a_patch_lies_where_it_is():
    canvas = some_patches()
    mask = noise(16, 16) > 99
    np.testing.assert_array_equal(canvas.lay(mask, 3), mask)
    assert canvas.shown(3).all()
    with pytest.raises(InputError, match="not of the patch"):
        canvas.lay(mask[:3], 3)


def test_values_of_another_size_are_refused():
    with pytest.raises(InputError, match="not of this canvas"):
        some_patches().place(np.zeros((1, 8, 8)), 0)


def test_too_many_patches_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MOST_PATCHES", 10)
    with pytest.raises(InputError, match="too many patches"):
        some_patches()
