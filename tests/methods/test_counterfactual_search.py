from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.what_if import squares_with_models

import conceptstain as cs

METHODS = ["line search", "gradient"]


@pytest.fixture(scope="module", params=METHODS)
def darkened(request: pytest.FixtureRequest) -> cs.Counterfactual:
    canvas, encoder, one, other = squares_with_models()
    return cs.counterfactual(one, encoder, canvas, range(10), "dark", method=request.param, second=other)


def test_bright_squares_become_dark_and_a_second_classifier_agrees(darkened: cs.Counterfactual) -> None:
    asked = darkened.table[darkened.asked]
    assert len(asked) >= 5
    assert asked.success.all()
    assert asked.confirmed.mean() >= 0.8
    assert (asked.probability >= 0.9 - 1e-6).all()
    assert (asked.margin > 0).all()
    assert (darkened.margins[darkened.asked, 0] < 0).all()


def test_an_item_of_its_target_class_is_its_own_counterfactual(darkened: cs.Counterfactual) -> None:
    own = darkened.origins == darkened.targets
    assert own.sum() >= 3
    assert darkened.success[own].all()
    np.testing.assert_array_equal(darkened.steps[own], 0)
    np.testing.assert_array_equal(darkened.end[own], darkened.start[own])
    np.testing.assert_array_equal(darkened.distances[own], 0)
    np.testing.assert_array_equal(darkened.nearest[own], darkened.items[own])


def test_the_strip_leads_from_the_redrawn_item_to_the_end(darkened: cs.Counterfactual) -> None:
    canvas, encoder, _, _ = squares_with_models()
    item = int(darkened.items[darkened.asked][0])
    strip = darkened.strip(item)
    redrawn = encoder.decode(encoder.tensor(encoder.latents(canvas, [item]))).numpy()[0]
    np.testing.assert_allclose(strip[0], redrawn, atol=1e-5)
    np.testing.assert_allclose(strip[-1] - strip[0], darkened.difference(item), atol=1e-5)
    assert strip.shape == (11, *canvas.shape)


def test_items_walk_by_themselves_and_the_same_twice(darkened: cs.Counterfactual) -> None:
    canvas, encoder, one, _ = squares_with_models()
    item = int(darkened.items[darkened.asked][0])
    alone = cs.counterfactual(one, encoder, canvas, [item], "dark", method=darkened.settings["method"])
    np.testing.assert_allclose(alone.path[0], darkened.path[darkened.row(item)], atol=2e-4)
    again = cs.counterfactual(one, encoder, canvas, [item], "dark", method=darkened.settings["method"])
    np.testing.assert_array_equal(alone.path, again.path)


def test_what_cannot_be_asked_is_refused() -> None:
    canvas, encoder, one, _ = squares_with_models()
    with pytest.raises(cs.InputError, match="no such class"):
        cs.counterfactual(one, encoder, canvas, [0], "grey")
    with pytest.raises(cs.InputError, match="one target"):
        cs.counterfactual(one, encoder, canvas, [0, 1], ["dark"])
    with pytest.raises(cs.InputError, match="not found that way"):
        cs.counterfactual(one, encoder, canvas, [0], "dark", method="wish")  # type: ignore[arg-type]
    with pytest.raises(cs.InputError, match="tells parts"):
        cs.counterfactual(replace(one, parts=True), encoder, canvas, [0], "dark")
    with pytest.raises(cs.MismatchError, match="both classes"):
        cs.counterfactual(one, encoder, canvas, [1], "dark", known=[1, 2, 4], method="line search")
    with pytest.raises(cs.InputError, match="out of range"):
        cs.CounterfactualSettings(frames=1)
