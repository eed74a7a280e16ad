from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from classes import SIDE, squares
from conceptstain.canvas.annotations import Annotations
from conceptstain.canvas.opening import open_source
from conceptstain.canvas.painted_labels import painted_labels
from conceptstain.canvas.part_labels import part_labels
from conceptstain.canvas.whole_labels import whole_labels
from conceptstain.errors import InputError
from factories import tiny_section
from pictures import noise

NAMES = {1: "bright square", 2: "dark square"}


def test_pixels_have_the_class_that_is_painted_there() -> None:
    canvas, _, masks = squares(4)
    labels = part_labels(canvas, painted_labels(canvas, masks, names=NAMES))
    assert labels.classes == ("bright square", "dark square")
    told = labels.of([2, 0])
    np.testing.assert_array_equal(told[:, 0], masks[[2, 0]] == 1)
    np.testing.assert_array_equal(told[:, 1], masks[[2, 0]] == 2)


def test_the_background_can_be_a_class() -> None:
    canvas, _, masks = squares(4)
    labels = part_labels(canvas, painted_labels(canvas, masks, names=NAMES), background="noise")
    assert labels.classes == ("noise", "bright square", "dark square")
    np.testing.assert_array_equal(labels.of([1]).argmax(axis=1)[0], masks[1])
    np.testing.assert_array_equal(labels.of(np.arange(4)).sum(axis=1), 1)


def test_beside_a_picture_there_is_no_background() -> None:
    canvas = open_source([noise(8, 16), noise(8, 16, seed=1)], as_="images").view("images", frame=16)
    masks = np.zeros((2, 8, 16), dtype=np.uint8)
    masks[:, 2:4, 3:9] = 1
    labels = part_labels(canvas, painted_labels(canvas, masks), background="rest")
    np.testing.assert_array_equal(labels.of([0]).sum(axis=1)[0], canvas.shown(0))


def test_a_pixel_of_several_classes_is_shared() -> None:
    canvas, _, masks = squares(4)
    other = painted_labels(canvas, np.ones_like(masks), names={1: "all"}, category="material")
    labels = part_labels(canvas, painted_labels(canvas, masks, names=NAMES) + other)
    square = masks[0] > 0
    np.testing.assert_allclose(labels.of([0]).sum(axis=1), 1)
    np.testing.assert_allclose(labels.of([0])[0, 2][square], 0.5)


def test_labels_are_chosen_by_category_and_by_name() -> None:
    canvas, _, masks = squares(4)
    other = painted_labels(canvas, np.ones_like(masks), names={1: "all"}, category="material")
    both = painted_labels(canvas, masks, names=NAMES) + other
    assert part_labels(canvas, both, category="material").classes == ("all",)
    assert part_labels(canvas, both, names=["dark square"]).classes == ("dark square",)
    with pytest.raises(InputError, match="no such parts"):
        part_labels(canvas, both, names=["nose"])
    with pytest.raises(InputError, match="no such parts"):
        part_labels(canvas, both, background="all")


def test_what_has_no_parts_is_refused() -> None:
    canvas, _, masks = squares(4)
    maps = painted_labels(canvas, masks, names=NAMES)
    with pytest.raises(InputError, match="on pictures and patches"):
        part_labels(tiny_section().view("spots"), maps)
    said = Annotations("said", pd.DataFrame({"bright": [True, False]}, index=["1", "0"]))
    with pytest.raises(InputError, match="no such parts"):
        part_labels(canvas, whole_labels(canvas, said))


def test_labels_of_another_canvas_are_refused() -> None:
    canvas, _, masks = squares(4)
    labels = part_labels(canvas, painted_labels(canvas, masks, names=NAMES))
    labels.check(canvas)
    with pytest.raises(InputError, match="other pictures"):
        labels.check(squares(5)[0])
    with pytest.raises(InputError, match="not of this canvas"):
        labels.check(canvas.images.view("images", frame=2 * SIDE))
