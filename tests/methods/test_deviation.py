"""The deviation map of a concept is the anomaly map of what raises it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.concepts.concept import make
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.normal import normal_of
from conceptstain.errors import InputError
from conceptstain.methods.anomaly_settings import DEFAULT_ANOMALY
from conceptstain.methods.deviation import KEPT, _kept, deviation
from factories import tiny_encoder
from pictures import noise

ASKS = "attention-density"  # of the normal, so that another normal is another map
BRIGHT = Definition("bright", items=("0", "3", "5"), against=("1", "2"), form="contrast")
OTHER = Definition("other", items=("6", "7", "8"), form="contrast")


@cache
def canvas():
    return cs.open([noise(8, 8, 3, seed=each) for each in range(9)], as_="images").view(frame=8)


@cache
def encoder():
    return tiny_encoder((3, 8, 8), scaling="unit")


def shown(definition, **asked):
    return deviation(canvas(), encoder(), make(definition, canvas(), encoder()), anomaly=ASKS, **asked)


def expected(definition, items):
    return cs.anomaly(canvas(), encoder(), normal_of(definition, canvas(), encoder()), method=ASKS, items=items)


def test_what_a_concept_is_made_of_is_normal_and_looked_at_where_nothing_is_named():
    found = shown(BRIGHT)
    assert (found.items, found.name, found.detail) == ((0, 3, 5), "bright", ASKS)
    np.testing.assert_array_equal(found.values, expected(BRIGHT, (0, 3, 5)).values)
    assert found.settings["normal"] == expected(BRIGHT, (0,)).settings["normal"]
    np.testing.assert_array_equal(shown(BRIGHT, items=[4]).values, expected(BRIGHT, [4]).values)


def test_of_a_combination_the_parts_that_raise_it_are_normal():
    less = BRIGHT - OTHER
    np.testing.assert_array_equal(shown(less, items=[4]).values, expected(BRIGHT, [4]).values)
    assert (shown(BRIGHT + OTHER, items=[4]).values != expected(BRIGHT, [4]).values).any()


def test_nothing_is_normal_where_nothing_raises_a_concept():
    lowered = -1.0 * BRIGHT - OTHER
    for refused in (shown, lambda definition: normal_of(definition, canvas(), encoder())):
        with pytest.raises(InputError, match="Nothing raises the concept"):
            refused(lowered)


def test_only_a_few_normals_are_kept():
    for number in range(KEPT + 3):
        shown(Definition(str(number), items=(str(number), "8"), form="contrast"), items=[0])
    assert len(_kept[encoder()][canvas()]) == KEPT


def test_what_takes_long_is_learned_once_however_often_and_under_whatever_name_maps_are_asked():
    finders = []
    for name in ("one", "one", "other"):
        concept = make(Definition(name, items=("1", "4"), form="contrast"), canvas(), encoder())
        steps = []
        found = deviation(canvas(), encoder(), concept, anomaly="pasted", items=[4], report=steps.append)
        assert found.name == name
        assert steps[-1].message == "Looking for anomalies"
        finders.append(sum(step.message == "Learning to find defects" for step in steps))
    assert finders == [2, 0, 0]


def test_the_default_is_that_of_anomaly():
    found = deviation(canvas(), encoder(), make(BRIGHT, canvas(), encoder()))
    assert found.detail == DEFAULT_ANOMALY
