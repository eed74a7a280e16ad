from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from conceptstain.canvas.expression import check_names, check_size, counted, kind_of_values
from conceptstain.errors import ReadingError


def matrix(values: object) -> csr_array:
    return csr_array(np.asarray(values, dtype=np.float32))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 0)), "a.tsv has no genes"),
        (np.ones((1, 4)), r"fewer than two spots.*1 x 4"),
        (np.zeros((3, 4)), "No gene is expressed in a.tsv"),
    ],
)
def test_a_matrix_that_makes_no_picture_is_refused(values, message):
    with pytest.raises(ReadingError, match=message):
        check_size(matrix(values), "a.tsv")


def test_repeated_names_are_listed():
    with pytest.raises(ReadingError, match=r"same spot more than once.*1 repeated: 1x1"):
        check_names(pd.Index(["1x1", "1x1"]), pd.Index(["a", "b"]), "a.tsv")
    genes = pd.Index(list("abcdeabcde"))
    with pytest.raises(ReadingError, match=r"same gene more than once.*5 repeated: a, b, c, \.\.\..*make_unique"):
        check_names(pd.Index(["1x1", "1x2"]), genes, "a.tsv")


def test_whole_numbers_are_counts_and_others_are_normalised():
    assert kind_of_values(matrix([[0, 3], [1, 250]]), "a") == "counts"
    assert kind_of_values(matrix([[0, 3.5], [1, 2]]), "a") == "normalised"


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, "1 missing or infinite"), (np.inf, "1 missing or infinite"), (-2, "negative values.*down to -2")],
)
def test_missing_and_negative_values_are_refused(value, message):
    with pytest.raises(ReadingError, match=f"a.tsv has.*{message}"):
        kind_of_values(matrix([[0, 3], [1, value]]), "a.tsv")


def test_numbers_are_told_with_their_noun():
    assert (counted(1, "spot"), counted(1234, "spot")) == ("1 spot", "1,234 spots")
