"""What is said of pictures, in tables and by painting."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import conceptstain as cs
from conceptstain.canvas.annotation_table import read_annotations
from conceptstain.canvas.painted_annotations import painted_annotations
from conceptstain.errors import InputError, ReadingError
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


def test_files_that_are_missing_or_no_text_are_told(tmp_path, images):
    with pytest.raises(ReadingError, match=r"There is no file gone\.csv"):
        read_annotations(tmp_path / "gone.csv")
    (tmp_path / "bytes.csv").write_bytes(b"name,it\na,\xff\xfe\n")
    with pytest.raises(ReadingError, match="cannot be read as a table"):
        read_annotations(tmp_path / "bytes.csv")
    with pytest.raises(InputError, match="says nothing about the pictures"):
        read_annotations(table(tmp_path, "name,it\na,1\n"), images)
    with pytest.raises(InputError, match=r"no attribute of that name.*Choose one of: glasses"):
        read_annotations(table(tmp_path, "name,glasses\na,1\n")).positives("glases")


def masks_of(images):
    rng = np.random.default_rng(3)
    return [rng.integers(0, 3, size) * (rng.random(size) < 0.3) for size in images.sizes]


def test_masks_in_a_folder_say_which_pictures_hold_a_label(tmp_path, images):
    masks = masks_of(images)
    masks[4][:] = 0
    for name, mask in zip(images.names[1:], masks[1:], strict=True):
        write_picture(tmp_path / "masks" / name, mask.astype(np.uint8))
    said = painted_annotations(images, tmp_path / "masks", least_part=0.12, names={2: "gland"})
    assert said.attributes == ("1", "gland")
    for attribute, value in (("1", 1), ("gland", 2)):
        parts = {name: (mask == value).mean() for name, mask in zip(images.names[1:], masks[1:], strict=True)}
        assert said.positives(attribute) == tuple(name for name, part in parts.items() if part >= 0.12)
        assert said.negatives(attribute) == tuple(name for name, part in parts.items() if part == 0)
    assert any("says nothing about 1 of the 6 pictures" in note for note in said.notes)


def test_a_painted_stack_lies_on_the_pictures_as_they_are_shown(images):
    masks = masks_of(images)
    stack = np.full((6, 8, 10), 1)  # beside the narrow pictures it is painted all over, which is of no picture
    for page, mask in zip(stack, masks, strict=True):
        page[:, : mask.shape[1]] = mask
    for given_ in (stack, da.from_array(stack, chunks=(1, 8, 10)), stack.astype(np.uint8)):
        said = painted_annotations(images, given_, least_pixels=9)
        expected = tuple(n for n, mask in zip(images.names, masks, strict=True) if (mask == 1).sum() >= 9)
        assert said.positives("1") == expected
    with pytest.raises(InputError, match="not of these pictures"):
        painted_annotations(images, stack[:3])
    with pytest.raises(InputError, match="whole number"):
        painted_annotations(images, stack.astype(float))


def test_pictures_that_were_left_out_keep_their_page():
    pixels = [noise(8, 8, seed=0), np.full((8, 8), np.nan), noise(8, 8, seed=2)]
    images = cs.open(pixels, as_="images")
    stack = np.zeros((3, 8, 8), dtype=int)
    stack[2] = 1
    assert painted_annotations(images, stack).positives("1") == (images.names[1],)


def test_colours_are_labels_and_lossy_masks_have_a_threshold(tmp_path, images):
    for number, name in enumerate(images.names):
        mask = np.zeros((8, 8, 3), dtype=np.uint8)
        mask[:2] = (255, 0, 0) if number % 2 else (0, 0, 255)
        write_picture(tmp_path / "colours" / name, mask)
        write_picture(tmp_path / "lossy" / name, np.where(mask.any(axis=2), 250, 3 + number % 2).astype(np.uint8))
    said = painted_annotations(images, tmp_path / "colours")
    assert said.attributes == ("#0000ff", "#ff0000")
    assert said.positives("#ff0000") == images.names[1::2]
    bright = painted_annotations(images, tmp_path / "lossy", above=127)
    assert bright.positives("1") == images.names
    with pytest.raises(InputError, match="more labels than anyone paints"):
        painted_annotations(images, (np.arange(6 * 64) + 1).reshape(6, 8, 8))
    with pytest.raises(InputError, match="Nothing is painted"):
        painted_annotations(images, np.zeros((6, 8, 10), dtype=int))
    with pytest.raises(InputError, match="one pixel or more"):
        painted_annotations(images, np.zeros((6, 8, 10), dtype=int), least_pixels=0)
