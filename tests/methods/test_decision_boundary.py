from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import conceptstain as cs
from what_if import squares_with_models


@cache
def darkened() -> cs.Counterfactual:
    canvas, encoder, one, _ = squares_with_models()
    settings = cs.CounterfactualSettings(probability=0.9, nearest=5, frames=41)
    return cs.counterfactual(one, encoder, canvas, range(10), "dark", settings=settings)


class Halves:
    """The upper and the lower half of every picture."""

    parts = ("upper", "lower")

    def segment(self, samples: np.ndarray, latents: np.ndarray | None = None) -> np.ndarray:
        assert latents is not None
        assert len(latents) == len(samples)
        labels = np.zeros((len(samples), *samples.shape[2:]), dtype=int)
        labels[:, labels.shape[1] // 2 :] = 1
        return labels


def test_at_its_crossing_an_item_is_as_much_of_one_class_as_of_the_other() -> None:
    _, encoder, one, _ = squares_with_models()
    found = cs.decision_boundary(darkened())
    assert len(found.items) == darkened().asked.sum() >= 5
    shown = one.scores_of(one.encoder.encode(one.encoder.tensor(found.samples)).mean.numpy())
    apart = shown[:, one.number("dark")] - shown[:, one.number("bright")]
    whole = np.abs(found.margins[:, [0, -1]]).max(axis=1)
    assert (np.abs(apart) < 0.05 * whole).all()  # straight between 41 frames
    again = encoder.decode(encoder.tensor(found.latents)).numpy()
    np.testing.assert_allclose(found.samples, again, atol=1e-5)
    assert ((found.crossings > 0) & (found.crossings < 1)).all()
    assert "items cross the boundary" in found.sentence


def test_parts_are_measured_from_the_start_to_the_crossing() -> None:
    whole, halves = cs.decision_boundary(darkened()), cs.decision_boundary(darkened(), Halves())
    rows = [darkened().row(int(item)) for item in whole.items]
    darker = 3 * (whole.samples.mean(axis=(1, 2, 3)) - darkened().start[rows].mean(axis=(1, 2, 3)))  # thirds of white
    np.testing.assert_allclose(whole.changes["d_luminance"], darker, atol=1e-5)
    assert whole.table.loc[("sample", "d_luminance"), "mean"] == pytest.approx(darker.mean(), abs=1e-5)
    by_part = halves.changes.pivot(index="item", columns="part", values="d_luminance").mean(axis=1)
    np.testing.assert_allclose(by_part.loc[list(whole.changes["item"])], darker, atol=1e-5)


def test_items_without_a_way_have_no_boundary() -> None:
    with pytest.raises(cs.InputError, match="No item has a boundary"):
        cs.decision_boundary(replace(darkened(), targets=darkened().origins))
    stuck = replace(darkened(), margins=-np.abs(darkened().margins))
    found = cs.decision_boundary(stuck)
    assert not len(found.items)
    assert found.sentence.startswith("None of")
