from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest

import conceptstain as cs
from conceptstain.errors import InputError, ReadingError
from conceptstain.progress import Cancelled
from pictures import claimed, noise, write_picture


def test_one_bad_file_in_a_thousand_is_listed_and_the_rest_load(tmp_path):
    for index in range(1000):
        write_picture(tmp_path / f"{index:04}.png", noise(8, 9, seed=index))
    (tmp_path / "0500.png").write_bytes(b"\x89PNG and then nothing")
    images = cs.open(tmp_path)
    assert len(images) == 999
    ((name, reason),) = images.left_out
    assert name == "0500.png"
    assert "cannot be read as an image" in reason
    assert any("1 of 1,000 pictures was left out: 0500.png" in note for note in images.notes)
    assert [each.position for each in images.stored] == [*range(500), *range(501, 1000)]
    np.testing.assert_array_equal(images.raw(500), noise(8, 9, seed=501))


def test_each_bad_file_is_listed_with_its_own_reason(tmp_path):
    write_picture(tmp_path / "a.png", noise(20, 30))
    (tmp_path / "empty.png").touch()
    claimed(tmp_path / "bomb.png", 200_000, 200_000)
    write_picture(tmp_path / "dot.png", noise(1, 1))
    pixels = noise(20, 30, dtype=np.float32)
    pixels[0, 0] = np.nan
    write_picture(tmp_path / "nan.tif", pixels)
    images = cs.open(tmp_path)
    assert images.names == ("a.png",)
    reasons = dict(images.left_out)
    assert set(reasons) == {"empty.png", "bomb.png", "dot.png", "nan.tif"}
    assert "0 bytes" in reasons["empty.png"]
    assert "40000000000" in reasons["bomb.png"].replace(",", "")
    assert "1 x 1 pixel" in reasons["dot.png"]
    assert "1 of 600" in reasons["nan.tif"]


def test_nothing_but_bad_files_is_an_error_with_the_reasons(tmp_path):
    for name in ("a.png", "b.tif"):
        (tmp_path / name).touch()
    with pytest.raises(ReadingError, match=r"None of the images.*a\.png.*b\.tif.*Export them again"):
        cs.open(tmp_path)
    with pytest.raises(ReadingError, match=r"The image 0 cannot be used.*too small"):
        cs.open(noise(1, 1, 1))


def test_conversions_are_counted_in_the_notes(tmp_path):
    write_picture(tmp_path / "a.png", noise(20, 30, 3))
    for name in ("b.jpg", "c.jpg"):
        write_picture(tmp_path / name, noise(20, 30, 3), "CMYK")
    write_picture(tmp_path / "d.png", noise(20, 30, 4), "RGBA")
    notes = " ".join(cs.open(tmp_path).notes)
    assert "In 2 pictures CMYK colours are taken as RGB" in notes
    assert "In 1 picture transparency was laid on white." in notes


def test_grey_among_colours_and_constant_pictures_are_said():
    images = cs.open([noise(20, 30), noise(20, 30, 3), np.full((20, 30), 9, np.uint8)])
    assert images.channels == 3
    assert any("2 grey pictures among 1 with colours" in note for note in images.notes)
    assert any(note.startswith("2 is the same everywhere") for note in images.notes)


def test_16_bits_are_divided_by_the_bits_that_the_whole_set_uses():
    dim, bright = noise(20, 30, dtype=np.uint16) % 200, noise(20, 30, dtype=np.uint16) % 4000
    images = cs.open([dim, bright])
    np.testing.assert_allclose(images.pixels(0)[0], dim / 4095, rtol=1e-6)
    assert any("divided by 4,095 (12 bits)" in note for note in images.notes)
    full = cs.open([noise(20, 30, dtype=np.uint16)], as_="images")
    np.testing.assert_allclose(full.pixels(0)[0], full.raw(0) / 65535, rtol=1e-6)
    assert not full.notes


def test_fractions_stay_and_other_numbers_take_the_limits_of_the_set():
    fractions = noise(20, 30, dtype=np.float64)
    np.testing.assert_array_equal(cs.open([fractions]).pixels(0)[0], fractions.astype(np.float32))
    images = cs.open([10 * fractions - 5, 20 * fractions])
    low, high = (10 * fractions - 5).min(), (20 * fractions).max()
    np.testing.assert_allclose(images.pixels(1)[0], (20 * fractions - low) / (high - low), atol=1e-6)
    assert any("Real numbers from" in note for note in images.notes)
    assert any("Whole numbers from" in note for note in cs.open([noise(20, 30, dtype=np.int16)]).notes)


def test_planes_that_are_channels_are_said(tmp_path):
    write_picture(tmp_path / "a.ome.tif", noise(3, 20, 30), metadata={"axes": "CYX"}, photometric="minisblack")
    images = cs.open([tmp_path / "a.ome.tif"])
    assert len(images) == 3
    assert any("3 planes (C 3), each taken as a picture" in note for note in images.notes)


def test_a_lazy_stack_is_computed_one_picture_at_a_time():
    taken = []

    def make(index):
        taken.append(index)
        return noise(1, 20, 30, seed=index)

    parts = [da.from_delayed(dask.delayed(make)(index), (1, 20, 30), np.uint8) for index in range(4)]
    images = cs.open(da.concatenate(parts))
    assert sorted(taken) == [0, 1, 2, 3]
    np.testing.assert_array_equal(images.raw(2), noise(20, 30, seed=2))
    assert sorted(taken) == [0, 1, 2, 2, 3]


def test_a_bad_picture_of_a_stack_keeps_the_numbers_of_the_others():
    stack = noise(4, 20, 30, dtype=np.float32)
    stack[1, 0, 0] = np.nan
    images = cs.open(stack)
    assert images.names == ("0", "2", "3")
    assert [each.position for each in images.stored] == [0, 2, 3]


def test_names_are_one_per_array_and_all_different():
    with pytest.raises(InputError, match="2 names for 3 pictures"):
        cs.open(noise(3, 20, 30), names=["a", "b"])
    with pytest.raises(InputError, match="same name"):
        cs.open(noise(2, 20, 30), names=["a", "a"])


def test_a_report_can_stop_the_reading(tmp_path):
    def stop(step):
        if step.done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        cs.open(noise(5, 20, 30), report=stop)
