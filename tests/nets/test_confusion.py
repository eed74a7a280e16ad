from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from classes import fitted_to_squares
from conceptstain.canvas.class_labels import class_labels
from conceptstain.errors import MismatchError
from conceptstain.nets.confusion import Confusion, confusion


def test_accuracies_are_read_from_the_counts() -> None:
    found = Confusion(("a", "b"), np.array([[9.0, 1.0], [1.0, 1.0]]))
    np.testing.assert_allclose(found.recalls, [0.9, 0.5])
    assert found.balanced_accuracy == pytest.approx(0.7)
    assert found.accuracy == pytest.approx(10 / 12)
    assert found.chance == 0.5
    assert found.majority == pytest.approx(10 / 12)


def test_a_class_that_was_not_there_does_not_count() -> None:
    found = Confusion(("a", "b", "c"), np.array([[3.0, 1.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 0.0]]))
    assert found.balanced_accuracy == pytest.approx((0.75 + 1) / 2)
    assert found.chance == 0.5


def test_of_nothing_nothing_is_read() -> None:
    found = Confusion(("a", "b"), np.zeros((2, 2)))
    assert all(np.isnan(each) for each in (found.balanced_accuracy, found.accuracy, found.chance, found.majority))


def test_a_classifier_is_tested_on_the_items_that_are_labelled() -> None:
    classifier, canvas, labels = fitted_to_squares()
    found = confusion(classifier, canvas, labels, np.arange(9))
    predictions = classifier.predictions(canvas, np.arange(9))
    expected = np.zeros((2, 2))
    for item, taken in enumerate(predictions):
        expected[labels.codes[item], taken] += 1
    np.testing.assert_array_equal(found.counts, expected)


def test_classes_are_found_by_name_whatever_their_order() -> None:
    classifier, canvas, labels = fitted_to_squares(2)
    names = pd.Series(np.array(labels.classes)[labels.codes], index=canvas.item_names)
    turned = class_labels(canvas, values=names.astype(pd.CategoricalDtype(["dark", "bright"])))
    assert turned.classes == ("dark", "bright")
    one, other = (confusion(classifier, canvas, each).counts for each in (labels, turned))
    np.testing.assert_array_equal(one, other)


def test_labels_of_classes_that_it_does_not_know_are_refused() -> None:
    classifier, canvas, _ = fitted_to_squares(1)
    strange = class_labels(canvas, values={"0": "bright", "1": "grey"})
    with pytest.raises(MismatchError, match="does not tell what these labels say"):
        confusion(classifier, canvas, strange)


def test_each_class_is_told_from_the_rest_and_overlaps_with_what_was_taken_for_it() -> None:
    counts = np.array([[6.0, 2.0, 0.0], [1.0, 3.0, 0.0], [0.0, 0.0, 0.0]])
    found = Confusion(("a", "b", "never there"), counts)
    np.testing.assert_allclose(found.one_against_rest, [(6 / 8 + 3 / 4) / 2, (3 / 4 + 6 / 8) / 2, np.nan])
    np.testing.assert_allclose(found.ious, [6 / 9, 3 / 6, np.nan])
    alone = Confusion(("a", "b"), np.array([[2.0, 0.0], [0.0, 0.0]]))  # no rest to be told from
    assert np.isnan(alone.one_against_rest).all()
