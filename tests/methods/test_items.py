from __future__ import annotations

import numpy as np
import pytest

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.items import checked_items, concept_items
from scenes import scene, some_direction


def test_indices_stay_as_they_are_given() -> None:
    assert checked_items(scene().canvas, [5, 0, 5]).tolist() == [5, 0, 5]


@pytest.mark.parametrize("items", [[], [[0, 1]], [True, False], [0.0], ["Gene0"], [-1], [12]])
def test_what_is_no_index_is_refused(items: list[object]) -> None:
    with pytest.raises(InputError):
        checked_items(scene().canvas, items)


def test_a_concepts_items_are_found_in_its_order_and_the_missing_named() -> None:
    at = scene()
    found, missing = concept_items(at.canvas, at.concept(some_direction(), items=("Gene9", "Absent", "Gene1")))
    np.testing.assert_array_equal(found, [9, 1])
    assert missing == ("Absent",)


def test_a_concept_without_items_is_refused() -> None:
    at = scene()
    with pytest.raises(MismatchError, match="a concept without items"):
        concept_items(at.canvas, at.concept(some_direction(), items=()))
