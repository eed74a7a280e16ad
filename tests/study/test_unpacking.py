"""Unpacking: whatever was packed comes back, and whatever was not is refused in a known way."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conceptstain.study.packing import packed
from conceptstain.study.saving import BROKEN
from conceptstain.study.study_record import StudyRecord
from conceptstain.study.unpacking import unpacked
from factories import tiny_section
from studies import full_study


@pytest.fixture(scope="module")
def study():
    return full_study(tiny_section())


@pytest.fixture(scope="module")
def whole(study):
    return packed(study.snapshot())


def test_packed_again_it_is_the_same_record_and_the_same_arrays(study, whole):
    again = packed(unpacked(whole.record, whole.arrays, study.section))
    assert again.record == whole.record
    assert again.arrays.keys() == whole.arrays.keys()
    for name, values in whole.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], values)


def places(told, path=()):
    """Every place in a record."""
    yield path
    children = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


GARBAGE = [None, True, -1, 10**30, 0.5, float("nan"), "", "garbage", [], [1, 2], {}, {"a": 1}, "DELETE"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.randoms(use_true_random=False), value=st.sampled_from(GARBAGE))
def test_garbage_anywhere_in_the_record_is_refused_in_a_known_way_or_means_something(study, whole, choice, value):
    told = json.loads(whole.record.model_dump_json())
    path = choice.choice([path for path in places(told) if path])
    place = changed = copy.deepcopy(told)
    for key in path[:-1]:
        place = place[key]
    if value == "DELETE":
        del place[path[-1]]
    else:
        place[path[-1]] = value
    try:
        snapshot = unpacked(StudyRecord.model_validate_json(json.dumps(changed)), whole.arrays, study.section)
    except BROKEN:
        return
    assert snapshot.canvas.section is study.section


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.randoms(use_true_random=False), value=st.sampled_from(["gone", "empty", "longer", "text", "scalar"]))
def test_an_array_that_is_gone_or_of_another_shape_is_refused_in_a_known_way(study, whole, choice, value):
    name = choice.choice(sorted(whole.arrays))
    other = {
        "empty": np.zeros(0),
        "longer": np.concatenate([np.ravel(whole.arrays[name])] * 2),
        "text": np.array(["a", "b"]),
        "scalar": np.float64(3.0),
    }
    arrays = {key: values for key, values in whole.arrays.items() if key != name}
    if value != "gone":
        arrays[name] = other[value]
    try:
        snapshot = unpacked(whole.record, arrays, study.section)
    except BROKEN:
        return
    assert snapshot.canvas.section is study.section
