"""Figures of explanations: bars that add up to the score, and the masks of the units that pulled it up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import conceptstain as cs
from classes import quick, squares
from conceptstain.canvas.image_set import ImageSet
from conceptstain.errors import InputError, MismatchError
from conceptstain.explanation_figures import DOWN, UP, explanation_figure
from conceptstain.methods.explanation import Explanation, explain
from factories import tiny_section


@pytest.fixture(scope="module")
def explained() -> tuple[Explanation, ImageSet]:
    canvas, labels, masks = squares()
    classifier = cs.fit_classifier(canvas, labels, quick(4))
    maps = cs.painted_labels(canvas, masks, names=["", "bright", "dark"])
    found = cs.dissect(classifier.encoder, "relu1", canvas, maps, quantile=0.05)
    return explain(classifier, found, canvas, 3, class_name="dark", against="bright"), canvas


def bars(figure):
    axes = next(axes for axes in figure.findobj() if getattr(axes, "patches", None) and axes.get_xlabel())
    return axes, [bar.get_width() for bar in axes.patches], [text.get_text() for text in axes.get_yticklabels()]


def test_bars_add_up_to_the_score(explained):
    made, canvas = explained
    for most in (1, 2, 50):
        axes, widths, words = bars(explanation_figure(made, canvas, most=most))
        assert sum(widths) == pytest.approx(made.score)
        assert words[-2:] == ["without any unit", "missed by the sum"]
        assert len(widths) == len(words)
        assert "encoder.relu1, integrated gradients" in axes.get_xlabel()
    assert "other units" in bars(explanation_figure(made, canvas, most=1))[2][1]


def test_units_are_in_order_of_what_they_added_and_coloured_by_its_sign(explained):
    made, canvas = explained
    axes, widths, _ = bars(explanation_figure(made, canvas, most=4))
    assert widths[:4] == sorted(widths[:4], reverse=True)
    from matplotlib.colors import to_rgba

    for bar in axes.patches[:4]:
        assert bar.get_facecolor() == to_rgba(UP if bar.get_width() > 0 else DOWN)


def test_a_panel_darkens_what_lies_outside_of_the_mask(explained):
    made, canvas = explained
    figure = explanation_figure(made, canvas)
    images = [axes.get_images()[0].get_array() for axes in figure.findobj() if getattr(axes, "images", None)]
    whole, first = images[0], images[1]
    unit = int(made.order[0])
    mask = made.mask(unit)
    np.testing.assert_allclose(first[mask], whole[mask])
    assert (first[~mask] < whole[~mask]).all()


def test_a_spot_has_bars_alone_and_is_written_as_any_figure(tmp_path):
    spots = tiny_section(8, 8).view("spots")
    settings = cs.ClassifierSettings.of(spots)
    training = replace(settings.training, epochs=1, device="cpu")
    classifier = cs.fit_classifier(spots, cs.class_labels(spots, obs="layer"), replace(settings, training=training))
    found = cs.dissect(classifier.encoder, "encoder.relu1", spots, cs.section_labels(spots))
    figure = explanation_figure(explain(classifier, found, spots, 2), spots)
    assert len(figure.axes) == 1
    for ending in (".svg", ".pdf", ".png"):
        assert cs.save_figure(figure, tmp_path / f"spot{ending}").stat().st_size > 1000


def test_another_canvas_or_no_unit_is_refused(explained):
    made, canvas = explained
    with pytest.raises(MismatchError, match="on this canvas"):
        explanation_figure(made, tiny_section().view("genes"))
    with pytest.raises(InputError, match="names units"):
        explanation_figure(made, canvas, most=0)
