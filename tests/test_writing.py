"""Files are written whole or not at all."""

from __future__ import annotations

import pytest

from conceptstain.errors import InputError
from conceptstain.writing import written_whole


def test_what_is_written_takes_the_name_at_the_end(tmp_path):
    target = tmp_path / "values.csv"
    with written_whole(target) as beside:
        beside.write_text("new")
        assert not target.exists()
        assert beside.suffix == ".csv"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "values.csv"
    target.write_text("old")

    def fail():
        with written_whole(target, overwrite=True) as beside:
            beside.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_is_replaced_only_when_asked(tmp_path):
    target = tmp_path / "values.csv"
    target.write_text("old")
    with pytest.raises(InputError, match="exists already"), written_whole(target):
        pass
    with written_whole(target, overwrite=True) as beside:
        beside.write_text("new")
    assert target.read_text() == "new"


@pytest.mark.parametrize(("name", "words"), [("", "place of a folder"), ("no/such/values.csv", "does not exist")])
def test_a_place_that_cannot_be_written_is_refused(tmp_path, name, words):
    with pytest.raises(InputError, match=words), written_whole(tmp_path / name):
        pass
