from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import conceptstain as cs
from what_if import squares_with_models


@cache
def darkened() -> cs.Counterfactual:
    canvas, encoder, one, other = squares_with_models()
    settings = cs.CounterfactualSettings(probability=0.9, nearest=5)
    return cs.counterfactual(one, encoder, canvas, range(10), "dark", settings=settings, second=other)


def test_a_strip_shows_the_frames_of_a_path_and_what_changed() -> None:
    item = int(darkened().items[darkened().asked][0])
    drawing = cs.counterfactual_figure(darkened(), [item], frames=[0, 5, 10])
    images = [axes.get_images()[0].get_array() for axes in drawing.axes]
    assert len(images) == 4
    strip = darkened().strip(item)
    for shown, frame in zip(images, [0, 5, 10], strict=False):
        np.testing.assert_allclose(shown, strip[frame, 0])
    np.testing.assert_allclose(images[3], darkened().difference(item)[0])
    assert any("bright to dark, p 0." in text.get_text() for text in drawing.texts)


def test_a_row_is_drawn_for_every_item_and_walks_are_drawn_too() -> None:
    canvas, encoder, _, _ = squares_with_models()
    assert len(cs.counterfactual_figure(darkened()).axes) == 7 * int((darkened().asked & darkened().success).sum())
    concept = cs.concept("dark", canvas, encoder, items=["0", "3", "6"], against=["1", "2", "4"])
    walk = cs.concept_walk(encoder, canvas, [1, 2], concept)
    drawing = cs.counterfactual_figure(walk, [1, 2], title="")
    assert any("score" in text.get_text() for text in drawing.texts)


def test_the_boundary_figure_draws_every_margin_and_crossing() -> None:
    boundary = cs.decision_boundary(darkened())
    upper, lower = cs.boundary_figure(boundary).axes
    assert len(upper.lines) == len(boundary.margins) + 2
    assert sum(bar.get_height() for bar in lower.patches) == len(boundary.items)


def test_what_is_no_picture_or_no_frame_is_refused() -> None:
    with pytest.raises(cs.InputError, match="one path and one frame"):
        cs.counterfactual_figure(darkened(), frames=[11])
    flat = replace(darkened(), start=darkened().start.reshape(10, -1), end=darkened().end.reshape(10, -1))
    with pytest.raises(cs.InputError, match="drawn of pictures"):
        cs.counterfactual_figure(flat)
