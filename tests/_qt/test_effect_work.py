"""What is measured when units are ticked off: classes where the labels are the classifier's, else scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import conceptstain as cs
from classes import fitted_to_squares, quick, squares
from conceptstain._qt.effect_work import effect_of
from conceptstain._qt.units_work import Network, dissected
from conceptstain.progress import silent


def measured(classifier: cs.Classifier, canvas: cs.ImageSet, labels: cs.LabelMaps) -> dict[str, tuple[float, ...]]:
    network = Network("squares", classifier.encoder, canvas, classifier)
    about = dissected(network, classifier.places, labels, None, report=silent)
    effect = effect_of(cs.Study(), about, tuple(range(about.found.n_units)), "out", report=silent)
    return {name: tuple(rest) for name, *rest in effect.measures}


def test_a_classifier_of_whole_pictures_is_measured_by_what_a_table_says_of_them() -> None:
    classifier, canvas, labels = fitted_to_squares()
    values = pd.DataFrame({name: labels.of(range(len(canvas)))[:, n] > 0 for n, name in enumerate(labels.classes)})
    values.index = pd.Index(canvas.item_names)
    told = cs.whole_labels(canvas, cs.Annotations("table", values))
    found = measured(classifier, canvas, told)
    assert next(iter(found)) == "mean: balanced accuracy", "means come first"
    before, after, *_ = found["mean: balanced accuracy"]
    assert before == pytest.approx(cs.confusion(classifier, canvas, labels).balanced_accuracy)
    assert after == pytest.approx(0.5), "without any unit all pictures are of one class"


def test_a_classifier_of_parts_is_measured_by_masks_and_one_of_other_classes_by_scores_alone() -> None:
    canvas, _, masks = squares()
    painted = cs.painted_labels(canvas, masks, names=["", "bright", "dark"])
    classifier = cs.fit_classifier(canvas, cs.part_labels(canvas, painted), quick(1))
    assert {"mean: IoU", "dark: IoU"} <= set(measured(classifier, canvas, painted))
    strange = cs.painted_labels(canvas, masks, names=["", "light", "night"])
    assert set(measured(classifier, canvas, strange)) == {"bright: class score", "dark: class score"}
    assert np.isfinite(measured(classifier, canvas, strange)["dark: class score"][:3]).all()
