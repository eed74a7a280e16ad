from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import conceptstain as cs
from classes import squares
from what_if import squares_with_models


@cache
def dark() -> cs.Concept:
    canvas, encoder, _, _ = squares_with_models()
    return cs.concept("dark", canvas, encoder, items=["0", "3", "6"], against=["1", "2", "4"])


@cache
def walked(to: float | None = None) -> cs.ConceptWalk:
    canvas, encoder, _, _ = squares_with_models()
    return cs.concept_walk(encoder, canvas, range(9), dark(), to="positives" if to is None else to)


def test_a_walk_ends_where_the_decoded_sample_encoded_again_has_the_score() -> None:
    canvas, encoder, _, _ = squares_with_models()
    found = walked()
    came = found.success & (found.distances > 0)
    assert came.sum() >= 3
    assert (found.scores[came, -1] >= found.wanted).all()
    assert (found.scores[came, -2] < found.wanted).all()
    positives = dark().scores(encoder.latents(canvas, [0, 3, 6]))
    np.testing.assert_allclose(found.wanted, positives.mean(), rtol=1e-5)


def test_a_walk_goes_straight_along_the_concept_and_shows_what_it_decodes() -> None:
    canvas, encoder, _, _ = squares_with_models()
    found = walked()
    row = int(np.flatnonzero(found.distances > 0)[0])
    item = int(found.items[row])
    np.testing.assert_allclose(found.path[row, 0], encoder.latents(canvas, [item])[0], atol=1e-5)
    gone = found.path[row, -1] - found.path[row, 0]
    cosine = gone @ dark().direction / np.linalg.norm(gone) / np.linalg.norm(dark().direction)
    assert cosine == pytest.approx(1, abs=1e-6)
    strip = found.strip(item)
    np.testing.assert_allclose(strip[-1] - strip[0], found.difference(item), atol=1e-5)
    again = dark().scores(encoder.encode(encoder.tensor(strip)).mean.numpy())
    np.testing.assert_allclose(again, found.scores[row], atol=1e-4)
    assert list(found.table.index) == list(found.item_names)


def test_an_item_that_scores_as_high_stays_as_it_is() -> None:
    found = walked(-1e6)
    assert found.success.all()
    np.testing.assert_array_equal(found.end, found.start)
    np.testing.assert_array_equal(found.steps, 0)


def test_what_changes_becomes_a_map_with_what_it_takes_to_make_it_again() -> None:
    canvas, encoder, _, _ = squares_with_models()
    walk = walked()
    shown = cs.concept_walk_map(walk, canvas, [4, 1])
    assert (shown.method, shown.name, shown.items) == ("concept walk", "dark", (4, 1))
    np.testing.assert_array_equal(shown.values, np.stack([walk.difference(4), walk.difference(1)]).astype(np.float32))
    again = cs.concept_walk(encoder, canvas, shown.settings["asked"], shown.concept, to=shown.settings["to"])
    np.testing.assert_array_equal(cs.concept_walk_map(again, canvas, [4, 1]).values, shown.values)
    with pytest.raises(cs.InputError, match="that item"):
        cs.concept_walk_map(walk, canvas, [12])
    with pytest.raises(cs.MismatchError, match="walk is not of these"):
        cs.concept_walk_map(walk, squares(n=8)[0])


def test_what_cannot_be_walked_is_refused() -> None:
    canvas, encoder, one, _ = squares_with_models()
    with pytest.raises(cs.InputError, match="leads to a score"):
        cs.concept_walk(encoder, canvas, [0], dark(), to=float("nan"))
    with pytest.raises(cs.InputError, match="leads to a score"):
        cs.concept_walk(encoder, canvas, [0], dark(), frames=1)
    with pytest.raises(cs.MismatchError):
        cs.concept_walk(one.encoder, canvas, [0], dark())
