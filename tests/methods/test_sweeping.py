"""Sweeps of units: where latents go, and what is told of the samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.sweep import spread_over_items
from conceptstain.methods.sweeping import sweep
from factories import tiny_encoder
from sweeps import bent, linked, linked_spots


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 5), st.integers(2, 5))
def test_a_sweep_moves_the_latent_along_one_column_of_the_link(unit: int, steps: int) -> None:
    made, classifier, encoder, canvas = linked()
    found = sweep(made, classifier, encoder, canvas, unit, items=[3, 0, 7], steps=steps)
    np.testing.assert_allclose(found.values[0, [0, -1]], made.ranges[unit])
    by = found.values[0][None] - found.start[:, [unit]]
    moved = found.latents - found.origins[:, None]
    np.testing.assert_allclose(moved, by[..., None] * made.weights[:, unit], atol=1e-9)


def test_a_unit_at_its_own_value_leaves_the_latent_where_the_link_has_it() -> None:
    made, classifier, encoder, canvas = linked()
    own = float(sweep(made, classifier, encoder, canvas, 2, items=[5]).start[0, 2])
    found = sweep(made, classifier, encoder, canvas, 2, items=[5], values=[own, own + 1])
    np.testing.assert_allclose(found.latents[0, 0], made.latents(found.start)[0], atol=1e-12)


def test_samples_are_what_the_decoder_makes_of_the_latents_item_by_item() -> None:
    made, classifier, encoder, canvas = linked()
    found = sweep(made, classifier, encoder, canvas, [1, 4], items=[3, 0])
    alone = sweep(made, classifier, encoder, canvas, [1, 4], items=[0])
    np.testing.assert_allclose(found.latents[1], alone.latents[0])
    expected = encoder.decode(torch.as_tensor(alone.latents[0])).numpy()
    np.testing.assert_allclose(alone.samples[0], expected, rtol=1e-6)
    assert found.probabilities.shape == (2, 3, 2)
    np.testing.assert_allclose(found.probabilities.sum(axis=-1), 1)


def test_several_units_move_the_latent_by_the_sum_of_their_moves() -> None:
    made, classifier, encoder, canvas = linked()
    both, first, second = (sweep(made, classifier, encoder, canvas, units, items=[1, 2]) for units in ([1, 4], 1, 4))
    expected = first.latents + second.latents - first.origins[:, None]
    np.testing.assert_allclose(both.latents, expected, atol=1e-9)


def test_of_a_link_that_is_not_linear_every_step_is_asked_for_by_itself() -> None:
    _, classifier, encoder, canvas = linked()
    found = sweep(bent(), classifier, encoder, canvas, [0, 3], items=[2, 6], steps=4)
    for item in range(2):
        for step in range(4):
            r = found.start[[item]].copy()
            r[0, [0, 3]] = found.values[:, step]
            np.testing.assert_allclose(found.latents[item, step], bent().latents(r)[0], atol=1e-9)


def test_what_classes_do_is_told_with_intervals() -> None:
    made, classifier, encoder, canvas = linked()
    found = sweep(made, classifier, encoder, canvas, 0, items=[0, 1, 2, 3])
    table = found.table
    assert list(table.index) == ["bright", "dark"]
    np.testing.assert_allclose(table["change"], table["last"] - table["first"])
    assert (table["low"] <= table["change"]).all()
    assert found.change.shape == (4, *canvas.shape)
    with pytest.raises(InputError, match="profiles of spots"):
        _ = found.gene_table


def test_of_spots_genes_are_told_those_that_rise_first() -> None:
    found = sweep(*linked_spots(), 1, items=[0, 5, 9])
    table = found.table
    assert set(table.index) == set(found.features)
    assert table["change"].is_monotonic_decreasing
    gene = table.index[0]
    changes = (found.samples[:, -1] - found.samples[:, 0])[:, found.features.index(gene)]
    assert table["change"].iloc[0] == pytest.approx(changes.mean())
    assert table["agreeing"].iloc[0] == (changes > 0).mean()
    assert list(found.class_table.index) == ["inner", "outer"]


def test_means_leave_out_items_without_a_number() -> None:
    values = np.array([[1.0, np.nan, np.nan], [2.0, 5.0, np.nan], [3.0, np.nan, np.nan]])
    found = spread_over_items(values)
    np.testing.assert_allclose(found.mean, [2, 5, np.nan])
    np.testing.assert_allclose(found.high[0] - 2, 4.302652729911275 / np.sqrt(3))  # t of 2 degrees of freedom
    assert np.isnan(found.low[1:]).all()


def test_what_cannot_be_swept_is_refused() -> None:
    made, classifier, encoder, canvas = linked()
    with pytest.raises(InputError, match="not units of the linked layer"):
        sweep(made, classifier, encoder, canvas, 6, items=[0])
    with pytest.raises(InputError, match="not units of the linked layer"):
        sweep(made, classifier, encoder, canvas, [1, 1], items=[0])
    with pytest.raises(InputError, match="two steps or more"):
        sweep(made, classifier, encoder, canvas, 1, items=[0], steps=1)
    with pytest.raises(InputError, match="two finite values or more"):
        sweep(made, classifier, encoder, canvas, [1, 2], items=[0], values=[0.0, 1.0])
    with pytest.raises(InputError, match="no such item"):
        sweep(made, classifier, encoder, canvas, 1, items=[99])
    with pytest.raises(MismatchError, match="another generator"):
        sweep(made, classifier, tiny_encoder(canvas.shape, 7, scaling="unit"), canvas, 1, items=[0])
