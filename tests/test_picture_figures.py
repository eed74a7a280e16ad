"""Figures of pictures and slides: every picture with its map, in its own proportions, with what the colours mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.errors import InputError, MismatchError
from conceptstain.figures import FigureSettings, figure, save_figure
from conceptstain.methods.item_score import item_score
from conceptstain.methods.maps import map_kind
from conceptstain.picture_painting import picture_painting
from picture_studies import image_encoder, opened_pictures, opened_slide, picture_folder, slide_file

ENCODER = image_encoder()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return with_results(opened_pictures(picture_folder(tmp_path_factory.mktemp("pictures"))))


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    return with_results(opened_slide(slide_file(tmp_path_factory.mktemp("slide"))))


def with_results(canvas):
    """A canvas with a score and a map."""
    made = cs.concept("it", canvas, ENCODER, like=str(canvas.item_names[1]), neighbours=4)
    return canvas, item_score(canvas, ENCODER, made), map_kind("gradient").make(canvas, ENCODER, made, items=[0, 5, 7])


def images(drawn, gid):
    return [found for axes in drawn.axes for found in axes.images if found.get_gid() == gid]


def titles(drawn):
    return [axes.get_title(loc="left") for axes in drawn.axes if axes.get_title(loc="left")]


def test_every_picture_stands_beside_its_map_in_one_range_of_colours(pictures):
    canvas, _, a_map = pictures
    drawn = figure(canvas, a_map)
    assert titles(drawn) == [text for item in (0, 5, 7) for text in (canvas.item_names[item], a_map.title)]
    painted = picture_painting(a_map, canvas)
    for found, item in zip(images(drawn, "map"), (0, 5, 7), strict=True):
        np.testing.assert_array_equal(found.get_array().filled(np.nan), painted.maps[item])
        assert found.get_clim() == painted.limits
    for found, item in zip(images(drawn, "picture"), (0, 5, 7), strict=True):
        np.testing.assert_allclose(found.get_array()[..., 0], canvas.images.pixels(item)[0])
    assert len(titles(figure(canvas, a_map, settings=FigureSettings(most=2)))) == 4


def test_the_pictures_with_most_of_a_concept_come_first(pictures):
    canvas, score, _ = pictures
    drawn = figure(canvas, score, settings=FigureSettings(most=3), titles=["mine"])
    best = np.argsort(-score.values, kind="stable")[:3]
    assert titles(drawn) == [f"mine {score.values[item]:.3g}: {canvas.item_names[item]}" for item in best]


def test_a_picture_and_its_map_stay_in_one_row_whatever_comes_before(pictures):
    canvas, score, a_map = pictures
    drawn = figure(canvas, score, a_map, settings=FigureSettings(most=3))
    pairs = [axes.get_position().y0 for axes in drawn.axes if axes.images][3:]
    assert len(pairs) == 6
    assert pairs[::2] == pairs[1::2]


def test_pictures_keep_their_proportions(pictures):
    canvas, *_ = pictures
    drawn = figure(canvas, "cell 1", 0)
    for axes, item in zip([each for each in drawn.axes if each.images], (canvas.item("cell 1"), 0), strict=True):
        box = axes.get_window_extent()
        left, right = axes.get_xlim()
        bottom, top = axes.get_ylim()
        assert abs((right - left) / box.width) == pytest.approx(abs((bottom - top) / box.height))
        height, width = canvas.images.sizes[item]
        assert abs(right - left) >= width * 0.25 * (1 - 1e-9)
        assert abs(bottom - top) >= height * 0.25 * (1 - 1e-9)


def test_there_is_a_scale_bar_where_the_size_of_a_pixel_is_known(pictures, tmp_path):
    canvas, _, a_map = pictures
    path = save_figure(figure(canvas, a_map), tmp_path / "known.svg")
    assert "scale-bar" in path.read_text(encoding="utf-8")
    unknown = cs.open(canvas.images.path, as_="images").view(frame=8, fit="stretch")
    text = save_figure(figure(unknown, a_map), tmp_path / "unknown.svg").read_text(encoding="utf-8")
    assert "scale-bar" not in text
    assert f">{canvas.item_names[5]}</text>" in text


def test_equal_figures_are_equal_files(pictures, tmp_path):
    canvas, _, a_map = pictures
    one, other = (save_figure(figure(canvas, a_map), tmp_path / name) for name in ("one.pdf", "other.pdf"))
    assert one.read_bytes() == other.read_bytes()


def test_a_score_lies_where_its_patches_are_over_the_whole_slide(slide):
    canvas, score, _ = slide
    drawn = figure(canvas, score)
    (under,), (over,) = images(drawn, "picture"), images(drawn, "map")
    axes = over.axes
    height, width = canvas.slide.size
    corners = [(-0.5, -0.5), (width - 0.5, height - 0.5)]
    for found, pixel in ((under, 0.5), (over, 0.5 * canvas.settings.step)):
        in_world = (found.get_transform() - axes.transData).transform(
            [(-0.5, -0.5), (found.get_array().shape[1] - 0.5, found.get_array().shape[0] - 0.5)]
        )
        np.testing.assert_allclose(in_world[0], [-0.25, -0.25])
        assert np.all(in_world[1] >= np.array(corners[1]) * 0.5 - pixel)
    assert axes.get_xlim()[0] <= -0.25
    assert over.get_clim() == score.raster(canvas).colour_limits


def test_a_map_of_patches_is_drawn_on_the_part_of_the_slide_that_it_is_of(slide):
    canvas, _, a_map = slide
    drawn = figure(canvas, replace(a_map, items=(0, 1, 2)))
    (over,) = images(drawn, "map")
    left, right = over.axes.get_xlim()
    assert right - left < 0.5 * canvas.slide.size[1] * 0.5
    (under,) = images(drawn, "picture")
    assert under.get_array().shape[1] < canvas.slide.size[1]


def test_a_turned_slide_and_a_bare_one_are_drawn(tmp_path):
    turned = np.array([[0.6, -0.8, 5], [0.8, 0.6, 7], [0, 0, 1]])
    canvas = cs.open(np.random.default_rng(0).random((40, 56)), as_="slide", to_world=turned, unit="µm").view(
        size=8, background="keep"
    )
    score = with_results(canvas)[1]
    for number, things in enumerate(((), (score,), ("row 0, column 1",))):
        assert save_figure(figure(canvas, *things), tmp_path / f"{number}.png").stat().st_size > 1000


def test_what_lies_elsewhere_is_refused(pictures, slide):
    with pytest.raises(MismatchError, match="belongs to other data"):
        figure(pictures[0], slide[1])
    from factories import tiny_section

    with pytest.raises(InputError, match="lies on no spots"):
        figure(tiny_section(), pictures[1])
