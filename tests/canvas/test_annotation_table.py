"""Tables of attributes."""

from __future__ import annotations

import pytest

import conceptstain as cs
from conceptstain.canvas.annotation_table import read_annotations
from conceptstain.errors import InputError, ReadingError
from pictures import noise, write_picture


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


@pytest.mark.parametrize(
    ("yes", "no"),
    [("1", "0"), ("1", "-1"), ("true", "false"), ("True", "False"), ("yes", "no"), ("YES", "No"), ("+", "-")],
)
@pytest.mark.parametrize("separator", [",", "\t", ";", " "])
def test_an_attribute_is_said_in_many_ways(tmp_path, images, yes, no, separator):
    rows = [["picture", "glasses"], ["000.png", yes], ["001", no], ["002.jpg", no], ["faces/003.png", yes]]
    said = read_annotations(table(tmp_path, "\n".join(map(separator.join, rows))), images)
    assert said.attributes == ("glasses",)
    assert said.positives("glasses") == ("000.png", "003.png")
    assert said.negatives("glasses") == ("001.png", "002.png")
    (note,) = said.notes
    assert "says nothing about 2 of the 6 pictures, which count for neither side: 004.png, 005.png" in note


def test_the_lists_of_celeba_are_read_as_they_are(tmp_path, images):
    text = "6\nEyeglasses Wearing_Hat \n" + "".join(f"{n:03}.jpg  {1 if n < 2 else -1}  -1\n" for n in range(6))
    said = read_annotations(table(tmp_path, text, "list_attr_celeba.txt"), images)
    assert said.positives("Eyeglasses") == ("000.png", "001.png")
    assert len(said.negatives("Wearing_Hat")) == 6
    assert said.notes == ()
    with pytest.raises(InputError, match="No picture has the attribute 'Wearing_Hat'"):
        said.positives("Wearing_Hat")


def test_words_are_an_attribute_each_and_numbers_need_a_threshold(tmp_path):
    path = table(tmp_path, "name,tissue,age,note\na,tumour,31,x\nb,stroma,64,\nc,tumour,,y\nd,,50,z\n")
    said = read_annotations(path)
    assert said.attributes == ("tissue = stroma", "tissue = tumour", "note = x", "note = y", "note = z")
    assert said.positives("tissue = tumour") == ("a", "c")
    assert said.negatives("tissue = tumour") == ("b",)
    assert "age holds numbers and is left out: give a threshold to make it an attribute." in said.notes
    older = read_annotations(path, thresholds={"age": 50})
    assert older.positives("age") == ("b", "d")
    assert older.negatives("age") == ("a",)
    with pytest.raises(InputError, match="a threshold for tissue, height"):
        read_annotations(path, thresholds={"tissue": 1, "height": 2})


def test_columns_of_free_text_are_left_out(tmp_path):
    rows = "".join(f"p{n},remark {n},{n % 2}\n" for n in range(60))
    said = read_annotations(table(tmp_path, "name,remark,it\n" + rows))
    assert said.attributes == ("it",)
    assert said.notes == ("remark has 60 different values and is left out: no attribute has so many.",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no rows"),
        ("name,it\n", "has no rows"),
        ("name\na\nb\n", "no table of attributes"),
        ("name,it\na,1,2,3\n", "no table of attributes"),
        ("name,it,it\na,1,1\n", "several columns of one name"),
        ("name,age\na,31\nb,17\n", "has no attributes"),
        ("name,it\na,1\nb,1,1,1\n", "cannot be read as a table"),
    ],
)
def test_what_is_no_table_is_told(tmp_path, text, told):
    with pytest.raises(ReadingError, match=told):
        read_annotations(table(tmp_path, text))


def test_files_that_are_missing_or_no_text_are_told(tmp_path):
    with pytest.raises(ReadingError, match=r"There is no file gone\.csv"):
        read_annotations(tmp_path / "gone.csv")
    (tmp_path / "bytes.csv").write_bytes(b"name,it\na,\xff\xfe\n")
    with pytest.raises(ReadingError, match="cannot be read as a table"):
        read_annotations(tmp_path / "bytes.csv")
