"""What other libraries say about a broken file is told in our words."""

from __future__ import annotations

import warnings

import pytest

from conceptstain.errors import InputError, ReadingError
from conceptstain.foreign import foreign_reader


@pytest.mark.parametrize("error", [KeyError("X"), RuntimeError("deep\ninside"), RecursionError(), MemoryError()])
def test_any_failure_becomes_a_reading_error_that_names_the_file_and_keeps_its_cause(error):
    told = pytest.raises(ReadingError, match=r"a\.h5 cannot be read as a table\. Got .+\. Write it again\.")
    with told as raised, foreign_reader("a.h5", "a table", "Write it again"):
        raise error
    assert raised.value.__cause__ is error
    assert "\n" not in str(raised.value)


def test_our_own_errors_pass_as_they_are():
    with pytest.raises(InputError, match="mine"), foreign_reader("a.h5", "a table", "Write it again"):
        raise InputError("mine")


def test_warnings_of_the_library_are_left_out():
    with foreign_reader("a.h5", "a table", "Write it again"):
        warnings.warn("old layout", stacklevel=1)
