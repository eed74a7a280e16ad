"""Figures of sweeps: a strip for every item, parts alone, genes of spots, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.segmenters import threshold_segmenter
from conceptstain.methods.sweeping import sweep
from conceptstain.sweep_figures import sweep_figure
from factories import tiny_section
from sweeps import linked, linked_spots

SEGMENTER = threshold_segmenter(0.1, ["light"])


def test_every_item_has_a_strip_of_itself_its_samples_and_the_change() -> None:
    made, classifier, encoder, canvas = linked()
    one, other = (sweep(made, classifier, encoder, canvas, unit, items=[3, 0, 5], steps=4) for unit in (1, 2))
    drawn = sweep_figure([one, other], canvas, most=2)
    assert len(drawn.axes) == 2 * 2 * (1 + 4 + 1)
    pictures = [axes.images[0].get_array() for axes in drawn.axes[:6]]
    np.testing.assert_allclose(pictures[0][..., 0], canvas.inputs([3])[0, 0])
    np.testing.assert_allclose(pictures[2][..., 0], np.clip(one.samples[0, 1, 0], 0, 1))
    np.testing.assert_allclose(pictures[5], one.change[0, 0])
    words = [text.get_text() for text in drawn.texts]
    assert sum(word.startswith("unit 1 of") for word in words) == 1
    assert words.count("change") == 2


def test_parts_can_be_drawn_without_the_pictures() -> None:
    made, classifier, encoder, canvas = linked()
    found = sweep(made, classifier, encoder, canvas, 1, items=[3])
    drawn = sweep_figure(found, canvas, segmenter=SEGMENTER, pictures=False)
    labels = SEGMENTER.segment(found.samples[0])
    assert len(drawn.axes) == 3  # neither the item itself nor the change is shown
    colours = np.unique(drawn.axes[0].images[0].get_array().reshape(-1, 3), axis=0)
    assert len(colours) == len(np.unique(labels[0])) <= 2
    outlined = sweep_figure(found, canvas, segmenter=SEGMENTER)
    assert any(axes.collections for axes in outlined.axes[1:4])


def test_of_spots_genes_and_classes_are_drawn_step_by_step() -> None:
    made, classifier, encoder, canvas = linked_spots()
    found = sweep(made, classifier, encoder, canvas, 1, items=[0, 5, 9])
    drawn = sweep_figure(found, canvas, genes=5)
    left, right = drawn.axes[:2]
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names == [gene for gene in found.gene_table.index if gene in names]
    mean = found.samples[:, :, [found.features.index(name) for name in names]].mean(axis=0).T
    np.testing.assert_allclose(left.images[0].get_array(), mean)
    np.testing.assert_allclose(right.lines[0].get_ydata(), found.probabilities[..., 0].mean(axis=0))
    with pytest.raises(InputError, match="one sweep"):
        sweep_figure([found, found], canvas)


def test_nothing_to_draw_and_another_canvas_are_refused() -> None:
    made, classifier, encoder, canvas = linked()
    found = sweep(made, classifier, encoder, canvas, 1, items=[3])
    with pytest.raises(InputError, match="nothing to draw"):
        sweep_figure(found, canvas, pictures=False)
    with pytest.raises(InputError, match="nothing to draw"):
        sweep_figure([], canvas)
    with pytest.raises(MismatchError, match="another canvas"):
        sweep_figure(replace(found, item_names=("other",)), canvas)
    with pytest.raises(MismatchError, match="another canvas"):
        sweep_figure(found, tiny_section().view("genes"))
