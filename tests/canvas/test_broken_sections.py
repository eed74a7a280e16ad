"""Every broken or odd section ends as a clear error or as a stated conversion, in bounded memory."""

from __future__ import annotations

import re
import tracemalloc

import pytest

from broken import CASES, Case
from conceptstain.canvas.reading import is_readable, open_section
from conceptstain.errors import InputError, ReadingError

MOST_MEMORY = 100 * 2**20  # bytes; the sections hold a few kilobytes


@pytest.mark.filterwarnings("ignore:.*names are not unique", "ignore:.*zarr v2")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_ends_as_a_clear_error_or_a_stated_conversion(case: Case, tmp_path, monkeypatch):
    made = case.make(tmp_path)
    path, options = made if isinstance(made, tuple) else (made, {})
    for target, value in case.patches.items():
        monkeypatch.setattr(target, value)
    tracemalloc.start()
    try:
        if case.ends == "note":
            told = " ".join(open_section(path, **options).notes)
        else:
            with pytest.raises((ReadingError, InputError)) as caught:
                open_section(path, **options)
            told = str(caught.value)
            assert caught.value.what
            assert caught.value.got
            assert caught.value.cure
            assert "\n" not in told
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert re.search(case.says, told), told
    assert peak < MOST_MEMORY


def test_the_corpus_is_large_and_no_name_is_there_twice():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 60


@pytest.mark.parametrize("case", CASES[::10], ids=lambda case: case.name)
def test_asking_whether_it_is_readable_never_fails(case: Case, tmp_path):
    made = case.make(tmp_path)
    assert is_readable(made[0] if isinstance(made, tuple) else made) in {True, False}
