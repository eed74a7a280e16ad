"""What is said of pictures, found on the pictures of a set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import conceptstain as cs
from conceptstain.canvas.annotation_table import read_annotations
from conceptstain.errors import InputError
from pictures import noise, write_picture
from strategies import laws


def table(folder, text, name="said.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    for number in range(6):
        write_picture(folder / f"{number:03}.png", noise(8, 8 + 2 * (number % 2), seed=number))
    return cs.open(folder)


def test_strangers_and_pictures_named_twice_are_told(tmp_path, images):
    text = "name,it\n000,1\n000.png,1\n001,1\n001,0\n002,0\n003,0\n004,1\n005,1\nx,1\ny,0\n,1\n"
    said = read_annotations(table(tmp_path, text), images)
    assert said.positives("it") == ("000.png", "004.png", "005.png")
    assert said.negatives("it") == ("002.png", "003.png")
    assert said.notes == (
        "1 rows without the name of a picture are left out.",
        "1 picture named more than once, with the same values: 000.png.",
        "1 picture named more than once, with different values, count for neither side: 001.png.",
        f"2 of 10 names in said.csv are of no picture of {images.name}: x, y.",
    )


@laws
@given(seed=st.integers(0, 999))
def test_the_order_of_the_rows_changes_nothing(tmp_path_factory, images, seed):
    rng = np.random.default_rng(seed)
    rows = [f"{n:03},{rng.integers(0, 2)},{rng.choice(['', 'a', 'b'])}" for n in range(6)]
    folder = tmp_path_factory.mktemp("order")
    one = read_annotations(table(folder, "\n".join(["name,it,kind", *rows])), images)
    other = read_annotations(table(folder, "\n".join(["name,it,kind", *rng.permutation(rows)])), images)
    assert one.table.equals(other.table)


def test_attributes_and_pictures_that_are_not_there_are_told(tmp_path, images):
    with pytest.raises(InputError, match="says nothing about the pictures"):
        read_annotations(table(tmp_path, "name,it\na,1\n"), images)
    with pytest.raises(InputError, match=r"no attribute of that name.*Choose one of: glasses"):
        read_annotations(table(tmp_path, "name,glasses\na,1\n")).positives("glases")
