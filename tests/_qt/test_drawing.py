"""Spots are chosen on the tissue and in the histogram."""

from __future__ import annotations

import numpy as np
import pytest

from walking import Walk

pytestmark = pytest.mark.gui


def test_a_range_of_the_histogram_chooses_spots_and_chosen_spots_are_marked_in_it(on_sample: Walk) -> None:
    walk, card = on_sample, on_sample.dock.concepts
    walk.judge()
    walk.make_by_layer("GCL")
    walk.rest()
    scores = walk.dock.study.evidence("GCL", n_null=99).scores
    low, high = np.quantile(scores, [0.9, 1.0])
    card.histogram.range_chosen.emit(float(low), float(high))
    chosen = np.flatnonzero((scores >= low) & (scores <= high))
    spots = walk.viewer.layers["simulated bulb - spots"]
    assert spots.selected_data == set(chosen)
    assert walk.viewer.layers["GCL - decoded"].selected_data == set(chosen)
    assert card.maker.selected.text() == f"{len(chosen)} spots chosen."
    marks = card.histogram._marks.get_segments()
    np.testing.assert_allclose(sorted(mark[0][0] for mark in marks), np.sort(scores[chosen]))
    walk.click(card.maker.clear_button)
    assert card.maker.selected.text().startswith("No spots")
