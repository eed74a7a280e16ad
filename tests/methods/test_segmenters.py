"""Segmenters of generated samples: what a classifier of parts, thresholds and layers say of every pixel."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from classes import fitted_to_parts, fitted_to_squares, squares
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.painted_labels import painted_labels
from conceptstain.canvas.section_labels import section_labels
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.segmenters import Segmenter, layer_segmenter, part_segmenter, threshold_segmenter
from conceptstain.nets.classifier import Classifier
from factories import tiny_section


@cache
def of_parts() -> tuple[Classifier, ImageSet]:
    classifier, canvas, _ = fitted_to_parts(4)
    return classifier, canvas


def test_a_classifier_of_parts_segments_pictures_as_it_predicts_their_parts() -> None:
    classifier, canvas = of_parts()
    segmenter = part_segmenter(classifier, none="none")
    assert isinstance(segmenter, Segmenter)
    assert segmenter.parts == ("bright", "dark")
    told = classifier.part_predictions(canvas, [0, 1, 2], size=canvas.shape[1:])
    expected = np.array([-1, 0, 1])[told]  # the classes are none, bright, dark
    assert set(np.unique(expected)) == {-1, 0, 1}
    np.testing.assert_array_equal(segmenter.segment(canvas.inputs([0, 1, 2])), expected)
    larger = np.repeat(np.repeat(canvas.inputs([0]), 2, axis=2), 2, axis=3)
    assert (segmenter.segment(larger)[0, ::2, ::2] == expected[0]).mean() > 0.8


def test_classes_can_be_joined_to_one_part() -> None:
    classifier, canvas = of_parts()
    apart = part_segmenter(classifier, none="none").segment(canvas.inputs([0, 1]))
    joined = part_segmenter(classifier, joined={"square": ["bright", "dark"]}, none="none")
    assert joined.parts == ("square",)
    np.testing.assert_array_equal(joined.segment(canvas.inputs([0, 1])), np.minimum(apart, 0))
    with pytest.raises(InputError, match="classes of its own"):
        part_segmenter(classifier, joined={"one": ["dark"], "other": ["dark"]})


def test_thresholds_tell_parts_by_their_light() -> None:
    segmenter = threshold_segmenter([0.2, 0.7], ["grey", "bright"])
    picture = np.array([[[[0.1, 0.2], [0.5, 0.9]]]])
    assert segmenter.segment(picture).tolist() == [[[-1, 0], [0, 1]]]
    assert threshold_segmenter(0.5).parts == ("above 0.5",)


def test_layers_are_the_same_in_every_gene_picture_and_nowhere_where_no_spot_is() -> None:
    section = tiny_section(missing=0.2)
    canvas = section.view("genes")
    segmenter = layer_segmenter(section_labels(canvas, "layer"))
    labels = segmenter.segment(canvas.inputs([0, 3]))
    np.testing.assert_array_equal(labels[0], labels[1])
    np.testing.assert_array_equal(labels[0] >= 0, canvas.mask)
    at_spots = np.array(segmenter.parts)[labels[0].ravel()[canvas.grid.cells]]
    assert (at_spots == section.adata.obs["layer"].to_numpy()).all()


def test_what_tells_no_parts_is_refused() -> None:
    whole, canvas, _ = fitted_to_squares(1)
    parts, _ = of_parts()
    _, _, masks = squares()
    with pytest.raises(InputError, match="not their parts"):
        part_segmenter(whole)
    with pytest.raises(MismatchError, match="other pictures"):
        part_segmenter(parts).segment(np.zeros((1, 3, 16, 16), dtype=np.float32))
    with pytest.raises(InputError, match="ascend"):
        threshold_segmenter([0.5, 0.5])
    with pytest.raises(InputError, match="name of its own"):
        threshold_segmenter([0.2, 0.5], ["one"])
    with pytest.raises(InputError, match="the same in every sample"):
        layer_segmenter(painted_labels(canvas, masks))
    section = tiny_section()
    with pytest.raises(InputError, match="on a grid"):
        layer_segmenter(section_labels(section.view("spots"), "layer"))
    with pytest.raises(MismatchError, match="another grid"):
        layer_segmenter(section_labels(section.view("genes"), "layer")).segment(np.zeros((1, 1, 8, 8)))
